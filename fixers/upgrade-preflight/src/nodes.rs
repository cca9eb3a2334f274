//! Every node has to run, in the control plane's version, and take pods.
//!
//! The user guide: the control plane can be upgraded when "the control plane and all worker node groups" are of the same
//! version, and no node may be stopped.

use std::collections::BTreeSet;

use nks_fixer::{Finding, Input, Object, Report};
use serde_json::Value;

use crate::found::{Found, about, listed};

pub(crate) const KUBELET: &str = "/status/nodeInfo/kubeletVersion";

/// Findings about versions, stopped nodes and cordoned nodes.
pub(crate) fn check(input: &Input, report: &mut Report) {
    let nodes: Vec<(u32, &Object)> = input
        .indexed()
        .filter(|(_, object)| object.kind == "Node")
        .collect();
    let control_plane = input.context.cluster.get("kubernetesVersion");
    match control_plane.and_then(Value::as_str) {
        Some(version) => check_versions(&nodes, version, input.context.is_nks(), report),
        None => check_versions_among(&nodes, report),
    }
    let those = |test: fn(&Object) -> bool| -> Vec<Found> {
        let matching = nodes.iter().filter(|(_, node)| test(node));
        matching
            .map(|(index, node)| Found::new(*index, node))
            .collect()
    };
    for (message, found) in [
        ("nodes-not-ready", those(is_not_ready)),
        ("nodes-cordoned", those(is_cordoned)),
    ] {
        if !found.is_empty() {
            report.finding(about(Finding::warning(message), &found));
        }
    }
}

/// Nodes in another version than the control plane's.
fn check_versions(nodes: &[(u32, &Object)], version: &str, is_nks: bool, report: &mut Report) {
    let mut found = Vec::new();
    let mut another_minor = false;
    for (index, node) in nodes {
        let Some(kubelet) = node.text(KUBELET) else {
            continue;
        };
        if numbers(kubelet) != numbers(version) {
            another_minor |= !same_minor(kubelet, version);
            found.push(Found::with(*index, node, kubelet));
        }
    }
    if found.is_empty() {
        return;
    }
    let finding = match (is_nks, another_minor) {
        (true, true) => Finding::error("node-groups-off-version"),
        (true, false) => Finding::warning("node-groups-off-version"),
        (false, _) => Finding::warning("nodes-off-version"),
    };
    report.finding(about(finding, &found).arg("version", version));
}

/// Without the control plane's version, nodes can only be compared with each other.
fn check_versions_among(nodes: &[(u32, &Object)], report: &mut Report) {
    let with_version =
        |(index, node): &(u32, &Object)| Some((*index, node.text(KUBELET)?.to_owned()));
    let versions: Vec<(u32, String)> = nodes.iter().filter_map(with_version).collect();
    let different: BTreeSet<&str> = versions
        .iter()
        .map(|(_, version)| version.as_str())
        .collect();
    if different.len() > 1 {
        report.finding(
            Finding::warning("node-versions-mixed")
                .arg("versions", listed(different.into_iter()))
                .seen_on(versions.iter().map(|(index, _)| *index)),
        );
    }
}

/// `1.29.3` of `v1.29.3-nks1+abc`: what a vendor appends is not another version.
pub(crate) fn numbers(version: &str) -> &str {
    let version = version.trim_start_matches('v');
    version.split(['-', '+']).next().unwrap_or_default()
}

/// Whether both are of one minor version: `v1.29.3` and `v1.29.6`.
pub(crate) fn same_minor(one: &str, other: &str) -> bool {
    let first_two = |version| numbers(version).split('.').take(2);
    first_two(one).eq(first_two(other))
}

/// A stopped node no longer reports, and is `Unknown` after a while.
fn is_not_ready(node: &Object) -> bool {
    let conditions = node.value.pointer("/status/conditions");
    let conditions = conditions.and_then(Value::as_array).into_iter().flatten();
    let text = |condition: &Value, key: &str| {
        let text = condition.get(key).and_then(Value::as_str);
        text.unwrap_or_default().to_owned()
    };
    conditions
        .filter(|condition| text(condition, "type") == "Ready")
        .any(|condition| text(condition, "status") != "True")
}

fn is_cordoned(node: &Object) -> bool {
    node.value.pointer("/spec/unschedulable") == Some(&Value::Bool(true))
}
