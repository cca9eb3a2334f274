//! What the chosen fixers need read, merged, and what of it each one is shown.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Map, Value};

use crate::manifest::{Label, Manifest, ReadRule, Secrets, When};
use crate::object::Object;
use crate::pointer::Pattern;
use crate::probe;
use crate::secret;

mod query;

pub use query::{Further, Log, QueryError, further};

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
    /// Nobody asks for more than metadata.
    pub metadata_only: bool,
    /// Somebody asks when and by whom the objects were written, which is much of their size.
    pub managed_fields: bool,
    /// The server may know neither the kind nor the namespace: then there are none.
    pub optional: bool,
}

/// Which objects of a kind.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Which {
    /// All.
    All,
    /// Those that a prefilter keeps; more may come.
    When(When),
    /// Those with a label.
    Labelled(Label),
    /// One.
    Named(String),
}

type Key<'a> = (&'a str, &'a str, Option<&'a str>, Which);

/// The fetches that serve all `manifests`, each once: what a larger fetch brings anyway is left out.
pub fn demand<'a>(manifests: impl IntoIterator<Item = &'a Manifest>) -> BTreeSet<Fetch> {
    let mut wanted: BTreeMap<Key<'a>, Need> = BTreeMap::new();
    for manifest in manifests {
        let rules = manifest.spec.reads.iter();
        for rule in rules.filter(|rule| !is_by_query(rule)) {
            for key in keys(rule) {
                wanted.entry(key).or_default().add(Need::of(manifest, rule));
            }
        }
    }
    let larger = |key: &Key<'a>| {
        let (api_version, kind, namespace, which) = key;
        [
            (None, Which::All),
            (*namespace, Which::All),
            (None, which.clone()),
        ]
        .into_iter()
        .map(|(namespace, which)| (*api_version, *kind, namespace, which))
        .find(|larger| larger != key && wanted.contains_key(larger))
    };
    let mut fetches: BTreeMap<Key<'a>, Need> = BTreeMap::new();
    for (key, need) in &wanted {
        let mut need = *need;
        let larger = larger(key);
        // Whether the larger one may be missing is said by those who ask for it.
        need.optional |= larger.is_some();
        let key = larger.unwrap_or_else(|| key.clone());
        fetches.entry(key).or_default().add(need);
    }
    let fetch = |((api_version, kind, namespace, which), need): (Key<'a>, Need)| Fetch {
        api_version: api_version.to_owned(),
        kind: kind.to_owned(),
        namespace: namespace.map(str::to_owned),
        which,
        metadata_only: need.metadata_only,
        managed_fields: need.managed_fields,
        optional: need.optional,
    };
    fetches.into_iter().map(fetch).collect()
}

/// What those who ask for the same objects need of them.
#[derive(Clone, Copy)]
struct Need {
    metadata_only: bool,
    managed_fields: bool,
    optional: bool,
}

impl Default for Need {
    /// Nobody asks yet.
    fn default() -> Self {
        Self {
            metadata_only: true,
            managed_fields: false,
            optional: true,
        }
    }
}

impl Need {
    fn of(manifest: &Manifest, rule: &ReadRule) -> Self {
        Self {
            metadata_only: asks_for_metadata(rule) && !is_changed(manifest, rule),
            managed_fields: asks_for_managed_fields(&rule.fields),
            optional: rule.optional,
        }
    }

    fn add(&mut self, other: Self) {
        self.metadata_only &= other.metadata_only;
        self.managed_fields |= other.managed_fields;
        self.optional &= other.optional;
    }
}

fn asks_for_managed_fields(fields: &[Pattern]) -> bool {
    let is_it = |field: &Pattern| field.steps() == ["metadata", "managedFields"];
    fields.iter().any(is_it)
}

fn keys(rule: &ReadRule) -> impl Iterator<Item = Key<'_>> {
    let which: Vec<Which> = match (&rule.labels, rule.names.as_slice(), rule.when) {
        (Some(label), ..) => vec![Which::Labelled(label.clone())],
        (None, [], Some(when)) => vec![Which::When(when)],
        (None, [], None) => vec![Which::All],
        (None, names, _) => names.iter().cloned().map(Which::Named).collect(),
    };
    let namespaces: Vec<Option<&str>> = match rule.namespaces.as_slice() {
        [] => vec![None],
        namespaces => namespaces.iter().map(|name| Some(name.as_str())).collect(),
    };
    namespaces.into_iter().flat_map(move |namespace| {
        let which = which.clone().into_iter();
        which.map(move |which| (&*rule.api_version, &*rule.kind, namespace, which))
    })
}

/// Whether a rule reads only what a fixer asks for, by a query or a step, once it has seen the rest.
fn is_by_query(rule: &ReadRule) -> bool {
    rule.asked || (rule.api_version == probe::API_VERSION && rule.kind != probe::DISCOVERY)
}

/// Whether a fixer may change what a rule reads: it has to be there whole then, to be held against what is stored.
fn is_changed(manifest: &Manifest, rule: &ReadRule) -> bool {
    let mut writes = manifest.spec.writes.iter();
    writes.any(|write| write.api_version == rule.api_version && write.kind == rule.kind)
}

/// Whether a rule asks for metadata only. Its prefilter may need more.
fn asks_for_metadata(rule: &ReadRule) -> bool {
    let is_metadata =
        |field: &Pattern| field.steps().first().is_some_and(|step| step == "metadata");
    let filtered = matches!(rule.when, Some(When::Unhealthy | When::WarningEvents));
    !filtered && rule.fields.iter().all(is_metadata)
}

/// One object as a fixer is shown it.
#[derive(Clone, Debug, PartialEq)]
pub struct Supplied<'a> {
    /// Index of the rule that supplied it.
    pub rule: u32,
    /// The object as it was read.
    pub object: &'a Object,
    /// Where it stands among the objects given.
    pub position: usize,
    /// What the fixer is shown of it, as JSON.
    pub shown: Value,
}

/// The objects that a fixer is shown: those its rules take, in the order of rules and then of `objects`, each once,
/// reduced to the declared fields and with credentials masked. Objects that an earlier round asked for by `queries`
/// count as taken by the rule of the query.
pub fn supply<'a>(
    manifest: &Manifest,
    objects: impl IntoIterator<Item = &'a Object>,
) -> Vec<Supplied<'a>> {
    let objects: Vec<&Object> = objects.into_iter().collect();
    let mut supplied = Vec::new();
    let mut taken = BTreeSet::new();
    for (index, rule) in manifest.spec.reads.iter().enumerate() {
        let all = objects.iter().enumerate();
        for (position, &object) in all.filter(|(_, object)| takes(rule, object)) {
            // Logs of two containers have the pod's name both.
            if taken.insert(&object.id) || rule.api_version == probe::API_VERSION {
                supplied.push(Supplied {
                    rule: index as u32,
                    object,
                    position,
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
        && rule.when.is_none_or(|when| keeps(when, &object.value))
}

/// Whether a prefilter keeps an object.
pub fn keeps(when: When, value: &Value) -> bool {
    match when {
        When::Unhealthy => is_unhealthy(value),
        When::Terminating => value.pointer("/metadata/deletionTimestamp").is_some(),
        When::WarningEvents => value.get("type").and_then(Value::as_str) == Some("Warning"),
        When::Bare => is_bare(value),
    }
}

/// Whether nothing would make a pod again that is gone. A mirror of a static pod comes back with its node.
fn is_bare(pod: &Value) -> bool {
    let owners = pod.pointer("/metadata/ownerReferences");
    let mut owners = owners.and_then(Value::as_array).into_iter().flatten();
    let is_controller = |owner: &Value| owner.get("controller") == Some(&Value::Bool(true));
    let is_mirror = pod.pointer("/metadata/annotations/kubernetes.io~1config.mirror");
    !owners.any(is_controller) && is_mirror.is_none()
}

/// Whether a fixer may want a pod of which it sees the unhealthy ones: one that has not succeeded and is not both Running
/// and Ready. Of a pod that was read as metadata only, this cannot be said; whoever wants to know reads it whole.
fn is_unhealthy(pod: &Value) -> bool {
    if pod.get("spec").is_none() && pod.get("status").is_none() {
        return false;
    }
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
    if asks_for_managed_fields(fields)
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
    fn metadata_are_enough_where_nobody_asks_for_more_and_nothing_is_changed() {
        let manifest = |reads: &str, writes: &str| {
            let yaml = format!(
                "{{apiVersion: fixer.nks/v1, kind: Fixer, metadata: {{name: a}}, spec: {{version: 1.0.0, about: {{title: {{en: a, ko: a}}, cause: {{en: a, ko: a}}}}, messages: {{}}, reads: [{reads}], writes: [{writes}]}}}}"
            );
            Manifest::from_yaml(&yaml).unwrap()
        };
        let labelled = "{apiVersion: v1, kind: ConfigMap, fields: [/metadata]}";
        let whole = "{apiVersion: v1, kind: ConfigMap, namespaces: [a], fields: [/data]}";
        let write = "{apiVersion: v1, kind: ConfigMap, verbs: [patch], paths: [/data], max: 1}";
        let only = |manifests: &[Manifest]| {
            let fetches = demand(manifests);
            assert_eq!(fetches.len(), 1, "{fetches:?}");
            fetches.iter().all(|fetch| fetch.metadata_only)
        };
        assert!(only(&[manifest(labelled, "")]));
        assert!(!only(&[manifest(labelled, write)]));
        assert!(!only(&[manifest(labelled, ""), manifest(whole, "")]));
    }

    #[test]
    fn unhealthy_is_what_is_not_running_and_ready() {
        let pod = |phase: &str, ready: &str| json!({"status": {"phase": phase, "conditions": [{"type": "Ready", "status": ready}]}});
        assert!(!is_unhealthy(&pod("Running", "True")));
        assert!(is_unhealthy(&pod("Running", "False")));
        assert!(is_unhealthy(&pod("Pending", "False")));
        assert!(!is_unhealthy(&pod("Succeeded", "False")));
        assert!(is_unhealthy(&json!({"status": {"phase": "Running"}})));
        assert!(is_unhealthy(&json!({"spec": {}})));
        assert!(!is_unhealthy(
            &json!({"metadata": {"name": "only this was read"}})
        ));
    }
}
