//! An Event on a changed object, so that whoever describes it sees who changed it.

use http::Method;
use jiff::Timestamp;
use nks_core::object::Object;
use serde_json::{Value, json};

use crate::cluster::Cluster;
use crate::error::{RequestError, Target};
use crate::request::{Call, JSON, collection};
use crate::time;

/// What shows as the source of our events.
const COMPONENT: &str = "kubectl-nks";
/// In characters of up to four bytes: the API server takes notes of 1 KiB (kubernetes, apis/core/validation/events.go).
const MAX_NOTE: usize = 256;

impl Cluster {
    /// Writes a Normal Event about `object` into its namespace, or into `default` for a cluster-scoped object. `reason`
    /// is one word in camel case. Sent once: a lost Event is no harm, a double one would be noise.
    pub async fn announce(
        &self,
        object: &Object,
        reason: &str,
        note: &str,
    ) -> Result<(), RequestError> {
        let namespace = match object.id.namespace.as_str() {
            "" => "default",
            namespace => namespace,
        };
        let target = Target {
            verb: "create",
            resource: "events".into(),
            namespace: Some(namespace.into()),
        };
        let path = collection("v1", "events", Some(namespace));
        let body = event(object, namespace, (reason, note), Timestamp::now());
        let call = Call::with_body(Method::POST, path, target, JSON, &body);
        self.call(&call).await.map(|_| ())
    }
}

fn event(object: &Object, namespace: &str, (reason, note): (&str, &str), now: Timestamp) -> Value {
    let at = time::seconds(now);
    // The API server appends up to 63 characters' worth of uniqueness to a generated name; names end at 253.
    let prefix: String = object.id.name.chars().take(200).collect();
    let note: String = note.chars().take(MAX_NOTE).collect();
    json!({
        "apiVersion": "v1",
        "kind": "Event",
        "metadata": {"generateName": format!("{prefix}."), "namespace": namespace},
        "involvedObject": {
            "apiVersion": object.id.api_version,
            "kind": object.id.kind,
            "namespace": object.id.namespace,
            "name": object.id.name,
            "uid": object.uid,
            "resourceVersion": object.resource_version,
        },
        "reason": reason,
        "message": note,
        "type": "Normal",
        "source": {"component": COMPONENT},
        "firstTimestamp": at,
        "lastTimestamp": at,
        "count": 1,
    })
}
