//! Volumes that were expanded while the option was off. Whether they stayed small shows only on the node.

use nks_fixer::{Input, Object};
use serde_json::Value;

const DRIVER: &str = "cinder.csi.openstack.org";
const PROVISIONER: [&str; 2] = [
    "volume.kubernetes.io/storage-provisioner",
    "volume.beta.kubernetes.io/storage-provisioner",
];

/// The claims, as `namespace/name`, in the order in which they were supplied.
pub(crate) fn expanded(input: &Input) -> Vec<String> {
    let claims = input.objects.iter().filter(|object| {
        object.kind == "PersistentVolumeClaim" && is_ours(object) && was_expanded(object)
    });
    claims
        .map(|claim| [claim.namespace.as_str(), &claim.name].join("/"))
        .collect()
}

/// A bound claim of the driver with a file system.
fn is_ours(claim: &Object) -> bool {
    PROVISIONER
        .iter()
        .any(|key| claim.annotation(key) == Some(DRIVER))
        && claim.text("/status/phase") == Some("Bound")
        && claim.text("/spec/volumeMode") != Some("Block")
}

/// Whether the size asked for was written after the claim was made.
fn was_expanded(claim: &Object) -> bool {
    let Some(made) = claim.text("/metadata/creationTimestamp") else {
        return false;
    };
    let entries = claim
        .value
        .pointer("/metadata/managedFields")
        .and_then(Value::as_array);
    entries.into_iter().flatten().any(|entry| {
        entry.pointer("/fieldsV1/f:spec/f:resources").is_some()
            && entry
                .get("time")
                .and_then(Value::as_str)
                .is_some_and(|time| time > made)
    })
}
