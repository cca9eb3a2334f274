//! The way back: from the record of a run to a plan that restores the touched fields, and only those.

use serde_json::Value;

use crate::credential::Credentials;
use crate::message::Text;
use crate::object::{Object, ObjectId};
use crate::owner;
use crate::plan::{self, Act, Action, ObjectPatch, Plan, PlannedStep};
use crate::pointer::{Pattern, Pointer};
use crate::record::{Created, Intent, Journal};
use crate::report::{Arg, Risk};
use crate::scope::{self, Edit};
use crate::{secret, whole};

/// Why a run cannot be undone as it stands.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum UndoError {
    /// The object is gone, or another one carries its name now.
    #[error("{0} is no longer the object that was changed")]
    Gone(ObjectId),
    /// What was deleted is there: somebody made it again.
    #[error("{0} was deleted and is there again")]
    There(ObjectId),
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
    /// What was created is deleted.
    pub delete: &'a Text,
    /// What was deleted is created again.
    pub create: &'a Text,
}

/// A plan that puts back what `journal` changed, last change first, and then restarts again what was restarted, in the
/// same order as then. What was created and is gone, and what a controller has made again, needs no step. `object_now`
/// finds an object as it is now; `now` is the time, RFC 3339. Every obstacle is reported, not only the first.
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
        let object = object_now(&intent.object);
        let back = match intent.act {
            Act::Create => removed(intent, journal.created(intent.step), object),
            Act::Delete => made_again(intent, object.as_ref()),
            Act::Patch => changed_back(intent, object, now).map(Some),
        };
        let patch = match back {
            Ok(Some(patch)) => patch,
            Ok(None) => continue,
            Err(found) => {
                obstacles.extend(found);
                continue;
            }
        };
        let message = match intent.act {
            Act::Create => messages.delete,
            Act::Delete => messages.create,
            Act::Patch if plan::is_restart(&intent.edits) => messages.restart,
            Act::Patch => messages.put_back,
        };
        plan.steps.push(step(message, &journal.begin.entry, patch));
    }
    if obstacles.is_empty() {
        Ok(plan)
    } else {
        Err(obstacles)
    }
}

fn step(message: &Text, entry: &str, patch: ObjectPatch) -> PlannedStep {
    let arg = |name: &str, value: String| Arg {
        name: name.into(),
        value,
    };
    let args = vec![
        arg("object", patch.id.short()),
        arg("entry", entry.to_owned()),
    ];
    let action = Action::Patch(Box::new(patch));
    PlannedStep {
        message: message.clone(),
        args,
        risk: Risk::Disruptive.max(plan::floor(&action)),
        action,
        needs: Vec::new(),
        // What is put back may be what was broken: a rollout that can never complete is not waited for.
        wait: false,
        expect: Vec::new(),
    }
}

fn changed_back(
    intent: &Intent,
    object: Option<Object>,
    now: &str,
) -> Result<ObjectPatch, Vec<UndoError>> {
    let object = object
        .filter(|object| object.uid == intent.uid)
        .ok_or_else(|| vec![UndoError::Gone(intent.object.clone())])?;
    let restart = plan::is_restart(&intent.edits);
    // Whatever was restarted since has been restarted since.
    let drifted = if restart {
        Vec::new()
    } else {
        drift(&object, &intent.edits)
    };
    if !drifted.is_empty() {
        return Err(drifted);
    }
    let patch = if restart {
        plan::restarted(&object.value, now).map(|after| {
            let edits = scope::edits(&object.value, &after);
            patch(&object, after, edits)
        })
    } else {
        invert(&object, &intent.edits)
    };
    patch.ok_or_else(|| vec![UndoError::Unusable(intent.object.clone())])
}

/// What was created goes, unless somebody has put anything of their own into it.
fn removed(
    intent: &Intent,
    created: Option<&Created>,
    object: Option<Object>,
) -> Result<Option<ObjectPatch>, Vec<UndoError>> {
    let created = created.ok_or_else(|| vec![UndoError::Unusable(intent.object.clone())])?;
    let Some(object) = object else {
        return Ok(None);
    };
    if object.uid != created.uid {
        return Err(vec![UndoError::Gone(intent.object.clone())]);
    }
    let moved = scope::edits(&created.content, &whole::kept(&object.value));
    let moved = moved.into_iter().map(|edit| UndoError::Drift {
        object: object.id.clone(),
        left: said(edit.before.as_ref()),
        found: said(edit.after.as_ref()),
        path: edit.path,
    });
    let values: Vec<Edit> = intent
        .edits
        .iter()
        .filter(|edit| edit.sealed.is_some())
        .cloned()
        .collect();
    let drifted: Vec<UndoError> = moved.chain(drift(&object, &values)).collect();
    if !drifted.is_empty() {
        return Err(drifted);
    }
    // With a credential in it, of which the journal has no value, it is not made again by undoing the undo.
    let edits = whole::deletion(&object.value).unwrap_or_default();
    Ok(Some(patch(&object, Value::Null, edits)))
}

fn made_again(
    intent: &Intent,
    object: Option<&Object>,
) -> Result<Option<ObjectPatch>, Vec<UndoError>> {
    let kept = intent.edits.first().and_then(|edit| edit.before.as_ref());
    match (kept, object) {
        (None, _) if whole::is_pod(&intent.object) => Ok(None),
        (None, _) => Err(vec![UndoError::Unusable(intent.object.clone())]),
        (Some(_), Some(_)) => Err(vec![UndoError::There(intent.object.clone())]),
        (Some(kept), None) => Ok(Some(ObjectPatch {
            id: intent.object.clone(),
            uid: String::new(),
            resource_version: String::new(),
            before: Value::Null,
            after: kept.clone(),
            credentials: Credentials::default(),
            edits: whole::creation(kept, kept),
            declared: Vec::new(),
            managed_by: None,
        })),
    }
}

fn said(value: Option<&Value>) -> String {
    value.map_or_else(|| "nothing".to_owned(), Value::to_string)
}

fn drift(object: &Object, edits: &[Edit]) -> Vec<UndoError> {
    let hidden = secret::is_secret(&object.value);
    let shown = |value: Option<&Value>| match value {
        _ if hidden => secret::MASK.to_owned(),
        value => said(value),
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
        credentials: Credentials::default(),
        declared: edits
            .iter()
            .filter_map(|edit| Pattern::parse(&edit.path.to_string()).ok())
            .collect(),
        edits,
        managed_by: owner::manager(object),
    }
}

#[cfg(test)]
mod tests;
