//! What is sent to change an object, and whether it may still be sent.
//!
//! Both preconditions are part of the patch itself. Tried against a real API server (1.36):
//! - `replace /metadata/resourceVersion` with another version than the stored one is answered 409, in a dry run too, and
//!   even when the patch would change nothing; with the stored version it is no change at all;
//! - `replace /metadata/uid` with another uid is answered 422, and 409 when the version differs as well;
//! - a failing `test` is answered 422 without a word of which one, and before the version is looked at.
//!
//! So a `replace` says "changed" where a `test` would only say "no"; and a 422 has to be followed by a look.
//!
//! A creation has its precondition in itself: 409 where the object is there. A deletion has uid and version in its
//! options, and is answered 409 where either differs, in a dry run too. The server reads the options from the body, and
//! then not from the query: a dry run has to be asked for in there.

use std::fmt;

use http::Method;
use nks_core::object::{Object, same_content};
use nks_core::plan::{Act, ObjectPatch};
use nks_core::{scope, whole};
use serde_json::{Value, json};

use crate::cluster::{Cluster, object};
use crate::error::RequestError;
use crate::request::{Call, JSON, JSON_PATCH};

/// How an object differs from the one that a plan was made for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Drift {
    /// It is not there any more.
    Gone,
    /// It is there, and was to be created.
    Exists,
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
            Self::Exists => "it was created since the plan was made",
            Self::Replaced => "it was deleted and created again since the plan was made",
            Self::Changed => "it was changed since the plan was made",
            Self::Busy => "it is being changed all the time",
        })
    }
}

/// An object, looked at right before it is written.
pub(crate) enum Fresh {
    /// As planned for; this is its version now. None where it is to be created.
    Same(Option<Box<Object>>),
    /// Everything is already as the patch would have it. None where it was to be deleted.
    Holds(Option<Box<Object>>),
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
    pub(crate) async fn write_call(
        &self,
        patch: &ObjectPatch,
        fresh: Option<&Object>,
        writing: &Writing<'_>,
    ) -> Result<Call, RequestError> {
        let act = patch.act();
        let (path, target) = self.address(&patch.id, act.verb()).await?;
        let version = fresh.map_or("", |fresh| &fresh.resource_version);
        let (method, path, media_type, body) = match act {
            Act::Patch => (Method::PATCH, path, JSON_PATCH, document(patch, version)),
            Act::Create => {
                let collection = path.rsplit_once('/').map_or("", |(before, _)| before);
                (Method::POST, collection.to_owned(), JSON, patch.sent())
            }
            Act::Delete => {
                let options = options(patch, version, writing.dry_run);
                let call = Call::with_body(Method::DELETE, path, target, JSON, &options);
                return Ok(call);
            }
        };
        let call = Call::with_body(method, path, target, media_type, &body)
            .hiding(&patch.credentials)
            .query("fieldManager", writing.field_manager);
        Ok(if writing.dry_run {
            call.query("dryRun", "All")
        } else {
            call
        })
    }
}

/// Takes the object in the answer to a write; none is left of one that is deleted. A deletion is answered with a Status,
/// or, where it takes its time, with the object.
pub(crate) fn written(patch: &ObjectPatch, answer: Value) -> Result<Option<Object>, RequestError> {
    let act = patch.act();
    if act == Act::Delete && answer.get("kind").is_some_and(|kind| kind == "Status") {
        let success = answer
            .get("status")
            .is_some_and(|status| status == "Success");
        return if success {
            Ok(None)
        } else {
            Err(RequestError::Malformed)
        };
    }
    let after = object(answer, &patch.id)?;
    match act {
        Act::Create => Ok(Some(after)),
        _ if after.uid != patch.uid => Err(RequestError::Malformed),
        Act::Patch => Ok(Some(after)),
        Act::Delete => Ok(None),
    }
}

fn classify(patch: &ObjectPatch, now: Option<Object>) -> Fresh {
    let act = patch.act();
    let Some(now) = now else {
        return match act {
            Act::Create => Fresh::Same(None),
            Act::Delete => Fresh::Holds(None),
            Act::Patch => Fresh::Drifted(Drift::Gone),
        };
    };
    let holds = match act {
        Act::Create => whole::holds(&now.value, &patch.sent()),
        Act::Delete => now.text("/metadata/deletionTimestamp").is_some(),
        Act::Patch => scope::are_done(&patch.edits, &now.value),
    };
    if act != Act::Create && now.uid != patch.uid {
        return Fresh::Drifted(Drift::Replaced);
    }
    if holds {
        Fresh::Holds(Some(Box::new(now)))
    } else if act == Act::Create {
        Fresh::Drifted(Drift::Exists)
    } else if same_content(&now.value, &patch.before) {
        Fresh::Same(Some(Box::new(now)))
    } else {
        Fresh::Drifted(Drift::Changed)
    }
}

fn options(patch: &ObjectPatch, version: &str, dry_run: bool) -> Value {
    let mut options = json!({
        "apiVersion": "v1",
        "kind": "DeleteOptions",
        "preconditions": {"uid": patch.uid, "resourceVersion": version},
        "propagationPolicy": "Background",
    });
    if dry_run {
        options["dryRun"] = json!(["All"]);
    }
    options
}

fn document(patch: &ObjectPatch, version: &str) -> Value {
    let mut operations = vec![
        json!({"op": "replace", "path": "/metadata/uid", "value": patch.uid}),
        json!({"op": "replace", "path": "/metadata/resourceVersion", "value": version}),
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
            credentials: Default::default(),
            managed_by: None,
        }
    }

    fn seen(uid: &str, data: Value) -> Fresh {
        classify(&patch(), Some(config_map(uid, "7", data)))
    }

    #[test]
    fn a_patch_carries_its_preconditions() {
        assert_eq!(
            document(&patch(), "7"),
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

    #[test]
    fn a_deletion_carries_its_preconditions_and_the_dry_run_in_its_body() {
        let preconditions = json!({"uid": "u", "resourceVersion": "7"});
        let sent = options(&patch(), "7", false);
        assert_eq!(sent["preconditions"], preconditions);
        assert!(sent.get("dryRun").is_none());
        let dry = options(&patch(), "7", true);
        assert_eq!(dry["preconditions"], preconditions);
        assert_eq!(dry["dryRun"], json!(["All"]));
    }

    #[test]
    fn what_is_to_be_created_is_not_there_and_what_is_to_be_deleted_is() {
        let (there, data) = (config_map("u", "7", json!({"a": "1"})), json!({"a": "1"}));
        let creation = ObjectPatch {
            before: Value::Null,
            after: json!({"apiVersion": "v1", "kind": "ConfigMap", "data": data,
                "metadata": {"name": "c", "namespace": "n"}}),
            ..patch()
        };
        let of = |patch: &ObjectPatch, now: Option<&Object>| classify(patch, now.cloned());
        assert!(matches!(of(&creation, None), Fresh::Same(None)));
        assert!(matches!(of(&creation, Some(&there)), Fresh::Holds(Some(_))));
        let other = config_map("u", "7", json!({"a": "2"}));
        let exists = of(&creation, Some(&other));
        assert!(matches!(exists, Fresh::Drifted(Drift::Exists)));

        let deletion = ObjectPatch {
            before: there.value.clone(),
            after: Value::Null,
            ..patch()
        };
        assert!(matches!(of(&deletion, Some(&there)), Fresh::Same(Some(_))));
        assert!(matches!(of(&deletion, None), Fresh::Holds(None)));
        let changed = of(&deletion, Some(&other));
        assert!(matches!(changed, Fresh::Drifted(Drift::Changed)));
        let replaced = of(&deletion, Some(&config_map("w", "7", data)));
        assert!(matches!(replaced, Fresh::Drifted(Drift::Replaced)));
        let mut going = other;
        going.value["metadata"]["deletionTimestamp"] = "t".into();
        assert!(matches!(of(&deletion, Some(&going)), Fresh::Holds(Some(_))));
    }

    #[test]
    fn only_the_answer_to_a_deletion_may_be_a_status() {
        let deletion = ObjectPatch {
            after: Value::Null,
            ..patch()
        };
        let status = |said: &str| json!({"kind": "Status", "status": said});
        let there = config_map("u", "7", json!({})).value;
        assert_eq!(written(&deletion, status("Success")), Ok(None));
        assert_eq!(written(&deletion, there.clone()), Ok(None));
        let malformed = Err(RequestError::Malformed);
        assert_eq!(written(&deletion, status("Failure")), malformed);
        assert_eq!(written(&patch(), status("Success")), malformed);
        assert!(matches!(written(&patch(), there), Ok(Some(_))));
        let other = config_map("w", "7", json!({})).value;
        assert_eq!(written(&deletion, other), malformed);
    }
}
