//! Everything in the cluster, for a comparison of before and after.

use std::collections::BTreeMap;

use anyhow::{Context, Result};
use serde_json::Value;

use crate::bed::Bed;
use crate::kubectl::{items, text};

/// Resources that change by themselves or hold nothing of their own:
/// * events, of either group, come and go with whatever the controllers do;
/// * leases are renewed every few seconds;
/// * componentstatuses are not stored but probed;
/// * endpoints and endpointslices follow the pods, which are in the snapshot.
const SKIPPED: [&str; 5] = [
    "componentstatuses",
    "endpoints",
    "endpointslices",
    "events",
    "leases",
];

/// A listable resource: what kubectl calls it, and where its objects go in the snapshot.
struct Resource {
    name: String,
    api_version: String,
    kind: String,
}

impl Bed {
    /// Every object of every listable resource, in the version that the API server prefers.
    ///
    /// Keys are `group/version/resource/namespace/name`, with `core` for the group without a name and nothing for the
    /// namespace of an object that has none (`core/v1/nodes//a-node`). Values lack what changes without anybody
    /// changing the object: `managedFields`, `resourceVersion`, `generation` and `status`. Events, leases and
    /// endpoints are left out. Pods are in it, under the random names that their controllers gave them.
    ///
    /// # Errors
    /// When discovery or the list fails.
    pub fn snapshot(&self) -> Result<BTreeMap<String, Value>> {
        let resources = self.resources()?;
        let names: Vec<String> = resources.iter().map(Resource::qualified).collect();
        let listed = self.kubectl_json(&[
            "get",
            &names.join(","),
            "--all-namespaces",
            "--ignore-not-found",
        ])?;
        let mut snapshot = BTreeMap::new();
        for mut object in items(listed) {
            let resource = resources
                .iter()
                .find(|it| {
                    it.kind == text(&object, "/kind")
                        && it.api_version == text(&object, "/apiVersion")
                })
                .with_context(|| format!("listed an object of no known resource: {object}"))?;
            let key = format!(
                "{}/{}/{}/{}",
                resource.group_version(),
                resource.name,
                text(&object, "/metadata/namespace"),
                text(&object, "/metadata/name")
            );
            strip(&mut object);
            snapshot.insert(key, object);
        }
        Ok(snapshot)
    }

    fn resources(&self) -> Result<Vec<Resource>> {
        let table = self.kubectl(&["api-resources", "--verbs=list", "--no-headers"])?;
        let resources = table.lines().filter_map(Resource::parse);
        Ok(resources
            .filter(|resource| !SKIPPED.contains(&resource.name.as_str()))
            .collect())
    }
}

impl Resource {
    /// Reads a line of `kubectl api-resources`: NAME, SHORTNAMES (often empty), APIVERSION, NAMESPACED, KIND.
    fn parse(line: &str) -> Option<Self> {
        let words: Vec<&str> = line.split_whitespace().collect();
        let namespaced = words
            .iter()
            .position(|word| matches!(*word, "true" | "false"))?;
        Some(Self {
            name: (*words.first()?).to_owned(),
            api_version: (*words.get(namespaced.checked_sub(1)?)?).to_owned(),
            kind: (*words.get(namespaced + 1)?).to_owned(),
        })
    }

    fn qualified(&self) -> String {
        match self.api_version.split_once('/') {
            Some((group, version)) => format!("{}.{version}.{group}", self.name),
            None => self.name.clone(),
        }
    }

    fn group_version(&self) -> String {
        if self.api_version.contains('/') {
            self.api_version.clone()
        } else {
            format!("core/{}", self.api_version)
        }
    }
}

fn strip(object: &mut Value) {
    if let Some(fields) = object.as_object_mut() {
        fields.remove("status");
    }
    if let Some(metadata) = object.get_mut("metadata").and_then(Value::as_object_mut) {
        for field in ["managedFields", "resourceVersion", "generation"] {
            metadata.remove(field);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Resource;

    #[test]
    fn lines_with_and_without_short_names_are_read() {
        let line = "deployments   deploy   apps/v1   true   Deployment";
        let deployments = Resource::parse(line).expect("five columns");
        assert_eq!(deployments.qualified(), "deployments.v1.apps");
        assert_eq!(deployments.group_version(), "apps/v1");
        let secrets = Resource::parse("secrets   v1   true   Secret").expect("four columns");
        assert_eq!(
            (secrets.qualified().as_str(), secrets.kind.as_str()),
            ("secrets", "Secret")
        );
        assert_eq!(secrets.group_version(), "core/v1");
    }
}
