//! Steps that create or delete an object.

use serde_json::Value;

use super::planner::{Planner, carries_token, check_credentials, is_secret};
use super::{ObjectPatch, Problem};
use crate::credential::{self, Credentials};
use crate::manifest::Verb;
use crate::object::Object;
use crate::scope::{self, Edit};
use crate::{finalizer, json, kinds, owner, secret, whole};

impl Planner<'_> {
    /// A new object. What it sets beyond name, namespace and labels lies below the declared paths.
    pub(super) fn create(&mut self, text: &str) -> Result<ObjectPatch, Problem> {
        let value = json::parse::<json::Exact>(text)?.0;
        let mut object =
            Object::new(value, "").map_err(|problem| Problem::Creation(problem.to_string()))?;
        check_namespace(&object)?;
        if self.supplied.iter().any(|shown| shown.id == object.id) {
            return Err(Problem::Exists(object.id));
        }
        let declared = self.allow(&object, Verb::Create)?;
        let mut plain = object.value.clone();
        let mut credentials = Credentials::default();
        if is_secret(&object.id) {
            self.check_name(&object)?;
            object.value = credential::in_data(&object.value);
            credentials = self.given.of(&object.value)?;
            plain = without_values(&object.value);
        }
        if scope::leaves(&plain).iter().any(carries_token) {
            return Err(Problem::Token);
        }
        // Before the paths, which may name the finalizers that a patch removes.
        finalizer::removed(&object.id, &Value::Null, &object.value)?;
        let leaves = scope::leaves(&object.value);
        let set: Vec<Edit> = leaves.into_iter().filter(|leaf| !is_free(leaf)).collect();
        scope::check(&set, &declared)?;
        let leaves = scope::leaves(&plain);
        let set: Vec<Edit> = leaves.into_iter().filter(|leaf| !is_free(leaf)).collect();
        check_credentials(&Value::Null, &plain, &set)?;
        Ok(ObjectPatch {
            uid: String::new(),
            resource_version: String::new(),
            before: Value::Null,
            edits: whole::creation(&object.value, &credentials.fill(&object.value)),
            managed_by: owner::manager(&object),
            declared,
            after: object.value,
            credentials,
            id: object.id,
        })
    }

    /// Roles can be kept to the names that a fixer reads, and so it creates no Secret of another name.
    fn check_name(&self, object: &Object) -> Result<(), Problem> {
        let reads = self.manifest.spec.reads.iter();
        let mut names = reads
            .filter(|rule| rule.api_version == object.id.api_version && rule.kind == object.id.kind)
            .flat_map(|rule| &rule.names);
        if names.any(|name| *name == object.id.name) {
            Ok(())
        } else {
            Err(Problem::Unread(object.id.clone()))
        }
    }

    pub(super) fn delete(&mut self, object: &Object) -> Result<ObjectPatch, Problem> {
        self.allow(object, Verb::Delete)?;
        let edits = whole::deletion(&object.value).map_err(Problem::Credential)?;
        // Who manages a pod's content does not mind that its controller makes it anew.
        let managed_by = if whole::is_remade(&object.value) {
            None
        } else {
            owner::manager(object)
        };
        Ok(ObjectPatch {
            id: object.id.clone(),
            uid: object.uid.clone(),
            resource_version: object.resource_version.clone(),
            before: object.value.clone(),
            after: Value::Null,
            credentials: Credentials::default(),
            edits,
            declared: Vec::new(),
            managed_by,
        })
    }
}

/// A Secret with its keys, and with the mask in the places of its values.
fn without_values(secret: &Value) -> Value {
    let mut plain = secret.clone();
    if let Some(data) = plain.get_mut("data").and_then(Value::as_object_mut) {
        data.values_mut()
            .for_each(|value| *value = secret::MASK.into());
    }
    plain
}

/// A new object says itself where it goes: no namespace is filled in for it.
fn check_namespace(object: &Object) -> Result<(), Problem> {
    let known = kinds::lookup(&object.id.api_version, &object.id.kind);
    let said = object.text("/metadata/namespace").unwrap_or_default();
    let problem = match known {
        Some(kind) if kind.namespaced && said.is_empty() => "it names no namespace",
        Some(kind) if !kind.namespaced && !said.is_empty() => "its kind has no namespace",
        _ => return Ok(()),
    };
    Err(Problem::Creation(problem.to_owned()))
}

/// What every object has, and labels, which say no more than where it belongs.
fn is_free(leaf: &Edit) -> bool {
    let steps: Vec<&str> = leaf.path.steps().iter().map(String::as_str).collect();
    matches!(
        steps.as_slice(),
        ["apiVersion" | "kind"] | ["metadata", "name" | "namespace"] | ["metadata", "labels", ..]
    )
}
