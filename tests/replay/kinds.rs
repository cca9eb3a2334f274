//! Which kinds the server has and where their objects are, and the making of those that it does not have.

use std::collections::BTreeMap;
use std::thread;
use std::time::{Duration, Instant};

use nks_core::object::ObjectId;
use serde_json::{Value, json};

use crate::api::Api;

/// How long a new kind may take to be served.
const PATIENCE: Duration = Duration::from_secs(30);

/// Where the objects of a kind are.
#[derive(Clone, Debug)]
pub(crate) struct Resource {
    plural: String,
    namespaced: bool,
    /// Whether the status is written by itself.
    pub(crate) has_status: bool,
}

/// The kinds that were looked up, by API version and kind.
#[derive(Default)]
pub(crate) struct Kinds(BTreeMap<(String, String), Resource>);

impl Resource {
    /// The path of a list.
    pub(crate) fn list(&self, id: &ObjectId) -> String {
        let root = root(&id.api_version);
        let plural = &self.plural;
        if self.namespaced {
            format!("{root}/namespaces/{}/{plural}", id.namespace)
        } else {
            format!("{root}/{plural}")
        }
    }

    /// The path of an object.
    pub(crate) fn path(&self, id: &ObjectId) -> String {
        let name = id.name.replace(':', "%3A");
        format!("{}/{name}", self.list(id))
    }
}

impl Kinds {
    /// The kind of an object, if the server has it.
    pub(crate) fn find(&mut self, api: &Api, id: &ObjectId) -> Option<Resource> {
        let key = (id.api_version.clone(), id.kind.clone());
        if let Some(known) = self.0.get(&key) {
            return Some(known.clone());
        }
        let listed = api.get(&root(&id.api_version)).ok()?;
        let resources = listed["resources"].as_array()?;
        let named = |name: &str| resources.iter().any(|it| it["name"] == name);
        let found = resources.iter().find(|it| {
            it["kind"] == id.kind && it["name"].as_str().is_some_and(|name| !name.contains('/'))
        })?;
        let plural = found["name"].as_str()?.to_owned();
        let resource = Resource {
            has_status: named(&format!("{plural}/status")),
            namespaced: found["namespaced"].as_bool()?,
            plural,
        };
        self.0.insert(key, resource.clone());
        Some(resource)
    }

    /// Makes the kind of an object, without any schema, if it can be one of a resource definition; returns whether it
    /// was made.
    pub(crate) fn define(&mut self, api: &Api, id: &ObjectId) -> bool {
        let Some((group, version)) = definable(id) else {
            return false;
        };
        let lower = id.kind.to_ascii_lowercase();
        let plural = format!("{lower}s");
        let definition = json!({
            "apiVersion": "apiextensions.k8s.io/v1",
            "kind": "CustomResourceDefinition",
            "metadata": {"name": format!("{plural}.{group}")},
            "spec": {
                "group": group,
                "names": {"kind": id.kind, "plural": plural, "singular": lower},
                "scope": if id.namespace.is_empty() { "Cluster" } else { "Namespaced" },
                "versions": [{"name": version, "served": true, "storage": true, "schema": {"openAPIV3Schema":
                    {"type": "object", "x-kubernetes-preserve-unknown-fields": true}}}],
            },
        });
        let list = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions";
        api.post(list, &definition).expect("a kind is made");
        let begun = Instant::now();
        while !is_served(api, id, &plural) {
            assert!(begun.elapsed() < PATIENCE, "{} is not served", id.kind);
            thread::sleep(Duration::from_millis(100));
        }
        true
    }
}

/// Whether discovery names the kind, objects can be listed, and the server's own entry for the group has settled.
fn is_served(api: &Api, id: &ObjectId, plural: &str) -> bool {
    let root = root(&id.api_version);
    let listed = api.get(&root).unwrap_or_default();
    let named = listed["resources"]
        .as_array()
        .is_some_and(|all| all.iter().any(|it| it["name"] == plural));
    let (group, version) = definable(id).unwrap_or_default();
    let service = format!("/apis/apiregistration.k8s.io/v1/apiservices/{version}.{group}");
    let settled = api.get(&service).is_ok_and(|service| {
        service
            .pointer("/status/conditions")
            .and_then(Value::as_array)
            .is_some_and(|all| all.iter().any(|it| it["status"] == "True"))
    });
    named && settled && api.get(&format!("{root}/{plural}")).is_ok()
}

/// Group and version of a kind that somebody else than Kubernetes or the fixers' host defines.
pub(crate) fn definable(id: &ObjectId) -> Option<(&str, &str)> {
    let (group, version) = id.api_version.split_once('/')?;
    let others = group.contains('.') && !group.ends_with(".k8s.io") && group != "probe.nks";
    others.then_some((group, version))
}

fn root(api_version: &str) -> String {
    if api_version.contains('/') {
        format!("/apis/{api_version}")
    } else {
        format!("/api/{api_version}")
    }
}
