//! How a plan and what became of it are shown.

use nks_cluster::{ApplyReport, StepState};
use nks_core::approval::Preview;
use nks_core::diff;
use nks_core::plan::{Action, ObjectPatch, Plan, WayBack};
use nks_core::report::Risk;
use nks_core::rights::Right;

use serde_json::Value;

use crate::external_diff;
use crate::failure::Failure;
use crate::screen::{BOLD, DIM, Screen, cross, paint};

/// `patch daemonsets.apps -n kube-system`
pub(crate) fn right(right: &Right) -> String {
    let group = if right.group.is_empty() {
        String::new()
    } else {
        format!(".{}", right.group)
    };
    let name = right
        .name
        .as_ref()
        .map(|name| format!("/{name}"))
        .unwrap_or_default();
    let scope = right
        .namespace
        .as_ref()
        .map(|namespace| format!(" -n {namespace}"))
        .unwrap_or_default();
    format!("{} {}{group}{name}{scope}", right.verb, right.resource)
}

/// One line a step, then the diff of what the server would store.
pub(crate) fn show(screen: &Screen, plan: &Plan, preview: &Preview) -> Result<(), Failure> {
    show_steps(screen, plan)?;
    let after = |position: usize, patch: &ObjectPatch| {
        let stored = preview.after.iter().find(|(step, _)| *step == position);
        stored.map_or_else(|| patch.after.clone(), |(_, after)| after.clone())
    };
    let changes: Vec<(&ObjectPatch, Value)> = plan
        .patches()
        .map(|(position, patch)| (patch, after(position, patch)))
        .collect();
    if let Some(program) = external_diff::program() {
        return external_diff::show(screen, &program, &changes);
    }
    for (patch, after) in &changes {
        screen.diff(&diff::unified(&patch.id, &patch.before, after))?;
    }
    Ok(())
}

/// The steps of a plan, numbered, with what each may cost.
pub(crate) fn show_steps(screen: &Screen, plan: &Plan) -> Result<(), Failure> {
    screen.line(&paint(BOLD, &screen.say("plan-title", &[])))?;
    for (position, step) in plan.steps.iter().enumerate() {
        let subject = match &step.action {
            Action::Patch(patch) => patch.id.to_string(),
            Action::Manual => screen.say("by-hand", &[]),
        };
        let risk = match (&step.action, step.risk) {
            (Action::Manual, _) => String::new(),
            (_, Risk::Safe) => screen.say("risk-safe", &[]),
            (_, Risk::Disruptive) => screen.say("risk-disruptive", &[]),
            (_, Risk::Destructive) => screen.say("risk-destructive", &[]),
        };
        let way_back = match &step.action {
            Action::Manual => None,
            Action::Patch(patch) => match patch.way_back() {
                WayBack::Exact => None,
                WayBack::Restart => Some("way-back-restart"),
                WayBack::None => Some("way-back-none"),
            },
        };
        let risk = match way_back {
            Some(id) => format!("{risk}, {}", screen.say(id, &[])),
            None => risk,
        };
        screen.line(format!("  {}. {subject}   {}", position + 1, paint(DIM, &risk)).trim_end())?;
        screen.prose(&screen.render(&step.message, &step.args), "     ")?;
    }
    screen.line("")
}

/// Prints a line for each step that was tried, and one for each that was not.
pub(crate) fn show_outcome(
    screen: &Screen,
    plan: &Plan,
    report: &ApplyReport,
) -> Result<(), Failure> {
    for (step, state) in plan.steps.iter().zip(&report.steps) {
        let Action::Patch(patch) = &step.action else {
            continue;
        };
        let object = patch.id.short();
        let values = |reason: &str| {
            [
                ("object".to_owned(), object.clone()),
                ("reason".to_owned(), reason.to_owned()),
            ]
        };
        let line = |id: &str, reason: &str| {
            let values = values(reason);
            let values: Vec<(&str, &str)> = values
                .iter()
                .map(|(name, value)| (name.as_str(), value.as_str()))
                .collect();
            screen.say(id, &values)
        };
        let text = match state {
            StepState::Done { .. } => format!("{object} patched"),
            StepState::NoChange => format!("{object} patched (no change)"),
            StepState::Manual => continue,
            StepState::Conflict { drift } => {
                format!("{} {}", cross(), line("step-failed", &drift.to_string()))
            }
            StepState::Failed(reason) => format!("{} {}", cross(), line("step-failed", reason)),
            StepState::RolloutFailed(reason) => {
                format!("{} {}", cross(), line("step-incomplete", reason))
            }
            StepState::Unknown(reason) => format!("{} {}", cross(), line("step-unknown", reason)),
            StepState::NotTried => line("step-not-tried", ""),
        };
        screen.line(&text)?;
    }
    Ok(())
}
