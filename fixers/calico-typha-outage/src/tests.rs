//! The rules that matter, one by one. Whole clusters are in `cases`.

use nks_fixer::{Fixer, Input, Outcome, Report};
use nks_golden::Golden;
use serde_json::{Value, json};

use crate::origin::{self, Remedy};
use crate::{CalicoTyphaOutage, reason};

nks_golden::tests!(CalicoTyphaOutage);

fn analyze(input: &Input) -> Report {
    match CalicoTyphaOutage::analyze(input) {
        Ok(Outcome::Done(report)) => report,
        other => panic!("{other:?}"),
    }
}

/// The case in which everything fails, changed by `change`.
fn changed(change: impl Fn(&str, &mut Value)) -> Report {
    let golden = Golden::open(env!("CARGO_MANIFEST_DIR"));
    let mut input = golden.input(golden.case("garbage-collected"));
    for object in &mut input.objects {
        change(&object.kind, &mut object.value);
    }
    analyze(&input)
}

#[test]
fn calico_images_mends_what_names_another_place_in_a_known_version() {
    for (image, expected) in [
        ("calico-typha:v3.24.1", Remedy::CalicoImages),
        (
            "mirror.example.com/calico/typha:v3.24.1",
            Remedy::CalicoImages,
        ),
        ("calico/typha:v3.24.1", Remedy::ByHand),
        ("docker.io/calico/kube-controllers:v3.24.1", Remedy::ByHand),
        ("calico-typha", Remedy::ByHand),
        ("mirror.example.com/network/our-typha:v1", Remedy::ByHand),
        ("calico-typha:v3.24.1@sha256:00", Remedy::ByHand),
        ("", Remedy::ByHand),
    ] {
        assert_eq!(origin::remedy(image), expected, "{image}");
    }
}

#[test]
fn the_nks_registry_is_known_by_host_and_path() {
    for (image, expected) in [
        (
            "private-6e7f43c6-kr2-registry.container.cloud.toast.com/container_service/calico/typha:v3.28.2",
            true,
        ),
        (
            "dfe965c3-kr1-registry.container.nhncloud.com/mine/calico/typha:v3.28.2",
            false,
        ),
        (
            "registry.example.com/container_service/calico/typha:v3.28.2",
            false,
        ),
    ] {
        assert_eq!(origin::is_nks_registry(image), expected, "{image}");
    }
}

#[test]
fn the_next_attempt_is_no_cause() {
    let cause = |message| reason::cause([message].into_iter());
    assert_eq!(
        cause("Back-off pulling image \"calico-typha:v3.24.1\""),
        None
    );
    assert_eq!(
        cause("pull access denied, repository does not exist or may require authorization"),
        Some("repository does not exist")
    );
}

#[test]
fn every_symptom_is_beside_the_one_finding() {
    let report = changed(|_, _| {});
    assert_eq!(report.findings.len(), 1);
    // typha, kube-controllers, three of calico-node, and an event.
    assert_eq!(report.findings[0].related.len(), 6);
}

/// The last probe counts: BGP takes a moment after each start.
#[test]
fn calico_node_that_only_waits_for_its_peers_is_no_symptom() {
    let report = changed(|kind, value| {
        if kind == "Event" {
            value["message"] = "Readiness probe failed: calico/node is not ready: BIRD is not ready: BGP not established with 10.0.0.5".into();
        }
    });
    // The two pods without an event are left.
    assert_eq!(report.findings[0].related.len(), 4);
}

#[test]
fn pods_on_their_way_out_do_not_count() {
    let report = changed(|kind, value| {
        if kind == "Pod" {
            value["metadata"]["deletionTimestamp"] = json!("2026-09-21T13:10:00Z");
        }
    });
    assert_eq!(report, Report::default());
}

#[test]
fn a_count_of_ready_pods_is_believed() {
    let report = changed(|kind, value| {
        if kind == "Deployment" {
            value["status"]["readyReplicas"] = 1.into();
        }
    });
    assert_eq!(report, Report::default());
}

#[test]
fn without_a_name_of_typha_nobody_goes_through_it() {
    let with_env = |env: Value| {
        let report = changed(|kind, value| {
            if kind == "DaemonSet" {
                value["spec"]["template"]["spec"]["containers"][0]["env"] = env.clone();
            }
        });
        report.findings.len()
    };
    assert_eq!(with_env(json!([])), 0);
    assert_eq!(
        with_env(json!([{"name": "FELIX_TYPHAK8SSERVICENAME", "value": ""}])),
        0
    );
    assert_eq!(
        with_env(json!([{"name": "FELIX_TYPHAADDR", "value": "10.0.0.9:5473"}])),
        1
    );
    let elsewhere = json!([{"name": "FELIX_TYPHAK8SSERVICENAME",
        "valueFrom": {"configMapKeyRef": {"name": "other", "key": "typha"}}}]);
    assert_eq!(with_env(elsewhere), 1);
}
