//! Steps that create or delete an object.

use serde_json::Value;

use super::planner::{Planner, carries_token, check_credentials};
use super::{ObjectPatch, Problem};
use crate::manifest::Verb;
use crate::object::Object;
use crate::scope::{self, Edit};
use crate::{finalizer, json, kinds, owner, whole};

impl Planner<'_> {
    /// A new object. What it sets beyond name, namespace and labels lies below the declared paths.
    pub(super) fn create(&mut self, text: &str) -> Result<ObjectPatch, Problem> {
        let value = json::parse::<json::Exact>(text)?.0;
        let object =
            Object::new(value, "").map_err(|problem| Problem::Creation(problem.to_string()))?;
        check_namespace(&object)?;
        if self.supplied.iter().any(|shown| shown.id == object.id) {
            return Err(Problem::Exists(object.id));
        }
        let declared = self.allow(&object, Verb::Create)?;
        let leaves = scope::leaves(&object.value);
        if leaves.iter().any(carries_token) {
            return Err(Problem::Token);
        }
        // Before the paths, which may name the finalizers that a patch removes.
        finalizer::removed(&object.id, &Value::Null, &object.value)?;
        let set: Vec<Edit> = leaves.into_iter().filter(|leaf| !is_free(leaf)).collect();
        scope::check(&set, &declared)?;
        check_credentials(&Value::Null, &object.value, &set)?;
        Ok(ObjectPatch {
            uid: String::new(),
            resource_version: String::new(),
            before: Value::Null,
            edits: whole::creation(&object.value),
            managed_by: owner::manager(&object),
            declared,
            after: object.value,
            id: object.id,
        })
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
            edits,
            declared: Vec::new(),
            managed_by,
        })
    }
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
