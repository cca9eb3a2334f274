//! The way back: from the record of a run to a plan that restores the touched fields, and only those.

use serde_json::Value;

use crate::message::Text;
use crate::object::{Object, ObjectId};
use crate::owner;
use crate::plan::{self, Action, ObjectPatch, Plan, PlannedStep};
use crate::pointer::{Pattern, Pointer};
use crate::record::Journal;
use crate::report::{Arg, Risk};
use crate::scope::{self, Edit};
use crate::secret;

/// Why a run cannot be undone as it stands.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum UndoError {
    /// The object is gone, or another one carries its name now.
    #[error("{0} is no longer the object that was changed")]
    Gone(ObjectId),
    /// Somebody changed the place since.
    #[error("{object}: {path} was set to {left} and holds {found} now")]
    Drift {
        /// Which object.
        object: ObjectId,
        /// Where.
        path: Pointer,
        /// What the run left there.
        left: String,
        /// What is there now.
        found: String,
    },
    /// The record does not describe a change of this object.
    #[error("the record of {0} cannot be turned around")]
    Unusable(ObjectId),
}

/// What the steps of an undo say, with the placeholders `{object}` and `{entry}`.
pub struct Messages<'a> {
    /// Fields are put back.
    pub put_back: &'a Text,
    /// A workload is restarted once more, so that it runs with what was put back.
    pub restart: &'a Text,
}

/// A plan that puts back what `journal` changed, last change first, and then restarts again what was restarted, in the
/// same order as then. `object_now` finds an object as it is now; `now` is the time, RFC 3339. Every obstacle is reported,
/// not only the first.
pub fn plan(
    journal: &Journal,
    messages: &Messages<'_>,
    object_now: impl Fn(&ObjectId) -> Option<Object>,
    now: &str,
) -> Result<Plan, Vec<UndoError>> {
    let (mut plan, mut obstacles) = (Plan::default(), Vec::new());
    let (restarts, changes): (Vec<_>, Vec<_>) = journal
        .applied()
        .into_iter()
        .partition(|intent| plan::is_restart(&intent.edits));
    for intent in changes.into_iter().rev().chain(restarts) {
        let restart = plan::is_restart(&intent.edits);
        let Some(object) = object_now(&intent.object).filter(|object| object.uid == intent.uid)
        else {
            obstacles.push(UndoError::Gone(intent.object.clone()));
            continue;
        };
        // Whatever was restarted since has been restarted since.
        let drifted = if restart {
            Vec::new()
        } else {
            drift(&object, &intent.edits)
        };
        if !drifted.is_empty() {
            obstacles.extend(drifted);
            continue;
        }
        let arg = |name: &str, value: String| Arg {
            name: name.into(),
            value,
        };
        let patch = if restart {
            plan::restarted(&object.value, now).map(|after| {
                let edits = scope::edits(&object.value, &after);
                patch(&object, after, edits)
            })
        } else {
            invert(&object, &intent.edits)
        };
        let Some(patch) = patch else {
            obstacles.push(UndoError::Unusable(intent.object.clone()));
            continue;
        };
        plan.steps.push(PlannedStep {
            message: if restart {
                messages.restart
            } else {
                messages.put_back
            }
            .clone(),
            args: vec![
                arg("object", object.id.short()),
                arg("entry", journal.begin.entry.clone()),
            ],
            action: Action::Patch(Box::new(patch)),
            risk: Risk::Disruptive,
            needs: Vec::new(),
            // What is put back may be what was broken: a rollout that can never complete is not waited for.
            wait: false,
            expect: Vec::new(),
        });
    }
    if obstacles.is_empty() {
        Ok(plan)
    } else {
        Err(obstacles)
    }
}

fn drift(object: &Object, edits: &[Edit]) -> Vec<UndoError> {
    let hidden = secret::is_secret(&object.value);
    let shown = |value: Option<&Value>| match value {
        _ if hidden => secret::MASK.to_owned(),
        Some(value) => value.to_string(),
        None => "nothing".to_owned(),
    };
    let moved = |edit: &&Edit| {
        !edit.is_done_in(&object.value) || !scope::is_within(edit, edits, &object.value)
    };
    edits
        .iter()
        .filter(moved)
        .map(|edit| UndoError::Drift {
            object: object.id.clone(),
            path: edit.path.clone(),
            left: shown(edit.after.as_ref()),
            found: shown(edit.path.get(&object.value)),
        })
        .collect()
}

fn invert(object: &Object, edits: &[Edit]) -> Option<ObjectPatch> {
    let invert = |edit: &Edit| {
        let (before, after) = match &edit.sealed {
            None => (edit.after.clone(), edit.before.clone()),
            Some(sealed) => {
                let now = edit.path.get(&object.value)?;
                let text = sealed.undo(&secret::decode(now)?)?;
                (Some(now.clone()), Some(secret::encode(&text)))
            }
        };
        Some(Edit {
            before,
            after,
            sealed: None,
            within: scope::names_after(edit, edits),
            path: edit.path.clone(),
        })
    };
    let inverse: Vec<Edit> = edits.iter().rev().map(invert).collect::<Option<_>>()?;
    let mut after = object.value.clone();
    let operations: json_patch::Patch =
        serde_json::from_value(Value::Array(scope::operations(&inverse))).ok()?;
    json_patch::patch(&mut after, &operations).ok()?;
    Some(patch(object, after, inverse))
}

fn patch(object: &Object, after: Value, edits: Vec<Edit>) -> ObjectPatch {
    ObjectPatch {
        id: object.id.clone(),
        uid: object.uid.clone(),
        resource_version: object.resource_version.clone(),
        before: object.value.clone(),
        after,
        declared: edits
            .iter()
            .filter_map(|edit| Pattern::parse(&edit.path.to_string()).ok())
            .collect(),
        edits,
        managed_by: owner::manager(object),
    }
}
