//! Unhealthy pods of a whole cluster without reading all pods: first the columns that `kubectl get` shows, namespace by
//! namespace, then whole only the pods whose columns do not say that all is well.
//!
//! The columns say less than the pod, so this errs on the side of reading: what they do not name is read whole. The
//! server's columns are in `pkg/printers/internalversion/printers.go` of Kubernetes; where one is missing, the namespace
//! is read whole.

use std::collections::BTreeSet;

use futures::{StreamExt, TryStreamExt};
use nks_core::demand;
use nks_core::manifest::When;
use serde_json::Value;

use crate::cluster::Cluster;
use crate::error::{RequestError, Target};
use crate::read::{CONCURRENT, Unread, forget_managed_fields};
use crate::request::{Call, METADATA_ONLY, TABLE, collection};

/// Up to so many pods of a namespace are asked for one by one; more are picked out of its list.
const FEW: usize = 8;

impl Cluster {
    /// The pods of all namespaces that a fixer for unhealthy pods may want, and perhaps others.
    pub(crate) async fn unhealthy_pods(&self) -> Result<Vec<Value>, Unread> {
        let (nodes, namespaces) = tokio::join!(self.nodes_not_ready(), self.namespaces());
        let (nodes, namespaces) = (nodes?, namespaces?);
        let each = namespaces
            .iter()
            .map(|namespace| self.suspects(namespace, &nodes));
        let pods: Vec<Vec<Value>> = futures::stream::iter(each)
            .buffered(CONCURRENT)
            .try_collect()
            .await?;
        Ok(pods.into_iter().flatten().collect())
    }

    /// Nodes that are not Ready: of their pods nothing newer is known. `None` where the columns do not say which.
    async fn nodes_not_ready(&self) -> Result<Option<BTreeSet<String>>, Unread> {
        let target = target("nodes", None);
        let table = self.table("nodes", None).await;
        let table = table.map_err(|error| Unread::new(&target, &error))?;
        let ready = |status: &str| status.split(',').any(|word| word == "Ready");
        Ok(rows(&table, ["Name", "Status"]).map(|rows| {
            let gone = rows.into_iter().filter(|[_, status]| !ready(status));
            gone.map(|[name, _]| name.to_owned()).collect()
        }))
    }

    async fn namespaces(&self) -> Result<Vec<String>, Unread> {
        let target = target("namespaces", None);
        let call = Call::get(collection("v1", "namespaces", None), target.clone());
        let items = self.all_items(&call.accept(METADATA_ONLY), &Some).await;
        let items = items.map_err(|error| Unread::new(&target, &error))?;
        let name = |item: &Value| Some(item.pointer("/metadata/name")?.as_str()?.to_owned());
        Ok(items.iter().filter_map(name).collect())
    }

    async fn suspects(
        &self,
        namespace: &str,
        nodes: &Option<BTreeSet<String>>,
    ) -> Result<Vec<Value>, Unread> {
        let unread = |error| Unread::new(&target("pods", Some(namespace)), &error);
        let table = self.table("pods", Some(namespace)).await.map_err(unread)?;
        let names = nodes.as_ref().and_then(|nodes| not_well(&table, nodes));
        let pods = match names {
            Some(names) if names.is_empty() => Ok(Vec::new()),
            Some(names) if names.len() <= FEW => self.one_by_one(namespace, &names).await,
            names => {
                let is_suspect = |pod: &Value| match (&names, pod.pointer("/metadata/name")) {
                    (Some(names), Some(Value::String(name))) => names.contains(name),
                    _ => demand::keeps(When::Unhealthy, pod),
                };
                let take = |pod: Value| is_suspect(&pod).then(|| brief(pod));
                let path = collection("v1", "pods", Some(namespace));
                let call = Call::get(path, target("pods", Some(namespace)));
                self.all_items(&call, &take).await
            }
        };
        pods.map_err(unread)
    }

    /// By lists of one, for which the right to list is enough.
    async fn one_by_one(
        &self,
        namespace: &str,
        names: &BTreeSet<String>,
    ) -> Result<Vec<Value>, RequestError> {
        let mut pods = Vec::new();
        for name in names {
            let path = collection("v1", "pods", Some(namespace));
            let call = Call::get(path, target("pods", Some(namespace)));
            let call = call.query("fieldSelector", format!("metadata.name={name}"));
            pods.extend(self.all_items(&call, &|pod| Some(brief(pod))).await?);
        }
        Ok(pods)
    }

    async fn table(&self, plural: &str, namespace: Option<&str>) -> Result<Value, RequestError> {
        let path = collection("v1", plural, namespace);
        let mut call = Call::get(path, target(plural, namespace)).accept(TABLE);
        call = call.query("includeObject", "None");
        if plural == "pods" {
            // Their columns are those of a container that ended and is about to be started again.
            call = call.query("fieldSelector", "status.phase!=Succeeded");
        }
        self.call_read(&call).await
    }
}

fn brief(mut pod: Value) -> Value {
    forget_managed_fields(&mut pod);
    pod
}

fn target(resource: &str, namespace: Option<&str>) -> Target {
    Target {
        verb: "list",
        resource: resource.into(),
        namespace: namespace.map(str::to_owned),
    }
}

/// The cells of the named columns, row by row; `None` where a column is missing or a row is not what it should be.
fn rows<'a, const N: usize>(table: &'a Value, columns: [&str; N]) -> Option<Vec<[&'a str; N]>> {
    let definitions = table.get("columnDefinitions")?.as_array()?;
    let mut positions = [0; N];
    for (position, name) in positions.iter_mut().zip(columns) {
        let named =
            |definition: &Value| definition.get("name").and_then(Value::as_str) == Some(name);
        *position = definitions.iter().position(named)?;
    }
    let rows = match table.get("rows") {
        None | Some(Value::Null) => return Some(Vec::new()),
        Some(rows) => rows.as_array()?,
    };
    let cells = |row: &'a Value| {
        let cells = row.get("cells")?.as_array()?;
        let mut texts = [""; N];
        for (text, position) in texts.iter_mut().zip(positions) {
            *text = cells.get(position)?.as_str()?;
        }
        Some(texts)
    };
    rows.iter().map(cells).collect()
}

/// The names of the pods whose columns do not say that all is well.
fn not_well(table: &Value, nodes: &BTreeSet<String>) -> Option<BTreeSet<String>> {
    let columns = ["Name", "Ready", "Status", "Node", "Readiness Gates"];
    let is_all = |count: &str| {
        let (ready, all) = count.split_once('/').unwrap_or_default();
        ready == all && !matches!(ready, "" | "0")
    };
    let is_well = |[_, ready, status, node, gates]: &[&str; 5]| {
        *status == "Running"
            && is_all(ready)
            && (*gates == "<none>" || is_all(gates))
            && !nodes.contains(*node)
    };
    let rows = rows(table, columns)?;
    let suspects = rows.into_iter().filter(|row| !is_well(row));
    Some(suspects.map(|[name, ..]| name.to_owned()).collect())
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn table(rows: &[[&str; 5]]) -> Value {
        let columns = ["Node", "Name", "Ready", "Status", "Readiness Gates"];
        let columns: Vec<Value> = columns.iter().map(|name| json!({"name": name})).collect();
        let rows: Vec<Value> = rows.iter().map(|cells| json!({"cells": cells})).collect();
        json!({"columnDefinitions": columns, "rows": rows})
    }

    #[test]
    fn what_is_not_said_to_be_well_is_a_suspect() {
        let table = table(&[
            ["n1", "well", "2/2", "Running", "<none>"],
            ["n1", "gated", "1/1", "Running", "1/1"],
            ["n1", "waiting-for-a-gate", "1/1", "Running", "0/1"],
            ["n1", "unready", "1/2", "Running", "<none>"],
            ["n1", "empty", "0/0", "Running", "<none>"],
            ["n1", "ended", "0/1", "Completed", "<none>"],
            ["n1", "leaving", "1/1", "Terminating", "<none>"],
            ["n1", "new-word", "1/1", "Whatever", "<none>"],
            ["gone", "unknown", "1/1", "Running", "<none>"],
        ]);
        let names = not_well(&table, &BTreeSet::from(["gone".to_owned()])).unwrap();
        let expected = [
            "empty",
            "ended",
            "leaving",
            "new-word",
            "unknown",
            "unready",
            "waiting-for-a-gate",
        ];
        assert!(names.iter().eq(&expected), "{names:?}");
    }

    #[test]
    fn a_table_of_another_form_says_nothing() {
        let mut table = table(&[["n1", "well", "2/2", "Running", "<none>"]]);
        table["columnDefinitions"][3]["name"] = "State".into();
        assert_eq!(not_well(&table, &BTreeSet::new()), None);
        assert_eq!(
            not_well(&json!({"kind": "PodList", "items": []}), &BTreeSet::new()),
            None
        );
    }
}
