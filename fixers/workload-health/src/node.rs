//! Nodes that are not Ready, under pressure, or closed to new pods. What pods show on a node that is not Ready comes of
//! that, so they are named with it and say nothing for themselves.

use nks_fixer::{Object, Severity};

use crate::scene::{JOINING, Scene, condition, condition_text};
use crate::symptom::Symptom;
use crate::words::sentence;

/// Whether the Node of that name is not Ready.
pub(crate) fn is_lost(scene: &Scene, name: &str) -> bool {
    scene.lost_nodes.contains(&name)
}

pub(crate) fn symptoms(scene: &Scene) -> Vec<Symptom> {
    let mut found = Vec::new();
    for (index, node) in scene.each("Node") {
        if is_lost(scene, &node.name) {
            found.extend(not_ready(scene, index, node));
        } else {
            found.extend(pressures(scene, index, node));
        }
        if node.value.pointer("/spec/unschedulable") == Some(&true.into()) {
            let cordoned = of_node("node-cordoned", index, node).severity(Severity::Info);
            found.push(cordoned.key("").list("nodes", &node.name));
        }
    }
    found
}

fn of_node(id: &'static str, index: u32, node: &Object) -> Symptom {
    Symptom::new(id, index)
        .key(&node.name)
        .arg("node", &node.name)
}

fn not_ready(scene: &Scene, index: u32, node: &Object) -> Option<Symptom> {
    if scene.age(node) < JOINING {
        return None;
    }
    let reason = condition_text(node, "Ready", "reason");
    let message = sentence(condition_text(node, "Ready", "message"));
    let id = match condition(node, "Ready") {
        "False" => "node-not-ready",
        _ => "node-silent",
    };
    let mut found = of_node(id, index, node)
        .arg("reason", reason)
        .arg("said", &message);
    found.related = pods_on(scene, node);
    Some(found)
}

/// The pods that are not Ready on a node, those on their way out among them: a silent kubelet cannot end them.
fn pods_on(scene: &Scene, node: &Object) -> Vec<u32> {
    let pods = scene.pods.iter();
    pods.filter(|pod| pod.node_name() == Some(&node.name))
        .map(|pod| pod.index)
        .collect()
}

/// What a node runs short of; a disk is the guide's first section. The pods that it evicts add themselves.
fn pressures(scene: &Scene, index: u32, node: &Object) -> Vec<Symptom> {
    let under = |kind| condition(node, kind) == "True";
    let said = |kind| sentence(condition_text(node, kind, "message"));
    let mut found = Vec::new();
    if under("DiskPressure") {
        found.push(of_node("guide-disk-pressure", index, node).arg("said", &said("DiskPressure")));
    } else if let Some(event) = scene.events.about(node).into_iter().find(|event| {
        matches!(event.reason, "FreeDiskSpaceFailed" | "ImageGCFailed")
            && !event.message.contains("InvalidDiskCapacity")
            && event.age < 3_600
    }) {
        let filling = of_node("guide-disk-filling", index, node).severity(Severity::Warning);
        found.push(filling.arg("said", &sentence(event.message)));
    }
    for (kind, id) in [
        ("MemoryPressure", "node-memory-pressure"),
        ("PIDPressure", "node-pid-pressure"),
    ] {
        if under(kind) {
            let pressure = of_node(id, index, node).severity(Severity::Warning);
            found.push(pressure.arg("said", &said(kind)));
        }
    }
    found
}
