//! What is known of the cluster as a whole, and which cluster it is.

use nks_core::facts::{ClusterFacts, is_nks};
use nks_core::message::clean;
use nks_core::object::ObjectId;
use nks_core::rights::SYSTEM_NAMESPACE;
use serde_json::Value;

use crate::cluster::Cluster;
use crate::error::{RequestError, Target};
use crate::read::Unread;
use crate::request::{Call, METADATA_ONLY, collection};

impl Cluster {
    /// The uid of the namespace kube-system, which is as old as the cluster: its identity, whatever its address.
    pub async fn uid(&self) -> Result<String, RequestError> {
        let id = ObjectId {
            api_version: "v1".into(),
            kind: "Namespace".into(),
            namespace: String::new(),
            name: SYSTEM_NAMESPACE.into(),
        };
        let found = self.get(&id).await?;
        found
            .map(|object| object.uid)
            .ok_or_else(|| RequestError::NotFound {
                message: format!("namespaces \"{SYSTEM_NAMESPACE}\" not found"),
            })
    }

    /// Version, nodes, and whether it is NHN Cloud's; and what of it could not be read. The network plugin is left to
    /// [`nks_core::facts::calico`], which finds it among objects that were read anyway.
    /// An error is that nobody answers at all.
    pub async fn facts(&self) -> Result<(ClusterFacts, Vec<Unread>), RequestError> {
        let (version, nodes) = tokio::join!(self.version(), self.node_names());
        if let Err(error @ (RequestError::Connection { .. } | RequestError::Timeout)) = version {
            return Err(error);
        }
        let version = version.map_err(|error| Unread::new(&version_target(), &error));
        let mut unread = Vec::new();
        let facts = ClusterFacts {
            name: self.name().to_owned(),
            kubernetes_version: version.map_err(|error| unread.push(error)).ok(),
            is_nks: is_nks(self.host(), self.context()),
            cni: None,
            nodes: nodes.map_err(|error| unread.push(error)).ok(),
        };
        Ok((facts, unread))
    }

    async fn version(&self) -> Result<String, RequestError> {
        let call = Call::get("/version".into(), version_target());
        let answer = self.call_read(&call).await?;
        let version = answer.get("gitVersion").and_then(Value::as_str);
        version.map(clean).ok_or(RequestError::Malformed)
    }

    async fn node_names(&self) -> Result<Vec<String>, Unread> {
        let target = Target {
            verb: "list",
            resource: "nodes".into(),
            namespace: None,
        };
        let call = Call::get(collection("v1", "nodes", None), target.clone()).accept(METADATA_ONLY);
        let names = self.items(&call, &Some).await.and_then(|items| {
            let name = |item: &Value| {
                let name = item.pointer("/metadata/name").and_then(Value::as_str);
                name.map(clean).ok_or(RequestError::Malformed)
            };
            items.iter().map(name).collect::<Result<Vec<_>, _>>()
        });
        let mut names = names.map_err(|error| Unread::new(&target, &error))?;
        names.sort();
        Ok(names)
    }
}

fn version_target() -> Target {
    Target {
        verb: "get",
        resource: "/version".into(),
        namespace: None,
    }
}
