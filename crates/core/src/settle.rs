//! What became of a write of which neither success nor refusal is on record.

use crate::object::Object;
use crate::plan::Act;
use crate::record::Intent;
use crate::scope::Edit;
use crate::whole;

/// What became of a write that was neither confirmed nor refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Settled {
    /// It is in place.
    Applied,
    /// It is not in place, and can no longer get there: its precondition has passed.
    NotApplied,
    /// Neither can be said.
    Unknown,
}

/// Settles an unconfirmed write from the object as it is now (safety.md, "Protocol"). Beyond the page, an object whose
/// version moved on while all edited places still hold what was there before counts as not applied: the version was a
/// precondition of the write, so a late one is refused.
pub fn settle(intent: &Intent, field_manager: &str, now: Option<&Object>) -> Settled {
    match intent.act {
        Act::Create => settle_creation(intent, field_manager, now),
        Act::Delete => settle_deletion(intent, now),
        Act::Patch => settle_patch(intent, field_manager, now),
    }
}

/// What is there, is there by whoever wrote it; it is ours only with our content.
fn settle_creation(intent: &Intent, field_manager: &str, now: Option<&Object>) -> Settled {
    let Some(now) = now else {
        return Settled::NotApplied;
    };
    let sent = intent.edits.first().and_then(|edit| edit.after.as_ref());
    if writes_as(now, field_manager)
        && sent.is_some_and(|sent| whole::holds(&now.value, sent))
        && whole::holds_values(&now.value, &intent.edits)
    {
        Settled::Applied
    } else {
        Settled::Unknown
    }
}

/// What is gone, or going, was deleted, if by us or by somebody else. A late deletion of what has changed is refused for
/// its version.
fn settle_deletion(intent: &Intent, now: Option<&Object>) -> Settled {
    let there = now.filter(|object| {
        object.uid == intent.uid && object.text("/metadata/deletionTimestamp").is_none()
    });
    match there {
        Some(_) => Settled::NotApplied,
        None => Settled::Applied,
    }
}

fn settle_patch(intent: &Intent, field_manager: &str, now: Option<&Object>) -> Settled {
    let Some(now) = now.filter(|object| object.uid == intent.uid) else {
        return Settled::Unknown;
    };
    if now.resource_version == intent.resource_version {
        return Settled::NotApplied;
    }
    let all = |holds: fn(&Edit, &serde_json::Value) -> bool| {
        intent.edits.iter().all(|edit| holds(edit, &now.value))
    };
    if all(Edit::is_done_in) && writes_as(now, field_manager) {
        Settled::Applied
    } else if all(Edit::is_undone_in) {
        Settled::NotApplied
    } else {
        Settled::Unknown
    }
}

fn writes_as(object: &Object, field_manager: &str) -> bool {
    let fields = object
        .value
        .pointer("/metadata/managedFields")
        .and_then(serde_json::Value::as_array);
    fields.into_iter().flatten().any(|entry| {
        entry.get("manager").and_then(serde_json::Value::as_str) == Some(field_manager)
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::object::ObjectId;
    use crate::pointer::Pointer;
    use serde_json::json;

    fn intent() -> Intent {
        Intent {
            step: 0,
            at: "t".into(),
            act: Act::Patch,
            object: ObjectId {
                api_version: "apps/v1".into(),
                kind: "DaemonSet".into(),
                namespace: "n".into(),
                name: "d".into(),
            },
            uid: "uid".into(),
            resource_version: "5".into(),
            edits: vec![Edit {
                path: Pointer::parse("/spec/image").unwrap(),
                before: Some(json!("a")),
                after: Some(json!("b")),
                within: vec![],
                sealed: None,
            }],
        }
    }

    #[test]
    fn an_unconfirmed_write_is_settled_by_what_is_there() {
        let now = |uid: &str, version: &str, image: &str, manager: &str| {
            Object::new(
                json!({"apiVersion": "apps/v1", "kind": "DaemonSet", "spec": {"image": image}, "metadata": {"name": "d",
                    "uid": uid, "resourceVersion": version, "managedFields": [{"manager": manager}]}}),
                "n",
            )
            .unwrap()
        };
        let settled = |object: Option<&Object>| settle(&intent(), "kubectl-nks", object);
        assert_eq!(
            settled(Some(&now("uid", "5", "a", "x"))),
            Settled::NotApplied
        );
        assert_eq!(
            settled(Some(&now("uid", "6", "a", "x"))),
            Settled::NotApplied
        );
        assert_eq!(
            settled(Some(&now("uid", "6", "b", "kubectl-nks"))),
            Settled::Applied
        );
        assert_eq!(settled(Some(&now("uid", "6", "b", "x"))), Settled::Unknown);
        assert_eq!(
            settled(Some(&now("uid", "6", "c", "kubectl-nks"))),
            Settled::Unknown
        );
        assert_eq!(
            settled(Some(&now("other", "6", "b", "kubectl-nks"))),
            Settled::Unknown
        );
        assert_eq!(settled(None), Settled::Unknown);
    }

    #[test]
    fn a_creation_is_settled_by_its_content_and_a_deletion_by_the_uid() {
        let object = |metadata: serde_json::Value, data: &str| {
            let mut value = json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "d", "uid": "uid",
                "resourceVersion": "5"}, "data": {"a": data}});
            let fields = value["metadata"].as_object_mut().unwrap();
            fields.extend(metadata.as_object().unwrap().clone());
            Object::new(value, "n").unwrap()
        };
        let ours = json!({"managedFields": [{"manager": "kubectl-nks"}]});
        let sent = json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "d"}, "data": {"a": "1"}});
        let creation = Intent {
            act: Act::Create,
            uid: String::new(),
            resource_version: String::new(),
            edits: whole::creation(&sent, &sent),
            ..intent()
        };
        let settled = |now: Option<&Object>| settle(&creation, "kubectl-nks", now);
        assert_eq!(settled(None), Settled::NotApplied);
        assert_eq!(settled(Some(&object(ours.clone(), "1"))), Settled::Applied);
        assert_eq!(settled(Some(&object(ours, "2"))), Settled::Unknown);
        assert_eq!(settled(Some(&object(json!({}), "1"))), Settled::Unknown);

        let deletion = Intent {
            act: Act::Delete,
            edits: Vec::new(),
            ..intent()
        };
        let settled = |now: Option<&Object>| settle(&deletion, "kubectl-nks", now);
        assert_eq!(settled(None), Settled::Applied);
        let (other, going) = (json!({"uid": "new"}), json!({"deletionTimestamp": "t"}));
        assert_eq!(settled(Some(&object(other, "1"))), Settled::Applied);
        assert_eq!(settled(Some(&object(going, "1"))), Settled::Applied);
        for version in ["5", "6"] {
            let there = object(json!({"resourceVersion": version}), "1");
            assert_eq!(settled(Some(&there)), Settled::NotApplied);
        }
    }
}
