use serde_json::json;

use super::*;
use crate::record::{Begin, FORMAT, Record};

fn messages() -> [Text; 4] {
    ["put back", "restart", "delete", "create"].map(|text| Text {
        en: text.into(),
        ko: text.into(),
    })
}

fn settings(uid: &str) -> Object {
    let value = json!({"apiVersion": "v1", "kind": "ConfigMap", "data": {"a": "1"},
        "metadata": {"name": "c", "namespace": "n", "uid": uid, "resourceVersion": "7", "creationTimestamp": "t"}});
    Object::new(value, "").unwrap()
}

fn intent(step: usize, act: Act, object: &Object, edits: Vec<Edit>) -> Intent {
    Intent {
        step,
        at: "t".into(),
        act,
        object: object.id.clone(),
        uid: object.uid.clone(),
        resource_version: object.resource_version.clone(),
        edits,
    }
}

/// A run that did `intents`, and after which the objects were `now`.
fn journal(intents: &[(&Intent, Option<&Object>)]) -> Journal {
    let done = intents.iter().flat_map(|(intent, now)| {
        let ack = Record::ack(intent, "t".into(), *now);
        [Record::Intent((*intent).clone()), ack]
    });
    Journal {
        begin: Begin {
            format: FORMAT,
            entry: "e".into(),
            at: "t".into(),
            fixer: "f".into(),
            fixer_version: "1.0.0".into(),
            undoes: None,
            cluster_uid: "u".into(),
            cluster: "c".into(),
            by: "me@here".into(),
            field_manager: "kubectl-nks".into(),
            steps: Vec::new(),
        },
        records: done.collect(),
        checksum: String::new(),
        good_bytes: 0,
    }
}

/// The plan while `there` is what there is, or the obstacles in words.
fn back(journal: &Journal, there: Option<&Object>) -> Result<Plan, Vec<String>> {
    let [put_back, restart, delete, create] = &messages();
    let messages = Messages {
        put_back,
        restart,
        delete,
        create,
    };
    let find = |id: &ObjectId| there.filter(|object| object.id == *id).cloned();
    plan(journal, &messages, find, "2026-01-01T00:00:00Z")
        .map_err(|obstacles| obstacles.iter().map(ToString::to_string).collect())
}

fn created() -> Journal {
    let made = settings("new");
    let sent = whole::creation(&whole::as_new(&made.value), &made.value);
    journal(&[(&intent(0, Act::Create, &made, sent), Some(&made))])
}

#[test]
fn what_was_created_is_deleted_as_long_as_nobody_changed_it() {
    let mut there = settings("new");
    there.value["metadata"]["resourceVersion"] = "9".into();
    let plan = back(&created(), Some(&there)).unwrap();
    let (_, patch) = plan.patches().next().unwrap();
    assert_eq!((patch.act(), &*patch.uid), (Act::Delete, "new"));
    assert!(patch.is_guarded());
    assert_eq!(plan.steps[0].message.en, "delete");
    assert_eq!(plan.steps[0].risk, Risk::Destructive);

    there.value["data"]["b"] = "theirs".into();
    assert_eq!(
        back(&created(), Some(&there)),
        Err(vec![
            "configmap/c -n n: /data/b was set to nothing and holds \"theirs\" now".to_owned()
        ])
    );
    let other = settings("other");
    let said = "configmap/c -n n is no longer the object that was changed".to_owned();
    assert_eq!(back(&created(), Some(&other)), Err(vec![said]));
    assert_eq!(back(&created(), None), Ok(Plan::default()));
}

#[test]
fn what_was_deleted_is_created_again_unless_somebody_did() {
    let was = settings("old");
    let deleted = intent(0, Act::Delete, &was, whole::deletion(&was.value).unwrap());
    let journal = journal(&[(&deleted, None)]);
    let plan = back(&journal, None).unwrap();
    let (_, patch) = plan.patches().next().unwrap();
    let made = json!({"apiVersion": "v1", "kind": "ConfigMap", "data": {"a": "1"},
        "metadata": {"name": "c", "namespace": "n"}});
    assert_eq!((patch.act(), &patch.after), (Act::Create, &made));
    assert_eq!(plan.steps[0].message.en, "create");
    let said = "configmap/c -n n was deleted and is there again".to_owned();
    assert_eq!(back(&journal, Some(&was)), Err(vec![said]));
}

#[test]
fn the_last_change_is_undone_first_and_a_controllers_pod_not_at_all() {
    let (was, made) = (settings("old"), settings("new"));
    let pod = json!({"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "p", "namespace": "n", "uid": "u"}});
    let pod = Object::new(pod, "").unwrap();
    let mut gone = intent(0, Act::Delete, &was, whole::deletion(&was.value).unwrap());
    gone.object.name = "gone".into();
    let creation = intent(1, Act::Create, &made, Vec::new());
    let remade = intent(2, Act::Delete, &pod, Vec::new());
    let journal = journal(&[(&gone, None), (&creation, Some(&made)), (&remade, None)]);
    let plan = back(&journal, Some(&made)).unwrap();
    let acts: Vec<_> = plan.patches().map(|(_, patch)| patch.act()).collect();
    assert_eq!(acts, [Act::Delete, Act::Create]);
    let only = self::journal(&[(&remade, None)]);
    assert_eq!(back(&only, None), Ok(Plan::default()));
}

#[test]
fn a_created_secret_is_deleted_as_long_as_it_holds_what_was_put_there() {
    let made = |value: &str| {
        let mut object = settings("new");
        object.value["kind"] = "Secret".into();
        object.value["data"]["a"] = secret::encode(value);
        Object::new(object.value, "").unwrap()
    };
    let there = made("hunter2");
    let mut masked = there.value.clone();
    secret::mask(&mut masked);
    let sent = whole::creation(&whole::as_new(&masked), &there.value);
    let journal = journal(&[(&intent(0, Act::Create, &there, sent), Some(&there))]);
    let plan = back(&journal, Some(&there)).unwrap();
    let (_, patch) = plan.patches().next().unwrap();
    assert_eq!((patch.act(), &*patch.uid), (Act::Delete, "new"));
    assert_eq!(patch.way_back(), plan::WayBack::None);
    assert!(patch.edits.is_empty());

    let said = "secret/c -n n: /data/a was set to *** and holds *** now".to_owned();
    assert_eq!(back(&journal, Some(&made("other"))), Err(vec![said]));
    let mut more = made("hunter2");
    more.value["data"]["b"] = secret::encode("theirs");
    let said = "secret/c -n n: /data/b was set to nothing and holds \"***\" now".to_owned();
    assert_eq!(back(&journal, Some(&more)), Err(vec![said]));
}
