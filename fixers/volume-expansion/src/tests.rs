//! The rules that matter, one by one. Whole clusters are in `cases`.

use nks_fixer::{Change, Fixer, Input, Outcome, Report, Severity};
use serde_json::{Value, json};

use crate::VolumeExpansion;

nks_golden::tests!(VolumeExpansion);

fn class(provisioner: &str, allow: Value) -> Value {
    let mut class = json!({"apiVersion": "storage.k8s.io/v1", "kind": "StorageClass",
        "metadata": {"name": "ssd"}, "provisioner": provisioner});
    if !allow.is_null() {
        class["allowVolumeExpansion"] = allow;
    }
    class
}

fn claim(name: &str, requested: Value, capacity: Value) -> Value {
    json!({"apiVersion": "v1", "kind": "PersistentVolumeClaim",
        "metadata": {"name": name, "namespace": "shop"},
        "spec": {"storageClassName": "ssd", "resources": {"requests": {"storage": requested}}},
        "status": {"phase": "Bound", "capacity": {"storage": capacity}}})
}

fn event(reason: &str, kind: &str, name: &str, message: &str) -> Value {
    json!({"apiVersion": "v1", "kind": "Event", "type": "Warning",
        "metadata": {"name": ([name, ".1"].concat()), "namespace": "shop"},
        "reason": reason, "message": message,
        "involvedObject": {"kind": kind, "name": name, "namespace": "shop"}})
}

fn report(objects: impl IntoIterator<Item = Value>) -> Report {
    match VolumeExpansion::analyze(&Input::of_values(objects)) {
        Ok(Outcome::Done(report)) => report,
        other => panic!("{other:?}"),
    }
}

fn found(objects: impl IntoIterator<Item = Value>) -> Vec<(Severity, String)> {
    report(objects)
        .findings
        .into_iter()
        .map(|finding| (finding.severity, finding.message))
        .collect()
}

#[test]
fn the_field_is_added_or_replaced() {
    let ops = |allow: Value| {
        let report = report([class("cinder.csi.openstack.org", allow)]);
        let Change::Patch { ops, .. } = &report.steps[0].change else {
            panic!("{report:?}")
        };
        ops.clone()
    };
    assert_eq!(
        ops(Value::Null),
        r#"[{"op":"add","path":"/allowVolumeExpansion","value":true}]"#
    );
    assert_eq!(
        ops(json!(false)),
        r#"[{"op":"test","path":"/allowVolumeExpansion","value":false},{"op":"replace","path":"/allowVolumeExpansion","value":true}]"#
    );
}

#[test]
fn other_drivers_and_classes_that_allow_it_are_left_alone() {
    for provisioner in ["nfs.csi.k8s.io", "cinder.csi.openstack.org.example.com"] {
        assert_eq!(found([class(provisioner, Value::Null)]), []);
    }
    let allowed = class("cinder.csi.openstack.org", json!(true));
    let wanting = claim("data", json!("20Gi"), json!("10Gi"));
    assert_eq!(found([allowed, wanting]), []);
}

#[test]
fn only_a_larger_size_is_evidence() {
    let severity = |requested: Value, capacity: Value| {
        let class = class("cinder.csi.openstack.org", Value::Null);
        found([class, claim("data", requested, capacity)])[0].0
    };
    assert_eq!(severity(json!("20Gi"), json!("10Gi")), Severity::Warning);
    assert_eq!(severity(json!("10G"), json!("10Gi")), Severity::Info);
    assert_eq!(severity(json!("10240Mi"), json!("10Gi")), Severity::Info);
    assert_eq!(
        severity(json!(21_474_836_480_u64), json!("10Gi")),
        Severity::Warning
    );
    assert_eq!(severity(json!("20Gi"), Value::Null), Severity::Info);
}

#[test]
fn an_event_counts_only_for_its_claim() {
    let refusal = |name: &str| {
        let message = [
            "persistentvolumeclaims \"",
            name,
            "\" is forbidden: only dynamically provisioned pvc can be resized and the storageclass that provisions \
             the pvc must support resize",
        ];
        event("ResizeFailed", "Database", "db", &message.concat())
    };
    let objects = |event: Value| {
        let class = class("cinder.csi.openstack.org", Value::Null);
        [class, claim("data", json!("10Gi"), json!("10Gi")), event]
    };
    let refused = |event: Value| found(objects(event))[0].1 == "expansion-refused";
    assert!(refused(refusal("data")));
    assert!(!refused(refusal("old-data")));
    let mut elsewhere = refusal("data");
    elsewhere["metadata"]["namespace"] = "lab".into();
    assert!(!refused(elsewhere));
    let mut normal = refusal("data");
    normal["type"] = "Normal".into();
    assert!(!refused(normal));
}

#[test]
fn a_failure_of_the_resizer_is_worse_than_a_wait() {
    let found = |kind: &str| {
        let class = class("cinder.csi.openstack.org", Value::Null);
        let claim = claim("data", json!("20Gi"), json!("10Gi"));
        let event = event("VolumeResizeFailed", kind, "data", "quota exceeded");
        found([class, claim, event])[0].1.clone()
    };
    assert_eq!(found("PersistentVolumeClaim"), "expansion-failed");
    assert_eq!(found("Pod"), "expansion-unfinished");
}
