//! A fake of the one place where an object is kept.

use std::sync::{Arc, Mutex};

use serde_json::{Value, json};

use crate::server::{Reply, Seen, ok, status};

/// The place of one ConfigMap, as an API server keeps it. Clones share it.
#[derive(Clone)]
pub(crate) struct Place(Arc<Mutex<Option<Value>>>);

impl Place {
    pub(crate) fn new(value: Option<Value>) -> Self {
        Self(Arc::new(Mutex::new(value)))
    }

    pub(crate) fn set(&self, value: Option<Value>) {
        *self.0.lock().unwrap() = value;
    }

    pub(crate) fn get(&self) -> Option<Value> {
        self.0.lock().unwrap().clone()
    }

    /// Answers as an API server does.
    pub(crate) fn answer(&self, seen: &Seen) -> Reply {
        let there = self.get();
        match (seen.method.as_str(), there) {
            ("GET", Some(there)) => ok(&there),
            ("POST", None) => {
                let mut made = seen.body.clone();
                made["metadata"]["uid"] = "new".into();
                made["metadata"]["resourceVersion"] = "6".into();
                made["metadata"]["managedFields"] = json!([{"manager": "kubectl-nks"}]);
                made["immutable"] = false.into();
                if !seen.path.contains("dryRun=All") {
                    self.set(Some(made.clone()));
                }
                ok(&made)
            }
            ("POST", Some(_)) => status(409, "AlreadyExists", "it already exists"),
            ("DELETE", Some(there)) => {
                let wanted = &seen.body["preconditions"];
                let fits = |field: &str| wanted[field] == there["metadata"][field];
                if !fits("uid") || !fits("resourceVersion") {
                    return status(409, "Conflict", "Precondition failed");
                }
                if seen.body.get("dryRun").is_none() {
                    self.set(None);
                }
                ok(&json!({"kind": "Status", "status": "Success"}))
            }
            _ => status(404, "NotFound", "not found"),
        }
    }
}
