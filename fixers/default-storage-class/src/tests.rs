//! The rules that matter, one by one. Whole clusters are in `cases`.

use nks_fixer::{Change, Fixer, Input, Outcome, Report, Severity};
use serde_json::{Value, json};

use crate::DefaultStorageClass;

nks_golden::tests!(DefaultStorageClass);

const DEFAULT: &str = "storageclass.kubernetes.io/is-default-class";
const BETA: &str = "storageclass.beta.kubernetes.io/is-default-class";

fn class(name: &str, annotations: Value) -> Value {
    let mut class = json!({"apiVersion": "storage.k8s.io/v1", "kind": "StorageClass",
        "metadata": {"name": name, "creationTimestamp": "2026-01-05T00:00:00Z"},
        "provisioner": "cinder.csi.openstack.org", "volumeBindingMode": "WaitForFirstConsumer"});
    if !annotations.is_null() {
        class["metadata"]["annotations"] = annotations;
    }
    class
}

fn driver() -> Value {
    json!({"apiVersion": "storage.k8s.io/v1", "kind": "CSIDriver", "metadata": {"name": "cinder.csi.openstack.org"}})
}

fn claim(spec: Value) -> Value {
    let mut claim = json!({"apiVersion": "v1", "kind": "PersistentVolumeClaim",
        "metadata": {"name": "data", "namespace": "shop", "creationTimestamp": "2026-02-01T00:00:00Z"},
        "spec": {"accessModes": ["ReadWriteOnce"]}, "status": {"phase": "Pending"}});
    for (key, value) in spec.as_object().unwrap() {
        claim["spec"][key] = value.clone();
    }
    claim
}

fn report_on(version: Option<&str>, objects: impl IntoIterator<Item = Value>) -> Report {
    let mut input = Input::of_values(objects);
    input.context.now_unix = nks_golden::NOW;
    input.context.cluster = json!({"kubernetesVersion": version});
    match DefaultStorageClass::analyze(&input) {
        Ok(Outcome::Done(report)) => report,
        other => panic!("{other:?}"),
    }
}

fn report(objects: impl IntoIterator<Item = Value>) -> Report {
    report_on(Some("v1.29.3"), objects)
}

fn messages(report: &Report) -> Vec<&str> {
    let findings = report.findings.iter();
    findings.map(|finding| finding.message.as_str()).collect()
}

#[test]
fn only_a_claim_that_names_nothing_waits_for_a_default() {
    let found = |claim: Value| {
        !report([driver(), class("ssd", Value::Null), claim])
            .findings
            .is_empty()
    };
    assert!(found(claim(json!({}))));
    assert!(found(claim(json!({"storageClassName": null}))));
    assert!(!found(claim(json!({"storageClassName": ""}))));
    assert!(!found(claim(json!({"storageClassName": "ssd"}))));
    assert!(!found(claim(json!({"volumeName": "by-hand"}))));
    for (place, value) in [
        ("/status/phase", json!("Bound")),
        ("/status/phase", json!("Lost")),
        ("/metadata/creationTimestamp", json!("2026-09-21T14:12:50Z")),
    ] {
        let mut other = claim(json!({}));
        *other.pointer_mut(place).unwrap() = value;
        assert!(!found(other), "{place}");
    }
    for class in ["", "ssd"] {
        let mut annotated = claim(json!({}));
        annotated["metadata"]["annotations"] =
            json!({"volume.beta.kubernetes.io/storage-class": class});
        assert!(!found(annotated), "{class}");
    }
}

#[test]
fn either_spelling_makes_a_default_and_only_true_does() {
    let is_default = |annotations: Value| {
        let report = report([driver(), class("ssd", annotations), claim(json!({}))]);
        messages(&report) != ["no-default-class"]
    };
    assert!(is_default(json!({DEFAULT: "true"})));
    assert!(is_default(json!({BETA: "true"})));
    assert!(is_default(json!({BETA: "true", DEFAULT: "false"})));
    assert!(!is_default(json!({DEFAULT: "false"})));
    assert!(!is_default(json!({DEFAULT: "True"})));
    assert!(!is_default(Value::Null));
}

#[test]
fn the_annotation_is_added_or_replaced_and_brings_its_map_where_there_is_none() {
    let ops = |annotations: Value| {
        let report = report([class("ssd", annotations), driver(), claim(json!({}))]);
        let Change::Patch { ops, .. } = &report.steps[0].change else {
            panic!("{report:?}")
        };
        ops.clone()
    };
    let place = "/metadata/annotations/storageclass.kubernetes.io~1is-default-class";
    assert_eq!(
        ops(Value::Null),
        [
            r#"[{"op":"add","path":"/metadata/annotations","value":{""#,
            DEFAULT,
            r#"":"true"}}]"#
        ]
        .concat()
    );
    assert_eq!(
        ops(json!({"team": "shop"})),
        [r#"[{"op":"add","path":""#, place, r#"","value":"true"}]"#].concat()
    );
    assert!(ops(json!({DEFAULT: "false"})).contains(r#""op":"replace""#));
}

#[test]
fn the_newest_of_several_defaults_counts() {
    let class = |name: &str, created: &str| {
        let mut class = class(name, json!({DEFAULT: "true"}));
        class["metadata"]["creationTimestamp"] = created.into();
        class
    };
    let newest = |classes: [Value; 2]| report(classes).findings[0].args[2].value.clone();
    let old = || class("a", "2025-01-05T00:00:00Z");
    let new = |name: &str| class(name, "2025-06-05T00:00:00Z");
    assert_eq!(newest([old(), new("b")]), "storageclass.storage.k8s.io/b");
    assert_eq!(newest([new("b"), old()]), "storageclass.storage.k8s.io/b");
    assert_eq!(
        newest([new("c"), new("b")]),
        "storageclass.storage.k8s.io/b"
    );
}

#[test]
fn before_1_26_claims_have_to_be_made_again() {
    let steps = |version: Option<&str>| {
        let report = report_on(
            version,
            [driver(), class("ssd", Value::Null), claim(json!({}))],
        );
        report.steps.len()
    };
    assert_eq!(steps(Some("v1.25.4")), 2);
    assert_eq!(steps(Some("v1.26.3")), 1);
    assert_eq!(steps(None), 2, "an unknown version may be an old one");
    let severity = |version: Option<&str>| {
        let default = class("ssd", json!({DEFAULT: "true"}));
        let report = report_on(version, [driver(), default, claim(json!({}))]);
        (messages(&report)[0].to_owned(), report.findings[0].severity)
    };
    let early = ("claims-before-default".to_owned(), Severity::Error);
    assert_eq!(severity(Some("v1.25.4")), early);
    assert_eq!(
        severity(Some("v1.28.3")),
        ("claims-take-default".to_owned(), Severity::Info)
    );
}

#[test]
fn without_a_driver_nothing_is_planned() {
    for objects in [
        vec![class("ssd", Value::Null), claim(json!({}))],
        vec![claim(json!({}))],
    ] {
        let report = report(objects);
        assert_eq!(messages(&report), ["driver-absent"]);
        assert!(report.steps.is_empty());
    }
}

#[test]
fn claims_for_several_nodes_and_claims_with_a_selector_are_no_reason_for_a_default() {
    for spec in [
        json!({"accessModes": ["ReadWriteMany"]}),
        json!({"accessModes": ["ReadWriteOnce", "ReadOnlyMany"]}),
        json!({"selector": {"matchLabels": {"tier": "gold"}}}),
    ] {
        let report = report([driver(), class("ssd", Value::Null), claim(spec)]);
        assert_eq!(messages(&report), ["claims-unserved"]);
        assert!(report.steps.is_empty());
    }
}
