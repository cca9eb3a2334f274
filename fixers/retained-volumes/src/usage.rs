//! Which claims something refers to.
//!
//! Reading every pod of a cluster would tell, at the price of the largest list there is. Three smaller ones tell the same
//! of Cinder: a volume that a running pod uses is attached to the pod's node and has a VolumeAttachment; a pod that does
//! not run yet is among the unhealthy ones; and what runs now and then has a template that names the claim.

use std::collections::BTreeSet;

use nks_fixer::{Input, Object};
use serde_json::Value;

/// How a claim is used.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Use {
    /// Nothing refers to it.
    None,
    /// A StatefulSet would use it if it had more replicas.
    IfScaledOut,
    /// Something refers to it.
    Some,
}

/// What refers to claims.
pub(crate) struct Usage<'a> {
    /// Names of volumes that are attached to a node, or are about to be.
    attached: BTreeSet<&'a str>,
    /// Namespace and name of claims that a pod or a template names.
    named: BTreeSet<(&'a str, &'a str)>,
    /// The StatefulSets, which name no claims: they make them after a pattern.
    sets: Vec<&'a Object>,
}

/// Whether the workloads were read at all. Every NKS cluster has a Deployment (CoreDNS) and a DaemonSet (the CSI driver).
pub(crate) fn was_read(input: &Input) -> bool {
    let has = |kind: &str| input.objects.iter().any(|object| object.kind == kind);
    has("Deployment") && has("DaemonSet")
}

impl<'a> Usage<'a> {
    /// Reads everything that refers to claims.
    pub(crate) fn of(input: &'a Input) -> Self {
        let mut usage = Self {
            attached: BTreeSet::new(),
            named: BTreeSet::new(),
            sets: Vec::new(),
        };
        for object in &input.objects {
            let volumes = match object.kind.as_str() {
                "VolumeAttachment" => {
                    usage
                        .attached
                        .extend(object.text("/spec/source/persistentVolumeName"));
                    continue;
                }
                "Pod" if has_ended(object) => continue,
                "Pod" => "/spec/volumes",
                "CronJob" => "/spec/jobTemplate/spec/template/spec/volumes",
                _ => "/spec/template/spec/volumes",
            };
            if object.kind == "StatefulSet" {
                usage.sets.push(object);
            }
            let claims = list(object, volumes)
                .filter_map(|volume| text(volume, "/persistentVolumeClaim/claimName"));
            usage
                .named
                .extend(claims.map(|claim| (object.namespace.as_str(), claim)));
        }
        usage
    }

    /// How a claim is used. One that has an owner goes when its owner does, which is as good as being used.
    pub(crate) fn of_claim(&self, claim: &Object) -> Use {
        let is_attached = claim
            .text("/spec/volumeName")
            .is_some_and(|volume| self.attached.contains(volume));
        let is_named = self
            .named
            .contains(&(claim.namespace.as_str(), claim.name.as_str()));
        if is_attached || is_named || has_owner(claim) {
            return Use::Some;
        }
        self.sets
            .iter()
            .filter(|set| set.namespace == claim.namespace)
            .map(|set| of_set(set, &claim.name))
            .max()
            .unwrap_or(Use::None)
    }
}

/// Whether a StatefulSet made the claim, and still has the pod that it was made for: `data-db-2` is for the pod `db-2` of
/// `db`, after its template `data`.
fn of_set(set: &Object, claim: &str) -> Use {
    let number = |pointer: &str| set.value.pointer(pointer).and_then(Value::as_u64);
    let first = number("/spec/ordinals/start").unwrap_or(0);
    let replicas = number("/spec/replicas").unwrap_or(1);
    let pod = list(set, "/spec/volumeClaimTemplates")
        .filter_map(|template| text(template, "/metadata/name"))
        .find_map(|template| ordinal(claim, &[template, "-", &set.name, "-"].concat()));
    match pod {
        Some(pod) if pod >= first && pod < first.saturating_add(replicas) => Use::Some,
        Some(_) => Use::IfScaledOut,
        None => Use::None,
    }
}

/// The number behind `prefix`, written as Kubernetes writes it: `007` is somebody's own name.
fn ordinal(name: &str, prefix: &str) -> Option<u64> {
    let digits = name.strip_prefix(prefix)?;
    let number: u64 = digits.parse().ok()?;
    (number.to_string() == digits).then_some(number)
}

fn has_ended(pod: &Object) -> bool {
    matches!(pod.text("/status/phase"), Some("Succeeded" | "Failed"))
}

fn has_owner(claim: &Object) -> bool {
    list(claim, "/metadata/ownerReferences").next().is_some()
}

fn list<'a>(object: &'a Object, pointer: &str) -> impl Iterator<Item = &'a Value> + use<'a> {
    let list = object.value.pointer(pointer).and_then(Value::as_array);
    list.into_iter().flatten()
}

fn text<'a>(value: &'a Value, pointer: &str) -> Option<&'a str> {
    value.pointer(pointer)?.as_str()
}
