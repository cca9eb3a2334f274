//! What the kubelet says of one container.

use nks_fixer::Pod;
use serde_json::Value;

use crate::scene::{list, number, text};

/// The status of a container, and what its pod says of it.
#[derive(Clone, Copy)]
pub(crate) struct Status<'a> {
    pub(crate) name: &'a str,
    /// The image, as the pod names it.
    pub(crate) image: &'a str,
    pub(crate) ready: bool,
    pub(crate) restarts: i64,
    /// Reason and message of a container that waits.
    pub(crate) waiting: Option<(&'a str, &'a str)>,
    /// Since when it runs.
    pub(crate) running_since: Option<&'a str>,
    /// How it ended, where it has ended and has not been started again.
    pub(crate) ended: Option<Termination<'a>>,
    /// How it ended before it was started again.
    pub(crate) ended_before: Option<Termination<'a>>,
    /// The container in the pod's specification; `Null` for an init container, which is not read.
    pub(crate) spec: &'a Value,
}

/// How a container ended.
#[derive(Clone, Copy)]
pub(crate) struct Termination<'a> {
    pub(crate) exit_code: i64,
    pub(crate) reason: &'a str,
    pub(crate) message: &'a str,
    pub(crate) finished: Option<&'a str>,
}

/// The containers that have a status, init containers first.
pub(crate) fn of<'a>(pod: &Pod<'a>) -> impl Iterator<Item = Status<'a>> + use<'a> {
    let value = &pod.object.value;
    let lists = ["/status/initContainerStatuses", "/status/containerStatuses"];
    lists
        .into_iter()
        .flat_map(move |pointer| list(value, pointer))
        .map(move |status| status_of(value, status))
}

/// Whether some container of the pod has been started, so that volumes and network are there.
pub(crate) fn has_begun(pod: &Pod) -> bool {
    of(pod).any(|status| {
        status.running_since.is_some() || status.ended.is_some() || status.ended_before.is_some()
    })
}

fn status_of<'a>(pod: &'a Value, status: &'a Value) -> Status<'a> {
    let name = text(status, "/name");
    let spec = list(pod, "/spec/containers")
        .iter()
        .find(|container| text(container, "/name") == name);
    let ended = |pointer: &str| status.pointer(pointer).map(termination);
    Status {
        name,
        image: text(status, "/image"),
        ready: status.get("ready").and_then(Value::as_bool) == Some(true),
        restarts: number(status, "/restartCount").unwrap_or(0),
        waiting: status
            .pointer("/state/waiting")
            .map(|waiting| (text(waiting, "/reason"), text(waiting, "/message"))),
        running_since: status
            .pointer("/state/running")
            .map(|running| text(running, "/startedAt")),
        ended: ended("/state/terminated"),
        ended_before: ended("/lastState/terminated"),
        spec: spec.unwrap_or(&Value::Null),
    }
}

fn termination(state: &Value) -> Termination<'_> {
    Termination {
        exit_code: number(state, "/exitCode").unwrap_or(0),
        reason: text(state, "/reason"),
        message: text(state, "/message"),
        finished: state.get("finishedAt").and_then(Value::as_str),
    }
}
