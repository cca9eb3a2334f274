//! How a plan and what became of it are shown.

use nks_cluster::{ApplyReport, StepState};
use nks_core::approval::Preview;
use nks_core::diff;
use nks_core::image_probe::{self, Verdict};
use nks_core::plan::{Act, Action, ObjectPatch, Plan, WayBack};
use nks_core::report::Risk;
use nks_core::rights::Right;
use nks_core::whole;

use serde_json::Value;

use crate::external_diff;
use crate::failure::Failure;
use crate::screen::{BOLD, DIM, Screen, cross, paint, tick};

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
    if plan.probes().is_some() {
        screen.note(&screen.say("probe-first", &[]));
    }
    let after = |position: usize, patch: &ObjectPatch| {
        let stored = preview.after.iter().find(|(step, _)| *step == position);
        match stored {
            None => patch.after.clone(),
            // The uid and the time of a dry run are not those that the object will have. Of a new Secret not even the
            // shape of a value is shown, since all of it came from the user.
            Some((_, after)) if patch.act() == Act::Create => whole::kept(after),
            Some((_, after)) => after.clone(),
        }
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
            Action::Patch(patch) => subject(screen, patch),
            Action::ProbeImage(pod) => {
                let (image, node) = image_probe::asked(&pod.after);
                screen.say("step-probe", &[("image", image), ("node", node)])
            }
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
            Action::ProbeImage(_) => Some(screen.say("way-back-probe", &[])),
            Action::Patch(patch) => way_back(screen, patch),
        };
        let risk = match way_back {
            Some(said) => format!("{risk}, {said}"),
            None => risk,
        };
        screen.line(format!("  {}. {subject}   {}", position + 1, paint(DIM, &risk)).trim_end())?;
        screen.prose(&screen.render(&step.message, &step.args), "     ")?;
    }
    screen.line("")
}

fn subject(screen: &Screen, patch: &ObjectPatch) -> String {
    let object = patch.id.to_string();
    match patch.act() {
        Act::Patch => object,
        Act::Create => screen.say("step-create", &[("object", &object)]),
        Act::Delete => screen.say("step-delete", &[("object", &object)]),
    }
}

fn way_back(screen: &Screen, patch: &ObjectPatch) -> Option<String> {
    match patch.way_back() {
        WayBack::Exact => None,
        WayBack::Restart => Some(screen.say("way-back-restart", &[])),
        WayBack::Deletion => Some(screen.say("way-back-deletion", &[])),
        WayBack::NewObject => Some(screen.say("way-back-new-object", &[])),
        WayBack::Remade => Some(screen.say("way-back-remade", &[])),
        WayBack::None => Some(screen.say("way-back-none", &[])),
    }
}

/// Prints a line for each step that was tried, and one for each that was not.
pub(crate) fn show_outcome(
    screen: &Screen,
    plan: &Plan,
    report: &ApplyReport,
) -> Result<(), Failure> {
    for (step, state) in plan.steps.iter().zip(&report.steps) {
        let Some(patch) = step.action.patch() else {
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
        // kubectl's words, which it has in English only.
        let (done, incomplete) = match patch.act() {
            Act::Patch => ("patched", "step-incomplete"),
            Act::Create => ("created", "step-creation-incomplete"),
            Act::Delete => ("deleted", "step-deletion-incomplete"),
        };
        let text = match state {
            StepState::Done { .. } => format!("{object} {done}"),
            StepState::NoChange => format!("{object} {done} (no change)"),
            StepState::Manual => continue,
            StepState::Probed { pod, verdict } => verdict_line(screen, &pod.value, verdict),
            StepState::Conflict { drift } => {
                format!("{} {}", cross(), line("step-failed", &drift.to_string()))
            }
            StepState::Failed(reason) => format!("{} {}", cross(), line("step-failed", reason)),
            StepState::RolloutFailed(reason) => {
                format!("{} {}", cross(), line(incomplete, reason))
            }
            StepState::Unknown(reason) => format!("{} {}", cross(), line("step-unknown", reason)),
            StepState::NotTried => line("step-not-tried", ""),
        };
        screen.line(&text)?;
    }
    Ok(())
}

fn verdict_line(screen: &Screen, pod: &Value, verdict: &Verdict) -> String {
    let (image, node) = image_probe::asked(pod);
    let say = |id: &str, reason: &str| {
        screen.say(id, &[("image", image), ("node", node), ("reason", reason)])
    };
    match verdict {
        Verdict::Pulled => format!("{} {}", tick(), say("probe-pulled", "")),
        Verdict::Failed(reason) => format!("{} {}", cross(), say("probe-failed", reason)),
        Verdict::Unknown(reason) => format!("{} {}", cross(), say("probe-unknown", reason)),
    }
}

#[cfg(test)]
mod tests {
    use nks_core::message::Language;
    use nks_core::object::Object;
    use serde_json::json;

    use super::*;

    /// What the plan says of a step from `before` to `after`, in both languages.
    fn said(before: &Value, after: &Value) -> [String; 2] {
        let shown = if before.is_null() { after } else { before };
        let patch = ObjectPatch {
            id: Object::new(shown.clone(), "").unwrap().id,
            uid: String::new(),
            resource_version: String::new(),
            edits: whole::deletion(shown).unwrap(),
            before: before.clone(),
            after: after.clone(),
            declared: Vec::new(),
            credentials: Default::default(),
            managed_by: None,
        };
        [Language::English, Language::Korean].map(|language| {
            let screen = Screen { language };
            let back = way_back(&screen, &patch).unwrap_or_default();
            format!("{}: {back}", subject(&screen, &patch))
        })
    }

    #[test]
    fn what_is_created_and_deleted_is_said_with_its_way_back() {
        let settings = json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "c", "namespace": "n"}});
        let mut pod = settings.clone();
        pod["kind"] = "Pod".into();
        pod["metadata"]["ownerReferences"] = json!([{"controller": true}]);
        let nothing = Value::Null;
        assert_eq!(
            said(&nothing, &settings),
            [
                "create configmap/c -n n: undo deletes it",
                "configmap/c -n n 생성: 되돌리면 삭제"
            ]
        );
        assert_eq!(
            said(&settings, &nothing),
            [
                "delete configmap/c -n n: undo creates it again as a new object with another uid",
                "configmap/c -n n 삭제: 되돌리면 uid가 다른 새 객체로 다시 생성"
            ]
        );
        assert_eq!(
            said(&pod, &nothing),
            [
                "delete pod/c -n n: cannot be undone: its controller makes another in its place",
                "pod/c -n n 삭제: 되돌릴 수 없음: 컨트롤러가 새로 생성"
            ]
        );
        let patched = said(&settings, &settings);
        assert_eq!(patched, ["configmap/c -n n: ", "configmap/c -n n: "]);
    }
}
