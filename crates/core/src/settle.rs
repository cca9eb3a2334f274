//! What became of a write of which neither success nor refusal is on record.

use crate::object::Object;
use crate::record::Intent;
use crate::scope::Edit;

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
}
