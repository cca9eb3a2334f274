//! Who else writes an object: a change to it may be reverted, or may conflict later.
//!
//! Marks from domain.md, section 2, "General rules".

use std::fmt;

use serde::Serialize;

use crate::object::Object;

/// A tool that manages an object.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub enum Manager {
    /// Argo CD.
    ArgoCd,
    /// Flux.
    Flux,
    /// Helm.
    Helm,
    /// The Operator Lifecycle Manager.
    Olm,
    /// A controller that owns the object.
    Operator,
}

impl fmt::Display for Manager {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(match self {
            Self::ArgoCd => "Argo CD",
            Self::Flux => "Flux",
            Self::Helm => "Helm",
            Self::Olm => "OLM",
            Self::Operator => "an operator",
        })
    }
}

/// The manager whose mark the object carries, if any. Tools that deploy through Helm are named before Helm, since they
/// are the ones that would revert a change. Owners that Kubernetes itself sets (a ReplicaSet's Deployment) do not count.
pub fn manager(object: &Object) -> Option<Manager> {
    let label = |name: &str| {
        object
            .value
            .pointer("/metadata/labels")?
            .get(name)?
            .as_str()
    };
    let annotation = |name: &str| {
        object
            .value
            .pointer("/metadata/annotations")?
            .get(name)?
            .as_str()
    };
    let owned = object
        .value
        .pointer("/metadata/ownerReferences")
        .and_then(|owners| owners.as_array());
    if annotation("argocd.argoproj.io/tracking-id").is_some()
        || label("argocd.argoproj.io/instance").is_some()
    {
        Some(Manager::ArgoCd)
    } else if label("kustomize.toolkit.fluxcd.io/name").is_some()
        || label("helm.toolkit.fluxcd.io/name").is_some()
    {
        Some(Manager::Flux)
    } else if label("olm.owner").is_some() {
        Some(Manager::Olm)
    } else if label("app.kubernetes.io/managed-by") == Some("Helm")
        || annotation("meta.helm.sh/release-name").is_some()
    {
        Some(Manager::Helm)
    } else if owned.is_some_and(|owners| owners.iter().any(|owner| !owner_is_builtin(owner))) {
        Some(Manager::Operator)
    } else {
        None
    }
}

fn owner_is_builtin(owner: &serde_json::Value) -> bool {
    let api_version = owner
        .get("apiVersion")
        .and_then(serde_json::Value::as_str)
        .unwrap_or_default();
    matches!(api_version, "v1" | "apps/v1" | "batch/v1")
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{Value, json};

    fn managed(metadata: Value) -> Option<Manager> {
        let mut value =
            json!({"apiVersion": "apps/v1", "kind": "Deployment", "metadata": metadata});
        value["metadata"]["name"] = json!("d");
        manager(&Object::new(value, "n").unwrap())
    }

    #[test]
    fn each_mark_names_its_tool() {
        let argo = json!({"annotations": {"argocd.argoproj.io/tracking-id": "x"},
                          "labels": {"app.kubernetes.io/managed-by": "Helm"}});
        assert_eq!(managed(argo), Some(Manager::ArgoCd));
        assert_eq!(
            managed(json!({"labels": {"helm.toolkit.fluxcd.io/name": "x"}})),
            Some(Manager::Flux)
        );
        assert_eq!(
            managed(json!({"labels": {"app.kubernetes.io/managed-by": "Helm"}})),
            Some(Manager::Helm)
        );
        assert_eq!(
            managed(json!({"labels": {"olm.owner": "x"}})),
            Some(Manager::Olm)
        );
        let owner =
            |api: &str| json!({"ownerReferences": [{"apiVersion": api, "kind": "K", "name": "k"}]});
        assert_eq!(
            managed(owner("operator.tigera.io/v1")),
            Some(Manager::Operator)
        );
        assert_eq!(managed(owner("apps/v1")), None);
        assert_eq!(managed(json!({})), None);
    }
}
