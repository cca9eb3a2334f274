//! What goes with an evicted pod: the pod itself where no controller makes another, and what it wrote to an emptyDir.
//!
//! The user guide: pods that no controller started "are not rescheduled to other nodes after being evicted", pods with
//! `emptyDir` "lose the data they were using", and pods of a DaemonSet are not evicted.

use std::collections::BTreeMap;

use nks_fixer::{Finding, Input, Object, Report, Workload};
use serde_json::Value;

use crate::found::{Found, about, listed};

/// Findings about both.
pub(crate) fn check(input: &Input, report: &mut Report) {
    let bare: Vec<Found> = input
        .pods()
        .filter(|pod| is_bare(pod.object))
        .map(|pod| Found::new(pod.index, pod.object))
        .collect();
    if !bare.is_empty() {
        report.finding(about(Finding::error("bare-pods"), &bare));
    }
    check_empty_dirs(input, report);
}

/// Whether nothing makes the pod anew. The kubelet makes a static pod anew; what the API shows of one is its mirror.
fn is_bare(pod: &Object) -> bool {
    let is_static = ["kubernetes.io/config.mirror", "kubernetes.io/config.source"]
        .iter()
        .any(|key| pod.annotation(key).is_some_and(|source| source != "api"));
    pod.controller().is_none() && !is_static && !pod.is_being_deleted()
}

/// One finding for all workloads, counted by namespace: whether the data matter is for their owners to say.
fn check_empty_dirs(input: &Input, report: &mut Report) {
    let mut found = Vec::new();
    let mut counts: BTreeMap<&str, usize> = BTreeMap::new();
    for workload in input.workloads().filter(has_empty_dir) {
        found.push(workload.index);
        *counts.entry(&workload.object.namespace).or_default() += 1;
    }
    if found.is_empty() {
        return;
    }
    let counts: Vec<String> = counts
        .into_iter()
        .map(|(namespace, count)| [namespace, " (", &count.to_string(), ")"].concat())
        .collect();
    report.finding(
        Finding::info("empty-dirs")
            .arg("count", found.len().to_string())
            .arg("namespaces", listed(counts.iter().map(String::as_str)))
            .seen_on(found),
    );
}

/// Whether evicted pods of the workload leave data of an emptyDir on the node. kube-system is NKS's own business.
fn has_empty_dir(workload: &Workload) -> bool {
    let volumes = workload.value.pointer("/spec/template/spec/volumes");
    let on_disk = |volume: &Value| {
        volume
            .get("emptyDir")
            .is_some_and(|source| source.get("medium").and_then(Value::as_str) != Some("Memory"))
    };
    workload.kind != "DaemonSet"
        && workload.namespace != "kube-system"
        && workload.desired() > 0
        && volumes
            .and_then(Value::as_array)
            .into_iter()
            .flatten()
            .any(on_disk)
}
