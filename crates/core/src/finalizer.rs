//! Finalizers: which of them nobody may remove for a fixer, and that a change removes, and does nothing else
//! (safety.md, "Untouchable finalizers").

use serde_json::Value;

use crate::kinds;
use crate::object::ObjectId;
use crate::pointer::Pointer;

/// Where they are.
const POINTER: &str = "/metadata/finalizers";

/// Where they are.
pub fn pointer() -> Pointer {
    Pointer::default().child("metadata").child("finalizers")
}

/// Behind each of these stands something that would be lost, or go on costing money, or never be cleaned up. A name that
/// ends in `/` stands for all names that start with it.
const UNTOUCHABLE: [&str; 11] = [
    "kubernetes.io/pvc-protection",
    "kubernetes.io/pv-protection",
    "kubernetes",
    "foregroundDeletion",
    "orphan",
    "service.kubernetes.io/load-balancer-cleanup",
    "external-attacher/",
    "external-provisioner.volume.kubernetes.io/finalizer",
    "snapshot.storage.kubernetes.io/",
    "customresourcecleanup.apiextensions.k8s.io",
    "batch.kubernetes.io/job-tracking",
];

/// Why a change of finalizers is refused.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum FinalizerError {
    /// Finalizers of this kind guard data.
    #[error("finalizers of {0} are never changed")]
    Kind(ObjectId),
    /// This finalizer guards something.
    #[error("the finalizer {0} is never removed")]
    Untouchable(String),
    /// Something else than taking names out of the list.
    #[error("finalizers may only be removed, each by its name")]
    NotARemoval,
}

/// The finalizers that a change of an object takes away, in order. An object without any has an empty list.
///
/// # Errors
/// When it does anything else to them, or takes away one that has to stay.
pub fn removed(
    id: &ObjectId,
    before: &Value,
    after: &Value,
) -> Result<Vec<String>, FinalizerError> {
    let (old, new) = (names(before)?, names(after)?);
    let mut kept = new.iter().peekable();
    let mut removed = Vec::new();
    for name in old {
        if kept.next_if(|kept| **kept == name).is_none() {
            removed.push(name.to_owned());
        }
    }
    if kept.next().is_some() {
        return Err(FinalizerError::NotARemoval);
    }
    if removed.is_empty() {
        return Ok(removed);
    }
    if is_untouchable_kind(id) {
        return Err(FinalizerError::Kind(id.clone()));
    }
    match removed.iter().find(|name| is_untouchable(name)) {
        Some(name) => Err(FinalizerError::Untouchable(crate::message::clean(name))),
        None => Ok(removed),
    }
}

/// Whether an object is only waiting for its finalizers: without the last one it is gone.
pub fn vanishes(after: &Value) -> bool {
    after.pointer("/metadata/deletionTimestamp").is_some()
        && after
            .pointer(POINTER)
            .and_then(Value::as_array)
            .is_none_or(Vec::is_empty)
}

/// Whether two states of an object have the same finalizers. No list and an empty one are the same.
pub fn are_same(one: &Value, other: &Value) -> bool {
    names(one) == names(other)
}

/// Whether finalizers are taken from an object that is being deleted: it takes no new one, so they cannot be put back.
pub fn is_final(before: &Value, after: &Value) -> bool {
    before.pointer("/metadata/deletionTimestamp").is_some()
        && before.pointer(POINTER) != after.pointer(POINTER)
}

fn names(object: &Value) -> Result<Vec<&str>, FinalizerError> {
    match object.pointer(POINTER) {
        None | Some(Value::Null) => Ok(Vec::new()),
        Some(list) => list
            .as_array()
            .and_then(|list| list.iter().map(Value::as_str).collect())
            .ok_or(FinalizerError::NotARemoval),
    }
}

fn is_untouchable_kind(id: &ObjectId) -> bool {
    matches!(
        (kinds::group(&id.api_version), id.kind.as_str()),
        (
            "",
            "PersistentVolumeClaim" | "PersistentVolume" | "Namespace"
        ) | ("apiextensions.k8s.io", "CustomResourceDefinition")
    )
}

fn is_untouchable(name: &str) -> bool {
    UNTOUCHABLE.iter().any(|untouchable| {
        name == *untouchable || (untouchable.ends_with('/') && name.starts_with(untouchable))
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn removed_of(kind: &str, old: &[&str], new: &[&str]) -> Result<Vec<String>, FinalizerError> {
        let id = ObjectId {
            api_version: "v1".into(),
            kind: kind.into(),
            namespace: "n".into(),
            name: "o".into(),
        };
        let object = |names: &[&str]| json!({"metadata": {"finalizers": names}});
        removed(&id, &object(old), &object(new))
    }

    #[test]
    fn names_can_be_taken_out_and_nothing_else() {
        assert_eq!(
            removed_of("Service", &["a", "b", "c"], &["b"]).unwrap(),
            ["a", "c"]
        );
        assert_eq!(removed_of("Service", &["a"], &["a"]).unwrap(), [""; 0]);
        for (old, new) in [
            (&["a"][..], &["b"][..]),
            (&["a", "b"], &["b", "a"]),
            (&[], &["a"]),
        ] {
            assert_eq!(
                removed_of("Service", old, new),
                Err(FinalizerError::NotARemoval)
            );
        }
    }

    #[test]
    fn some_stay_whatever_a_fixer_says() {
        for name in [
            "kubernetes.io/pvc-protection",
            "orphan",
            "external-attacher/cinder-csi-openstack-org",
            "snapshot.storage.kubernetes.io/volumesnapshot-bound-protection",
        ] {
            assert_eq!(
                removed_of("Service", &["a", name], &["a"]),
                Err(FinalizerError::Untouchable(name.into()))
            );
        }
        assert!(removed_of("Service", &["kubernetes.io/other"], &[]).is_ok());
        assert!(matches!(
            removed_of("PersistentVolume", &["a"], &[]),
            Err(FinalizerError::Kind(_))
        ));
    }
}
