//! Parts of the API that other servers answer for: an APIService names the server.
//!
//! One that does not answer holds up whoever asks for the whole API, such as the deletion of a namespace. And one group is
//! in the way although it answers: a section that NHN Cloud has written but not published says that worker nodes cannot
//! be upgraded from 1.26.3 to 1.27.3 while custom.metrics.k8s.io is served.

use nks_fixer::{Finding, Input, Object, Report};
use serde_json::Value;

use crate::found::{Found, about};
use crate::nodes;

const CUSTOM_METRICS: &str = "custom.metrics.k8s.io";

/// The minor version whose worker nodes custom metrics keep from the next.
const HELD_AT: u32 = 26;

/// A finding about those that do not answer.
pub(crate) fn check(input: &Input, report: &mut Report) {
    let down: Vec<Found> = all(input)
        .filter_map(|(index, service)| Some(Found::with(index, service, unavailable(service)?)))
        .collect();
    if !down.is_empty() {
        report.finding(about(Finding::warning("api-services-down"), &down));
    }
}

/// A finding about custom metrics, where the upgrade that they break is the next one or has begun.
pub(crate) fn check_custom_metrics(input: &Input, minor: u32, report: &mut Report) {
    if minor != HELD_AT && !has_node_of(input, "1.26") {
        return;
    }
    let services: Vec<Found> = all(input)
        .filter(|(_, service)| service.text("/spec/group") == Some(CUSTOM_METRICS))
        .map(|(index, service)| Found::new(index, service))
        .collect();
    let served = served_versions(input);
    let is_served = served
        .into_iter()
        .flatten()
        .filter_map(|version| version.as_str()?.split_once('/'))
        .any(|(group, _)| group == CUSTOM_METRICS);
    if is_served || !services.is_empty() {
        report.finding(about(Finding::error("custom-metrics"), &services));
    } else if served.is_none() && all(input).next().is_none() {
        // Every cluster has APIServices, so these could not be read.
        report.finding(Finding::warning("custom-metrics-unknown"));
    }
}

/// Worker nodes come after the control plane, which may be at 1.27 already.
fn has_node_of(input: &Input, version: &str) -> bool {
    input
        .objects
        .iter()
        .filter(|object| object.kind == "Node")
        .filter_map(|node| node.text(nodes::KUBELET))
        .any(|kubelet| nodes::same_minor(kubelet, version))
}

fn all(input: &Input) -> impl Iterator<Item = (u32, &Object)> {
    input
        .indexed()
        .filter(|(_, object)| object.kind == "APIService")
}

/// The versions that the API server names; `None` where it was not asked.
fn served_versions(input: &Input) -> Option<&Vec<Value>> {
    let discovery = input
        .objects
        .iter()
        .find(|object| object.kind == "Discovery")?;
    discovery.value.get("groupVersions")?.as_array()
}

/// Why the service does not answer, in one word; `None` where it answers.
fn unavailable(service: &Object) -> Option<&str> {
    let conditions = service.value.pointer("/status/conditions")?.as_array()?;
    let text = |condition: &'_ Value, key: &str, wanted: &str| {
        condition.get(key).and_then(Value::as_str) == Some(wanted)
    };
    let condition = conditions.iter().find(|condition| {
        text(condition, "type", "Available") && text(condition, "status", "False")
    })?;
    let reason = condition.get("reason").and_then(Value::as_str);
    Some(reason.unwrap_or("Available=False"))
}
