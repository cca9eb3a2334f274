//! Reads that are no API objects (contract.md, "World"): asked for as kinds of a group that no server has.

use serde_json::{Value, json};

use crate::object::{Object, ObjectId};
use crate::{message, secret};

/// The group and version of the kinds below.
pub const API_VERSION: &str = "probe.nks/v1";

/// What the server serves: one object, with `groupVersions`.
pub const DISCOVERY: &str = "Discovery";

/// The end of what a container wrote before it was started again: read only when a fixer asks for it by a query.
pub const CONTAINER_LOG: &str = "ContainerLog";

/// How many logs one run of a fixer may ask for.
pub const MAX_LOGS: usize = 20;

/// How many lines of a log are looked at, from its end.
pub const LOG_LINES: usize = 50;

/// How many bytes of a log are read.
pub const LOG_BYTES: usize = 16 * 1024;

/// The object for what a server serves.
pub fn discovery(group_versions: &[String]) -> Object {
    object(
        (DISCOVERY, "", "discovery"),
        json!({"groupVersions": group_versions}),
    )
}

/// The object for the lines of a container's log that `filter` lets through, cleaned, in their order. What looks like a
/// credential in them is masked.
pub fn container_log(
    (namespace, pod, container): (&str, &str, &str),
    text: &str,
    filter: &regex_lite::Regex,
) -> Object {
    let lines: Vec<String> = text
        .lines()
        .map(message::clean)
        .filter(|line| filter.is_match(line))
        .map(|line| secret::mask_text(&line))
        .collect();
    object(
        (CONTAINER_LOG, namespace, pod),
        json!({"container": container, "previous": true, "lines": lines}),
    )
}

fn object((kind, namespace, name): (&str, &str, &str), mut value: Value) -> Object {
    value["apiVersion"] = API_VERSION.into();
    value["kind"] = kind.into();
    value["metadata"] = json!({"name": name, "namespace": namespace});
    Object {
        id: ObjectId {
            api_version: API_VERSION.into(),
            kind: kind.into(),
            namespace: namespace.into(),
            name: name.into(),
        },
        uid: String::new(),
        resource_version: String::new(),
        value,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_a_log_the_wanted_lines_are_kept_and_no_credential() {
        let filter = regex_lite::Regex::new("(?i)error|refused").unwrap();
        let text =
            "starting\nERROR: \u{1b}[31mdb refused password=hunter2\nError at https://me:pw@db/x\n";
        let log = container_log(("shop", "web-0", "app"), text, &filter);
        assert_eq!(
            log.value["lines"],
            json!([
                "ERROR: \u{fffd}[31mdb refused password=***",
                "Error at https://***@db/x"
            ])
        );
        assert_eq!(log.id.namespace, "shop");
    }
}
