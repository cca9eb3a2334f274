//! The rights that a run needs, computed from manifests, so that `explain` can print them and a test can hold them to it.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value, json};

use crate::image_probe;
use crate::kinds;
use crate::manifest::{Manifest, Verb, When, WriteRule};
use crate::plan::{Action, Plan};
use crate::probe;

/// One right: a verb on a resource, in one namespace or everywhere, on one name or on all.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Right {
    /// `None` means cluster-wide.
    pub namespace: Option<String>,
    /// API group; empty for the core group.
    pub group: String,
    /// `daemonsets`
    pub resource: String,
    /// `list`
    pub verb: String,
    /// One object only.
    pub name: Option<String>,
}

impl Right {
    /// A right on a resource.
    pub fn new(namespace: Option<&str>, group: &str, resource: &str, verb: &str) -> Self {
        Self {
            namespace: namespace.map(str::to_owned),
            group: group.into(),
            resource: resource.into(),
            verb: verb.into(),
            name: None,
        }
    }
}

/// Of `rights`, those that a plan makes use of: to look at its objects, and to do with them what it does.
pub fn used(rights: &BTreeSet<Right>, plan: &Plan) -> BTreeSet<Right> {
    let on = |right: &&Right| {
        let steps = plan.steps.iter();
        let mut patches = steps.filter_map(|step| Some((&step.action, step.action.patch()?)));
        patches.any(|(action, patch)| {
            let id = &patch.id;
            let (verb, resource) = (right.verb.as_str(), right.resource.as_str());
            let what = (verb, right.group.as_str(), resource);
            let of_object = ["get", patch.act().verb()].contains(&verb)
                && right.group == kinds::group(&id.api_version)
                && resource == plural(&id.api_version, &id.kind);
            let of_probe = matches!(action, Action::ProbeImage(_)) && TO_PROBE.contains(&what);
            (of_object || of_probe)
                && right
                    .namespace
                    .as_ref()
                    .is_none_or(|namespace| *namespace == id.namespace)
                && right.name.as_ref().is_none_or(|name| *name == id.name)
        })
    };
    rights.iter().filter(on).cloned().collect()
}

/// Verb, group and resource of what it takes to ask a node for an image: a pod, its end, and what is said of it.
const TO_PROBE: [(&str, &str, &str); 4] = [
    ("create", "", "pods"),
    ("delete", "", "pods"),
    ("get", "", "pods"),
    ("list", "", "events"),
];

/// The namespace that holds what NKS deploys, and the run's lease.
pub const SYSTEM_NAMESPACE: &str = "kube-system";

/// The lease that keeps two runs apart.
pub const LEASE: &str = "kubectl-nks";

/// What `diagnose` needs: the lists of the manifest, and what it reads by name.
pub fn to_read(manifest: &Manifest) -> BTreeSet<Right> {
    let manifest = &manifest.by_default();
    let mut rights = BTreeSet::new();
    for rule in &manifest.spec.reads {
        if rule.api_version == probe::API_VERSION {
            // What is served, everybody may ask.
            if rule.kind == probe::CONTAINER_LOG {
                let logs = |namespace| Right::new(namespace, "", "pods/log", "get");
                rights.extend(scopes(&rule.namespaces).into_iter().map(logs));
            }
            continue;
        }
        // All pods are looked at namespace by namespace, as tables.
        if rule.kind == "Pod" && rule.when == Some(When::Unhealthy) && rule.namespaces.is_empty() {
            rights.insert(Right::new(None, "", "namespaces", "list"));
        }
        for namespace in scopes(&rule.namespaces) {
            let right = |verb: &str| {
                Right::new(
                    namespace,
                    kinds::group(&rule.api_version),
                    &plural(&rule.api_version, &rule.kind),
                    verb,
                )
            };
            if rule.names.is_empty() {
                rights.insert(right("list"));
            }
            // A name in whatever namespace is looked for by a list of that name, which RBAC takes for one of the name alone.
            // What is asked for has its namespace by then.
            let namespaced = kinds::lookup(&rule.api_version, &rule.kind)
                .is_some_and(|resource| resource.namespaced);
            let anywhere = namespaced && namespace.is_none() && !rule.asked;
            let verb = if anywhere { "list" } else { "get" };
            rights.extend(rule.names.iter().map(|name| Right {
                name: Some(name.clone()),
                ..right(verb)
            }));
        }
    }
    // Which cluster this is, and whether a namespace that is not everywhere is here.
    let optional = manifest.spec.reads.iter().filter(|rule| rule.optional);
    let namespaces = optional
        .flat_map(|rule| &rule.namespaces)
        .map(String::as_str);
    for namespace in namespaces.chain([SYSTEM_NAMESPACE]) {
        rights.insert(Right {
            name: Some(namespace.to_owned()),
            ..Right::new(None, "", "namespaces", "get")
        });
    }
    rights.insert(Right::new(None, "", "nodes", "list"));
    least(rights)
}

/// Without what a right on all namespaces, or on all names, gives anyway.
fn least(rights: BTreeSet<Right>) -> BTreeSet<Right> {
    let is_needed = |right: &&Right| {
        let everywhere = Right {
            namespace: None,
            ..(*right).clone()
        };
        let of_all_names = Right {
            name: None,
            ..(*right).clone()
        };
        let all = Right {
            name: None,
            ..everywhere.clone()
        };
        let mut larger = [everywhere, of_all_names, all].into_iter();
        !larger.any(|larger| larger != **right && rights.contains(&larger))
    };
    rights.iter().filter(is_needed).cloned().collect()
}

/// What `fix` needs on top of reading.
pub fn to_write(manifest: &Manifest) -> BTreeSet<Right> {
    let manifest = &manifest.by_default();
    let mut rights = BTreeSet::new();
    for rule in &manifest.spec.writes {
        for namespace in scopes(written_in(manifest, rule)) {
            let right = |verb: &str| {
                Right::new(
                    namespace,
                    kinds::group(&rule.api_version),
                    &plural(&rule.api_version, &rule.kind),
                    verb,
                )
            };
            let named = |right: Right| match names(manifest, &rule.api_version, &rule.kind) {
                [] => vec![right],
                names => names
                    .iter()
                    .map(|name| Right {
                        name: Some(name.clone()),
                        ..right.clone()
                    })
                    .collect(),
            };
            rights.extend(named(right("get")));
            for verb in &rule.verbs {
                if *verb == Verb::Create {
                    // Roles cannot name what is not there yet, and an undo deletes it. A Secret is created only under a
                    // name that is read, so that nobody needs the right to look at every other, or to delete it.
                    let is_secret = rule.api_version == "v1" && rule.kind == "Secret";
                    rights.insert(right("create"));
                    rights.extend(match is_secret {
                        true => named(right("delete")),
                        false => vec![right("delete"), right("get")],
                    });
                } else {
                    rights.extend(named(right(verb_word(*verb))));
                }
                // An undo makes it again; pods are made again by their controllers.
                if *verb == Verb::Delete && rule.kind != "Pod" {
                    rights.insert(right("create"));
                }
            }
            // An Event about a cluster-scoped object is written into `default`.
            let cluster_scoped =
                kinds::lookup(&rule.api_version, &rule.kind).is_some_and(|kind| !kind.namespaced);
            let namespace = if cluster_scoped {
                Some("default")
            } else {
                namespace
            };
            rights.insert(Right::new(namespace, "", "events", "create"));
        }
    }
    let probes = manifest.spec.reads.iter();
    let probes = probes.filter(|rule| rule.kind == image_probe::KIND);
    for namespace in probes.flat_map(|rule| scopes(&rule.namespaces)) {
        rights.extend(TO_PROBE.map(|(verb, group, what)| Right::new(namespace, group, what, verb)));
    }
    if !rights.is_empty() {
        rights.extend(to_lock());
    }
    rights
}

/// What it takes to keep two runs apart.
fn to_lock() -> impl Iterator<Item = Right> {
    let lease = |verb: &str| {
        Right::new(
            Some(SYSTEM_NAMESPACE),
            "coordination.k8s.io",
            "leases",
            verb,
        )
    };
    let ours = ["get", "update", "delete"].map(|verb| Right {
        name: Some(LEASE.into()),
        ..lease(verb)
    });
    [lease("create")].into_iter().chain(ours)
}

fn verb_word(verb: Verb) -> &'static str {
    match verb {
        Verb::Patch | Verb::Restart => "patch",
        Verb::Create => "create",
        Verb::Delete => "delete",
    }
}

/// The names that a fixer is shown of a kind, where it reads that kind by name only: it can change no other.
fn names<'a>(manifest: &'a Manifest, api_version: &str, kind: &str) -> &'a [String] {
    let mut rules = manifest
        .spec
        .reads
        .iter()
        .filter(|rule| rule.api_version == api_version && rule.kind == kind);
    match (rules.next(), rules.next()) {
        (Some(rule), None) => &rule.names,
        _ => &[],
    }
}

/// The namespaces in which a rule allows changes: its own, or else those in which the kind is read. None means all.
pub fn written_in<'a>(manifest: &'a Manifest, rule: &'a WriteRule) -> &'a [String] {
    if !rule.namespaces.is_empty() {
        return &rule.namespaces;
    }
    manifest
        .spec
        .reads
        .iter()
        .find(|read| read.kind == rule.kind)
        .map(|read| read.namespaces.as_slice())
        .unwrap_or_default()
}

fn scopes(namespaces: &[String]) -> Vec<Option<&str>> {
    if namespaces.is_empty() {
        vec![None]
    } else {
        namespaces.iter().map(|name| Some(name.as_str())).collect()
    }
}

/// The resource name of a kind; for kinds outside the table, the rule that most CRDs follow.
pub fn plural(api_version: &str, kind: &str) -> String {
    kinds::lookup(api_version, kind).map_or_else(
        || format!("{}s", kind.to_ascii_lowercase()),
        |resource| resource.plural.to_owned(),
    )
}

/// The verbs of a role, by group, resource and name.
type Rules<'a> = BTreeMap<(&'a str, &'a str, Option<&'a str>), Vec<&'a str>>;

/// The least roles of a fixer, for `diagnose` and `fix`: what `explain -o rbac` prints.
pub fn roles_of(manifest: &Manifest) -> Vec<Value> {
    let name = format!("kubectl-nks-{}", manifest.name().replace('/', "-"));
    let rights = to_read(manifest)
        .into_iter()
        .chain(to_write(manifest))
        .collect();
    roles(&name, &rights)
}

/// The rights as RBAC objects named `name`: one ClusterRole for what is cluster-wide, one Role for each namespace. They
/// bind nobody.
pub fn roles(name: &str, rights: &BTreeSet<Right>) -> Vec<Value> {
    let mut scopes: BTreeMap<&Option<String>, Rules<'_>> = BTreeMap::new();
    for right in rights {
        let key = (
            right.group.as_str(),
            right.resource.as_str(),
            right.name.as_deref(),
        );
        scopes
            .entry(&right.namespace)
            .or_default()
            .entry(key)
            .or_default()
            .push(&right.verb);
    }
    scopes
        .into_iter()
        .map(|(namespace, rules)| {
            let rules: Vec<Value> = rules
                .into_iter()
                .map(|((group, resource, name), verbs)| {
                    let mut rule = json!({"apiGroups": [group], "resources": [resource], "verbs": verbs});
                    if let Some(name) = name {
                        rule["resourceNames"] = json!([name]);
                    }
                    rule
                })
                .collect();
            let mut role = json!({"apiVersion": "rbac.authorization.k8s.io/v1", "kind": "ClusterRole",
                "metadata": {"name": name}, "rules": rules});
            if let Some(namespace) = namespace {
                role["kind"] = json!("Role");
                role["metadata"]["namespace"] = json!(namespace);
            }
            role
        })
        .collect()
}

#[cfg(test)]
mod tests;
