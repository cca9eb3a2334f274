//! The way back: from the record of a run to a plan that restores the touched fields, and only those.

use serde_json::Value;

use crate::message::Text;
use crate::object::{Object, ObjectId};
use crate::owner;
use crate::plan::{Action, ObjectPatch, Plan, PlannedStep};
use crate::pointer::{Pattern, Pointer};
use crate::record::Journal;
use crate::report::{Arg, Risk};
use crate::scope::{self, Edit};

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

/// A plan that puts back what `journal` changed, last change first. `now` finds an object as it is now; `message` is the
/// text of each step, with the placeholders `{object}` and `{entry}`. Every obstacle is reported, not only the first.
pub fn plan(
    journal: &Journal,
    message: &Text,
    now: impl Fn(&ObjectId) -> Option<Object>,
) -> Result<Plan, Vec<UndoError>> {
    let (mut plan, mut obstacles) = (Plan::default(), Vec::new());
    for intent in journal.applied().into_iter().rev() {
        let Some(object) = now(&intent.object).filter(|object| object.uid == intent.uid) else {
            obstacles.push(UndoError::Gone(intent.object.clone()));
            continue;
        };
        let drifted = drift(&object, &intent.edits);
        if !drifted.is_empty() {
            obstacles.extend(drifted);
            continue;
        }
        let arg = |name: &str, value: String| Arg {
            name: name.into(),
            value,
        };
        let Some(patch) = invert(&object, &intent.edits) else {
            obstacles.push(UndoError::Unusable(intent.object.clone()));
            continue;
        };
        plan.steps.push(PlannedStep {
            message: message.clone(),
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
    let shown =
        |value: Option<&Value>| value.map_or_else(|| "nothing".to_owned(), Value::to_string);
    let moved = |edit: &&Edit| {
        edit.path.get(&object.value) != edit.after.as_ref()
            || edit
                .within
                .iter()
                .any(|named| named.path.get(&object.value) != Some(&named.name))
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
    let inverse: Vec<Edit> = edits
        .iter()
        .rev()
        .map(|edit| Edit {
            before: edit.after.clone(),
            after: edit.before.clone(),
            ..edit.clone()
        })
        .collect();
    let mut after = object.value.clone();
    let patch: json_patch::Patch =
        serde_json::from_value(Value::Array(scope::operations(&inverse))).ok()?;
    json_patch::patch(&mut after, &patch).ok()?;
    let declared = inverse
        .iter()
        .filter_map(|edit| Pattern::parse(&edit.path.to_string()).ok())
        .collect();
    Some(ObjectPatch {
        id: object.id.clone(),
        uid: object.uid.clone(),
        resource_version: object.resource_version.clone(),
        before: object.value.clone(),
        after,
        edits: inverse,
        declared,
        managed_by: owner::manager(object),
    })
}
