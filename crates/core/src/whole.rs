//! Objects as a whole: what is written down of one that is created or deleted, and how a deleted one is made again.

use serde_json::Value;

use crate::object::ObjectId;
use crate::pointer::Pointer;
use crate::scope::{self, Edit};
use crate::token::{self, SealedEdit};
use crate::{object, secret};

/// Written by the server, and refused by it, or without a meaning, in an object that is made.
const SERVER_METADATA: [&str; 5] = [
    "uid",
    "creationTimestamp",
    "deletionTimestamp",
    "deletionGracePeriodSeconds",
    "selfLink",
];
/// Written by the Job controller's defaults, and refused in a Job that is made (kubernetes, apis/batch/validation).
const JOB_LABELS: [&str; 4] = [
    "controller-uid",
    "job-name",
    "batch.kubernetes.io/controller-uid",
    "batch.kubernetes.io/job-name",
];
const LAST_APPLIED: &str = "kubectl.kubernetes.io/last-applied-configuration";

/// Whether it is a Pod.
pub fn is_pod(id: &ObjectId) -> bool {
    id.api_version == "v1" && id.kind == "Pod"
}

/// Whether it is a pod that a controller makes again when it is deleted.
pub fn is_remade(object: &Value) -> bool {
    let is = |place: &str, what: &str| object.pointer(place).is_some_and(|value| value == what);
    let owners = object.pointer("/metadata/ownerReferences");
    let owners = owners.and_then(Value::as_array).into_iter().flatten();
    is("/apiVersion", "v1")
        && is("/kind", "Pod")
        && owners
            .filter_map(|owner| owner.get("controller"))
            .any(|controller| controller == true)
}

/// An object as it can be made again: without what the server, the scheduler and the Job controller have written.
pub fn as_new(object: &Value) -> Value {
    let mut value = object::content(object);
    let kind = value
        .get("kind")
        .and_then(Value::as_str)
        .unwrap_or_default();
    let (is_pod, is_job) = (kind == "Pod", kind == "Job");
    remove(&mut value, "/metadata", &SERVER_METADATA);
    if is_pod {
        remove(&mut value, "/spec", &["nodeName"]);
    }
    if is_job && value.pointer("/spec/manualSelector") != Some(&Value::Bool(true)) {
        remove(&mut value, "/spec", &["selector"]);
        remove(&mut value, "/metadata/labels", &JOB_LABELS);
        remove(&mut value, "/spec/template/metadata/labels", &JOB_LABELS);
    }
    value
}

fn remove(value: &mut Value, place: &str, fields: &[&str]) {
    if let Some(map) = value.pointer_mut(place).and_then(Value::as_object_mut) {
        fields.iter().for_each(|field| {
            map.remove(*field);
        });
    }
}

/// What an object is compared by later, to see whether somebody has changed it: its content, without credentials.
pub fn kept(object: &Value) -> Value {
    let mut value = as_new(object);
    secret::mask(&mut value);
    value
}

/// The making of an object, as it is written down: of a Secret, without its values, of which only digests are kept.
/// `sent` is the same object with them.
pub fn creation(object: &Value, sent: &Value) -> Vec<Edit> {
    let mut written = object.clone();
    let mut digests = Vec::new();
    if secret::is_secret(object) {
        remove(&mut written, "", &["data"]);
        let data = sent.get("data").and_then(Value::as_object);
        for (key, value) in data.into_iter().flatten() {
            let text = secret::decode(value).unwrap_or_default();
            digests.push(edit(
                Pointer::default().child("data").child(key),
                None,
                Some(token::made(&text)),
            ));
        }
    }
    let whole = edit(Pointer::default(), Some(written), None);
    [whole].into_iter().chain(digests).collect()
}

fn edit(path: Pointer, after: Option<Value>, sealed: Option<SealedEdit>) -> Edit {
    Edit {
        path,
        before: None,
        after,
        within: Vec::new(),
        sealed,
    }
}

/// The removal of an object, as it is written down: with what it takes to make it again, or with nothing where its
/// controller does that. What `kubectl apply` noted of it is left out, since it may hold what is no longer there.
///
/// # Errors
/// A place that holds a credential.
pub fn deletion(object: &Value) -> Result<Vec<Edit>, Pointer> {
    if is_remade(object) {
        return Ok(Vec::new());
    }
    let mut before = as_new(object);
    remove(&mut before, "/metadata/annotations", &[LAST_APPLIED]);
    let mut masked = before.clone();
    secret::mask(&mut masked);
    if let Some(hidden) = scope::edits(&before, &masked).into_iter().next() {
        return Err(hidden.path);
    }
    Ok(vec![Edit {
        path: Pointer::default(),
        before: Some(before),
        after: None,
        within: Vec::new(),
        sealed: None,
    }])
}

/// Whether an object holds everything that was sent to make it. The server adds defaults, and stores nothing for what is
/// null or empty.
pub fn holds(found: &Value, sent: &Value) -> bool {
    let is_nothing = |value: &Value| match value {
        Value::Null => true,
        Value::Array(entries) => entries.is_empty(),
        Value::Object(map) => map.is_empty(),
        _ => false,
    };
    match (found, sent) {
        (Value::Object(found), Value::Object(sent)) => sent.iter().all(|(key, sent)| {
            found
                .get(key)
                .map_or(is_nothing(sent), |found| holds(found, sent))
        }),
        (Value::Array(found), Value::Array(sent)) => {
            found.len() == sent.len()
                && found
                    .iter()
                    .zip(sent)
                    .all(|(found, sent)| holds(found, sent))
        }
        (found, sent) => found == sent || (is_nothing(found) && is_nothing(sent)),
    }
}

/// Whether a Secret still holds the values that it was made with, of which `made` has the digests.
pub fn holds_values(secret: &Value, made: &[Edit]) -> bool {
    let mut sealed = made.iter().filter(|edit| edit.sealed.is_some());
    sealed.all(|edit| edit.is_done_in(secret))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn what_servers_write_is_not_made_again() {
        let pod = json!({"apiVersion": "v1", "kind": "Pod", "status": {"phase": "Running"},
            "metadata": {"name": "p", "uid": "u", "resourceVersion": "4", "creationTimestamp": "t", "labels": {"a": "b"},
                "managedFields": [], "deletionTimestamp": "t", "deletionGracePeriodSeconds": 30},
            "spec": {"nodeName": "n", "containers": []}});
        let made = json!({"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "p", "labels": {"a": "b"}},
            "spec": {"containers": []}});
        assert_eq!(as_new(&pod), made);
        let labels =
            json!({"job-name": "j", "app": "x", "batch.kubernetes.io/controller-uid": "u"});
        let mut job = json!({"kind": "Job", "metadata": {"labels": labels},
            "spec": {"selector": {}, "template": {"metadata": {"labels": labels}}}});
        let made = json!({"kind": "Job", "metadata": {"labels": {"app": "x"}},
            "spec": {"template": {"metadata": {"labels": {"app": "x"}}}}});
        assert_eq!(as_new(&job), made);
        job["spec"]["manualSelector"] = true.into();
        assert_eq!(as_new(&job), job);
    }

    #[test]
    fn a_deletion_keeps_what_can_be_made_again_and_no_credential() {
        let mut pod = json!({"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "p", "uid": "u",
            "annotations": {LAST_APPLIED: "{}", "a": "b"}}, "spec": {"containers": [{"name": "c"}]}});
        let [edit] = &deletion(&pod).unwrap()[..] else {
            panic!()
        };
        let before = edit.before.as_ref().unwrap();
        assert_eq!(
            before["metadata"],
            json!({"name": "p", "annotations": {"a": "b"}})
        );
        assert!(edit.after.is_none() && edit.path.steps().is_empty());
        pod["spec"]["containers"][0]["env"] = json!([{"name": "PASSWORD", "value": "abc"}]);
        let place = deletion(&pod).unwrap_err().to_string();
        assert_eq!(place, "/spec/containers/0/env/0/value");
        pod["metadata"]["ownerReferences"] = json!([{"kind": "ReplicaSet", "controller": true}]);
        assert!(is_remade(&pod) && deletion(&pod).unwrap().is_empty());
        pod["metadata"]["ownerReferences"] = json!([{"kind": "ReplicaSet"}]);
        assert!(!is_remade(&pod));
    }

    #[test]
    fn defaults_are_no_difference_and_other_values_are() {
        let sent = json!({"data": {"a": "1"}, "labels": {}, "list": [{"name": "c"}], "gone": null});
        let stored =
            json!({"data": {"a": "1"}, "list": [{"name": "c", "policy": "Always"}], "uid": "u"});
        assert!(holds(&stored, &sent));
        for (place, value) in [
            ("/data/a", json!("2")),
            ("/data", json!({})),
            ("/list", json!([])),
            ("/list/0/name", json!("d")),
        ] {
            let mut other = stored.clone();
            *other.pointer_mut(place).unwrap() = value;
            assert!(!holds(&other, &sent), "{place}");
        }
    }
}
