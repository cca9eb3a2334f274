//! Pods that wait for a volume which another node has.
//!
//! kube-controller-manager says so in an event: `Multi-Attach error for volume "pvc-…" Volume is already exclusively
//! attached to one node and can't be attached to another`, or `… Volume is already used by pod(s) …`. It says it once for
//! each pod, and the event is gone after an hour. So a pod counts as well that has been waiting for long on a node which
//! its volume is not attached to.

use std::collections::{BTreeMap, BTreeSet};

use nks_fixer::{Input, Object, Pod};

use crate::attachment::Attachment;
use crate::volumes::{Reach, Volumes};

/// How long a volume may be on its way from one node to another, in seconds.
const UNDERWAY: i64 = 360;

/// A pod that waits, and the event that says so.
#[derive(Clone, Copy)]
pub(crate) struct Waiter<'a> {
    pub(crate) pod: Pod<'a>,
    pub(crate) event: Option<u32>,
}

pub(crate) struct Waiting<'a>(BTreeMap<&'a str, Vec<Waiter<'a>>>);

impl<'a> Waiting<'a> {
    pub(crate) fn of(input: &'a Input, volumes: &Volumes<'a>, all: &[Attachment<'a>]) -> Self {
        let attached: BTreeSet<(&str, &str)> =
            all.iter().map(|one| (one.volume, one.node)).collect();
        let events = events(input);
        let mut waiting: BTreeMap<&str, Vec<Waiter>> = BTreeMap::new();
        for pod in input.pods().filter(|pod| is_starting(pod)) {
            let Some(node) = pod.node_name() else {
                continue;
            };
            let told = events.get(&(pod.namespace.as_str(), pod.name.as_str()));
            let told = told.map_or(&[][..], Vec::as_slice);
            let told = told.iter().filter(|event| event.is_about(&pod));
            let mut found: BTreeMap<&str, Option<u32>> = told
                .map(|event| (event.volume, Some(event.index)))
                .collect();
            if age(input, &pod) >= UNDERWAY {
                let volumes_of_pod = volumes.of_pod(pod.object);
                for volume in volumes_of_pod.filter(|name| volumes.reach(name) == Reach::OneNode) {
                    found.entry(volume).or_default();
                }
            }
            for (volume, event) in found {
                // A volume that is on the pod's own node is not what it waits for, or not any more.
                if !attached.contains(&(volume, node)) {
                    waiting
                        .entry(volume)
                        .or_default()
                        .push(Waiter { pod, event });
                }
            }
        }
        Self(waiting)
    }

    /// The pods that wait for a volume.
    pub(crate) fn for_volume(&self, volume: &str) -> &[Waiter<'a>] {
        self.0.get(volume).map_or(&[], Vec::as_slice)
    }

    /// The pods of which an event says so, by volume.
    pub(crate) fn told(&self) -> impl Iterator<Item = (&'a str, Vec<Waiter<'a>>)> {
        self.0.iter().filter_map(|(volume, waiters)| {
            let told = waiters.iter().filter(|waiter| waiter.event.is_some());
            let told: Vec<Waiter> = told.copied().collect();
            (!told.is_empty()).then_some((*volume, told))
        })
    }
}

/// Whether a pod has been placed and has not started.
fn is_starting(pod: &Pod) -> bool {
    pod.phase() == "Pending" && pod.node_name().is_some() && !pod.is_being_deleted()
}

fn age(input: &Input, pod: &Pod) -> i64 {
    let created = pod.created().unwrap_or(input.context.now_unix);
    input.context.now_unix - created
}

/// An event that says that a volume is on another node.
struct Event<'a> {
    index: u32,
    volume: &'a str,
    uid: &'a str,
}

impl Event<'_> {
    /// A pod of a StatefulSet has the name of the one before it.
    fn is_about(&self, pod: &Pod) -> bool {
        self.uid.is_empty() || self.uid == pod.uid
    }
}

/// The events that say so, by namespace and name of the pod.
fn events(input: &Input) -> BTreeMap<(&str, &str), Vec<Event<'_>>> {
    let mut events: BTreeMap<(&str, &str), Vec<Event>> = BTreeMap::new();
    for (index, object) in input.indexed() {
        if let Some(volume) = volume_elsewhere(object)
            && let Some(pod) = object.text("/involvedObject/name")
        {
            let uid = object.text("/involvedObject/uid").unwrap_or_default();
            let event = Event { index, volume, uid };
            events
                .entry((object.namespace.as_str(), pod))
                .or_default()
                .push(event);
        }
    }
    events
}

/// The volume of which an event says that another node has it.
pub(crate) fn volume_elsewhere(event: &Object) -> Option<&str> {
    let is_it = event.kind == "Event"
        && event.text("/reason") == Some("FailedAttachVolume")
        && event.text("/involvedObject/kind") == Some("Pod");
    let message = event.text("/message").filter(|_| is_it)?;
    let rest = message.strip_prefix("Multi-Attach error for volume \"")?;
    rest.split_once('"').map(|(volume, _)| volume)
}
