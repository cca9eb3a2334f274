//! The rules that matter, one by one. Whole clusters are in `cases`.

use nks_fixer::{Change, Fixer, Input, Outcome, Report};
use serde_json::{Value, json};

use crate::FsGroupPolicy;
use crate::evidence::{names, unmounted_volumes};

nks_golden::tests!(FsGroupPolicy);

const TIMEOUT: &str = "Unable to attach or mount volumes: unmounted volumes=[data], unattached volumes=[data token]: \
                       timed out waiting for the condition";
const PROGRESS: &str = "Setting volume ownership for /var/lib/kubelet/pods/p/volumes/kubernetes.io~csi/pv-1/mount, \
                        processed 7 files.";

/// A Deployment, its pod with one claim, the volume and its driver.
fn cluster(security: Value) -> Vec<Value> {
    let owned = |kind: &str, uid: &str, owner: (&str, &str)| {
        json!({"kind": kind, "apiVersion": "apps/v1", "metadata": {"name": uid, "namespace": "n", "uid": uid,
            "ownerReferences": [{"apiVersion": "apps/v1", "kind": owner.0, "name": owner.1, "uid": owner.1, "controller": true}]}})
    };
    let mut pod = owned("Pod", "p", ("ReplicaSet", "rs"));
    pod["apiVersion"] = json!("v1");
    pod["spec"] = json!({"securityContext": security,
        "volumes": [{"name": "data", "persistentVolumeClaim": {"claimName": "c"}}]});
    pod["status"] = json!({"phase": "Pending"});
    vec![
        json!({"kind": "Deployment", "apiVersion": "apps/v1", "metadata": {"name": "d", "namespace": "n", "uid": "d"},
            "spec": {"template": {"spec": {"securityContext": security}}}}),
        owned("ReplicaSet", "rs", ("Deployment", "d")),
        pod,
        json!({"kind": "PersistentVolume", "apiVersion": "v1", "metadata": {"name": "pv-1", "uid": "pv-1"},
            "spec": {"claimRef": {"namespace": "n", "name": "c"}, "accessModes": ["ReadWriteOnce"],
                "csi": {"driver": "x", "fsType": "ext4"}},
            "status": {"phase": "Bound"}}),
        json!({"kind": "CSIDriver", "apiVersion": "storage.k8s.io/v1", "metadata": {"name": "x", "uid": "x"}, "spec": {}}),
    ]
}

fn event(reason: &str, message: &str) -> Value {
    json!({"kind": "Event", "apiVersion": "v1", "reason": reason, "message": message,
        "metadata": {"name": message, "namespace": "n"}, "involvedObject": {"kind": "Pod", "uid": "p"}})
}

fn report_on(input: &Input) -> Report {
    match FsGroupPolicy::analyze(input) {
        Ok(Outcome::Done(report)) => report,
        other => panic!("{other:?}"),
    }
}

fn report(objects: Vec<Value>, events: &[Value]) -> Report {
    report_on(&Input::of_values(
        objects.into_iter().chain(events.iter().cloned()),
    ))
}

fn findings(report: &Report) -> Vec<&str> {
    let findings = report.findings.iter();
    findings.map(|finding| finding.message.as_str()).collect()
}

fn operations(report: &Report) -> &str {
    match &report.steps[0].change {
        Change::Patch { target: 0, ops } => ops,
        other => panic!("{other:?}"),
    }
}

#[test]
fn only_a_timeout_and_nothing_but_a_timeout_names_volumes() {
    let volumes = |message| unmounted_volumes(message).map(Iterator::collect::<Vec<_>>);
    assert_eq!(volumes(TIMEOUT), Some(vec!["data"]));
    let both = "Unable to attach or mount volumes: unmounted volumes=[a b], unattached volumes=[], failed to process volumes=[]: \
                context deadline exceeded";
    assert_eq!(volumes(both), Some(vec!["a", "b"]));
    for other in [
        "",
        "Unable to attach or mount volumes: unmounted volumes=[",
        "Unable to attach or mount volumes: unmounted volumes=[a], unattached volumes=[], failed to process volumes=[a]: \
         timed out waiting for the condition",
        "Unable to attach or mount volumes: unmounted volumes=[a], unattached volumes=[a]: error processing PVC n/c: PVC is \
         being deleted",
        "MountVolume.MountDevice failed for volume \"pv-1\" : rpc error: context deadline exceeded",
    ] {
        assert_eq!(volumes(other), None, "{other}");
    }
}

#[test]
fn a_report_names_its_volume_whole() {
    assert!(names(PROGRESS, "pv-1"));
    assert!(!names(PROGRESS, "pv"));
    assert!(names(
        "Setting volume ownership for p/volumes/kubernetes.io~local-volume/pv-1 is taking longer",
        "pv-1"
    ));
}

#[test]
fn what_is_not_there_is_added_and_what_is_there_is_tested_first() {
    let pointer = "/spec/template/spec/securityContext/fsGroupChangePolicy";
    let events = [event("VolumePermissionChangeInProgress", PROGRESS)];
    let added = report(cluster(json!({"fsGroup": 1000})), &events);
    assert_eq!(findings(&added), ["slow-walk"]);
    assert_eq!(
        operations(&added),
        [
            r#"[{"op":"add","path":""#,
            pointer,
            r#"","value":"OnRootMismatch"}]"#
        ]
        .concat()
    );
    let security = json!({"fsGroup": 1000, "fsGroupChangePolicy": "Always"});
    let replaced = report(cluster(security), &events);
    let test = [
        r#"[{"op":"test","path":""#,
        pointer,
        r#"","value":"Always"}"#,
    ]
    .concat();
    assert!(operations(&replaced).starts_with(&test));
}

#[test]
fn fs_group_zero_is_a_group() {
    let timeout = event("FailedMount", TIMEOUT);
    let found = report(cluster(json!({"fsGroup": 0})), &[timeout]);
    assert_eq!(findings(&found), ["maybe-slow-walk"]);
}

#[test]
fn a_group_that_the_template_does_not_set_is_not_the_templates_fault() {
    let mut objects = cluster(json!({"fsGroup": 1000}));
    objects[0]["spec"]["template"]["spec"]["securityContext"] = json!({});
    assert_eq!(
        report(objects, &[event("FailedMount", TIMEOUT)]),
        Report::default()
    );
}

#[test]
fn a_report_outweighs_what_a_timeout_would_be_excused_by() {
    let events = [
        event("VolumePermissionChangeInProgress", PROGRESS),
        event(
            "FailedMount",
            "MountVolume.SetUp failed for volume \"t\" : secret \"s\" not found",
        ),
    ];
    let found = report(cluster(json!({"fsGroup": 1000})), &events);
    assert_eq!(findings(&found), ["slow-walk"]);
    let found = report(cluster(json!({"fsGroup": 1000})), &events[1..]);
    assert_eq!(found, Report::default());
}

#[test]
fn the_policy_is_set_from_kubernetes_1_20_on_and_where_the_version_is_not_known() {
    for (version, message) in [
        (json!("v1.19.13"), "kubernetes-too-old"),
        (json!("v1.20.0"), "maybe-slow-walk"),
        (Value::Null, "maybe-slow-walk"),
    ] {
        let objects = cluster(json!({"fsGroup": 1000}));
        let mut input =
            Input::of_values(objects.into_iter().chain([event("FailedMount", TIMEOUT)]));
        input.context.cluster = json!({"kubernetesVersion": version});
        let report = report_on(&input);
        assert_eq!(findings(&report), [message]);
        assert_eq!(report.steps.is_empty(), message == "kubernetes-too-old");
    }
}

#[test]
fn many_pods_are_not_all_named() {
    let names: Vec<String> = (0..20).map(|number| number.to_string()).collect();
    let listed = crate::listed(names.iter().map(String::as_str));
    assert_eq!(listed, "0, 1, 2, 3, 4, 5, 6, 7, …");
}
