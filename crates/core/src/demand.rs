//! What the chosen fixers need read, merged, and what of it each one is shown.

use std::collections::BTreeSet;

use serde_json::{Map, Value};

use crate::manifest::{Manifest, ReadRule, When};
use crate::object::Object;
use crate::pointer::Pattern;
use crate::report::Query;
use crate::secret;

/// One list to fetch.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Fetch {
    /// `apps/v1`
    pub api_version: String,
    /// `DaemonSet`
    pub kind: String,
    /// One namespace, or `None` for all of them (and for cluster-scoped kinds).
    pub namespace: Option<String>,
}

/// The lists that serve all `manifests`, each once: a namespace is left out where the whole kind is read anyway.
pub fn demand<'a>(manifests: impl IntoIterator<Item = &'a Manifest>) -> BTreeSet<Fetch> {
    let mut wanted = BTreeSet::new();
    for rule in manifests
        .into_iter()
        .flat_map(|manifest| &manifest.spec.reads)
    {
        let fetch = |namespace: Option<&String>| Fetch {
            api_version: rule.api_version.clone(),
            kind: rule.kind.clone(),
            namespace: namespace.cloned(),
        };
        if rule.namespaces.is_empty() {
            wanted.insert(fetch(None));
        }
        wanted.extend(
            rule.namespaces
                .iter()
                .map(|namespace| fetch(Some(namespace))),
        );
    }
    let everywhere: BTreeSet<_> = wanted
        .iter()
        .filter(|fetch| fetch.namespace.is_none())
        .cloned()
        .collect();
    wanted.retain(|fetch| {
        fetch.namespace.is_none()
            || !everywhere.contains(&Fetch {
                namespace: None,
                ..fetch.clone()
            })
    });
    wanted
}

/// One object as a fixer is shown it.
#[derive(Clone, Debug, PartialEq)]
pub struct Supplied<'a> {
    /// Index of the rule that supplied it.
    pub rule: u32,
    /// The object as it was read.
    pub object: &'a Object,
    /// What the fixer is shown of it, as JSON.
    pub shown: Value,
}

/// The objects that a fixer is shown: those its rules take, in the order of rules and then of `objects`, each once,
/// reduced to the declared fields and with credentials masked. Objects that an earlier round asked for by `queries`
/// count as taken by the rule of the query.
pub fn supply<'a>(manifest: &Manifest, objects: &'a [Object]) -> Vec<Supplied<'a>> {
    let mut supplied = Vec::new();
    let mut taken = BTreeSet::new();
    for (index, rule) in manifest.spec.reads.iter().enumerate() {
        for object in objects.iter().filter(|object| takes(rule, object)) {
            if taken.insert(&object.id) {
                supplied.push(Supplied {
                    rule: index as u32,
                    object,
                    shown: project(&rule.fields, &object.value),
                });
            }
        }
    }
    supplied
}

/// Whether a rule takes an object.
pub fn takes(rule: &ReadRule, object: &Object) -> bool {
    rule.api_version == object.id.api_version
        && rule.kind == object.id.kind
        && (rule.namespaces.is_empty() || rule.namespaces.contains(&object.id.namespace))
        && rule.when.is_none_or(|when| matches(when, &object.value))
}

fn matches(when: When, value: &Value) -> bool {
    match when {
        When::Unhealthy => is_unhealthy(value),
        When::Terminating => value.pointer("/metadata/deletionTimestamp").is_some(),
        When::WarningEvents => value.get("type").and_then(Value::as_str) == Some("Warning"),
    }
}

/// A pod that has not succeeded and is not both Running and Ready.
fn is_unhealthy(pod: &Value) -> bool {
    match pod.pointer("/status/phase").and_then(Value::as_str) {
        Some("Succeeded") => false,
        Some("Running") => {
            let conditions = pod.pointer("/status/conditions").and_then(Value::as_array);
            !conditions.into_iter().flatten().any(|condition| {
                condition.get("type").and_then(Value::as_str) == Some("Ready")
                    && condition.get("status").and_then(Value::as_str) == Some("True")
            })
        }
        _ => true,
    }
}

/// Why a further read is refused.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum QueryError {
    /// No such rule.
    #[error("read rule {0} does not exist")]
    Rule(u32),
    /// A namespace outside the rule.
    #[error("namespace `{0}` is outside the read rule")]
    Namespace(String),
}

/// What a fixer's further read comes to: never more than its rule declares.
pub fn fetch_of(manifest: &Manifest, query: &Query) -> Result<Fetch, QueryError> {
    let rule = manifest
        .spec
        .reads
        .get(query.rule as usize)
        .ok_or(QueryError::Rule(query.rule))?;
    if let Some(namespace) = &query.namespace
        && !rule.namespaces.is_empty()
        && !rule.namespaces.contains(namespace)
    {
        return Err(QueryError::Namespace(crate::message::clean(namespace)));
    }
    let namespace = query
        .namespace
        .clone()
        .or_else(|| rule.namespaces.first().cloned());
    Ok(Fetch {
        api_version: rule.api_version.clone(),
        kind: rule.kind.clone(),
        namespace,
    })
}

const IDENTITY: [&str; 9] = [
    "name",
    "namespace",
    "uid",
    "labels",
    "annotations",
    "ownerReferences",
    "finalizers",
    "creationTimestamp",
    "deletionTimestamp",
];

/// An object reduced to `fields`, plus identity, labels, annotations and owners, with credentials masked.
fn project(fields: &[Pattern], value: &Value) -> Value {
    let mut shown = Map::new();
    for field in ["apiVersion", "kind"] {
        if let Some(text) = value.get(field) {
            shown.insert(field.into(), text.clone());
        }
    }
    let mut metadata = Map::new();
    for field in IDENTITY {
        if let Some(entry) = value.pointer(&format!("/metadata/{field}")) {
            metadata.insert(field.into(), entry.clone());
        }
    }
    shown.insert("metadata".into(), Value::Object(metadata));
    let mut shown = Value::Object(shown);
    for field in fields {
        // Metadata is handed over as above whatever is declared: the rest of it is the server's own bookkeeping.
        if field
            .steps()
            .first()
            .is_some_and(|first| first != "metadata")
        {
            copy(value, &mut shown, field.steps());
        }
    }
    secret::mask(&mut shown);
    shown
}

fn copy(from: &Value, to: &mut Value, steps: &[String]) {
    let Some((step, rest)) = steps.split_first() else {
        return;
    };
    let (Value::Object(from), Value::Object(to)) = (from, to) else {
        return;
    };
    let Some(entry) = from.get(step) else { return };
    // Below a list a declared path reaches whole entries: a fixer that edits one container needs its neighbours' names.
    if rest.is_empty() || !entry.is_object() {
        to.insert(step.clone(), entry.clone());
    } else {
        let below = to
            .entry(step.clone())
            .or_insert_with(|| Value::Object(Map::new()));
        copy(entry, below, rest);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_projection_holds_what_was_declared_and_no_more() {
        let value = json!({"apiVersion": "v1", "kind": "Pod",
            "metadata": {"name": "p", "managedFields": [1], "resourceVersion": "7", "labels": {"a": "b"}},
            "spec": {"nodeName": "n", "containers": [{"name": "c", "env": [{"name": "TOKEN", "value": "s3cret"}]}]},
            "status": {"phase": "Running"}});
        let fields: Vec<_> = ["/metadata", "/spec/nodeName", "/spec/containers"]
            .iter()
            .map(|p| Pattern::parse(p).unwrap())
            .collect();
        let shown = project(&fields, &value);
        assert_eq!(
            shown,
            json!({"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "p", "labels": {"a": "b"}},
                "spec": {"nodeName": "n", "containers": [{"name": "c", "env": [{"name": "TOKEN", "value": "***"}]}]}})
        );
    }

    #[test]
    fn unhealthy_is_what_is_not_running_and_ready() {
        let pod = |phase: &str, ready: &str| json!({"status": {"phase": phase, "conditions": [{"type": "Ready", "status": ready}]}});
        assert!(!is_unhealthy(&pod("Running", "True")));
        assert!(is_unhealthy(&pod("Running", "False")));
        assert!(is_unhealthy(&pod("Pending", "False")));
        assert!(!is_unhealthy(&pod("Succeeded", "False")));
        assert!(is_unhealthy(&json!({"status": {"phase": "Running"}})));
        assert!(is_unhealthy(&json!({})));
    }
}
