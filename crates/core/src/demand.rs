//! What the chosen fixers need read, merged, and what of it each one is shown.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Map, Value};

use crate::manifest::{Label, Manifest, ReadRule, Secrets, When};
use crate::object::Object;
use crate::pointer::Pattern;
use crate::report::Query;
use crate::secret;

/// One list, or one object, to fetch.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Fetch {
    /// `apps/v1`
    pub api_version: String,
    /// `DaemonSet`
    pub kind: String,
    /// One namespace, or `None` for all of them (and for cluster-scoped kinds).
    pub namespace: Option<String>,
    /// Which objects.
    pub which: Which,
    /// The server may know neither the kind nor the namespace: then there are none.
    pub optional: bool,
}

/// Which objects of a kind.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Which {
    /// All.
    All,
    /// Those with a label.
    Labelled(Label),
    /// One.
    Named(String),
}

/// The fetches that serve all `manifests`, each once: what a larger fetch brings anyway is left out.
pub fn demand<'a>(manifests: impl IntoIterator<Item = &'a Manifest>) -> BTreeSet<Fetch> {
    let mut wanted: BTreeMap<(&str, &str, Option<&str>, Which), bool> = BTreeMap::new();
    for rule in manifests
        .into_iter()
        .flat_map(|manifest| &manifest.spec.reads)
    {
        let which: Vec<Which> = match (&rule.labels, rule.names.as_slice()) {
            (Some(label), _) => vec![Which::Labelled(label.clone())],
            (None, []) => vec![Which::All],
            (None, names) => names.iter().cloned().map(Which::Named).collect(),
        };
        let namespaces: Vec<Option<&str>> = match rule.namespaces.as_slice() {
            [] => vec![None],
            namespaces => namespaces.iter().map(|name| Some(name.as_str())).collect(),
        };
        for namespace in namespaces {
            for which in &which {
                let key = (&*rule.api_version, &*rule.kind, namespace, which.clone());
                *wanted.entry(key).or_insert(true) &= rule.optional;
            }
        }
    }
    let covered = |key: &(&str, &str, Option<&str>, Which)| {
        let (api_version, kind, namespace, which) = key;
        [
            (None, which.clone()),
            (*namespace, Which::All),
            (None, Which::All),
        ]
        .into_iter()
        .map(|(namespace, which)| (*api_version, *kind, namespace, which))
        .any(|larger| larger != *key && wanted.contains_key(&larger))
    };
    wanted
        .iter()
        .filter(|(key, _)| !covered(key))
        .map(|((api_version, kind, namespace, which), optional)| Fetch {
            api_version: (*api_version).to_owned(),
            kind: (*kind).to_owned(),
            namespace: namespace.map(str::to_owned),
            which: which.clone(),
            optional: *optional,
        })
        .collect()
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
                    shown: project(&rule.fields, &object.value, manifest.spec.secrets),
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
        && (rule.names.is_empty() || rule.names.contains(&object.id.name))
        && rule
            .labels
            .as_ref()
            .is_none_or(|label| label.selects(&object.value))
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
        which: Which::All,
        optional: rule.optional,
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

/// When and by whom an object was written; handed over only where declared, since it is long.
const MANAGED_FIELDS: &str = "/metadata/managedFields";

/// An object reduced to `fields`, plus identity, labels, annotations and owners, with credentials masked and the values
/// of a Secret as `secrets` says.
fn project(fields: &[Pattern], value: &Value, secrets: Secrets) -> Value {
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
    if fields
        .iter()
        .any(|field| field.steps() == ["metadata", "managedFields"])
        && let Some(entry) = value.pointer(MANAGED_FIELDS)
    {
        metadata.insert("managedFields".into(), entry.clone());
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
    let tokens = secret::is_secret(value) && secrets == Secrets::Tokens;
    let data = tokens.then(|| secret::tokens(&shown));
    secret::mask(&mut shown);
    if let Some(data) = data.filter(|data| !data.is_null()) {
        shown["data"] = data;
    }
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
        let shown = project(&fields, &value, Secrets::None);
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
