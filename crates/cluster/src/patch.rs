//! What is sent to change an object, and whether it may still be sent.
//!
//! Both preconditions are part of the patch itself. Tried against a real API server (1.36):
//! - `replace /metadata/resourceVersion` with another version than the stored one is answered 409, in a dry run too, and
//!   even when the patch would change nothing; with the stored version it is no change at all;
//! - `replace /metadata/uid` with another uid is answered 422, and 409 when the version differs as well;
//! - a failing `test` is answered 422 without a word of which one, and before the version is looked at.
//!
//! So a `replace` says "changed" where a `test` would only say "no"; and a 422 has to be followed by a look.

use std::fmt;

use http::Method;
use nks_core::object::{Object, same_content};
use nks_core::plan::ObjectPatch;
use nks_core::scope;
use serde_json::{Value, json};

use crate::cluster::{Cluster, object};
use crate::error::RequestError;
use crate::request::{Call, JSON_PATCH};

/// How an object differs from the one that a plan was made for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Drift {
    /// It is not there any more.
    Gone,
    /// Another object has its name.
    Replaced,
    /// Somebody changed it.
    Changed,
    /// Its version changes faster than a write gets through.
    Busy,
}

impl fmt::Display for Drift {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(match self {
            Self::Gone => "it was deleted since the plan was made",
            Self::Replaced => "it was deleted and created again since the plan was made",
            Self::Changed => "it was changed since the plan was made",
            Self::Busy => "it is being changed all the time",
        })
    }
}

/// An object, looked at right before it is written.
pub(crate) enum Fresh {
    /// As planned for; this is its version now.
    Same(Box<Object>),
    /// Everything is already as the patch would have it.
    Holds(Box<Object>),
    /// Not what was planned for.
    Drifted(Drift),
}

/// How a write is asked for.
pub(crate) struct Writing<'a> {
    pub(crate) field_manager: &'a str,
    pub(crate) dry_run: bool,
}

impl Cluster {
    /// Looks at the object that a patch is for.
    pub(crate) async fn look(&self, patch: &ObjectPatch) -> Result<Fresh, RequestError> {
        Ok(classify(patch, self.get(&patch.id).await?))
    }

    /// The request that changes `fresh`, and only that version of it.
    pub(crate) async fn patch_call(
        &self,
        patch: &ObjectPatch,
        fresh: &Object,
        writing: &Writing<'_>,
    ) -> Result<Call, RequestError> {
        let (path, target) = self.address(&patch.id, "patch").await?;
        let body = document(patch, fresh);
        let call = Call::with_body(Method::PATCH, path, target, JSON_PATCH, &body)
            .query("fieldManager", writing.field_manager);
        Ok(if writing.dry_run {
            call.query("dryRun", "All")
        } else {
            call
        })
    }
}

/// Takes the object in the answer to a patch.
pub(crate) fn patched(patch: &ObjectPatch, answer: Value) -> Result<Object, RequestError> {
    object(answer, &patch.id).and_then(|after| {
        (after.uid == patch.uid)
            .then_some(after)
            .ok_or(RequestError::Malformed)
    })
}

fn classify(patch: &ObjectPatch, now: Option<Object>) -> Fresh {
    let Some(now) = now else {
        return Fresh::Drifted(Drift::Gone);
    };
    if now.uid != patch.uid {
        return Fresh::Drifted(Drift::Replaced);
    }
    if scope::are_done(&patch.edits, &now.value) {
        Fresh::Holds(Box::new(now))
    } else if same_content(&now.value, &patch.before) {
        Fresh::Same(Box::new(now))
    } else {
        Fresh::Drifted(Drift::Changed)
    }
}

fn document(patch: &ObjectPatch, fresh: &Object) -> Value {
    let mut operations = vec![
        json!({"op": "replace", "path": "/metadata/uid", "value": patch.uid}),
        json!({"op": "replace", "path": "/metadata/resourceVersion", "value": fresh.resource_version}),
    ];
    operations.extend(scope::operations(&patch.edits));
    Value::Array(operations)
}

#[cfg(test)]
mod tests {
    use super::*;
    use nks_core::scope::edits;

    fn config_map(uid: &str, version: &str, data: Value) -> Object {
        let value = json!({"apiVersion": "v1", "kind": "ConfigMap", "data": data,
            "metadata": {"name": "c", "namespace": "n", "uid": uid, "resourceVersion": version}});
        Object::new(value, "n").unwrap()
    }

    fn patch() -> ObjectPatch {
        let before = config_map("u", "1", json!({"a": "1", "b": "2"}));
        let after = config_map("u", "1", json!({"a": "9", "b": "2"}));
        ObjectPatch {
            id: before.id.clone(),
            uid: "u".into(),
            resource_version: "1".into(),
            edits: edits(&before.value, &after.value),
            before: before.value,
            after: after.value,
            declared: Vec::new(),
            managed_by: None,
        }
    }

    fn seen(uid: &str, data: Value) -> Fresh {
        classify(&patch(), Some(config_map(uid, "7", data)))
    }

    #[test]
    fn a_patch_carries_its_preconditions() {
        let now = config_map("u", "7", json!({"a": "1", "b": "2"}));
        assert_eq!(
            document(&patch(), &now),
            json!([
                {"op": "replace", "path": "/metadata/uid", "value": "u"},
                {"op": "replace", "path": "/metadata/resourceVersion", "value": "7"},
                {"op": "test", "path": "/data/a", "value": "1"},
                {"op": "replace", "path": "/data/a", "value": "9"},
            ])
        );
    }

    #[test]
    fn a_newer_version_is_fine_and_other_content_is_not() {
        assert!(matches!(
            seen("u", json!({"a": "1", "b": "2"})),
            Fresh::Same(_)
        ));
        assert!(matches!(
            seen("u", json!({"a": "1", "b": "3"})),
            Fresh::Drifted(Drift::Changed)
        ));
        assert!(matches!(
            seen("w", json!({"a": "1", "b": "2"})),
            Fresh::Drifted(Drift::Replaced)
        ));
        assert!(matches!(
            classify(&patch(), None),
            Fresh::Drifted(Drift::Gone)
        ));
    }

    #[test]
    fn what_is_done_already_is_not_done_again() {
        assert!(matches!(
            seen("u", json!({"a": "9", "b": "2"})),
            Fresh::Holds(_)
        ));
    }
}
