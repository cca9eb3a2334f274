//! The rules that matter, one by one. Whole clusters are in `cases`.

use nks_fixer::{Change, Fixer, Input, Object, Outcome, Report};
use serde_json::{Value, json};

use crate::{StuckVolumeAttachment, waiting};

nks_golden::tests!(StuckVolumeAttachment);

const LONG_AGO: &str = "2026-09-01T00:00:00Z";
/// Two minutes before every test and case runs.
const JUST_NOW: &str = "2026-09-21T14:11:20Z";

fn attachment(node: &str) -> Value {
    json!({"apiVersion": "storage.k8s.io/v1", "kind": "VolumeAttachment",
        "metadata": {"name": "csi-1", "creationTimestamp": LONG_AGO},
        "spec": {"attacher": "cinder.csi.openstack.org", "nodeName": node,
            "source": {"persistentVolumeName": "pvc-1"}}})
}

fn node(name: &str) -> Value {
    json!({"apiVersion": "v1", "kind": "Node", "metadata": {"name": name, "creationTimestamp": LONG_AGO},
        "status": {"conditions": [{"type": "Ready", "status": "True"}]}})
}

fn volume(modes: Value) -> Value {
    json!({"apiVersion": "v1", "kind": "PersistentVolume", "metadata": {"name": "pvc-1"},
        "spec": {"accessModes": modes, "claimRef": {"namespace": "shop", "name": "data"}}})
}

fn claim() -> Value {
    json!({"apiVersion": "v1", "kind": "PersistentVolumeClaim", "metadata": {"name": "data", "namespace": "shop"},
        "spec": {"volumeName": "pvc-1"}})
}

fn pod(node: &str, created: &str) -> Value {
    json!({"apiVersion": "v1", "kind": "Pod",
        "metadata": {"name": "db-0", "namespace": "shop", "uid": "db-0-b", "creationTimestamp": created},
        "spec": {"nodeName": node, "volumes": [{"name": "data", "persistentVolumeClaim": {"claimName": "data"}}]},
        "status": {"phase": "Pending"}})
}

fn event(message: &str) -> Value {
    json!({"apiVersion": "v1", "kind": "Event", "type": "Warning", "reason": "FailedAttachVolume", "message": message,
        "metadata": {"name": "db-0.1", "namespace": "shop"},
        "involvedObject": {"kind": "Pod", "name": "db-0", "namespace": "shop", "uid": "db-0-b"}})
}

fn removal(at: &str) -> Value {
    json!({"apiVersion": "v1", "kind": "Event", "type": "Normal", "reason": "RemovingNode",
        "metadata": {"name": "old.1", "namespace": "default"}, "lastTimestamp": at,
        "involvedObject": {"kind": "Node", "name": "old"}})
}

fn report(objects: impl IntoIterator<Item = Value>) -> Report {
    let mut input = Input::of_values(objects);
    input.context.now_unix = nks_golden::NOW;
    match StuckVolumeAttachment::analyze(&input) {
        Ok(Outcome::Done(report)) => report,
        other => panic!("{other:?}"),
    }
}

/// What is said first, and what is deleted.
fn outcome(objects: impl IntoIterator<Item = Value>) -> (String, Vec<u32>) {
    let report = report(objects);
    let first = report.findings.first();
    let deleted = report.steps.iter().filter_map(|step| match step.change {
        Change::Delete(index) => Some(index),
        _ => None,
    });
    (
        first.map_or(String::new(), |finding| finding.message.clone()),
        deleted.collect(),
    )
}

fn is(message: &str) -> (String, Vec<u32>) {
    (message.to_owned(), vec![])
}

#[test]
fn only_the_attachment_of_a_node_that_does_not_exist_is_deleted() {
    let one_node = || volume(json!(["ReadWriteOnce"]));
    let gone = [attachment("old"), node("new"), one_node()];
    assert_eq!(outcome(gone), ("node-gone".to_owned(), vec![0]));
    assert_eq!(
        outcome([attachment("new"), node("new"), one_node()]),
        is("")
    );
    let mut down = node("old");
    down["status"]["conditions"][0]["status"] = "Unknown".into();
    let waiting = pod("new", LONG_AGO);
    let objects = [
        attachment("old"),
        down,
        node("new"),
        one_node(),
        claim(),
        waiting,
    ];
    assert_eq!(outcome(objects), is("node-not-ready"));
}

#[test]
fn a_node_that_was_not_read_is_not_missing() {
    let objects = [attachment("old"), volume(json!(["ReadWriteOnce"]))];
    assert_eq!(outcome(objects), is("nodes-unread"));
}

#[test]
fn six_minutes_are_kubernetes_own() {
    let with = |created: &str, removed: &str| {
        let mut attachment = attachment("old");
        attachment["metadata"]["creationTimestamp"] = created.into();
        let volume = volume(json!(["ReadWriteOnce"]));
        outcome([attachment, node("new"), volume, removal(removed)]).0
    };
    assert_eq!(with(LONG_AGO, "2026-09-21T14:07:20Z"), "node-gone");
    assert_eq!(with(LONG_AGO, "2026-09-21T14:07:21Z"), "waiting");
    assert_eq!(with(JUST_NOW, LONG_AGO), "waiting");
    let mut ageless = attachment("old");
    ageless["metadata"] = json!({"name": "csi-1"});
    assert_eq!(outcome([ageless, node("new")]), is("waiting"));
}

#[test]
fn other_drivers_shared_volumes_and_unknown_ones_are_left_alone() {
    let mut other = attachment("old");
    other["spec"]["attacher"] = "block.example.com".into();
    let one_node = volume(json!(["ReadWriteOnce"]));
    assert_eq!(
        outcome([other, node("new"), one_node]),
        is("node-gone-other-driver")
    );
    for modes in [
        json!(["ReadWriteMany"]),
        json!(["ReadWriteOnce", "ReadOnlyMany"]),
    ] {
        let objects = [attachment("old"), node("new"), volume(modes)];
        assert_eq!(outcome(objects), is("node-gone-shared"));
    }
    assert_eq!(
        outcome([attachment("old"), node("new")]),
        is("node-gone-volume-unknown")
    );
    let mut inline = attachment("old");
    inline["spec"]["source"] = json!({"inlineVolumeSpec": {}});
    assert_eq!(
        outcome([inline, node("new")]),
        is("node-gone-volume-unknown")
    );
}

#[test]
fn what_is_being_deleted_is_not_deleted_again() {
    let with = |since: &str, error: Value| {
        let mut attachment = attachment("old");
        attachment["metadata"]["deletionTimestamp"] = since.into();
        attachment["status"] = json!({"attached": true, "detachError": error});
        outcome([attachment, node("new"), volume(json!(["ReadWriteOnce"]))])
    };
    assert_eq!(with(JUST_NOW, Value::Null), is("detaching"));
    assert_eq!(with(LONG_AGO, Value::Null), is("detach-hangs"));
    assert_eq!(
        with(JUST_NOW, json!({"message": "timed out"})),
        is("detach-failed")
    );
}

#[test]
fn pods_of_the_gone_node_that_are_still_listed_stay_its_writers() {
    let with = |phase: &str| {
        let mut pod = pod("old", LONG_AGO);
        pod["status"]["phase"] = phase.into();
        pod["metadata"]["deletionTimestamp"] = LONG_AGO.into();
        let volume = volume(json!(["ReadWriteOnce"]));
        outcome([attachment("old"), node("new"), volume, claim(), pod])
    };
    assert_eq!(with("Running"), is("node-gone-pods-remain"));
    assert_eq!(with("Failed"), ("node-gone".to_owned(), vec![0]));
}

#[test]
fn a_pod_waits_when_an_event_says_so_or_it_has_waited_for_long() {
    let said = "Multi-Attach error for volume \"pvc-1\" Volume is already used by pod(s) db-1";
    let with = |created: &str, event: Value| {
        let volume = volume(json!(["ReadWriteOnce"]));
        let pod = pod("new", created);
        let objects = [
            attachment("busy"),
            node("busy"),
            node("new"),
            volume,
            claim(),
            pod,
            event,
        ];
        outcome(objects).0
    };
    let other = |place: &str, value: &str| {
        let mut event = event(said);
        *event.pointer_mut(place).unwrap() = value.into();
        event
    };
    assert_eq!(with(JUST_NOW, event(said)), "held-elsewhere");
    assert_eq!(with(LONG_AGO, event("")), "held-elsewhere");
    assert_eq!(with(JUST_NOW, event("")), "");
    assert_eq!(with(JUST_NOW, other("/reason", "FailedMount")), "");
    assert_eq!(with(JUST_NOW, other("/involvedObject/uid", "db-0-a")), "");
}

#[test]
fn the_volume_is_read_from_either_wording() {
    let volume = |message: &str| {
        let event = Object::of_value(event(message));
        waiting::volume_elsewhere(&event).map(str::to_owned)
    };
    for said in [
        "Volume is already exclusively attached to one node and can't be attached to another",
        "Volume is already used by pod(s) db-1",
        "Volume is already used by pod(s) db-1 and 2 pod(s) in different namespaces",
        "Volume is already used by 2 pod(s) in different namespaces",
    ] {
        let message = ["Multi-Attach error for volume \"pvc-1\" ", said].concat();
        assert_eq!(volume(&message).as_deref(), Some("pvc-1"));
    }
    assert_eq!(
        volume("AttachVolume.Attach failed for volume \"pvc-1\" : timed out"),
        None
    );
}
