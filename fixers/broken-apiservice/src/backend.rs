//! What is behind a Service: the workload whose pods it selects, and those of its pods that are not ready.

use nks_fixer::{Input, Object, Pod, Workload, time};
use serde_json::{Map, Value};

use crate::condition::text;

const RESTARTED: &str = "/spec/template/metadata/annotations/kubectl.kubernetes.io~1restartedAt";

/// What starts has so long to become ready before it counts as a fault.
const STARTING: i64 = 300;

/// A container that crashes is started again after five minutes at most, so one that ended longer ago does not crash.
const CRASHING: i64 = 600;

/// What a Service selects. Pods that are ready were not read: workloads say how many they have.
pub(crate) struct Backend<'a> {
    pub(crate) workloads: Vec<Workload<'a>>,
    /// Those that are not ready.
    pub(crate) pods: Vec<Pod<'a>>,
}

impl<'a> Backend<'a> {
    /// Looks for it; `None` for a Service without a selector, whose endpoints somebody else writes.
    pub(crate) fn of(input: &'a Input, service: &Object) -> Option<Self> {
        let selector = service.value.pointer("/spec/selector")?.as_object()?;
        if selector.is_empty() {
            return None;
        }
        let is_selected = |object: &Object, labels: &str| {
            let labels = object.value.pointer(labels).and_then(Value::as_object);
            object.namespace == service.namespace && labels.is_some_and(|it| holds(it, selector))
        };
        let workloads = input
            .workloads()
            .filter(|one| is_selected(one, "/spec/template/metadata/labels"));
        // A pod that has ended serves nobody, and one that was evicted stays as an entry.
        let has_ended = |pod: &Pod| matches!(pod.phase(), "Failed" | "Succeeded");
        let pods = input
            .pods()
            .filter(|pod| is_selected(pod, "/metadata/labels"))
            .filter(|pod| !has_ended(pod) && !is_ready(pod));
        Some(Self {
            workloads: workloads.collect(),
            pods: pods.collect(),
        })
    }

    /// The one workload behind the Service; `None` where there are several or none.
    pub(crate) fn workload(&self) -> Option<Workload<'a>> {
        match self.workloads.as_slice() {
            [only] => Some(*only),
            _ => None,
        }
    }

    /// Whether some workload has ready pods.
    pub(crate) fn is_ready(&self) -> bool {
        self.workloads.iter().any(|one| ready(one) > 0)
    }

    /// Whether it is wanted that there are no pods.
    pub(crate) fn is_scaled_to_zero(&self) -> bool {
        !self.workloads.is_empty() && self.workloads.iter().all(|one| one.desired() == 0)
    }

    /// Whether a restart has just begun, or a pod has just been made that does nothing worse than start.
    pub(crate) fn is_starting(&self, input: &Input) -> bool {
        let now = input.context.now_unix;
        let is_young = |since: Option<i64>| since.is_some_and(|since| now - since < STARTING);
        let restarting = self.workloads.iter().any(|one| is_young(restarted(one)));
        let young = |pod: &Pod| {
            is_young(pod.created()) && matches!(trouble(input, pod), None | Some("Pending"))
        };
        restarting || self.pods.iter().any(young)
    }

    /// Why pods are not ready, pod by pod: `metrics-server-5d4f (CrashLoopBackOff)`. A pod that runs and only is not ready
    /// has nothing to tell.
    pub(crate) fn troubles(&self, input: &Input) -> Vec<String> {
        let told = |pod: &Pod| Some([&pod.name, " (", trouble(input, pod)?, ")"].concat());
        self.pods.iter().filter_map(told).collect()
    }
}

/// Whether it was restarted after `since`.
pub(crate) fn was_restarted(workload: &Workload, since: Option<i64>) -> bool {
    match (restarted(workload), since) {
        (Some(restarted), Some(since)) => restarted >= since,
        _ => false,
    }
}

fn restarted(workload: &Workload) -> Option<i64> {
    time::seconds(workload.text(RESTARTED)?)
}

fn ready(workload: &Workload) -> u64 {
    let field = match workload.kind.as_str() {
        "DaemonSet" => "/status/numberReady",
        _ => "/status/readyReplicas",
    };
    let number = workload.value.pointer(field);
    number.and_then(Value::as_u64).unwrap_or(0)
}

fn holds(labels: &Map<String, Value>, selector: &Map<String, Value>) -> bool {
    selector
        .iter()
        .all(|(key, value)| labels.get(key) == Some(value))
}

fn condition<'a>(object: &'a Object, kind: &str) -> Option<&'a Value> {
    let conditions = object.value.pointer("/status/conditions")?.as_array()?;
    conditions.iter().find(|one| text(one, "type") == kind)
}

fn is_ready(pod: &Pod) -> bool {
    condition(pod, "Ready").is_some_and(|ready| text(ready, "status") == "True")
}

/// Why a pod is not ready, in one word; `None` where its containers run and only are not ready.
fn trouble<'a>(input: &'a Input, pod: &Pod<'a>) -> Option<&'a str> {
    if pod.is_being_deleted() {
        return Some("Terminating");
    }
    let node = pod.node_name().and_then(|name| node(input, name));
    if node.is_some_and(|node| !is_up(node)) {
        return Some("NodeNotReady");
    }
    let waiting = pod.statuses().find_map(|status| status.waiting);
    if let Some(waiting) = waiting.filter(|it| it.reason != "PodInitializing") {
        return Some(waiting.reason);
    }
    if is_crashing(input, pod) {
        return Some("CrashLoopBackOff");
    }
    if pod.phase() != "Running" {
        let unplaced = condition(pod.object, "PodScheduled")
            .filter(|one| text(one, "status") == "False" && !text(one, "reason").is_empty());
        return Some(unplaced.map_or("Pending", |one| text(one, "reason")));
    }
    // What else than its containers a pod may wait for, no restart brings.
    let ready = condition(pod.object, "Ready").map(|ready| text(ready, "reason"));
    ready.filter(|reason| *reason == "ReadinessGatesNotReady")
}

/// Whether a container has ended so lately that it may well end again.
fn is_crashing(input: &Input, pod: &Pod) -> bool {
    let statuses = pod.value.pointer("/status/containerStatuses");
    let ended = |status: &Value| {
        let of = |state: &str| time::seconds(status.pointer(state)?.as_str()?);
        of("/state/terminated/finishedAt").or_else(|| of("/lastState/terminated/finishedAt"))
    };
    let lately = |ended: i64| input.context.now_unix - ended < CRASHING;
    let mut statuses = statuses.and_then(Value::as_array).into_iter().flatten();
    statuses.any(|status| ended(status).is_some_and(lately))
}

fn node<'a>(input: &'a Input, name: &str) -> Option<&'a Object> {
    let mut objects = input.objects.iter();
    objects.find(|object| object.kind == "Node" && object.name == name)
}

fn is_up(node: &Object) -> bool {
    condition(node, "Ready").is_none_or(|ready| text(ready, "status") == "True")
}
