//! Whether the driver was started after its configuration changed. It reads the configuration when it starts, and only
//! then.
//!
//! The API server writes times in UTC (`2024-08-02T01:30:00Z`), kubectl those of a restart in the zone of whoever asked for
//! it (`2024-08-02T10:30:00+09:00`), so they are compared as seconds.

use nks_fixer::{Input, Object, Owners, Pod, Workload};
use serde_json::Value;

const CREATED: &str = "/metadata/creationTimestamp";
const STARTED: &str = "/status/startTime";
const RESTARTED: &str = "/spec/template/metadata/annotations/kubectl.kubernetes.io~1restartedAt";

/// When the Secret's data were written last: as far as the server noted it, or else when the Secret was made.
pub(crate) fn last_change(secret: &Object) -> Option<i64> {
    let writes_data = |entry: &&Value| entry.pointer("/fieldsV1/f:data").is_some();
    managed_fields(secret)
        .filter(writes_data)
        .filter_map(time)
        .max()
        .or_else(|| created(secret))
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

/// When an object was made.
pub(crate) fn created(object: &Object) -> Option<i64> {
    at(object, CREATED)
}

/// Who wrote which fields, and when.
pub(crate) fn managed_fields(object: &Object) -> impl Iterator<Item = &Value> {
    let list = object.value.pointer("/metadata/managedFields");
    list.and_then(Value::as_array).into_iter().flatten()
}

/// When an entry of the managed fields was written.
pub(crate) fn time(entry: &Value) -> Option<i64> {
    seconds(entry.get("time")?.as_str()?)
}

fn at(object: &Object, pointer: &str) -> Option<i64> {
    seconds(object.text(pointer)?)
}

/// A time as RFC 3339 writes it, in seconds since 1970-01-01 UTC; fractions of a second are left out.
pub(crate) fn seconds(time: &str) -> Option<i64> {
    let number = |from: usize, to: usize| time.get(from..to)?.parse::<i64>().ok();
    let (year, month, day) = (number(0, 4)?, number(5, 7)?, number(8, 10)?);
    let (hour, minute, second) = (number(11, 13)?, number(14, 16)?, number(17, 19)?);
    let zone = time
        .get(19..)?
        .trim_start_matches(['.', '0', '1', '2', '3', '4', '5', '6', '7', '8', '9']);
    let ahead = match zone.split_at_checked(1)? {
        ("Z", "") => 0,
        ("+", zone) => minutes(zone)?,
        ("-", zone) => -minutes(zone)?,
        _ => return None,
    };
    // Years are counted from March, so that the leap day is the last of its year.
    let year = if month < 3 { year - 1 } else { year };
    let day_of_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
    let days = 365 * year + year / 4 - year / 100 + year / 400 + day_of_year - 719_468;
    Some(((days * 24 + hour) * 60 + minute - ahead) * 60 + second)
}

/// `09:00` in minutes.
fn minutes(zone: &str) -> Option<i64> {
    let (hours, minutes) = zone.split_once(':')?;
    Some(hours.parse::<i64>().ok()? * 60 + minutes.parse::<i64>().ok()?)
}
