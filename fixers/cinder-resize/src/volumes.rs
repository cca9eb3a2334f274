//! Volumes that were expanded, so that their file systems may have stayed small. Whether one did can be seen only in a
//! pod that mounts it.

use nks_fixer::{Input, Object};
use serde_json::Value;

use crate::age;

const DRIVER: &str = "cinder.csi.openstack.org";
const PROVISIONERS: [&str; 2] = [
    "volume.kubernetes.io/storage-provisioner",
    "volume.beta.kubernetes.io/storage-provisioner",
];

/// Seconds after which whoever makes a claim is taken to be done with it.
const SETTLED: i64 = 60;

/// What the claim's binder writes; where it also made the claim (for a StatefulSet), it has written its own entry twice.
const BOUND: &str = "/fieldsV1/f:metadata/f:annotations/f:pv.kubernetes.io~1bind-completed";

/// The claims, as `namespace/name`, in their order.
pub(crate) fn expanded(input: &Input) -> Vec<String> {
    let mut names: Vec<String> = input
        .objects
        .iter()
        .filter(|object| is_mounted_claim(object) && was_expanded(object))
        .map(|claim| [claim.namespace.as_str(), claim.name.as_str()].join("/"))
        .collect();
    names.sort();
    names
}

/// Whether this is a claim on a Cinder volume with a file system.
fn is_mounted_claim(object: &Object) -> bool {
    let provisioner = PROVISIONERS
        .iter()
        .find_map(|annotation| object.annotation(annotation));
    let mode = object.text("/spec/volumeMode").unwrap_or("Filesystem");
    object.kind == "PersistentVolumeClaim"
        && object.text("/status/phase") == Some("Bound")
        && provisioner == Some(DRIVER)
        && mode == "Filesystem"
        && !object.is_being_deleted()
}

/// Whether somebody wrote the claim's size after it was made. What the server notes does not say which size it was.
///
/// For a claim that is older than these notes, they begin with all of its fields at once: the oldest note proves nothing.
fn was_expanded(claim: &Object) -> bool {
    let oldest = age::managed_fields(claim).filter_map(age::time).min();
    let (Some(created), Some(oldest)) = (claim.created(), oldest) else {
        return false;
    };
    age::managed_fields(claim).any(|entry| {
        let is_later =
            age::time(entry).is_some_and(|time| time > created + SETTLED && time > oldest);
        is_later && has(entry, "/fieldsV1/f:spec/f:resources") && !has(entry, BOUND)
    })
}

fn has(entry: &Value, pointer: &str) -> bool {
    entry.pointer(pointer).is_some()
}
