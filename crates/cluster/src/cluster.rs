//! The connection, and what every request shares.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use nks_core::kinds;
use nks_core::message::clean;
use nks_core::object::{Object, ObjectId};
use serde_json::Value;

use crate::connect::{Trace, Warned};
use crate::error::{RequestError, Target};
use crate::request::{Call, collection, encoded};

/// An API server and who talks to it. Cheap to clone; all clones share one connection pool.
#[derive(Clone)]
pub struct Cluster {
    pub(crate) inner: Arc<Inner>,
}

pub(crate) struct Inner {
    pub(crate) client: kube::Client,
    pub(crate) name: String,
    pub(crate) context: String,
    pub(crate) host: String,
    /// For one whole request; `None` for no limit.
    pub(crate) timeout: Option<Duration>,
    pub(crate) trace: Option<Trace>,
    /// The server's address, for the trace.
    pub(crate) url: String,
    pub(crate) warned: Option<Warned>,
    /// The texts that were told already.
    pub(crate) warnings: Mutex<BTreeSet<String>>,
    /// What discovery said, by apiVersion.
    pub(crate) served: Mutex<BTreeMap<String, Arc<Vec<Served>>>>,
}

/// A kind as the server serves it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Served {
    pub(crate) kind: String,
    pub(crate) plural: String,
    pub(crate) namespaced: bool,
}

impl Cluster {
    /// The cluster's name in the kubeconfig; `in-cluster` when there is none.
    pub fn name(&self) -> &str {
        &self.inner.name
    }

    /// The context's name in the kubeconfig; empty when there is none.
    pub fn context(&self) -> &str {
        &self.inner.context
    }

    /// The host name of the API server, without port.
    pub fn host(&self) -> &str {
        &self.inner.host
    }

    /// The object as it is now, managedFields included; `None` when it is not there.
    pub async fn get(&self, id: &ObjectId) -> Result<Option<Object>, RequestError> {
        let call = self.object_call(id, "get").await?;
        object_or_none(self.call_read(&call).await, id)
    }

    /// As [`Cluster::get`], asked once.
    pub(crate) async fn get_once(&self, id: &ObjectId) -> Result<Option<Object>, RequestError> {
        let call = self.object_call(id, "get").await?;
        object_or_none(self.call(&call).await, id)
    }

    async fn object_call(&self, id: &ObjectId, verb: &'static str) -> Result<Call, RequestError> {
        let (path, target) = self.address(id, verb).await?;
        Ok(Call::get(path, target))
    }

    /// Where an object is, and what a request there is about.
    pub(crate) async fn address(
        &self,
        id: &ObjectId,
        verb: &'static str,
    ) -> Result<(String, Target), RequestError> {
        // The address of an object without a name is that of all of them.
        if id.name.is_empty() {
            return Err(RequestError::Invalid("an object without a name".into()));
        }
        let served = self.served(&id.api_version, &id.kind).await?;
        let namespace = (served.namespaced && !id.namespace.is_empty()).then_some(&id.namespace);
        let path = format!(
            "{}/{}",
            collection(
                &id.api_version,
                &served.plural,
                namespace.map(String::as_str)
            ),
            encoded(&id.name)
        );
        let target = Target {
            verb,
            resource: resource_name(&served.plural, &id.api_version),
            namespace: namespace.cloned(),
        };
        Ok((path, target))
    }

    /// How the server names a kind: from the table of built-in kinds, else by discovery, once for each apiVersion.
    pub(crate) async fn served(
        &self,
        api_version: &str,
        kind: &str,
    ) -> Result<Served, RequestError> {
        if let Some(known) = kinds::lookup(api_version, kind) {
            return Ok(Served {
                kind: kind.to_owned(),
                plural: known.plural.to_owned(),
                namespaced: known.namespaced,
            });
        }
        let listed = self.discover(api_version).await?;
        let found = listed.iter().find(|served| served.kind == kind);
        found.cloned().ok_or_else(|| RequestError::NotServed {
            message: clean(&format!(
                "the server has no resource of kind {kind} in {api_version}"
            )),
        })
    }

    async fn discover(&self, api_version: &str) -> Result<Arc<Vec<Served>>, RequestError> {
        let kept = |cluster: &Self| {
            let map = cluster.inner.served.lock();
            let map = map.unwrap_or_else(|poisoned| poisoned.into_inner());
            map.get(api_version).cloned()
        };
        if let Some(listed) = kept(self) {
            return Ok(listed);
        }
        let target = Target {
            verb: "get",
            resource: clean(api_version),
            namespace: None,
        };
        // The address of a group version is the one of its resources without the last step.
        let path = collection(api_version, "", None);
        let answer = self
            .call_read(&Call::get(path.trim_end_matches('/').to_owned(), target))
            .await?;
        let listed = Arc::new(resources(&answer).ok_or(RequestError::Malformed)?);
        let mut map = self
            .inner
            .served
            .lock()
            .unwrap_or_else(|poisoned| poisoned.into_inner());
        map.insert(api_version.to_owned(), Arc::clone(&listed));
        Ok(listed)
    }
}

fn resources(answer: &Value) -> Option<Vec<Served>> {
    let entries = answer.get("resources")?.as_array()?;
    let served = |entry: &Value| {
        let plural = entry.get("name")?.as_str()?;
        // `pods/log` and `scale` are parts of a resource, not resources.
        let usable = !plural.contains('/') && encoded(plural) == plural;
        usable.then_some(Served {
            kind: entry.get("kind")?.as_str()?.to_owned(),
            plural: plural.to_owned(),
            namespaced: entry.get("namespaced")?.as_bool()?,
        })
    };
    Some(entries.iter().filter_map(served).collect())
}

fn object_or_none(
    answer: Result<Value, RequestError>,
    id: &ObjectId,
) -> Result<Option<Object>, RequestError> {
    match answer {
        Ok(value) => object(value, id).map(Some),
        Err(RequestError::NotFound { .. }) => Ok(None),
        Err(error) => Err(error),
    }
}

/// The object in an answer, which has to be the one asked for.
pub(crate) fn object(value: Value, id: &ObjectId) -> Result<Object, RequestError> {
    Object::new(value, &id.namespace)
        .ok()
        .filter(|object| object.id == *id && !object.uid.is_empty())
        .ok_or(RequestError::Malformed)
}

/// `daemonsets.apps`, `pods`
pub(crate) fn resource_name(plural: &str, api_version: &str) -> String {
    match kinds::group(api_version) {
        "" => plural.to_owned(),
        group => format!("{plural}.{group}"),
    }
}
