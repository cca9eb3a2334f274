//! What the troubleshooting guide has a section for and this version cannot mend, since that is done on the node. What is
//! told of it replaces the general causes.

use nks_fixer::Pod;

use crate::event::RECENT;
use crate::scene::Scene;
use crate::status;
use crate::symptom::Symptom;
use crate::words::{holds, quoted, sentence, shortened};

/// Seconds after which BIRD is past the moment in which no peer is connected yet.
const SETTLED: i64 = 300;

/// What a pod shows of the guide's sections 3, 6, 7 and 12; `None` where it is something else.
pub(crate) fn symptom(scene: &Scene, pod: &Pod) -> Option<Symptom> {
    let mut events = scene.events.about(pod.object).into_iter();
    let begun = status::has_begun(pod);
    events.find_map(|event| {
        if event.age >= RECENT {
            return None;
        }
        let found = match event.reason {
            "Unhealthy" => bird(scene, pod, event.message),
            // What stood in the way of its start is over.
            _ if begun => None,
            "FailedCreatePodSandBox" => pause_image(scene, pod, event.message),
            "FailedCreatePodContainer" | "Failed" => kmem(scene, pod, event.message),
            "FailedMount" if event.message.contains("rpc.statd is not running") => {
                Some(Symptom::of_pod(scene, "guide-rpc-statd", pod.index).key(""))
            }
            _ => None,
        }?;
        // The fault is the node's, not that of whoever happened to be placed there.
        let node = pod.node_name().unwrap_or_default();
        let found = found.list("nodes", node);
        Some(match scene.find("Node", "", node) {
            Some((index, _)) if found.message != "guide-bird" => found.on(index),
            _ => found,
        })
    })
}

fn pause_image(scene: &Scene, pod: &Pod, message: &str) -> Option<Symptom> {
    let pull = holds(
        message,
        &["failed to get sandbox image", "failed pulling image"],
    );
    let image = quoted(message, "sandbox image ").or_else(|| quoted(message, "pulling image "))?;
    let found = Symptom::of_pod(scene, "guide-pause-image", pod.index);
    pull.then(|| found.key(image).arg("image", image))
}

fn kmem(scene: &Scene, pod: &Pod, message: &str) -> Option<Symptom> {
    let group = message.contains("/cgroup/memory/")
        && holds(
            message,
            &["cannot allocate memory", "no space left on device"],
        );
    group.then(|| Symptom::of_pod(scene, "guide-kmem", pod.index).key(""))
}

/// calico-node says it for a moment after each start, so it counts once the pod has had time to connect.
fn bird(scene: &Scene, pod: &Pod, message: &str) -> Option<Symptom> {
    let (_, said) = message.split_once("BIRD is not ready: ")?;
    if crate::probe::not_ready_for(scene, pod) < SETTLED {
        return None;
    }
    let peers = said
        .split_once("not established with ")
        .map_or("", |(_, peers)| peers);
    let mut found = Symptom::of_pod(scene, "guide-bird", pod.index).arg("said", &sentence(said));
    for peer in peers
        .split([',', ' ', '\n'])
        .filter(|peer| peer.contains(['.', ':']))
    {
        found = found.list("peers", peer);
    }
    Some(found)
}

/// What a pod shows whose network could not be set up for another reason.
pub(crate) fn sandbox(scene: &Scene, pod: &Pod) -> Option<Symptom> {
    if scene.is_starting(pod) {
        return None;
    }
    let event = scene
        .events
        .latest(pod.object, "FailedCreatePodSandBox", "")?;
    if event.age >= RECENT {
        return None;
    }
    let node = pod.node_name().unwrap_or_default();
    let target = scene.find("Node", "", node).map(|(index, _)| index);
    let found = Symptom::of_pod(scene, "sandbox-failed", pod.index)
        .key(node)
        .arg("node", node);
    let found = found.arg("reason", &shortened(event.message));
    Some(match target {
        Some(target) => found.on(target),
        None => found,
    })
}
