//! Whether the driver was started after its configuration changed. It reads the configuration when it starts, and only
//! then.
//!
//! The API server writes times in UTC (`2024-08-02T01:30:00Z`), kubectl those of a restart in the zone of whoever asked for
//! it (`2024-08-02T10:30:00+09:00`), so they are compared as seconds.

use nks_fixer::{Input, Object, Owners, Pod, Workload, time};
use serde_json::Value;

const STARTED: &str = "/status/startTime";
const RESTARTED: &str = "/spec/template/metadata/annotations/kubectl.kubernetes.io~1restartedAt";

/// When the Secret's data were written last: as far as the server noted it, or else when the Secret was made.
pub(crate) fn last_change(secret: &Object) -> Option<i64> {
    let writes_data = |entry: &&Value| entry.pointer("/fieldsV1/f:data").is_some();
    managed_fields(secret)
        .filter(writes_data)
        .filter_map(time)
        .max()
        .or_else(|| secret.created())
}

/// The workload's pods that have been running since before `change`.
pub(crate) fn older_pods<'a>(
    input: &'a Input,
    owners: &Owners,
    workload: &Workload,
    change: i64,
) -> Vec<Pod<'a>> {
    let is_older = |pod: &Pod| at(pod.object, STARTED).is_some_and(|started| started < change);
    // A pod that was evicted stays as an entry, and runs nothing.
    let has_ended = |pod: &Pod| matches!(pod.phase(), "Failed" | "Succeeded");
    input
        .pods()
        .filter(|pod| is_older(pod) && !has_ended(pod) && !pod.is_being_deleted())
        .filter(|pod| owners.top(pod.index) == workload.index)
        .collect()
}

/// Whether a restart was asked for after `change`.
pub(crate) fn restarted_since(workload: &Workload, change: i64) -> bool {
    at(workload.object, RESTARTED).is_some_and(|restarted| restarted >= change)
}

/// Who wrote which fields, and when.
pub(crate) fn managed_fields(object: &Object) -> impl Iterator<Item = &Value> {
    let list = object.value.pointer("/metadata/managedFields");
    list.and_then(Value::as_array).into_iter().flatten()
}

/// When an entry of the managed fields was written.
pub(crate) fn time(entry: &Value) -> Option<i64> {
    time::seconds(entry.get("time")?.as_str()?)
}

fn at(object: &Object, pointer: &str) -> Option<i64> {
    time::seconds(object.text(pointer)?)
}
