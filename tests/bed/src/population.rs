//! The nodes of a bed, and what makes them and their pods live.

use anyhow::Result;
use serde_json::Value;

use crate::bed::Bed;
use crate::kubectl::{items, text};
use crate::{components, nodes};

impl Bed {
    /// Puts the nodes in and starts what makes them and their pods live.
    pub(crate) fn populate(&mut self) -> Result<()> {
        let (name, count) = (self.options().name.clone(), self.options().nodes);
        let nodes = nodes::list(&name, count, self.binaries().version()).to_string();
        if count > 0 {
            self.with_file(&nodes, |path| {
                self.kubectl(&["create", "--validate=false", "-f", &path.to_string_lossy()])
            })?;
        }
        let folder = self.folder().to_owned();
        let (controllers, scheduler) = ("kube-controller-manager", "kube-scheduler");
        self.run(
            controllers,
            controllers,
            &components::controller_manager(&folder),
        )?;
        self.run(scheduler, scheduler, &components::scheduler(&folder))?;
        let real = self.options().real_node;
        self.run("kwok", "kwok", &components::kwok(&folder, real))?;
        if real {
            self.start_node()?;
        }
        self.await_ready("nodes and service accounts are ready", Self::is_populated)
    }

    /// Whether every node is ready, which takes kwok and the kubelet, and pods can be made, which takes the controller manager.
    fn is_populated(&self) -> Result<bool> {
        let objects =
            items(self.kubectl_json(&["get", "nodes,serviceaccounts", "--all-namespaces"])?);
        let ready = |node: &Value| {
            let conditions = node.pointer("/status/conditions").and_then(Value::as_array);
            conditions.is_some_and(|all| {
                all.iter()
                    .any(|it| it["type"] == "Ready" && it["status"] == "True")
            })
        };
        let nodes = objects
            .iter()
            .filter(|it| it["kind"] == "Node" && ready(it))
            .count();
        let has_account = |namespace: &str| {
            objects.iter().any(|it| {
                text(it, "/metadata/namespace") == namespace
                    && text(it, "/metadata/name") == "default"
            })
        };
        let expected = self.options().nodes as usize + usize::from(self.options().real_node);
        Ok(nodes == expected && has_account("default") && has_account("kube-system"))
    }
}
