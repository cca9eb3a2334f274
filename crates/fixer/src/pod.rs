//! Reading Pods.

use std::ops::Deref;

use serde_json::Value;

use crate::input::Object;
use crate::workload::{Container, containers};

/// A Pod. Everything an [`Object`] has can be read from it as well.
#[derive(Clone, Copy, Debug)]
pub struct Pod<'a> {
    /// Its index, for findings and steps.
    pub index: u32,
    /// The object.
    pub object: &'a Object,
}

/// What the kubelet says of one container.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct ContainerStatus<'a> {
    /// The container's name.
    pub name: &'a str,
    /// Whether it is an init container.
    pub init: bool,
    /// Why it does not run yet; `None` once it runs or has run.
    pub waiting: Option<Waiting<'a>>,
    /// Whether its image is on the node: it has an image id, runs, or has run.
    pub pulled: bool,
}

/// Why a container does not run yet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Waiting<'a> {
    /// `ImagePullBackOff`
    pub reason: &'a str,
    /// In the kubelet's words; may be empty.
    pub message: &'a str,
}

impl Waiting<'_> {
    /// Whether the image could not be had.
    pub fn is_pull_failure(&self) -> bool {
        matches!(
            self.reason,
            "ErrImagePull" | "ImagePullBackOff" | "InvalidImageName"
        )
    }
}

impl<'a> Pod<'a> {
    /// Reads `object` as a Pod; `None` where it is something else.
    pub fn of(index: u32, object: &'a Object) -> Option<Self> {
        (object.kind == "Pod" && object.api_version == "v1").then_some(Self { index, object })
    }

    /// The node it was placed on; `None` while it is not placed.
    pub fn node_name(&self) -> Option<&'a str> {
        self.object.text("/spec/nodeName")
    }

    /// `Pending`, `Running`, `Succeeded`, `Failed` or `Unknown`; empty where the status is not supplied.
    pub fn phase(&self) -> &'a str {
        self.object.text("/status/phase").unwrap_or_default()
    }

    /// Its containers, init containers first.
    pub fn containers(&self) -> Vec<Container<'a>> {
        containers(&self.object.value, "/spec")
    }

    /// The status of each container that has one, init containers first.
    pub fn statuses(&self) -> impl Iterator<Item = ContainerStatus<'a>> + use<'a> {
        let object = self.object;
        [
            ("initContainerStatuses", true),
            ("containerStatuses", false),
        ]
        .into_iter()
        .flat_map(move |(field, init)| {
            let list = object
                .value
                .get("status")
                .and_then(|status| status.get(field))
                .and_then(Value::as_array);
            list.into_iter()
                .flatten()
                .map(move |status| ContainerStatus::of(status, init))
        })
    }
}

impl<'a> ContainerStatus<'a> {
    fn of(status: &'a Value, init: bool) -> Self {
        let state = |name: &str| status.get("state").and_then(|state| state.get(name));
        let text =
            |from: &'a Value, key: &str| from.get(key).and_then(Value::as_str).unwrap_or_default();
        let waiting = state("waiting");
        let has_run = state("running").or(state("terminated")).is_some();
        Self {
            name: text(status, "name"),
            init,
            waiting: waiting.map(|waiting| Waiting {
                reason: text(waiting, "reason"),
                message: text(waiting, "message"),
            }),
            pulled: has_run || !text(status, "imageID").is_empty(),
        }
    }
}

impl<'a> Deref for Pod<'a> {
    type Target = Object;

    fn deref(&self) -> &Object {
        self.object
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_status_says_what_waits_and_what_was_pulled() {
        let object = Object::of_value(
            json!({"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "p"},
            "spec": {"nodeName": "n"},
            "status": {"phase": "Pending",
                "initContainerStatuses": [{"name": "i", "imageID": "sha256:1", "state": {"terminated": {}}}],
                "containerStatuses": [
                    {"name": "c", "imageID": "", "state": {"waiting": {"reason": "ErrImagePull", "message": "m"}}},
                    {"name": "d", "imageID": "", "state": {"waiting": {"reason": "PodInitializing"}}}]}}),
        );
        let pod = Pod::of(3, &object).unwrap();
        let statuses: Vec<_> = pod.statuses().collect();
        assert_eq!(
            (pod.node_name(), pod.phase(), pod.name.as_str()),
            (Some("n"), "Pending", "p")
        );
        assert!(statuses[0].init && statuses[0].pulled && statuses[0].waiting.is_none());
        assert!(
            statuses[1]
                .waiting
                .is_some_and(|waiting| waiting.is_pull_failure() && waiting.message == "m")
        );
        assert!(
            !statuses[2].pulled
                && statuses[2]
                    .waiting
                    .is_some_and(|waiting| !waiting.is_pull_failure())
        );
    }
}
