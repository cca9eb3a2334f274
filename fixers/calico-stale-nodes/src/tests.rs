//! The rules that matter, one by one. Whole clusters are in `cases`.

use nks_fixer::{Fixer, Image, Input, Outcome, Report};
use serde_json::{Value, json};

use crate::CalicoStaleNodes;
use crate::peers;
use crate::version::{self, Cleanup};

nks_golden::tests!(CalicoStaleNodes);

fn analyze(input: &Input) -> Report {
    match CalicoStaleNodes::analyze(input) {
        Ok(Outcome::Done(report)) => report,
        other => panic!("{other:?}"),
    }
}

fn messages(report: &Report) -> Vec<&str> {
    let findings = report.findings.iter();
    findings.map(|finding| finding.message.as_str()).collect()
}

fn workload(kind: &str, name: &str, image: &str, env: Value) -> Value {
    json!({"apiVersion": "apps/v1", "kind": kind, "metadata": {"name": name, "namespace": "kube-system"},
        "spec": {"template": {"spec": {"containers": [{"name": name, "image": image, "env": env}]}}},
        "status": {"readyReplicas": 1}})
}

/// Calico v3.28.0 with these environments of calico-node and of calico-kube-controllers.
fn with_env(node: Value, controllers: Value) -> Report {
    analyze(&Input::of_values([
        workload("DaemonSet", "calico-node", "calico/node:v3.28.0", node),
        workload(
            "Deployment",
            "calico-kube-controllers",
            "calico/kube-controllers:v3.28.0",
            controllers,
        ),
    ]))
}

#[test]
fn versions_are_read_from_tags() {
    let of = |image: &str| version::of(Image::parse(image).as_ref());
    for (tag, expected) in [
        ("v3.28.2", Cleanup::Fixed),
        ("v3.28.2-nks1", Cleanup::Fixed),
        ("3.30.2", Cleanup::Fixed),
        ("v3.29", Cleanup::Fixed),
        ("v3.100.0", Cleanup::Fixed),
        ("v3.28.0", Cleanup::MissingIn328),
        ("v3.28.1-amd64@sha256:00", Cleanup::MissingIn328),
        ("v3.24.1", Cleanup::Missing),
        ("v3.3.0", Cleanup::Missing),
        ("v3.27.0", Cleanup::Undecided),
        ("v3.27", Cleanup::Undecided),
        ("v3.28", Cleanup::Unknown),
        ("v3.28.2-0.dev-12-gabcdef", Cleanup::Unknown),
        ("v3.28.2-rc1", Cleanup::Unknown),
        ("v3.28.2.1", Cleanup::Unknown),
        ("v3.28.x", Cleanup::Unknown),
        ("latest", Cleanup::Unknown),
        ("2026.8", Cleanup::Unknown),
        ("v2.6.12", Cleanup::Unknown),
    ] {
        let image = ["calico/kube-controllers:", tag].concat();
        assert_eq!(of(&image), expected, "{tag}");
    }
    for image in [
        "",
        "calico/kube-controllers",
        "calico/kube-controllers@sha256:00",
        "quay.io/tigera/kube-controllers:v3.19.1",
    ] {
        assert_eq!(of(image), Cleanup::Unknown, "{image}");
    }
}

#[test]
fn addresses_are_read_as_far_as_they_go() {
    let found =
        |message: &str| -> Vec<String> { peers::waited_for(message).map(str::to_owned).collect() };
    assert_eq!(
        found(
            "BIRD is not ready: BGP not established with 10.0.0.5,10.0.76.88\ncalico/node is not ready: felix"
        ),
        ["10.0.0.5", "10.0.76.88"]
    );
    assert_eq!(
        found("BIRD6 is not ready: BGP not established with fd00::5, fd00::6"),
        ["fd00::5", "fd00::6"]
    );
    assert!(found("BGP not established with").is_empty());
    assert!(found("felix is not ready: 10.0.0.5").is_empty());
    assert_eq!(
        peers::number_up("with BGP peering established = 12\ncalico/node"),
        Some(12)
    );
    assert_eq!(peers::number_up("calico/node is not ready"), None);
}

#[test]
fn the_type_of_the_datastore_wins_over_an_address_of_etcd() {
    let kubernetes = json!([{"name": "DATASTORE_TYPE", "value": "kubernetes"}, {"name": "ETCD_ENDPOINTS", "value": ""}]);
    assert_eq!(with_env(kubernetes, json!([])), Report::default());
    let etcd = json!([{"name": "ETCD_ENDPOINTS", "value": "https://10.0.0.8:2379"}]);
    assert_eq!(
        messages(&with_env(json!([]), etcd.clone())),
        ["scale-in-risk-somewhere"]
    );
    let hidden = json!([{"name": "DATASTORE_TYPE", "valueFrom": {"secretKeyRef": {"name": "s", "key": "k"}}}]);
    assert_eq!(messages(&with_env(hidden, etcd)), ["datastore-unknown"]);
}

#[test]
fn the_mode_is_told_by_values() {
    for (variable, value, expected) in [
        (
            "CALICO_NETWORKING_BACKEND",
            "bird",
            vec!["scale-in-risk-somewhere"],
        ),
        (
            "CALICO_NETWORKING_BACKEND",
            "",
            vec!["scale-in-risk-somewhere"],
        ),
        ("CALICO_NETWORKING_BACKEND", "vxlan", vec![]),
        ("CALICO_NETWORKING_BACKEND", "none", vec![]),
        ("CALICO_NETWORKING_BACKEND", "gobgp", vec!["mode-unknown"]),
    ] {
        let env = json!([{"name": "DATASTORE_TYPE", "value": "etcdv3"}, {"name": variable, "value": value}]);
        assert_eq!(messages(&with_env(env, json!([]))), expected, "{value}");
    }
    for (value, concerned) in [
        ("true", true),
        ("TRUE", true),
        ("false", false),
        ("", false),
    ] {
        let env = json!([{"name": "DATASTORE_TYPE", "value": "etcdv3"}, {"name": "CALICO_NETWORKING_BACKEND", "value": "vxlan"},
            {"name": "Felix_BPFEnabled", "value": value}]);
        let report = with_env(env, json!([]));
        assert_eq!(!report.findings.is_empty(), concerned, "{value}");
    }
}

/// Without the nodes every peer would look like a removed one.
#[test]
fn no_peer_is_judged_where_the_nodes_are_not_known() {
    let env = json!([{"name": "DATASTORE_TYPE", "value": "kubernetes-or-not"}, {"name": "ETCD_ENDPOINTS", "value": "x"}]);
    let node = workload("DaemonSet", "calico-node", "calico/node:v3.28.2", env);
    let controllers = workload(
        "Deployment",
        "calico-kube-controllers",
        "calico/kube-controllers:v3.28.2",
        json!([]),
    );
    let pod = json!({"apiVersion": "v1", "kind": "Pod",
        "metadata": {"name": "calico-node-a", "namespace": "kube-system", "uid": "a", "labels": {"k8s-app": "calico-node"}},
        "status": {"phase": "Running"}});
    let event = json!({"apiVersion": "v1", "kind": "Event", "metadata": {"name": "e", "namespace": "kube-system"},
        "reason": "Unhealthy", "involvedObject": {"uid": "a"},
        "message": "Readiness probe failed: BIRD is not ready: BGP not established with 10.0.0.5"});
    let mut objects = vec![node, controllers, pod, event];
    assert_eq!(
        analyze(&Input::of_values(objects.clone())),
        Report::default()
    );
    objects.push(
        json!({"apiVersion": "v1", "kind": "Node", "metadata": {"name": "n"},
        "status": {"addresses": [{"type": "InternalIP", "address": "10.0.0.4"}]}}),
    );
    assert_eq!(
        messages(&analyze(&Input::of_values(objects.clone()))),
        ["stale-peers"]
    );
    objects.push(
        json!({"apiVersion": "v1", "kind": "Node", "metadata": {"name": "m",
            "annotations": {"projectcalico.org/IPv4Address": "10.0.0.5/24"}}}),
    );
    assert_eq!(analyze(&Input::of_values(objects)), Report::default());
}
