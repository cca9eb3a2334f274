//! Pods are evicted from each node, and a PodDisruptionBudget without room refuses. The user guide: "If pod eviction fails,
//! the upgrade fails."
//!
//! The disruption controller has done the sums already: `desiredHealthy` is what `minAvailable` or `maxUnavailable` come
//! to in pods, percentages rounded up. Where that is every pod, no eviction is ever allowed, however the setting is spelled.

use nks_fixer::{Finding, Input, Object, Report};
use serde_json::Value;

use crate::found::{Found, about};

/// Findings about the budgets: one for each reason why there is no room.
pub(crate) fn check(input: &Input, report: &mut Report) {
    let (mut never, mut not_now, mut not_computed) = (Vec::new(), Vec::new(), Vec::new());
    for (index, budget) in input.indexed() {
        if budget.kind != "PodDisruptionBudget" || budget.is_being_deleted() {
            continue;
        }
        let number = |field: &str| number(budget, field);
        if sync_failed(budget) {
            not_computed.push(Found::new(index, budget));
        } else if number("disruptionsAllowed") > 0 || number("expectedPods") == 0 {
            // There is room, or there is nothing to evict.
        } else if number("desiredHealthy") >= number("expectedPods") {
            never.push(Found::with(index, budget, &setting(budget)));
        } else {
            not_now.push(Found::with(index, budget, &health(budget)));
        }
    }
    for (finding, found) in [
        (Finding::error("budgets-never-allow"), never),
        (Finding::warning("budgets-without-room"), not_now),
        (Finding::warning("budgets-not-computed"), not_computed),
    ] {
        if !found.is_empty() {
            report.finding(about(finding, &found));
        }
    }
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
