//! What a fixer is handed.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::pod::Pod;
use crate::workload::Workload;

/// Everything a fixer knows.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Input {
    /// The run, the cluster and the settings.
    pub context: Context,
    /// The objects that the manifest's reads asked for. Their position is the index that findings and steps use.
    pub objects: Vec<Object>,
}

/// What is known beside the objects.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Context {
    /// When the run began, in seconds since 1970-01-01 UTC.
    pub now_unix: i64,
    /// 0 for the first call; one more for each time the fixer answered [`Outcome::Need`](crate::Outcome::Need).
    pub round: u32,
    /// Facts: `kubernetesVersion`, `isNks`, `cni` and `nodes`, each `null` where it is not known.
    pub cluster: Value,
    /// The settings, checked against the manifest's schema and with its defaults filled in.
    pub settings: Value,
}

/// One object, reduced to the fields that the manifest declares.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Object {
    /// Index of the rule in `spec.reads` that supplied it.
    pub rule: u32,
    /// `apps/v1`
    pub api_version: String,
    /// `DaemonSet`
    pub kind: String,
    /// Empty for a cluster-scoped object.
    pub namespace: String,
    /// `metadata.name`
    pub name: String,
    /// `metadata.uid`
    pub uid: String,
    /// The object itself.
    pub value: Value,
}

impl Input {
    /// The input that holds `values` and knows nothing else. For unit tests: the host makes its own.
    pub fn of_values(values: impl IntoIterator<Item = Value>) -> Self {
        Self {
            context: Context::default(),
            objects: values.into_iter().map(Object::of_value).collect(),
        }
    }

    /// Every object with its index.
    pub fn indexed(&self) -> impl Iterator<Item = (u32, &Object)> {
        (0..).zip(&self.objects)
    }

    /// Every DaemonSet, Deployment and StatefulSet.
    pub fn workloads(&self) -> impl Iterator<Item = Workload<'_>> {
        self.indexed()
            .filter_map(|(index, object)| Workload::of(index, object))
    }

    /// Every Pod.
    pub fn pods(&self) -> impl Iterator<Item = Pod<'_>> {
        self.indexed()
            .filter_map(|(index, object)| Pod::of(index, object))
    }
}

impl Context {
    /// A setting that holds text; `None` where it is not set.
    pub fn setting(&self, name: &str) -> Option<&str> {
        self.settings.get(name)?.as_str()
    }

    /// Whether this is known to be an NHN Cloud NKS cluster.
    pub fn is_nks(&self) -> bool {
        self.cluster.get("isNks").and_then(Value::as_bool) == Some(true)
    }

    /// The API server's version as (1, 29) for `v1.29.3`; `None` where it is not known.
    pub fn kubernetes_version(&self) -> Option<(u32, u32)> {
        let text = self.cluster.get("kubernetesVersion")?.as_str()?;
        let mut numbers = text.trim_start_matches('v').split('.');
        let major = numbers.next()?.parse().ok()?;
        // Some distributions write the minor version as `29+`.
        let minor = numbers.next()?.trim_end_matches('+').parse().ok()?;
        Some((major, minor))
    }
}

impl Object {
    /// The object with its identity read from `value`. For unit tests.
    pub fn of_value(value: Value) -> Self {
        let text = |pointer: &str| {
            value
                .pointer(pointer)
                .and_then(Value::as_str)
                .unwrap_or_default()
                .to_owned()
        };
        Self {
            rule: 0,
            api_version: text("/apiVersion"),
            kind: text("/kind"),
            namespace: text("/metadata/namespace"),
            name: text("/metadata/name"),
            uid: text("/metadata/uid"),
            value,
        }
    }

    /// The text at a JSON pointer; `None` where there is none.
    pub fn text(&self, pointer: &str) -> Option<&str> {
        self.value.pointer(pointer)?.as_str()
    }

    /// A label's value.
    pub fn label(&self, key: &str) -> Option<&str> {
        self.value
            .get("metadata")?
            .get("labels")?
            .get(key)?
            .as_str()
    }

    /// An annotation's value.
    pub fn annotation(&self, key: &str) -> Option<&str> {
        self.value
            .get("metadata")?
            .get("annotations")?
            .get(key)?
            .as_str()
    }

    /// When it was made, in seconds since 1970-01-01 UTC; `None` where it does not say.
    pub fn created(&self) -> Option<i64> {
        crate::time::seconds(self.text("/metadata/creationTimestamp")?)
    }

    /// Whether somebody has asked for its deletion.
    pub fn is_being_deleted(&self) -> bool {
        self.value.pointer("/metadata/deletionTimestamp").is_some()
    }

    /// The reference to the controller that owns it, such as a Pod's ReplicaSet.
    pub fn controller(&self) -> Option<&Value> {
        let references = self
            .value
            .get("metadata")?
            .get("ownerReferences")?
            .as_array()?;
        references
            .iter()
            .find(|reference| reference.get("controller").and_then(Value::as_bool) == Some(true))
    }

    /// The name as kubectl prints it: `daemonset.apps/calico-node`, `pod/web-0`.
    pub fn display_name(&self) -> String {
        let mut name = self.kind.to_ascii_lowercase();
        if let Some((group, _)) = self.api_version.split_once('/') {
            name.push('.');
            name.push_str(group);
        }
        name.push('/');
        name.push_str(&self.name);
        name
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn facts_are_unknown_until_given() {
        let mut context = Context::default();
        assert_eq!(
            (
                context.is_nks(),
                context.kubernetes_version(),
                context.setting("a")
            ),
            (false, None, None)
        );
        context.cluster = json!({"isNks": true, "kubernetesVersion": "v1.29.3"});
        context.settings = json!({"a": "b", "n": 1});
        assert!(context.is_nks());
        assert_eq!(context.kubernetes_version(), Some((1, 29)));
        assert_eq!(
            (context.setting("a"), context.setting("n")),
            (Some("b"), None)
        );
    }

    #[test]
    fn names_are_kubectls() {
        let name = |api: &str, kind: &str| {
            Object::of_value(json!({"apiVersion": api, "kind": kind, "metadata": {"name": "x"}}))
                .display_name()
        };
        assert_eq!(name("apps/v1", "DaemonSet"), "daemonset.apps/x");
        assert_eq!(name("v1", "Pod"), "pod/x");
    }
}
