//! Signs of Istio: pods with a sidecar, namespaces whose next pods get one, and ambient mode.

use std::collections::{BTreeMap, BTreeSet};

use nks_fixer::{Input, Object, Pod};
use serde_json::Value;

use crate::name;

/// What there is of Istio.
pub(crate) struct Mesh<'a> {
    pub(crate) sidecars: Sidecars<'a>,
    /// Namespaces whose pods get a sidecar when they are made.
    pub(crate) injecting: Vec<(u32, &'a Object)>,
    /// The DaemonSet `ztunnel`, and namespaces in ambient mode.
    pub(crate) ambient: Vec<(u32, &'a Object)>,
}

/// The pods that run a sidecar.
pub(crate) struct Sidecars<'a> {
    pub(crate) pods: Vec<Pod<'a>>,
    /// How many of them run it as an init container that goes on running.
    pub(crate) native: usize,
    /// How many workloads they belong to.
    pub(crate) workloads: usize,
}

impl<'a> Mesh<'a> {
    pub(crate) fn of(input: &'a Input) -> Self {
        let all = |test: fn(&Object) -> bool| {
            let objects = input.indexed().filter(|(_, object)| test(object));
            objects.collect::<Vec<_>>()
        };
        let pods: Vec<Pod> = input.pods().filter(has_sidecar).collect();
        let workloads: BTreeSet<_> = pods.iter().map(workload_of).collect();
        Self {
            sidecars: Sidecars {
                native: pods.iter().filter(|pod| is_native(pod)).count(),
                workloads: workloads.len(),
                pods,
            },
            injecting: all(injects),
            ambient: all(is_ambient),
        }
    }

    /// Everything that was seen, named for a person.
    pub(crate) fn signs(&self) -> Vec<String> {
        let ambient = self.ambient.iter().map(|(_, object)| name(object));
        self.sidecars_or_namespaces().chain(ambient).collect()
    }

    /// Namespaces with the number of their pods; without any pods, the namespaces that ask for sidecars.
    pub(crate) fn sidecars_or_namespaces(&self) -> impl Iterator<Item = String> {
        let asking = self.injecting.iter().map(|(_, object)| object.name.clone());
        let none_run = self.sidecars.pods.is_empty();
        self.sidecars
            .by_namespace()
            .chain(asking.filter(move |_| none_run))
    }
}

impl Sidecars<'_> {
    /// `shop (12)` for each namespace, sorted.
    pub(crate) fn by_namespace(&self) -> impl Iterator<Item = String> {
        let mut counts: BTreeMap<&str, usize> = BTreeMap::new();
        for pod in &self.pods {
            *counts.entry(pod.object.namespace.as_str()).or_default() += 1;
        }
        counts
            .into_iter()
            .map(|(namespace, count)| [namespace, " (", &count.to_string(), ")"].concat())
    }
}

/// A gateway is Istio's proxy too, but alone in its pod: there is nothing that it could be passed by on the way out of.
fn has_sidecar(pod: &Pod) -> bool {
    let is_finished = matches!(pod.phase(), "Succeeded" | "Failed");
    let containers = pod.containers();
    let serves_another = containers
        .iter()
        .any(|container| !container.init && container.name != "istio-proxy");
    let was_injected = pod.annotation("sidecar.istio.io/status").is_some();
    let has_proxy = containers
        .iter()
        .any(|container| container.name == "istio-proxy");
    !is_finished && serves_another && (has_proxy || was_injected)
}

fn is_native(pod: &Pod) -> bool {
    let mut containers = pod.containers().into_iter();
    containers.any(|container| container.init && container.name == "istio-proxy")
}

/// Namespace, kind and name of what a pod belongs to. A ReplicaSet is named after its Deployment and the hash of its pods.
fn workload_of<'a>(pod: &Pod<'a>) -> (&'a str, &'a str, &'a str) {
    let object = pod.object;
    let text = |key| {
        let owner = object.controller()?;
        owner.get(key).and_then(Value::as_str)
    };
    let (kind, name) = match (text("kind"), text("name")) {
        (Some(kind), Some(name)) => (kind, name),
        _ => ("Pod", object.name.as_str()),
    };
    let hash = object.label("pod-template-hash").unwrap_or_default();
    let deployment = name
        .strip_suffix(hash)
        .and_then(|name| name.strip_suffix('-'))
        .filter(|_| kind == "ReplicaSet" && !hash.is_empty());
    (object.namespace.as_str(), kind, deployment.unwrap_or(name))
}

/// Istio looks at a revision only where `istio-injection` says nothing.
fn injects(object: &Object) -> bool {
    let is_asked_for = match object.label("istio-injection") {
        Some(injection) => injection == "enabled",
        None => object.label("istio.io/rev").is_some(),
    };
    object.kind == "Namespace" && is_asked_for
}

fn is_ambient(object: &Object) -> bool {
    let is_namespace =
        object.kind == "Namespace" && object.label("istio.io/dataplane-mode") == Some("ambient");
    is_namespace || (object.kind == "DaemonSet" && object.name == "ztunnel")
}
