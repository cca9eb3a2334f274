//! One step of a report after the other.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use super::{Act, Action, Expected, ObjectPatch, PlannedStep, Problem, risk};
use crate::credential::Credentials;
use crate::json;
use crate::manifest::{Manifest, Secrets, Verb, WriteRule};
use crate::object::{Object, ObjectId};
use crate::pointer::{Pattern, Pointer, PointerError};
use crate::report::{Change, Expectation, Step};
use crate::scope::{self, Edit};
use crate::{finalizer, kinds, owner, secret, token};

/// Goes through the steps of a report, and remembers what was changed already.
pub(super) struct Planner<'a> {
    pub(super) manifest: &'a Manifest,
    pub(super) supplied: &'a [&'a Object],
    pub(super) now: &'a str,
    pub(super) given: &'a Credentials,
    changed: BTreeSet<ObjectId>,
    pub(super) counts: BTreeMap<(&'static str, String), u32>,
}

impl<'a> Planner<'a> {
    pub(super) fn new(
        manifest: &'a Manifest,
        supplied: &'a [&'a Object],
        (given, now): (&'a Credentials, &'a str),
    ) -> Self {
        Self {
            manifest,
            supplied,
            given,
            now,
            changed: BTreeSet::new(),
            counts: BTreeMap::new(),
        }
    }

    pub(super) fn step(&mut self, step: &Step) -> Result<PlannedStep, Problem> {
        let action = match &step.change {
            Change::Manual => Action::Manual,
            Change::Patch { target, ops } => {
                Action::Patch(Box::new(self.patch(self.supplied[*target as usize], ops)?))
            }
            Change::Restart(target) => {
                Action::Patch(Box::new(self.restart(self.supplied[*target as usize])?))
            }
            Change::Create(text) => Action::Patch(Box::new(self.create(text)?)),
            Change::Delete(target) => {
                Action::Patch(Box::new(self.delete(self.supplied[*target as usize])?))
            }
            Change::ProbeImage { node, image, like } => {
                let [node, like] = [node, like].map(|index| self.supplied[*index as usize]);
                Action::ProbeImage(Box::new(self.probe(node, image, like)?))
            }
            other => return Err(Problem::NotCarriedOut(other.word())),
        };
        let expect = match action.patch() {
            Some(patch) => step
                .expect
                .iter()
                .map(|one| self.expectation(one, patch))
                .collect::<Result<_, _>>()?,
            None => Vec::new(),
        };
        Ok(PlannedStep {
            message: self.manifest.spec.messages[&step.message].clone(),
            args: step.args.clone(),
            risk: step.risk.max(risk::floor(&action)),
            action,
            needs: step.needs.iter().map(|&needs| needs as usize).collect(),
            wait: step.wait,
            expect,
        })
    }

    fn patch(&mut self, object: &Object, ops: &str) -> Result<ObjectPatch, Problem> {
        let declared = self.allow(object, Verb::Patch)?;
        let operations = operations(ops)?;
        let apply = |mut value: Value| match json_patch::patch(&mut value, &operations) {
            Ok(()) => Ok(value),
            Err(problem) => Err(Problem::Apply(problem.to_string())),
        };
        let after = if secret::is_secret(&object.value) {
            self.edited_secret(object, apply)?
        } else {
            without_empty_finalizers(apply(object.value.clone())?)
        };
        let edits = scope::edits(&object.value, &after);
        // The texts of a Secret are base64 again by now, which spells no token.
        if edits.iter().any(carries_token) {
            return Err(Problem::Token);
        }
        scope::check(&edits, &declared)?;
        finalizer::removed(&object.id, &object.value, &after)?;
        if secret::is_secret(&object.value) {
            // What cannot be written down without its values could not be undone.
            scope::sealed(&edits, &object.value).ok_or(Problem::Sealing)?;
        } else {
            check_credentials(&object.value, &after, &edits)?;
        }
        Ok(patched(object, after, edits, declared))
    }

    /// The Secret as it becomes when the texts that the fixer was shown of it are edited.
    fn edited_secret(
        &self,
        object: &Object,
        apply: impl FnOnce(Value) -> Result<Value, Problem>,
    ) -> Result<Value, Problem> {
        if self.manifest.spec.secrets != Secrets::Tokens {
            return Err(Problem::Never(object.id.clone()));
        }
        let mut shown = object.value.clone();
        shown["data"] = secret::tokens(&object.value);
        let mut edited = apply(shown)?;
        let data = edited.get_mut("data").map(Value::take).unwrap_or_default();
        let mut after = secret::restore(&object.value, &data)?;
        // Whatever else was edited has to be held against the declared paths too.
        edited["data"] = after["data"].take();
        Ok(edited)
    }

    fn restart(&mut self, object: &Object) -> Result<ObjectPatch, Problem> {
        self.allow(object, Verb::Restart)?;
        let after = super::restarted(&object.value, self.now)
            .ok_or_else(|| Problem::Apply(format!("{} has no pod template", object.id)))?;
        let edits = scope::edits(&object.value, &after);
        let declared = edits
            .iter()
            .filter_map(|edit| Pattern::parse(&edit.path.to_string()).ok())
            .collect();
        Ok(patched(object, after, edits, declared))
    }

    /// Counts a write of an object, where the manifest allows it. Returns the paths declared for it.
    pub(super) fn allow(&mut self, object: &Object, verb: Verb) -> Result<Vec<Pattern>, Problem> {
        let whole = match verb {
            Verb::Create => is_never_whole(&object.id),
            Verb::Delete => is_never_whole(&object.id) || is_secret(&object.id),
            Verb::Patch | Verb::Restart => false,
        };
        let never = is_never_changed(&object.id) && !is_registration(object, verb);
        if never || whole {
            return Err(Problem::Never(object.id.clone()));
        }
        let word = match verb {
            Verb::Patch => "patch",
            Verb::Create => "create",
            Verb::Delete => "delete",
            Verb::Restart => "restart",
        };
        let undeclared = || Problem::Undeclared {
            verb: word,
            object: object.id.clone(),
        };
        let rule = self.rule(object, verb).ok_or_else(undeclared)?;
        let (declared, max) = (rule.paths.clone(), rule.max);
        if !self.changed.insert(object.id.clone()) {
            return Err(Problem::Twice(object.id.clone()));
        }
        let kind = object.id.kind.clone();
        let count = self.counts.entry((word, kind.clone())).or_default();
        *count += 1;
        if *count > max {
            return Err(Problem::TooMany { kind, max });
        }
        Ok(declared)
    }

    fn rule(&self, object: &Object, verb: Verb) -> Option<&WriteRule> {
        let ObjectId {
            api_version,
            kind,
            namespace,
            ..
        } = &object.id;
        let covers =
            |namespaces: &[String]| namespaces.is_empty() || namespaces.contains(namespace);
        // Without namespaces of its own, a rule means those of the reads. What was read is there; what is new may not be.
        let is_read = || {
            self.manifest.spec.reads.iter().any(|read| {
                read.api_version == *api_version && read.kind == *kind && covers(&read.namespaces)
            })
        };
        self.manifest.spec.writes.iter().find(|rule| {
            rule.api_version == *api_version
                && rule.kind == *kind
                && rule.verbs.contains(&verb)
                && covers(&rule.namespaces)
                && (verb != Verb::Create || !rule.namespaces.is_empty() || is_read())
        })
    }

    fn expectation(&self, one: &Expectation, patch: &ObjectPatch) -> Result<Expected, Problem> {
        let unusable = |problem: String| Problem::Expectation(problem);
        if patch.act() != Act::Patch {
            return Err(unusable(
                "it is about an object that its step creates or deletes".into(),
            ));
        }
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

/// Kinds that no fixer changes: what they hold is other people's whole world.
fn is_never_changed(id: &ObjectId) -> bool {
    matches!(
        kinds::group(&id.api_version),
        "apiextensions.k8s.io" | "apiregistration.k8s.io"
    ) || (id.api_version == "v1" && id.kind == "Namespace")
}

/// A Secret is not deleted: its values would have to be in the journal.
pub(super) fn is_secret(id: &ObjectId) -> bool {
    id.api_version == "v1" && id.kind == "Secret"
}

/// The deletion of an APIService that names a Service. It holds nothing but that name, and can be made again; those that
/// the API server answers for itself are its own.
fn is_registration(object: &Object, verb: Verb) -> bool {
    object.id.kind == "APIService"
        && kinds::group(&object.id.api_version) == "apiregistration.k8s.io"
        && verb == Verb::Delete
        && object.text("/spec/service/name").is_some()
}

/// Kinds that are neither created nor deleted: behind each object are data.
fn is_never_whole(id: &ObjectId) -> bool {
    let core = ["PersistentVolumeClaim", "PersistentVolume"];
    (id.api_version == "v1" && core.contains(&id.kind.as_str()))
        || kinds::group(&id.api_version) == "snapshot.storage.k8s.io"
}

fn patched(object: &Object, after: Value, edits: Vec<Edit>, declared: Vec<Pattern>) -> ObjectPatch {
    ObjectPatch {
        id: object.id.clone(),
        uid: object.uid.clone(),
        resource_version: object.resource_version.clone(),
        before: object.value.clone(),
        after,
        credentials: Credentials::default(),
        edits,
        declared,
        managed_by: owner::manager(object),
    }
}

/// Whether an edit puts a token into an object. The patch's own text says little: it can spell a token in other ways.
pub(super) fn carries_token(edit: &Edit) -> bool {
    fn holds(value: &Value) -> bool {
        match value {
            Value::String(text) => token::mentions(text),
            Value::Array(entries) => entries.iter().any(holds),
            Value::Object(map) => map
                .iter()
                .any(|(key, entry)| token::mentions(key) || holds(entry)),
            _ => false,
        }
    }
    edit.path.steps().iter().any(|step| token::mentions(step))
        || edit.after.as_ref().is_some_and(holds)
}

/// The server stores no empty list of finalizers.
fn without_empty_finalizers(mut object: Value) -> Value {
    let is_empty = |list: &Value| list.as_array().is_some_and(Vec::is_empty);
    if let Some(metadata) = object.get_mut("metadata").and_then(Value::as_object_mut)
        && metadata.get("finalizers").is_some_and(is_empty)
    {
        metadata.remove("finalizers");
    }
    object
}

pub(super) fn check_credentials(
    before: &Value,
    after: &Value,
    edits: &[Edit],
) -> Result<(), Problem> {
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
