//! Reads that are no objects: what is served, and the ends of logs.

use nks_core::object::Object;
use nks_core::probe::{self, LOG_BYTES, LOG_LINES};
use serde_json::Value;

use crate::cluster::Cluster;
use crate::error::{RequestError, Target};
use crate::read::Unread;
use crate::request::{Call, collection, encoded};

impl Cluster {
    /// The group versions that the server serves.
    pub(crate) async fn discovery(&self) -> Result<Vec<Object>, Unread> {
        let target = |path: &str| Target {
            verb: "get",
            resource: path.into(),
            namespace: None,
        };
        let get = |path: &'static str| async move {
            let call = Call::get(path.into(), target(path));
            let answer = self.call_read(&call).await;
            answer.map_err(|error| Unread {
                hides: probe::DISCOVERY.into(),
                ..Unread::new(&target(path), &error)
            })
        };
        let (core, groups) = tokio::try_join!(get("/api"), get("/apis"))?;
        let list = |value: &Value, key: &str| match value.get(key).and_then(Value::as_array) {
            Some(list) => list.clone(),
            None => Vec::new(),
        };
        let versions = list(&groups, "groups");
        let versions = versions.iter().flat_map(|group| list(group, "versions"));
        let versions = versions.map(|version| version["groupVersion"].clone());
        let all = list(&core, "versions").into_iter().chain(versions);
        let mut all: Vec<String> = all
            .filter_map(|version| Some(nks_core::message::clean(version.as_str()?)))
            .collect();
        all.sort();
        Ok(vec![probe::discovery(&all)])
    }

    /// The end of what a container wrote before it was started again; `None` where there is nothing of it any more.
    pub async fn previous_log(
        &self,
        (namespace, pod, container): (&str, &str, &str),
    ) -> Result<Option<String>, Unread> {
        let target = Target {
            verb: "get",
            resource: "pods/log".into(),
            namespace: Some(namespace.to_owned()),
        };
        let path = collection("v1", "pods", Some(namespace));
        let path = format!("{path}/{}/log", encoded(pod));
        let call = Call::get(path, target.clone())
            .query("container", container)
            .query("previous", "true")
            .query("tailLines", LOG_LINES.to_string())
            .query("limitBytes", LOG_BYTES.to_string());
        match self.send(&call).await {
            Ok(bytes) => Ok(Some(String::from_utf8_lossy(&bytes).into_owned())),
            // The container was not started again, or its log is gone with its node or its pod.
            Err(
                RequestError::Server {
                    code: 400 | 500.., ..
                }
                | RequestError::NotFound { .. },
            ) => Ok(None),
            Err(error) => Err(Unread {
                name: Some(pod.to_owned()),
                ..Unread::new(&target, &error)
            }),
        }
    }
}
