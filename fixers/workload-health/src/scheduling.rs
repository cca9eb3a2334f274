//! Pods that no node takes, by what stands against the most nodes.

use nks_fixer::Pod;

use crate::order::Index;
use crate::scene::{Scene, condition_text};
use crate::symptom::Symptom;

/// What stands against a node, in the order in which it is told when several stand against as many nodes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Cause {
    VolumeZone,
    Selector,
    Taint,
    Affinity,
    Resources,
    PodLimit,
    Ports,
    VolumeLimit,
    Cordoned,
    NodeTrouble,
    ControlPlane,
    Other,
}

/// The scheduler's words for each; the first that fits counts.
const SAID: [(Cause, &str); 20] = [
    (Cause::VolumeZone, "volume node affinity conflict"),
    (Cause::VolumeZone, "available persistent volumes to bind"),
    (Cause::VolumeZone, "no available volume zone"),
    (Cause::VolumeLimit, "max volume count"),
    (Cause::Affinity, "anti-affinity"),
    (Cause::Affinity, "pod affinity"),
    (Cause::Affinity, "topology spread"),
    (Cause::Selector, "node affinity"),
    (Cause::Selector, "node selector"),
    (Cause::ControlPlane, "node-role.kubernetes.io/"),
    (Cause::NodeTrouble, "node.kubernetes.io/not-ready"),
    (Cause::NodeTrouble, "node.kubernetes.io/unreachable"),
    (Cause::NodeTrouble, "-pressure"),
    (Cause::NodeTrouble, "node.cloudprovider.kubernetes.io/"),
    (Cause::Cordoned, "node.kubernetes.io/unschedulable"),
    (Cause::Taint, "taint"),
    (Cause::PodLimit, "Too many pods"),
    (Cause::Resources, "Insufficient "),
    (Cause::Ports, "free ports"),
    (Cause::Cordoned, "unschedulable"),
];

/// The scheduler's verdict taken apart.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Verdict<'a> {
    /// How many nodes there are.
    pub(crate) nodes: u32,
    /// What stands against how many, in the scheduler's order.
    pub(crate) causes: Vec<(u32, Cause)>,
    /// The scheduler's own list of them.
    pub(crate) text: &'a str,
}

/// What the scheduler says of a pod; empty while it says nothing.
pub(crate) fn message<'a>(scene: &'a Scene, pod: &Pod<'a>) -> &'a str {
    let object: &'a nks_fixer::Object = pod.object;
    if condition_text(object, "PodScheduled", "reason") == "SchedulingGated" {
        return "";
    }
    let said = condition_text(object, "PodScheduled", "message");
    if !said.is_empty() {
        return said;
    }
    let event = scene.events.latest(object, "FailedScheduling", "");
    event.map_or("", |event| event.message)
}

/// What a pod shows that waits for a node.
pub(crate) fn symptom(scene: &Scene, pod: &Pod, message: &str) -> Option<Symptom> {
    if message.is_empty() || scene.is_starting(pod) {
        return None;
    }
    let workload = scene.workload(pod.index);
    let Some(verdict) = verdict(message) else {
        let found = Symptom::of_pod(scene, "unschedulable-other", pod.index);
        return Some(found.arg("causes", &crate::words::shortened(message)));
    };
    let daemon = scene
        .object(workload)
        .is_some_and(|owner| owner.kind == "DaemonSet");
    let cause = verdict.dominant(daemon);
    let id = match cause {
        Cause::VolumeZone => "unschedulable-volume-zone",
        Cause::Selector => "unschedulable-selector",
        Cause::Taint => "unschedulable-taint",
        Cause::Affinity => "unschedulable-affinity",
        Cause::Resources => "unschedulable-resources",
        Cause::PodLimit => "unschedulable-pod-limit",
        Cause::Ports => "unschedulable-ports",
        Cause::VolumeLimit => "unschedulable-volume-limit",
        Cause::Cordoned => "unschedulable-cordoned",
        Cause::NodeTrouble | Cause::ControlPlane => "unschedulable-nodes",
        Cause::Other => "unschedulable-other",
    };
    // A full cluster is one cause, however many workloads wait. What a workload asks of a node is its own.
    let of_cluster = matches!(
        cause,
        Cause::PodLimit | Cause::Cordoned | Cause::NodeTrouble | Cause::ControlPlane
    );
    let key = match cause {
        _ if of_cluster => String::new(),
        Cause::Resources => verdict.lacking().join(","),
        _ => scene.family(pod.index),
    };
    let mut found = Symptom::of_pod(scene, id, pod.index)
        .key(&key)
        .arg("nodes", &verdict.nodes.to_string())
        .arg("causes", verdict.text);
    for resource in verdict.lacking() {
        found = found.list("resources", &resource);
    }
    Some(found)
}

/// Takes `0/3 nodes are available: 1 node(s) had untolerated taint {a: b}, 2 Insufficient cpu. preemption: …` apart.
pub(crate) fn verdict(message: &str) -> Option<Verdict<'_>> {
    let (count, rest) = message.split_once(" nodes are available: ")?;
    let nodes = count.rsplit('/').next()?.parse().ok()?;
    // What follows tells of preemption, which would have cost the place of others.
    let text = rest
        .split(". ")
        .next()
        .unwrap_or(rest)
        .trim_end_matches('.');
    let mut causes: Vec<(u32, String)> = Vec::new();
    for part in text.split(", ") {
        let (number, words) = part.split_once(' ').unwrap_or((part, ""));
        match (number.parse(), causes.last_mut()) {
            (Ok(number), _) => causes.push((number, words.to_owned())),
            // Older schedulers write a comma inside: `3 node(s) had taint {a: b}, that the pod didn't tolerate`.
            (Err(_), Some((_, last))) => last.push_str(part),
            (Err(_), None) => causes.push((nodes, part.to_owned())),
        }
    }
    let causes = causes
        .into_iter()
        .map(|(number, words)| (number, cause(&words)));
    Some(Verdict {
        nodes,
        causes: causes.collect(),
        text,
    })
}

fn cause(words: &str) -> Cause {
    let said = SAID.iter().find(|(_, piece)| words.contains(piece));
    said.map_or(Cause::Other, |(cause, _)| *cause)
}

impl Verdict<'_> {
    /// What stands against the most nodes. That ordinary pods stay off control planes is as it should be, and so is that
    /// a pod of a DaemonSet fits no node but its own: both are told only where there is nothing else.
    pub(crate) fn dominant(&self, daemon: bool) -> Cause {
        let by_design =
            |cause: Cause| cause == Cause::ControlPlane || (daemon && cause == Cause::Selector);
        let others = self.causes.iter().filter(|(_, cause)| !by_design(*cause));
        let most = others.min_by_key(|(count, cause)| (u32::MAX - count, *cause));
        let rest = || {
            self.causes
                .first()
                .map_or(Cause::Other, |(_, cause)| *cause)
        };
        most.map_or_else(rest, |(_, cause)| *cause)
    }

    /// The resources that nodes have too little of, in the alphabet's order.
    pub(crate) fn lacking(&self) -> Vec<String> {
        let mut names = Index::new();
        for part in self.text.split("Insufficient ").skip(1) {
            names.insert(crate::words::first_word(part).to_owned(), 0);
        }
        names.into_keys().collect()
    }
}
