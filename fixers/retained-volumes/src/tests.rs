//! The rules that matter, one by one. Whole clusters are in `cases`.

use nks_fixer::{Fixer, Input, Outcome, Report};
use serde_json::{Value, json};

use crate::RetainedVolumes;

nks_golden::tests!(RetainedVolumes);

const NOW: i64 = nks_golden::NOW;

/// A volume of Cinder and the claim `shop/<name>` that is bound to it, both old.
fn claim(name: &str) -> [Value; 2] {
    let volume = json!({"apiVersion": "v1", "kind": "PersistentVolume", "metadata": {"name": (["pv-", name].concat())},
        "spec": {"capacity": {"storage": "10Gi"}, "csi": {"driver": "cinder.csi.openstack.org"},
            "persistentVolumeReclaimPolicy": "Delete"},
        "status": {"phase": "Bound"}});
    let claim = json!({"apiVersion": "v1", "kind": "PersistentVolumeClaim",
        "metadata": {"name": name, "namespace": "shop", "creationTimestamp": "2026-01-01T00:00:00Z"},
        "spec": {"volumeName": (["pv-", name].concat())}, "status": {"phase": "Bound"}});
    [volume, claim]
}

/// A workload of no consequence, which every cluster has.
fn workload(kind: &str) -> Value {
    json!({"apiVersion": "apps/v1", "kind": kind, "metadata": {"name": "any", "namespace": "kube-system"}})
}

/// Something in `shop` that mounts the claim `data`, with the volumes at `path`.
fn mounts(kind: &str, path: &[&str]) -> Value {
    let mut value = json!([{"name": "v", "persistentVolumeClaim": {"claimName": "data"}}]);
    for step in path.iter().rev() {
        value = json!({*step: value});
    }
    json!({"kind": kind, "metadata": {"name": "w", "namespace": "shop"}, "spec": value})
}

fn stateful_set(replicas: Value, start: Value) -> Value {
    json!({"apiVersion": "apps/v1", "kind": "StatefulSet", "metadata": {"name": "db", "namespace": "shop"},
        "spec": {"replicas": replicas, "ordinals": {"start": start},
            "volumeClaimTemplates": [{"metadata": {"name": "logs"}}, {"metadata": {"name": "data"}}]}})
}

fn report(objects: impl IntoIterator<Item = Value>) -> Report {
    let mut input = Input::of_values(objects);
    input.context.now_unix = NOW;
    match RetainedVolumes::analyze(&input) {
        Ok(Outcome::Done(report)) => report,
        other => panic!("{other:?}"),
    }
}

/// What is said of `claim` beside `others`.
fn said(claim: [Value; 2], others: impl IntoIterator<Item = Value>) -> Option<String> {
    let workloads = [workload("Deployment"), workload("DaemonSet")];
    let report = report(claim.into_iter().chain(workloads).chain(others));
    assert!(report.findings.len() < 2, "{report:?}");
    report.findings.into_iter().next().map(|one| one.message)
}

#[test]
fn a_claim_that_something_names_is_used() {
    let template = ["template", "spec", "volumes"];
    let job = ["jobTemplate", "spec", "template", "spec", "volumes"];
    for user in [
        mounts("Pod", &["volumes"]),
        mounts("Deployment", &template),
        mounts("DaemonSet", &template),
        mounts("StatefulSet", &template),
        mounts("Job", &template),
        mounts("CronJob", &job),
    ] {
        assert_eq!(said(claim("data"), [user.clone()]), None, "{user}");
        let mut elsewhere = user;
        elsewhere["metadata"]["namespace"] = "lab".into();
        let unused = said(claim("data"), [elsewhere]);
        assert_eq!(unused.as_deref(), Some("unused-claims"));
    }
}

#[test]
fn a_pod_that_has_ended_uses_nothing() {
    for phase in ["Succeeded", "Failed"] {
        let mut pod = mounts("Pod", &["volumes"]);
        pod["status"] = json!({"phase": phase});
        let unused = said(claim("data"), [pod]);
        assert_eq!(unused.as_deref(), Some("unused-claims"));
    }
}

#[test]
fn an_attached_or_owned_claim_is_used() {
    let attachment = json!({"kind": "VolumeAttachment", "metadata": {"name": "csi-1"},
        "spec": {"source": {"persistentVolumeName": "pv-data"}}});
    assert_eq!(said(claim("data"), [attachment]), None);
    let [volume, mut owned] = claim("data");
    owned["metadata"]["ownerReferences"] =
        json!([{"kind": "Cluster", "name": "orders", "uid": "1"}]);
    assert_eq!(said([volume, owned], []), None);
}

#[test]
fn claims_of_a_stateful_set_are_known_by_their_names() {
    let said = |name: &str, replicas: Value, start: Value| {
        said(claim(name), [stateful_set(replicas, start)])
    };
    let scaled_in = Some("scaled-in-claims".to_owned());
    let unused = Some("unused-claims".to_owned());
    assert_eq!(said("data-db-1", json!(2), Value::Null), None);
    assert_eq!(said("logs-db-0", Value::Null, Value::Null), None);
    assert_eq!(said("data-db-2", json!(2), Value::Null), scaled_in);
    assert_eq!(said("data-db-0", json!(0), Value::Null), scaled_in);
    assert_eq!(said("data-db-6", json!(2), json!(5)), None);
    assert_eq!(said("data-db-4", json!(2), json!(5)), scaled_in);
    for name in [
        "data-db-",
        "data-db-01",
        "data-db-copy",
        "data-db2-0",
        "cache-db-0",
    ] {
        assert_eq!(said(name, json!(2), Value::Null), unused, "{name}");
    }
}

#[test]
fn a_claim_has_a_day_to_be_used() {
    let made = |time: &str| {
        let [volume, mut claim] = claim("data");
        claim["metadata"]["creationTimestamp"] = time.into();
        said([volume, claim], [])
    };
    assert_eq!(nks_fixer::time::seconds("2026-09-21T14:13:20Z"), Some(NOW));
    assert_eq!(made("2026-09-20T14:13:20Z"), None);
    assert!(made("2026-09-20T14:13:19Z").is_some());
}

#[test]
fn without_workloads_nothing_is_said_to_be_unused() {
    for workloads in [
        vec![],
        vec![workload("Deployment")],
        vec![workload("DaemonSet")],
    ] {
        let report = report(claim("data").into_iter().chain(workloads));
        assert_eq!(report.findings[0].message, "claims-unclear");
        assert!(report.steps.is_empty());
    }
}

#[test]
fn only_volumes_of_cinder_count() {
    let [mut volume, claim] = claim("data");
    volume["spec"]["csi"]["driver"] = "nfs.csi.k8s.io".into();
    assert_eq!(said([volume.clone(), claim.clone()], []), None);
    volume["spec"] = json!({"capacity": {"storage": "1Gi"}, "cinder": {"volumeID": "1"}});
    assert!(said([volume, claim], []).is_some());
}

#[test]
fn a_volume_without_a_claim_is_told_by_its_phase_policy_and_past() {
    let said = |phase: &str, policy: &str, annotations: Value| {
        let [mut volume, _] = claim("data");
        volume["status"]["phase"] = phase.into();
        volume["spec"]["persistentVolumeReclaimPolicy"] = policy.into();
        volume["metadata"]["annotations"] = annotations;
        let report = report([volume]);
        report.findings.into_iter().next().map(|one| one.message)
    };
    let provisioned = json!({"pv.kubernetes.io/provisioned-by": "cinder.csi.openstack.org"});
    let bound = json!({"pv.kubernetes.io/bound-by-controller": "yes"});
    let none = json!({});
    let released = said("Released", "Retain", none.clone());
    assert_eq!(released.as_deref(), Some("released-volumes"));
    assert_eq!(said("Released", "Delete", provisioned.clone()), None);
    assert_eq!(said("Bound", "Retain", provisioned.clone()), None);
    for trace in [provisioned, bound] {
        let available = said("Available", "Delete", trace);
        assert_eq!(available.as_deref(), Some("available-volumes"));
    }
    assert_eq!(said("Available", "Retain", none), None);
}

#[test]
fn a_volume_that_goes_on_under_another_name_is_in_use() {
    let volume = |name: &str, phase: &str| {
        let [mut volume, _] = claim(name);
        volume["status"]["phase"] = phase.into();
        volume["spec"]["persistentVolumeReclaimPolicy"] = "Retain".into();
        volume["spec"]["csi"]["volumeHandle"] = "4f0e".into();
        volume
    };
    for phase in ["Bound", "Available"] {
        for other in ["a", "z"] {
            let report = report([volume("old", "Released"), volume(other, phase)]);
            assert_eq!(report, Report::default(), "{phase} {other}");
        }
    }
    let twice = report([volume("old", "Released"), volume("older", "Released")]);
    assert_eq!(twice.findings[0].args[0].value, "1", "billed once");
    let mut other = volume("other", "Bound");
    other["spec"]["csi"]["volumeHandle"] = "5a1b".into();
    let report = report([volume("old", "Released"), other]);
    assert_eq!(report.findings.len(), 1);
}
