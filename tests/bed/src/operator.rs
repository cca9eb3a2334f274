//! Ordinary users of the bed. What is to be shown of access rights must be shown with one of these: the administrator
//! is in `system:masters`, which skips RBAC.

use std::fs;
use std::path::PathBuf;

use anyhow::{Context, Result, ensure};
use serde_json::{Value, json};

use crate::bed::Bed;
use crate::kubectl::{items, text};

impl Bed {
    /// Makes a user called `name` with a client certificate, and returns the path of a kubeconfig for it.
    ///
    /// `manifests` are YAML or JSON texts of one or more objects. All are applied; each Role in them is bound to the
    /// user in its namespace and each ClusterRole in the whole cluster. Bindings in them are applied as they are.
    /// Calling it again for the same name issues a new certificate and adds rights.
    ///
    /// # Errors
    /// When `name` cannot be a user's, or the API server refuses a manifest.
    pub fn operator(&self, name: &str, manifests: &[&str]) -> Result<PathBuf> {
        ensure!(
            !name.is_empty() && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '-'),
            "an operator's name is made of letters, digits and hyphens, which `{name}` is not"
        );
        for manifest in manifests {
            let applied = self.with_file(manifest, |path| {
                self.kubectl_json(&["apply", "-f", &path.to_string_lossy()])
            })?;
            let bindings: Vec<Value> = items(applied)
                .iter()
                .filter_map(|role| binding(role, name))
                .collect();
            if !bindings.is_empty() {
                self.apply(
                    &json!({"apiVersion": "v1", "kind": "List", "items": bindings}).to_string(),
                )?;
            }
        }
        let path = self.folder().join(format!("kubeconfig-{name}"));
        fs::write(&path, self.client_kubeconfig(name, None)?)
            .context("write the operator's kubeconfig")?;
        Ok(path)
    }
}

/// The binding of a Role or ClusterRole to `user`; `None` for any other object.
fn binding(role: &Value, user: &str) -> Option<Value> {
    let kind = text(role, "/kind");
    if !matches!(kind, "Role" | "ClusterRole") {
        return None;
    }
    let name = text(role, "/metadata/name");
    let mut metadata = json!({"name": format!("{name}-{user}")});
    if kind == "Role" {
        metadata["namespace"] = role["metadata"]["namespace"].clone();
    }
    Some(json!({
        "apiVersion": "rbac.authorization.k8s.io/v1",
        "kind": format!("{kind}Binding"),
        "metadata": metadata,
        "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": kind, "name": name},
        "subjects": [{"apiGroup": "rbac.authorization.k8s.io", "kind": "User", "name": user}],
    }))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::binding;

    #[test]
    fn a_role_is_bound_where_it_lives() {
        let role = json!({"kind": "Role", "metadata": {"name": "reader", "namespace": "shop"}});
        let bound = binding(&role, "alice").expect("a Role is bound");
        assert_eq!(bound["kind"], "RoleBinding");
        assert_eq!(
            bound["metadata"],
            json!({"name": "reader-alice", "namespace": "shop"})
        );
        let role = json!({"kind": "ClusterRole", "metadata": {"name": "reader"}});
        let bound = binding(&role, "alice").expect("a ClusterRole is bound");
        assert_eq!(bound["kind"], "ClusterRoleBinding");
        assert_eq!(bound["metadata"], json!({"name": "reader-alice"}));
        assert_eq!(binding(&json!({"kind": "ConfigMap"}), "alice"), None);
    }
}
