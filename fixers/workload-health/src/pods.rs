//! What one pod shows. The more certain causes come first, and what comes of another cause is not told.

use nks_fixer::{Pod, Severity};

use crate::scene::{Scene, condition, condition_text, text};
use crate::symptom::Symptom;
use crate::words::{between, shortened};
use crate::{claim, config, crash, guide, node, probe, pull, scheduling, status};

/// Seconds after which a pod that says nothing of why it is not Ready is told of all the same.
const SILENT: i64 = 600;

pub(crate) fn symptoms(scene: &Scene) -> Vec<Symptom> {
    let pods = scene.pods.iter();
    let concerned = pods.filter(|pod| !pod.is_being_deleted() && !is_on_lost_node(scene, pod));
    concerned.flat_map(|pod| of_pod(scene, pod)).collect()
}

fn is_on_lost_node(scene: &Scene, pod: &Pod) -> bool {
    pod.node_name()
        .is_some_and(|node| node::is_lost(scene, node))
}

fn of_pod(scene: &Scene, pod: &Pod) -> Vec<Symptom> {
    if pod.phase() == "Failed" {
        return evicted(scene, pod).into_iter().collect();
    }
    if pod.node_name().is_none_or(str::is_empty) {
        return waiting_for_node(scene, pod).into_iter().collect();
    }
    if let Some(found) = guide::symptom(scene, pod) {
        return vec![found];
    }
    let found = of_containers(scene, pod);
    if !found.is_empty() {
        return found;
    }
    let why = if status::has_begun(pod) {
        probe::symptom(scene, pod)
    } else {
        config::mount_symptom(scene, pod).or_else(|| guide::sandbox(scene, pod))
    };
    why.or_else(|| unexplained(scene, pod))
        .into_iter()
        .collect()
}

fn of_containers(scene: &Scene, pod: &Pod) -> Vec<Symptom> {
    let one = |status: status::Status| {
        pull::symptom(scene, pod, &status)
            .or_else(|| config::symptom(scene, pod, &status))
            .or_else(|| crash::symptom(scene, pod, &status))
    };
    status::of(pod).filter_map(one).collect()
}

fn waiting_for_node(scene: &Scene, pod: &Pod) -> Option<Symptom> {
    let message = scheduling::message(scene, pod);
    if message.is_empty() {
        return unexplained(scene, pod);
    }
    claim::symptom(scene, pod).or_else(|| scheduling::symptom(scene, pod, message))
}

/// A pod that was evicted. It stays as it is for ever, so only the event tells whether that was lately.
fn evicted(scene: &Scene, pod: &Pod) -> Option<Symptom> {
    scene.events.latest(pod.object, "Evicted", "")?;
    let said = text(&pod.value, "/status/message");
    let found = |id| Symptom::of_pod(scene, id, pod.index).severity(Severity::Warning);
    let Some(resource) = between(said, "low on resource: ", ".") else {
        return Some(found("pod-evicted").arg("reason", &shortened(said)));
    };
    let (index, node) = scene.find("Node", "", pod.node_name()?)?;
    let under = |kind| condition(node, kind) == "True";
    // While the node is under pressure, the pod belongs to what is told of the node.
    let id = match resource {
        "ephemeral-storage" | "inodes" if under("DiskPressure") => "guide-disk-pressure",
        "ephemeral-storage" | "inodes" => "guide-evicted-disk",
        "memory" if under("MemoryPressure") => "node-memory-pressure",
        _ => "node-evicts",
    };
    let found = found(id).key(&node.name).on(index);
    Some(found.arg("node", &node.name).arg("resource", resource))
}

/// A pod that is not Ready for long, and of which neither status nor events say why.
fn unexplained(scene: &Scene, pod: &Pod) -> Option<Symptom> {
    if probe::not_ready_for(scene, pod) < SILENT {
        return None;
    }
    let phase = pod.phase();
    let gated = condition_text(pod.object, "PodScheduled", "reason") == "SchedulingGated";
    if gated {
        return None;
    }
    let waiting = status::of(pod).find_map(|status| Some(status.waiting?.0));
    let found = Symptom::of_pod(scene, "unexplained", pod.index).severity(Severity::Warning);
    Some(found.arg("state", waiting.unwrap_or(phase)))
}
