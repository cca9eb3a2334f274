//! From reports to exact writes: decided here, so that carrying them out has no choice left.

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::credential::Credentials;
use crate::finalizer;
use crate::kinds;
use crate::manifest::Manifest;
use crate::message::Text;
use crate::object::{self, Object, ObjectId};
use crate::owner::Manager;
use crate::pointer::{Pattern, Pointer};
use crate::report::{Arg, Report, Risk};
use crate::scope::{self, Edit, ScopeError};
use crate::secret;
use crate::whole;

mod image_probes;
mod planner;
mod problem;
mod risk;
mod whole_objects;

pub use problem::{PlanError, Problem};
pub(crate) use risk::floor;

/// What will be done, in order.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Plan {
    /// The steps, `needs` pointing backwards only.
    pub steps: Vec<PlannedStep>,
}

/// One step of a plan.
#[derive(Clone, Debug, PartialEq)]
pub struct PlannedStep {
    /// What it does, from the manifest's catalogue.
    pub message: Text,
    /// Values for the message, not yet cleaned.
    pub args: Vec<Arg>,
    /// The exact act.
    pub action: Action,
    /// What it may cost: the higher of what the fixer says and what the host knows.
    pub risk: Risk,
    /// Positions of earlier steps that must have succeeded.
    pub needs: Vec<usize>,
    /// Wait for the rollout before the next step.
    pub wait: bool,
    /// What must hold in the patched object afterwards.
    pub expect: Vec<Expected>,
}

/// What a step does.
#[derive(Clone, Debug, PartialEq)]
pub enum Action {
    /// Changes one object, from nothing where it is created and to nothing where it is deleted.
    Patch(Box<ObjectPatch>),
    /// Makes a pod that shows whether its node can pull its image, and removes it again.
    ProbeImage(Box<ObjectPatch>),
    /// Nothing that we do: a person must.
    Manual,
}

impl Action {
    /// The change of an object that it makes.
    pub fn patch(&self) -> Option<&ObjectPatch> {
        match self {
            Self::Patch(patch) | Self::ProbeImage(patch) => Some(patch),
            Self::Manual => None,
        }
    }
}

/// What is done to an object.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "lowercase")]
pub enum Act {
    /// It is changed in place.
    #[default]
    Patch,
    /// It is made.
    Create,
    /// It is removed.
    Delete,
}

impl Act {
    /// The API server's verb.
    pub fn verb(self) -> &'static str {
        match self {
            Self::Patch => "patch",
            Self::Create => "create",
            Self::Delete => "delete",
        }
    }
}

/// A change of one object, with what it was decided on.
#[derive(Clone, Debug, PartialEq)]
pub struct ObjectPatch {
    /// Which object.
    pub id: ObjectId,
    /// The incarnation of the object that was seen; empty where it is created.
    pub uid: String,
    /// The version that was seen; empty where it is created.
    pub resource_version: String,
    /// The object as it was seen; null where it is created.
    pub before: Value,
    /// The object as it should become; null where it is deleted. A Secret that is created has tokens in the places of its
    /// values: see [`ObjectPatch::sent`].
    pub after: Value,
    /// The values of those tokens.
    pub credentials: Credentials,
    /// The difference, place by place. Of an object that is created or deleted, the whole of it; nothing of one that is
    /// not put back.
    pub edits: Vec<Edit>,
    /// The places that the manifest lets the fixer change.
    pub declared: Vec<Pattern>,
    /// Who else writes this object.
    pub managed_by: Option<Manager>,
}

/// A value that must be in place after a step.
#[derive(Clone, Debug, PartialEq)]
pub struct Expected {
    /// Where.
    pub pointer: Pointer,
    /// What.
    pub value: Value,
}

/// How a step can be taken back.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WayBack {
    /// Every touched field can be put back to the byte.
    Exact,
    /// What was restarted is restarted once more, and then runs with what was put back.
    Restart,
    /// What was created is deleted.
    Deletion,
    /// What was deleted is created again: a new object, with another uid.
    NewObject,
    /// Its controller makes another in its place, so there is nothing to put back.
    Remade,
    /// There is none.
    None,
}

impl ObjectPatch {
    /// What is done.
    pub fn act(&self) -> Act {
        if self.before.is_null() {
            Act::Create
        } else if self.after.is_null() {
            Act::Delete
        } else {
            Act::Patch
        }
    }

    /// The object that is created, with the values of its secrets. Made at the last moment, and kept nowhere.
    pub fn sent(&self) -> Value {
        self.credentials.fill(&self.after)
    }

    /// How it can be taken back.
    pub fn way_back(&self) -> WayBack {
        match self.act() {
            Act::Create => return WayBack::Deletion,
            Act::Delete if whole::is_remade(&self.before) => return WayBack::Remade,
            Act::Delete if self.edits.is_empty() => return WayBack::None,
            Act::Delete => return WayBack::NewObject,
            Act::Patch => {}
        }
        if finalizer::is_final(&self.before, &self.after) {
            WayBack::None
        } else if is_restart(&self.edits) {
            WayBack::Restart
        } else {
            WayBack::Exact
        }
    }

    /// Whether this object decides what others may do, or is deleted and no Pod: it gets a question of its own, which
    /// `--yes` does not answer (contract.md, "Manifest").
    pub fn is_guarded(&self) -> bool {
        let decides = matches!(
            kinds::group(&self.id.api_version),
            "rbac.authorization.k8s.io" | "admissionregistration.k8s.io"
        );
        decides || (self.act() == Act::Delete && !whole::is_pod(&self.id))
    }

    /// The RFC 6902 patch as it may be shown.
    pub fn shown_operations(&self) -> Vec<Value> {
        let mut operations = scope::operations(&self.edits);
        if secret::is_secret(&self.before) {
            let values = operations.iter_mut().filter_map(|one| one.get_mut("value"));
            values.for_each(|value| *value = secret::MASK.into());
        }
        operations
    }
}

/// Where `kubectl rollout restart` notes the time, and so do we: the change of a pod template that starts a rollout.
pub const RESTARTED_AT: &str = "kubectl.kubernetes.io/restartedAt";

/// Whether edits do nothing but start a rollout.
pub fn is_restart(edits: &[Edit]) -> bool {
    let one = |edit: &Edit| {
        let path = edit.path.to_string();
        let mut noted = json!({});
        noted = match path.as_str() {
            "/spec/template/metadata" => edit.after.clone().unwrap_or(noted),
            "/spec/template/metadata/annotations" => json!({"annotations": edit.after}),
            _ => {
                return path
                    == [
                        "/spec/template/metadata/annotations/",
                        &RESTARTED_AT.replace('/', "~1"),
                    ]
                    .concat();
            }
        };
        let keys = noted.get("annotations").and_then(Value::as_object);
        keys.is_some_and(|keys| keys.len() == 1 && keys.contains_key(RESTARTED_AT))
    };
    !edits.is_empty() && edits.iter().all(one)
}

/// The object with a rollout restart noted in its template at `now` (RFC 3339).
pub fn restarted(object: &Value, now: &str) -> Option<Value> {
    let mut after = object.clone();
    let template = after.pointer_mut("/spec/template")?.as_object_mut()?;
    let metadata = template.entry("metadata").or_insert_with(|| json!({}));
    if metadata.is_null() {
        *metadata = json!({});
    }
    let annotations = metadata
        .as_object_mut()?
        .entry("annotations")
        .or_insert_with(|| json!({}));
    if annotations.is_null() {
        *annotations = json!({});
    }
    annotations
        .as_object_mut()?
        .insert(RESTARTED_AT.into(), now.into());
    Some(after)
}

impl Plan {
    /// The patches, with the position of their step.
    pub fn patches(&self) -> impl Iterator<Item = (usize, &ObjectPatch)> {
        self.steps
            .iter()
            .enumerate()
            .filter_map(|(position, step)| Some((position, step.action.patch()?)))
    }

    /// The patches that are there to stay: without the pods that ask nodes for images.
    pub fn changes(&self) -> impl Iterator<Item = &ObjectPatch> {
        self.steps.iter().filter_map(|step| match &step.action {
            Action::Patch(patch) => Some(patch.as_ref()),
            Action::ProbeImage(_) | Action::Manual => None,
        })
    }

    /// The steps that ask nodes for images, by themselves; `None` where there are none. What they show decides on the
    /// rest, so nothing else is done before.
    pub fn probes(&self) -> Option<Self> {
        let asks = |step: &&PlannedStep| matches!(step.action, Action::ProbeImage(_));
        let steps = self.steps.iter().filter(asks).map(|step| PlannedStep {
            needs: Vec::new(),
            ..step.clone()
        });
        let steps: Vec<_> = steps.collect();
        (!steps.is_empty()).then_some(Self { steps })
    }

    /// The patches of objects that get a question of their own.
    pub fn guarded(&self) -> impl Iterator<Item = &ObjectPatch> {
        self.patches()
            .map(|(_, patch)| patch)
            .filter(|patch| patch.is_guarded())
    }
}

/// Turns a report that passed [`crate::report::check`] into a plan. `supplied` are the objects that the report's indexes
/// mean, whole as they were read; `given` are the secrets among the settings; `now` is the time that a restart is noted
/// with, RFC 3339.
pub fn plan(
    manifest: &Manifest,
    supplied: &[&Object],
    report: &Report,
    given: &Credentials,
    now: &str,
) -> Result<Plan, PlanError> {
    let mut planner = planner::Planner::new(manifest, supplied, (given, now));
    let steps = report.steps.iter().enumerate().map(|(index, step)| {
        planner.step(step).map_err(|problem| PlanError {
            step: index + 1,
            problem,
        })
    });
    Ok(Plan {
        steps: steps.collect::<Result<_, _>>()?,
    })
}

/// Holds what the server's dry run returned against the declared paths: an admission webhook may not widen a change
/// unseen. Of a creation, what was sent is held against them by [`plan()`], and the server's defaults cannot be told from
/// what a webhook adds: both are shown, and only owners and finalizers, which no default sets, are refused.
pub fn check_preview(patch: &ObjectPatch, returned: &Value) -> Result<(), ScopeError> {
    if patch.act() == Act::Create {
        let added = ["ownerReferences", "finalizers"]
            .map(|field| Pointer::default().child("metadata").child(field))
            .into_iter()
            .find(|place| place.get(&patch.after) != place.get(returned));
        return added.map_or(Ok(()), |place| Err(ScopeError::Outside(place)));
    }
    let edits = scope::edits(&object::content(&patch.before), &object::content(returned));
    scope::check(&edits, &patch.declared)?;
    // Finalizers are declared as a list; which ones it holds is part of the plan.
    if !finalizer::are_same(&patch.after, returned) {
        return Err(ScopeError::Outside(finalizer::pointer()));
    }
    Ok(())
}

#[cfg(test)]
mod secret_tests;
#[cfg(test)]
mod tests;
#[cfg(test)]
mod whole_tests;
