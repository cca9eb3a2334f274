//! The rules that matter, one by one. Whole clusters are in `cases`.

use nks_fixer::{Change, Fixer, Input, Outcome, Report};
use nks_golden::Golden;
use serde_json::{Value, json};

use crate::EbpfUdpCtlb;
use crate::version::{self, Version};

nks_golden::tests!(EbpfUdpCtlb);

fn analyze(input: &Input) -> Report {
    match EbpfUdpCtlb::analyze(input) {
        Ok(Outcome::Done(report)) => report,
        other => panic!("{other:?}"),
    }
}

fn operations(change: &Change) -> Vec<Value> {
    match change {
        Change::Patch { ops, .. } => serde_json::from_str(ops).unwrap(),
        other => panic!("{other:?}"),
    }
}

/// `calico-node` with this container, and a workload that suffers.
fn cluster(container: Value) -> Input {
    let mut container = container;
    container["name"] = "calico-node".into();
    container["image"] = "calico/node:v3.28.0".into();
    let workload = |name: &str, spec: Value| {
        json!({"apiVersion": "apps/v1", "kind": "DaemonSet", "metadata": {"name": name, "namespace": "kube-system"},
            "spec": {"template": {"spec": spec}}})
    };
    let suffering = json!({"hostNetwork": true, "dnsPolicy": "ClusterFirstWithHostNet"});
    Input::of_values([
        workload(
            "calico-node",
            json!({"containers": [{"name": "first"}, container]}),
        ),
        workload("log-agent", suffering),
    ])
}

fn with_env(env: Value) -> Report {
    analyze(&cluster(json!({"env": env})))
}

fn messages(report: &Report) -> Vec<&str> {
    let findings = report.findings.iter();
    findings.map(|finding| finding.message.as_str()).collect()
}

#[test]
fn both_settings_are_in_one_patch() {
    let report = with_env(json!([{"name": "FELIX_BPFENABLED", "value": "true"}]));
    assert_eq!(report.steps.len(), 1);
    assert_eq!(
        Value::Array(operations(&report.steps[0].change)),
        json!([
            {"op": "add", "path": "/spec/template/spec/containers/1/env/-",
                "value": {"name": "FELIX_BPFCONNECTTIMELOADBALANCING", "value": "Enabled"}},
            {"op": "add", "path": "/spec/template/spec/containers/1/env/-",
                "value": {"name": "FELIX_BPFHOSTNETWORKEDNATWITHOUTCTLB", "value": "Disabled"}}])
    );
    let step = &report.steps[0];
    assert!(step.wait);
    assert_eq!(
        step.expect[0].pointer,
        "/spec/template/spec/containers/1/env/1/value"
    );
    assert_eq!(step.expect[1].equals, "\"Disabled\"");
}

#[test]
fn what_is_replaced_or_removed_is_tested_first() {
    let report = with_env(json!([
        {"name": "FELIX_BPFENABLED", "value": "true"},
        {"name": "FELIX_BPFCONNECTTIMELOADBALANCING", "value": "TCP"},
        {"name": "felix_bpfconnecttimeloadbalancing", "value": "Disabled"}]));
    let operations = operations(&report.steps[0].change);
    let names: Vec<_> = operations
        .iter()
        .map(|one| one["op"].as_str().unwrap())
        .collect();
    assert_eq!(names, ["test", "replace", "test", "remove", "add"]);
}

/// An empty list is not the same as none: `add` at its end needs a list to be there.
#[test]
fn an_empty_list_and_none_are_filled() {
    let felix = json!({"apiVersion": "crd.projectcalico.org/v1", "kind": "FelixConfiguration",
        "metadata": {"name": "default"}, "spec": {"bpfEnabled": true}});
    for (container, first) in [
        (json!({}), "/spec/template/spec/containers/1/env"),
        (json!({"env": []}), "/spec/template/spec/containers/1/env/-"),
    ] {
        let mut input = cluster(container);
        input
            .objects
            .extend(Input::of_values([felix.clone()]).objects);
        let report = analyze(&input);
        let step = &report.steps[0];
        assert_eq!(operations(&step.change)[0]["path"], first);
        assert_eq!(
            step.expect[0].pointer,
            "/spec/template/spec/containers/1/env/0/value"
        );
    }
}

#[test]
fn a_boolean_is_read_as_felix_reads_it() {
    for (value, expected) in [
        ("true", vec!["udp-by-nat-table"]),
        ("TRUE", vec!["udp-by-nat-table"]),
        ("1", vec!["udp-by-nat-table"]),
        ("false", vec![]),
        ("False", vec![]),
        ("", vec![]),
        ("$(BPF)", vec!["ebpf-unknown"]),
    ] {
        let report = with_env(json!([{"name": "FELIX_BPFENABLED", "value": value}]));
        assert_eq!(messages(&report), expected, "{value}");
    }
}

/// The same value twice is surplus, but nothing is in doubt.
#[test]
fn copies_that_agree_are_in_place() {
    let report = with_env(json!([
        {"name": "FELIX_BPFENABLED", "value": "true"},
        {"name": "FELIX_BPFCONNECTTIMELOADBALANCING", "value": "Enabled"},
        {"name": "FELIX_BPFCONNECTTIMELOADBALANCING", "value": "Enabled"},
        {"name": "FELIX_BPFHOSTNETWORKEDNATWITHOUTCTLB", "value": "Disabled"}]));
    assert_eq!(report, Report::default());
}

#[test]
fn only_the_container_calico_node_counts() {
    let mut input = cluster(json!({"env": [{"name": "FELIX_BPFENABLED", "value": "true"}]}));
    let container = input.objects[0]
        .value
        .pointer_mut("/spec/template/spec/containers/1/name")
        .unwrap();
    *container = "other".into();
    assert_eq!(analyze(&input), Report::default());
}

/// What `envFrom` may bring in is not known, which is not to say that it is something else.
#[test]
fn what_cannot_be_told_is_said_once_where_an_operator_manages_calico() {
    let mut input = cluster(json!({
        "env": [{"name": "FELIX_BPFENABLED", "value": "true"}],
        "envFrom": [{"configMapRef": {"name": "felix-tuning"}}]}));
    input.objects[0].namespace = "calico-system".into();
    let felix = json!({"apiVersion": "crd.projectcalico.org/v1", "kind": "FelixConfiguration",
        "metadata": {"name": "default"}, "spec": {}});
    input.objects.extend(Input::of_values([felix]).objects);
    let report = analyze(&input);
    assert_eq!(messages(&report), ["settings-unknown"]);
    assert!(report.steps.is_empty());
}

/// Rights in a namespace are given by a Role in it, which cannot be made where the namespace is missing.
#[test]
fn no_rights_are_asked_for_in_a_namespace_that_may_be_missing() {
    let manifest = include_str!("../fixer.yaml");
    let manifest = nks_core::manifest::Manifest::from_yaml(manifest).unwrap();
    let asked = [
        nks_core::rights::to_read(&manifest),
        nks_core::rights::to_write(&manifest),
    ];
    for right in asked.iter().flatten() {
        let namespace = right.namespace.as_deref();
        assert!(
            matches!(namespace, None | Some("kube-system" | "default")),
            "{right:?}"
        );
    }
}

#[test]
fn versions_are_read_from_tags() {
    for tag in [
        "v3.27.0",
        "v3.28.2-nks1",
        "3.30.2",
        "v3.28",
        "v3.28-nks1",
        "v3.100.0",
        "v3.28.0@sha256:00",
    ] {
        let image = ["calico/node:", tag].concat();
        assert_eq!(version::of(&image), Version::Enough, "{tag}");
    }
    for tag in ["v3.24.1", "v3.26.4", "v3.3.0", "v3.24.1-nks3"] {
        let image = ["calico/node:", tag].concat();
        assert_eq!(
            version::of(&image),
            Version::TooOld(tag.to_owned()),
            "{tag}"
        );
    }
    for image in [
        "",
        "calico/node",
        "calico/node@sha256:00",
        "calico/node:latest",
        "calico/node:v3",
        "calico/node:v3.x",
        "calico/node:2026.8",
        "calico/node:master-v3.28",
        "r.example.com:5000/calico/node",
        "quay.io/tigera/cnx-node:v3.19.1",
    ] {
        assert_eq!(version::of(image), Version::Unknown, "{image}");
    }
}

/// Nothing of another workload's environment is handed over.
#[test]
fn only_calicos_own_containers_are_read() {
    let golden = Golden::open(env!("CARGO_MANIFEST_DIR"));
    for case in &golden.cases {
        for object in golden.input(case).objects {
            let containers = object.value.pointer("/spec/template/spec/containers");
            assert!(containers.is_none() || object.name == "calico-node");
        }
    }
}
