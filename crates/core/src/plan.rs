//! From reports to exact writes: decided here, so that carrying them out has no choice left.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use crate::json::{self, JsonError};
use crate::manifest::{Manifest, Verb, WriteRule};
use crate::message::Text;
use crate::object::{self, Object, ObjectId};
use crate::owner::{self, Manager};
use crate::pointer::{Pattern, Pointer, PointerError};
use crate::report::{Arg, Change, Expectation, Report, Risk, Step};
use crate::scope::{self, Edit, ScopeError};
use crate::secret;

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
    /// Changes one object.
    Patch(Box<ObjectPatch>),
    /// Nothing that we do: a person must.
    Manual,
}

/// A change of one object, with what it was decided on.
#[derive(Clone, Debug, PartialEq)]
pub struct ObjectPatch {
    /// Which object.
    pub id: ObjectId,
    /// The incarnation of the object that was seen.
    pub uid: String,
    /// The version that was seen.
    pub resource_version: String,
    /// The object as it was seen.
    pub before: Value,
    /// The object as it should become.
    pub after: Value,
    /// The difference, place by place.
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

impl Plan {
    /// The patches, with the position of their step.
    pub fn patches(&self) -> impl Iterator<Item = (usize, &ObjectPatch)> {
        self.steps
            .iter()
            .enumerate()
            .filter_map(|(position, step)| match &step.action {
                Action::Patch(patch) => Some((position, patch.as_ref())),
                Action::Manual => None,
            })
    }
}

/// Why a fixer's steps are not carried out.
#[derive(Debug, thiserror::Error)]
#[error("step {step}: {problem}")]
pub struct PlanError {
    /// The step, counted from 1.
    pub step: usize,
    /// What is wrong with it.
    pub problem: Problem,
}

/// What can be wrong with a step.
#[derive(Debug, thiserror::Error)]
pub enum Problem {
    /// A kind of change that this version does not carry out.
    #[error("`{0}` is not carried out by this version")]
    NotCarriedOut(&'static str),
    /// The manifest does not declare this write.
    #[error("the manifest declares no patch of {0}")]
    Undeclared(ObjectId),
    /// A kind that is not changed by fixers of this version.
    #[error("{0} is of a kind that this version never changes")]
    Guarded(ObjectId),
    /// More objects of a kind than declared.
    #[error("the manifest allows {max} objects of kind {kind}")]
    TooMany {
        /// The kind.
        kind: String,
        /// What the manifest allows.
        max: u32,
    },
    /// A second step for the same object.
    #[error("{0} is changed by two steps; one patch has to hold both")]
    Twice(ObjectId),
    /// The patch is not JSON or no RFC 6902 document.
    #[error("its patch is not usable: {0}")]
    Patch(#[from] JsonError),
    /// An operation other than test, add, replace and remove.
    #[error("its patch uses `{0}`; only test, add, replace and remove are accepted")]
    Operation(&'static str),
    /// The patch does not fit the object.
    #[error("its patch does not apply: {0}")]
    Apply(String),
    /// A place outside the declared paths.
    #[error("{0}")]
    Scope(#[from] ScopeError),
    /// A value that would have to be written to the journal, and must not be.
    #[error("{0} holds a credential, which this version does not change")]
    Credential(Pointer),
    /// An expectation that is not a pointer or not JSON.
    #[error("its expectation is not usable: {0}")]
    Expectation(String),
    /// An expectation that the patch itself does not meet.
    #[error("it expects {pointer} to be {value}, which its patch does not bring about")]
    Unmet {
        /// Where.
        pointer: Pointer,
        /// What was expected.
        value: Value,
    },
}

/// Turns a report that passed [`crate::report::check`] into a plan. `supplied` are the objects that the report's indexes
/// mean, whole as they were read.
pub fn plan(manifest: &Manifest, supplied: &[&Object], report: &Report) -> Result<Plan, PlanError> {
    let mut planner = Planner {
        manifest,
        supplied,
        changed: BTreeSet::new(),
        counts: BTreeMap::new(),
    };
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

struct Planner<'a> {
    manifest: &'a Manifest,
    supplied: &'a [&'a Object],
    changed: BTreeSet<ObjectId>,
    counts: BTreeMap<String, u32>,
}

impl Planner<'_> {
    fn step(&mut self, step: &Step) -> Result<PlannedStep, Problem> {
        let action = match &step.change {
            Change::Manual => Action::Manual,
            Change::Patch { target, ops } => {
                Action::Patch(Box::new(self.patch(self.supplied[*target as usize], ops)?))
            }
            other => return Err(Problem::NotCarriedOut(other.word())),
        };
        let expect = match &action {
            Action::Patch(patch) => step
                .expect
                .iter()
                .map(|one| self.expectation(one, patch))
                .collect::<Result<_, _>>()?,
            Action::Manual => Vec::new(),
        };
        Ok(PlannedStep {
            message: self.manifest.spec.messages[&step.message].clone(),
            args: step.args.clone(),
            risk: step.risk.max(floor(&action)),
            action,
            needs: step.needs.iter().map(|&needs| needs as usize).collect(),
            wait: step.wait,
            expect,
        })
    }

    fn patch(&mut self, object: &Object, ops: &str) -> Result<ObjectPatch, Problem> {
        if is_guarded(&object.id) {
            return Err(Problem::Guarded(object.id.clone()));
        }
        let rule = self
            .rule(object)
            .ok_or_else(|| Problem::Undeclared(object.id.clone()))?;
        let (declared, max) = (rule.paths.clone(), rule.max);
        if !self.changed.insert(object.id.clone()) {
            return Err(Problem::Twice(object.id.clone()));
        }
        let count = self.counts.entry(object.id.kind.clone()).or_default();
        *count += 1;
        if *count > max {
            return Err(Problem::TooMany {
                kind: object.id.kind.clone(),
                max,
            });
        }
        let mut after = object.value.clone();
        json_patch::patch(&mut after, &operations(ops)?)
            .map_err(|problem| Problem::Apply(problem.to_string()))?;
        let edits = scope::edits(&object.value, &after);
        scope::check(&edits, &declared)?;
        check_credentials(&object.value, &after, &edits)?;
        Ok(ObjectPatch {
            id: object.id.clone(),
            uid: object.uid.clone(),
            resource_version: object.resource_version.clone(),
            before: object.value.clone(),
            after,
            edits,
            declared,
            managed_by: owner::manager(object),
        })
    }

    fn rule(&self, object: &Object) -> Option<&WriteRule> {
        let ObjectId {
            api_version,
            kind,
            namespace,
            ..
        } = &object.id;
        self.manifest.spec.writes.iter().find(|rule| {
            rule.api_version == *api_version
                && rule.kind == *kind
                && rule.verbs.contains(&Verb::Patch)
                && (rule.namespaces.is_empty() || rule.namespaces.contains(namespace))
        })
    }

    fn expectation(&self, one: &Expectation, patch: &ObjectPatch) -> Result<Expected, Problem> {
        let unusable = |problem: String| Problem::Expectation(problem);
        if self.supplied[one.target as usize].id != patch.id {
            return Err(unusable("it is about another object than its step".into()));
        }
        let pointer = Pointer::parse(&one.pointer)
            .map_err(|problem: PointerError| unusable(problem.to_string()))?;
        let value: Value =
            json::parse(&one.equals).map_err(|problem| unusable(problem.to_string()))?;
        if pointer.get(&patch.after) == Some(&value) {
            Ok(Expected { pointer, value })
        } else {
            Err(Problem::Unmet { pointer, value })
        }
    }
}

fn operations(ops: &str) -> Result<Vec<json_patch::PatchOperation>, Problem> {
    let operations: Vec<json_patch::PatchOperation> = json::parse(ops)?;
    for operation in &operations {
        match operation {
            json_patch::PatchOperation::Move(_) => return Err(Problem::Operation("move")),
            json_patch::PatchOperation::Copy(_) => return Err(Problem::Operation("copy")),
            _ => {}
        }
    }
    Ok(operations)
}

/// Kinds that need a question of their own (contract.md, "Manifest"), or a way to keep their values off the disk: not
/// changed until the host has both.
fn is_guarded(id: &ObjectId) -> bool {
    matches!(
        crate::kinds::group(&id.api_version),
        "rbac.authorization.k8s.io"
            | "admissionregistration.k8s.io"
            | "apiextensions.k8s.io"
            | "apiregistration.k8s.io"
    ) || (id.api_version == "v1" && matches!(id.kind.as_str(), "Secret" | "Namespace"))
}

fn check_credentials(before: &Value, after: &Value, edits: &[Edit]) -> Result<(), Problem> {
    let masked = |value: &Value| {
        let mut value = value.clone();
        secret::mask(&mut value);
        value
    };
    let (masked_before, masked_after) = (masked(before), masked(after));
    for Edit {
        path,
        before,
        after,
        ..
    } in edits
    {
        if path.get(&masked_before) != before.as_ref() || path.get(&masked_after) != after.as_ref()
        {
            return Err(Problem::Credential(path.clone()));
        }
    }
    Ok(())
}

/// The least risk that the host believes: a changed pod template restarts pods.
fn floor(action: &Action) -> Risk {
    let Action::Patch(patch) = action else {
        return Risk::Safe;
    };
    let restarts = patch.edits.iter().any(|edit| {
        edit.path
            .steps()
            .starts_with(&["spec".into(), "template".into()])
    });
    if restarts {
        Risk::Disruptive
    } else {
        Risk::Safe
    }
}

/// Holds what the server's dry run returned against the declared paths: an admission webhook may not widen a change
/// unseen.
pub fn check_preview(patch: &ObjectPatch, returned: &Value) -> Result<(), ScopeError> {
    let edits = scope::edits(&object::content(&patch.before), &object::content(returned));
    scope::check(&edits, &patch.declared)
}
