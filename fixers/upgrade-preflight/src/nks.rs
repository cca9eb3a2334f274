//! Rules that only NKS has, and what it switches off during an upgrade.

use nks_fixer::{Finding, Image, Input, Object, Report, Workload};
use serde_json::Value;

use crate::found::{Found, about};

/// The last minor version that Flannel is for.
const LAST_WITH_FLANNEL: u32 = 25;

/// The user guide: from 1.25.4 to 1.26.3, "if the CNI is Flannel, it has to be changed to Calico-VXLAN".
pub(crate) fn check_network(input: &Input, minor: u32, report: &mut Report) {
    let named = |test: fn(&str) -> bool| -> Vec<Found> {
        input
            .workloads()
            .filter(|workload| workload.kind == "DaemonSet" && test(&workload.name))
            .map(|workload| Found::new(workload.index, workload.object))
            .collect()
    };
    let flannel = named(|name| name == "kube-flannel" || name.starts_with("kube-flannel-ds"));
    if flannel.is_empty() {
        return;
    }
    let calico_is_there = !named(|name| name == "calico-node").is_empty();
    let finding = if minor < LAST_WITH_FLANNEL {
        Finding::info("flannel-later")
    } else if calico_is_there {
        Finding::warning("flannel-left-over")
    } else if minor == LAST_WITH_FLANNEL {
        Finding::error("flannel")
    } else {
        // NKS has no such cluster, as far as is known.
        Finding::warning("flannel")
    };
    report.finding(about(finding, &flannel));
}

/// The user guide: "Clusters whose NKS registry is not enabled cannot be upgraded." It is enabled where a system image comes
/// from it; where none does, nothing follows, since images of NKS do not always show their registry.
pub(crate) fn check_registry(input: &Input, report: &mut Report) {
    let from_registry: Vec<Found> = input
        .workloads()
        .filter(|workload| workload.namespace == "kube-system" && uses_nks_registry(workload))
        .map(|workload| Found::new(workload.index, workload.object))
        .collect();
    if from_registry.is_empty() {
        report.finding(Finding::info("registry-unknown"));
    } else {
        report.finding(about(Finding::info("registry-active"), &from_registry));
    }
}

/// NHN Container Registry has hosts of the same form for its customers; only NKS's own holds `container_service`.
fn uses_nks_registry(workload: &Workload) -> bool {
    workload
        .containers()
        .iter()
        .filter_map(|container| Image::parse(container.image))
        .any(|image| {
            image.host.contains("-registry.container.")
                && image.path.starts_with("container_service/")
        })
}

/// The autoscaler of a node group keeps its state in a namespace of its own, which it makes: `nhn-ng-<node group>`.
pub(crate) fn check_autoscaler(input: &Input, report: &mut Report) {
    let namespaces: Vec<Found> = input
        .indexed()
        .filter(|(_, object)| object.kind == "Namespace" && !object.is_being_deleted())
        .filter(|(_, object)| object.name.starts_with("nhn-ng-"))
        .map(|(index, object)| Found::new(index, object))
        .collect();
    if !namespaces.is_empty() {
        report.finding(about(Finding::info("autoscaler"), &namespaces));
    }
}

/// Finalizers of system workloads are seen on the way; stuck-finalizers looks at everything that NKS deploys.
pub(crate) fn check_finalizers(input: &Input, report: &mut Report) {
    let held: Vec<Found> = input
        .workloads()
        .filter(|workload| workload.namespace == "kube-system" && has_finalizers(workload))
        .map(|workload| Found::new(workload.index, workload.object))
        .collect();
    if !held.is_empty() {
        report.finding(about(Finding::info("finalizers"), &held));
    }
}

/// Those of Kubernetes' own garbage collector go by themselves.
fn has_finalizers(object: &Object) -> bool {
    let finalizers = object.value.pointer("/metadata/finalizers");
    let finalizers = finalizers.and_then(Value::as_array).into_iter().flatten();
    finalizers
        .filter_map(Value::as_str)
        .any(|finalizer| !matches!(finalizer, "foregroundDeletion" | "orphan"))
}
