//! Pods are evicted from each node, and a PodDisruptionBudget without room refuses. The user guide: "If pod eviction fails,
//! the upgrade fails."
//!
//! The disruption controller has done the sums already: `desiredHealthy` is what `minAvailable` or `maxUnavailable` come
//! to in pods, percentages rounded up. Where that is every pod, no eviction is ever allowed, however the setting is spelled.
//! Pods of a DaemonSet are not evicted in an upgrade, so a budget for these holds nothing up.

mod selector;

use std::collections::{BTreeMap, BTreeSet};

use nks_fixer::{Finding, Input, Object, Pod, Report};
use serde_json::Value;

use crate::found::{Found, about};
pub(crate) use selector::selects;

/// A budget and those of its pods that an upgrade evicts.
struct Budget<'a> {
    index: u32,
    object: &'a Object,
    evicted: Vec<u32>,
    /// Whether it has pods, and all of them are a DaemonSet's.
    is_for_daemon_set: bool,
}

/// Findings about the budgets: one for each reason why they refuse.
pub(crate) fn check(input: &Input, report: &mut Report) {
    let budgets = budgets(input);
    let pods_are_known = input.pods().next().is_some();
    let (mut never, mut not_now, mut not_computed) = (Vec::new(), Vec::new(), Vec::new());
    for budget in budgets.iter().filter(|budget| !budget.is_for_daemon_set) {
        let (index, object) = (budget.index, budget.object);
        let number = |field: &str| number(object, field);
        if sync_failed(object) {
            if !pods_are_known || !budget.evicted.is_empty() {
                not_computed.push(Found::new(index, object));
            }
        } else if number("disruptionsAllowed") > 0 || number("expectedPods") == 0 {
            // There is room, or there is nothing to evict.
        } else if number("desiredHealthy") >= number("expectedPods") {
            never.push(Found::with(index, object, &setting(object)));
        } else {
            not_now.push(Found::with(index, object, &health(object)));
        }
    }
    for (finding, found) in [
        (Finding::error("budgets-never-allow"), never),
        (Finding::error("budgets-overlap"), overlapping(&budgets)),
        (Finding::warning("budgets-without-room"), not_now),
        (Finding::warning("budgets-not-computed"), not_computed),
    ] {
        if !found.is_empty() {
            report.finding(about(finding, &found));
        }
    }
}

fn budgets(input: &Input) -> Vec<Budget<'_>> {
    let mut pods: BTreeMap<&str, Vec<Pod>> = BTreeMap::new();
    for pod in input.pods().filter(|pod| !pod.is_being_deleted()) {
        pods.entry(&pod.object.namespace).or_default().push(pod);
    }
    let budgets = input
        .indexed()
        .filter(|(_, object)| object.kind == "PodDisruptionBudget" && !object.is_being_deleted());
    budgets
        .map(|(index, object)| {
            let selector = object.value.pointer("/spec/selector");
            let beside = pods.get(object.namespace.as_str()).into_iter().flatten();
            let own: Vec<&Pod> = beside.filter(|pod| selects(selector, pod.object)).collect();
            let evicted: Vec<u32> = own
                .iter()
                .filter(|pod| !is_daemon_sets(pod.object))
                .map(|pod| pod.index)
                .collect();
            let is_for_daemon_set = evicted.is_empty() && !own.is_empty();
            Budget {
                index,
                object,
                evicted,
                is_for_daemon_set,
            }
        })
        .collect()
}

fn is_daemon_sets(pod: &Object) -> bool {
    let kind = pod.controller().and_then(|owner| owner.get("kind"));
    kind.and_then(Value::as_str) == Some("DaemonSet")
}

/// Budgets that share a pod with another: the API server answers the eviction of such a pod with an error, however much
/// room there is (kubernetes, registry/core/pod/storage/eviction.go).
fn overlapping(budgets: &[Budget]) -> Vec<Found> {
    let mut by_pod: BTreeMap<u32, Vec<usize>> = BTreeMap::new();
    for (position, budget) in budgets.iter().enumerate() {
        for pod in &budget.evicted {
            by_pod.entry(*pod).or_default().push(position);
        }
    }
    let positions: BTreeSet<usize> = by_pod
        .into_values()
        .filter(|positions| positions.len() > 1)
        .flatten()
        .collect();
    let found = |position| {
        let budget: &Budget = budgets.get(position)?;
        Some(Found::new(budget.index, budget.object))
    };
    positions.into_iter().filter_map(found).collect()
}

/// The controller could not count the pods; it allows no disruption then, and the numbers say nothing.
fn sync_failed(budget: &Object) -> bool {
    let conditions = budget.value.pointer("/status/conditions");
    let conditions = conditions.and_then(Value::as_array).into_iter().flatten();
    conditions
        .filter_map(|condition| condition.get("reason")?.as_str())
        .any(|reason| reason == "SyncFailed")
}

/// `minAvailable=100%, expectedPods=3`
fn setting(budget: &Object) -> String {
    let mut parts = Vec::new();
    for field in ["minAvailable", "maxUnavailable"] {
        let value = budget.value.get("spec").and_then(|spec| spec.get(field));
        let text = match value {
            Some(Value::String(text)) => text.clone(),
            Some(Value::Number(number)) => number.to_string(),
            _ => continue,
        };
        parts.push([field, "=", &text].concat());
    }
    parts.push(status(budget, "expectedPods"));
    parts.join(", ")
}

/// `currentHealthy=2, desiredHealthy=2, expectedPods=3`
fn health(budget: &Object) -> String {
    ["currentHealthy", "desiredHealthy", "expectedPods"]
        .map(|field| status(budget, field))
        .join(", ")
}

fn status(budget: &Object, field: &str) -> String {
    [field, "=", &number(budget, field).to_string()].concat()
}

fn number(budget: &Object, field: &str) -> i64 {
    let status = budget.value.get("status");
    let number = status.and_then(|status| status.get(field)?.as_i64());
    number.unwrap_or(0)
}
