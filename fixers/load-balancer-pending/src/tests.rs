//! The rules that matter, one by one. Whole clusters are in `cases`.

use nks_fixer::{Fixer, Input, Outcome, Report};
use serde_json::{Value, json};

use crate::LoadBalancerPending;
use crate::cause::{self, Kind};

nks_golden::tests!(LoadBalancerPending);

const NAME: &str = "loadbalancer.nhncloud/loadbalancer-name";

/// A Service of `shop` that has been pending for a day.
fn service(name: &str) -> Value {
    json!({"apiVersion": "v1", "kind": "Service",
        "metadata": {"name": name, "namespace": "shop", "uid": name, "creationTimestamp": "2026-09-20T14:13:20Z"},
        "spec": {"type": "LoadBalancer"}, "status": {"loadBalancer": {}}})
}

fn event(name: &str, time: &str, message: &str) -> Value {
    json!({"apiVersion": "v1", "kind": "Event", "type": "Warning", "reason": "SyncLoadBalancerFailed",
        "metadata": {"name": (["e", time].concat()), "namespace": "shop"}, "lastTimestamp": time, "message": message,
        "involvedObject": {"kind": "Service", "namespace": "shop", "name": name, "uid": name}})
}

fn report(objects: impl IntoIterator<Item = Value>) -> Report {
    let mut input = Input::of_values(objects);
    input.context.now_unix = nks_golden::NOW;
    match LoadBalancerPending::analyze(&input) {
        Ok(Outcome::Done(report)) => report,
        other => panic!("{other:?}"),
    }
}

fn found(objects: impl IntoIterator<Item = Value>) -> Vec<String> {
    let findings = report(objects).findings;
    findings.into_iter().map(|one| one.message).collect()
}

#[test]
fn five_minutes_are_given() {
    let made = |time: &str| {
        let mut service = service("web");
        service["metadata"]["creationTimestamp"] = time.into();
        found([service])
    };
    assert_eq!(made("2026-09-21T14:08:20Z"), [""; 0]);
    assert_eq!(made("2026-09-21T14:08:19Z"), ["no-event"]);
}

#[test]
fn only_services_that_the_cloud_serves_and_has_not_served_yet() {
    let changed = |pointer: &str, field: &str, value: Value| {
        let mut service = service("web");
        service.pointer_mut(pointer).unwrap()[field] = value;
        found([service])
    };
    let ingress = json!([{"ip": "203.0.113.9"}]);
    assert_eq!(changed("/status/loadBalancer", "ingress", ingress), [""; 0]);
    assert_eq!(changed("/spec", "type", "NodePort".into()), [""; 0]);
    assert_eq!(changed("/spec", "loadBalancerClass", "x".into()), [""; 0]);
    let deleted = "2026-09-21T14:00:00Z".into();
    assert_eq!(changed("/metadata", "deletionTimestamp", deleted), [""; 0]);
    let empty = changed("/status/loadBalancer", "ingress", json!([]));
    assert_eq!(empty, ["no-event"]);
}

#[test]
fn the_clouds_words_are_understood() {
    for (message, asks, kind) in [
        (
            "Quota exceeded for resources: ['floatingip'].",
            false,
            Kind::Quota,
        ),
        (
            "Quota has been met for resources: load_balancer",
            true,
            Kind::Quota,
        ),
        (
            "error creating security group: Quota exceeded",
            false,
            Kind::Quota,
        ),
        (
            "No more IP addresses available on network 5d",
            false,
            Kind::NoAddress,
        ),
        ("ExternalIpAddressExhausted", false, Kind::NoAddress),
        (
            "floating IP 203.0.113.9 is not available",
            true,
            Kind::AddressTaken,
        ),
        (
            "IP address 10.0.0.9 already allocated in subnet 5d",
            true,
            Kind::AddressTaken,
        ),
        ("flavor 5d is not available", false, Kind::Other),
        (
            "IP address 10.9.0.9 is not a valid IP for the specified subnet.",
            true,
            Kind::AddressRefused,
        ),
        (
            "rule:create_floatingip:floating_ip_address is disallowed by policy",
            true,
            Kind::AddressRefused,
        ),
        (
            "failed to ensure security group",
            false,
            Kind::SecurityGroup,
        ),
        ("SecurityGroupNotFound", false, Kind::SecurityGroup),
        ("load balancer 5d is not ACTIVE", false, Kind::Other),
    ] {
        assert_eq!(cause::classify(message, asks), kind, "{message}");
    }
}

#[test]
fn the_newest_warning_counts() {
    let older = event("web", "2026-09-21T13:00:00Z", "quota exceeded");
    let newer = event("web", "2026-09-21T14:00:00Z", "no subnet");
    for events in [[older.clone(), newer.clone()], [newer, older]] {
        let [first, second] = events;
        assert_eq!(found([service("web"), first, second]), ["sync-failed"]);
    }
}

#[test]
fn events_of_others_say_nothing() {
    let of_other = |pointer: &str, field: &str, value: &str| {
        let mut event = event("web", "2026-09-21T14:00:00Z", "quota exceeded");
        event.pointer_mut(pointer).unwrap()[field] = value.into();
        found([service("web"), event])
    };
    let silent = ["no-event"];
    assert_eq!(of_other("/involvedObject", "kind", "Ingress"), silent);
    assert_eq!(of_other("/involvedObject", "uid", "the last one"), silent);
    assert_eq!(of_other("/involvedObject", "name", "web2"), silent);
    assert_eq!(of_other("/metadata", "namespace", "lab"), silent);
    assert_eq!(of_other("", "type", "Normal"), silent);
}

#[test]
fn an_address_is_judged_by_itself_first() {
    let mut wants = service("web");
    wants["spec"]["loadBalancerIP"] = "203.0.113.9".into();
    let mut has = service("other");
    has["status"]["loadBalancer"]["ingress"] = json!([{"ip": "203.0.113.9"}]);
    assert_eq!(found([wants.clone(), has]), ["address-of-other-service"]);
    assert_eq!(found([wants.clone()]), ["no-event"]);
    wants["spec"]["loadBalancerIP"] = "203.0.113".into();
    assert_eq!(found([wants.clone()]), ["address-malformed"]);
    wants["spec"]["loadBalancerIP"] = "".into();
    assert_eq!(found([wants]), ["no-event"]);
}

#[test]
fn one_cause_is_one_finding() {
    let message = "Quota exceeded for resources: ['floatingip'].";
    let report = report([
        service("a"),
        service("b"),
        event("a", "2026-09-21T14:00:00Z", message),
        event("b", "2026-09-21T14:00:01Z", "quota of load balancers"),
    ]);
    assert_eq!(report.findings.len(), 1);
    let finding = &report.findings[0];
    assert_eq!(
        (finding.target, &*finding.related),
        (Some(0), &[1, 2, 3][..])
    );
    assert_eq!(finding.args[0].value, "shop/a, shop/b");
}

#[test]
fn names_are_compared_as_nks_uses_them() {
    let names = |one: &str, other: &str| {
        let named = |service: &str, name: &str| {
            let mut service = self::service(service);
            service["metadata"]["annotations"] = json!({NAME: name});
            service["status"]["loadBalancer"]["ingress"] =
                json!([{"ip": service["metadata"]["uid"]}]);
            service
        };
        !found([named("a", one), named("b", other)]).is_empty()
    };
    assert!(names("web-lb_1", "web-lb_1"));
    assert!(!names("web", "Web"));
    assert!(!names("web.lb", "web.lb"), "NKS ignores such a name");
    assert!(!names("", ""));
    let long = "x".repeat(255);
    assert!(names(&long, &[&long, "y"].concat()), "cut off");
}

#[test]
fn a_message_is_shown_without_what_every_message_says() {
    let full = "Error syncing load balancer: failed to ensure load balancer: no subnet";
    assert_eq!(cause::shorten(full), "no subnet");
    let answer = r#"Expected [201], but got 409: {"NeutronError": {"type": "OverQuota", "message": "Quota exceeded."}}"#;
    assert_eq!(cause::shorten(answer), "Quota exceeded.");
    let cut_off = r#"got 409: {"faultstring": "Quota has"#;
    assert_eq!(cause::shorten(cut_off), cut_off);
    assert_eq!(cause::shorten(&"가".repeat(300)).chars().count(), 201);
    assert_eq!(cause::shorten(""), "");
}
