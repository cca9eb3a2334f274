//! Which pods wait for a volume, and how sure it is that fsGroup is why.

use std::collections::BTreeMap;

use nks_fixer::{Input, Object, Pod};

use crate::security::{OF_POD, Walk};
use crate::volume::{Claim, Volumes};

/// A pod that waits for volumes and sets fsGroup.
pub(crate) struct Waiting<'a> {
    pub(crate) pod: Pod<'a>,
    pub(crate) certainty: Certainty,
    /// The claims that it waits for.
    pub(crate) claims: Vec<Claim<'a>>,
}

/// How sure it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Certainty {
    /// The mount timed out, and nothing says why.
    Suspected,
    /// The kubelet says that it is setting the group of the files. Kubelets do so since Kubernetes 1.33 or so
    /// (kubernetes/kubernetes#130398).
    Reported,
}

/// The pods that wait, in the order of the input.
pub(crate) fn waiting_pods<'a>(input: &'a Input, volumes: &Volumes<'a>) -> Vec<Waiting<'a>> {
    let events = events_by_pod(input);
    input
        .pods()
        .filter_map(|pod| {
            let events = events.get(pod.uid.as_str())?;
            let at_fault = matches!(Walk::of(pod.object, OF_POD), Walk::Always(_));
            let waits = at_fault && !pod.is_being_deleted() && has_not_mounted(&pod, events);
            if waits {
                waiting_pod(pod, events, volumes)
            } else {
                None
            }
        })
        .collect()
}

/// By uid: the pods of a StatefulSet inherit each other's names.
fn events_by_pod(input: &Input) -> BTreeMap<&str, Vec<&Object>> {
    let mut by_pod: BTreeMap<&str, Vec<&Object>> = BTreeMap::new();
    for object in input.objects.iter().filter(|object| object.kind == "Event") {
        if object.text("/involvedObject/kind") == Some("Pod")
            && let Some(uid) = object.text("/involvedObject/uid")
        {
            by_pod.entry(uid).or_default().push(object);
        }
    }
    by_pod
}

/// Whether the volumes of a pod are still to come. The kubelet mounts them all, then makes the sandbox, then pulls the
/// images.
fn has_not_mounted(pod: &Pod, events: &[&Object]) -> bool {
    let is_past_mounting = pod.statuses().any(|status| {
        let waits_for_start = status.waiting.is_none_or(|waiting| {
            matches!(waiting.reason, "ContainerCreating" | "PodInitializing")
        });
        status.pulled || !waits_for_start
    });
    let has_tried_sandbox = events
        .iter()
        .any(|event| reason(event) == "FailedCreatePodSandBox");
    pod.phase() == "Pending" && !is_past_mounting && !has_tried_sandbox
}

fn waiting_pod<'a>(pod: Pod<'a>, events: &[&Object], volumes: &Volumes<'a>) -> Option<Waiting<'a>> {
    let claims = volumes.claims(pod);
    let reports: Vec<&str> = events
        .iter()
        .filter(|event| reason(event) == "VolumePermissionChangeInProgress")
        .map(|event| message(event))
        .collect();
    let (certainty, claims) = if reports.is_empty() {
        if events.iter().any(|event| is_other_cause(event)) {
            return None;
        }
        (Certainty::Suspected, timed_out(claims, events))
    } else {
        (Certainty::Reported, reported(claims, &reports))
    };
    (!claims.is_empty()).then_some(Waiting {
        pod,
        certainty,
        claims,
    })
}

/// The claims that the kubelet names, and those of which nobody can say whether it does.
fn reported<'a>(claims: Vec<Claim<'a>>, reports: &[&str]) -> Vec<Claim<'a>> {
    let is_named = |claim: &Claim| match claim.persistent_volume {
        Some(volume) => reports.iter().any(|report| names(report, &volume.name)),
        None => true,
    };
    claims.into_iter().filter(is_named).collect()
}

/// Whether a report is about a volume: "Setting volume ownership for …/kubernetes.io~csi/NAME/mount, processed 7 files."
pub(crate) fn names(report: &str, volume: &str) -> bool {
    report.split(['/', ' ', ',']).any(|part| part == volume)
}

/// The claims that a timeout names.
fn timed_out<'a>(claims: Vec<Claim<'a>>, events: &[&Object]) -> Vec<Claim<'a>> {
    let unmounted: Vec<&str> = events
        .iter()
        .filter(|event| reason(event) == "FailedMount")
        .filter_map(|event| unmounted_volumes(message(event)))
        .flatten()
        .collect();
    let is_named = |claim: &Claim| unmounted.contains(&claim.volume);
    claims.into_iter().filter(is_named).collect()
}

/// The pod's names of the volumes that could not be mounted in time; `None` where a message says something else, or more
/// than that.
pub(crate) fn unmounted_volumes(message: &str) -> Option<impl Iterator<Item = &str>> {
    let message = message.trim_end();
    let ran_out_of_time = message.ends_with(": timed out waiting for the condition")
        || message.ends_with(": context deadline exceeded");
    let (_, unprocessed) = message
        .split_once("failed to process volumes=[")
        .unwrap_or(("", "]"));
    if !ran_out_of_time || !unprocessed.starts_with(']') {
        return None;
    }
    let rest = message.strip_prefix("Unable to attach or mount volumes: unmounted volumes=[")?;
    let (list, _) = rest.split_once(']')?;
    Some(list.split([' ', ',']).filter(|name| !name.is_empty()))
}

/// Whether an event names a cause of its own: the volume cannot be attached, a Secret or ConfigMap is missing
/// (`MountVolume.SetUp failed … not found`), the mount failed.
fn is_other_cause(event: &Object) -> bool {
    match reason(event) {
        "FailedAttachVolume" | "FailedMapVolume" => true,
        "FailedMount" => unmounted_volumes(message(event)).is_none(),
        _ => message(event).contains("Multi-Attach"),
    }
}

fn reason(event: &Object) -> &str {
    event.text("/reason").unwrap_or_default()
}

fn message(event: &Object) -> &str {
    event.text("/message").unwrap_or_default()
}
