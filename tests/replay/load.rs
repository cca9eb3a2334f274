//! The loader: puts the objects of a case into the server, and takes them out again.
//!
//! Everything goes through the API first, status too, so the server has checked that such objects can be. Then the store
//! is told what the API lets nobody choose: uid, age, generation, that an object is being deleted, who wrote it. The
//! uids of the case are those in the cluster, so references in it hold.

use std::collections::{BTreeMap, BTreeSet};

use nks_bed::Bed;
use nks_core::object::Object;
use serde_json::{Value, json};

use crate::api::{Api, Refused};
use crate::clock;
use crate::fill;
use crate::kinds::Kinds;
use crate::store::{Keys, Store};

/// The namespaces that every server has.
const ITS_OWN: [&str; 4] = ["default", "kube-node-lease", "kube-public", "kube-system"];

/// The loader of one server.
pub(crate) struct Loader {
    pub(crate) api: Api,
    pub(crate) store: Store,
    kinds: Kinds,
    /// The version of the server.
    version: String,
    /// The store without any case in it.
    empty: Keys,
}

impl Loader {
    pub(crate) fn of(bed: &Bed) -> Self {
        let store = Store::open(bed.etcd());
        let api = Api::of_kubeconfig(&bed.kubeconfig());
        // The service of the API server is made a moment after it is ready, and this takes as long.
        while api
            .get("/api/v1/namespaces/default/services/kubernetes")
            .is_err()
        {
            std::thread::sleep(std::time::Duration::from_millis(100));
        }
        Self {
            api,
            empty: store.all(),
            store,
            kinds: Kinds::default(),
            version: bed.binaries().version().to_owned(),
        }
    }

    /// Takes everything out that came in since the start, but for kinds.
    pub(crate) fn clear(&self) {
        self.store.restore(&self.empty);
    }

    /// What is put in now stays.
    pub(crate) fn keep(&mut self) {
        self.empty = self.store.all();
    }

    /// The names of the namespaces that a case has, said or not.
    pub(crate) fn namespaces(objects: &[Object]) -> BTreeSet<String> {
        let said = objects.iter().map(|object| match &*object.id.kind {
            "Namespace" => object.id.name.clone(),
            _ => object.id.namespace.clone(),
        });
        said.chain(ITS_OWN.map(str::to_owned))
            .filter(|name| !name.is_empty())
            .collect()
    }

    /// Puts the namespaces of a case in, which need not be among its objects, after taking out whatever was there.
    pub(crate) fn begin(&mut self, objects: &[Object]) {
        self.clear();
        for object in objects {
            let unknown = self.kinds.find(&self.api, &object.id).is_none();
            if unknown && self.kinds.define(&self.api, &object.id) {
                self.keep();
            }
        }
        for name in Self::namespaces(objects) {
            if !ITS_OWN.contains(&&*name) {
                let namespace =
                    json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}});
                self.api
                    .post("/api/v1/namespaces", &namespace)
                    .expect("a namespace is made");
            }
        }
    }

    /// Puts the objects of a case about a cluster of `version` in. The error names every object that the server refused,
    /// with its words.
    pub(crate) fn load(&mut self, objects: &[Object], version: &Value) -> Result<(), String> {
        let passed = clock::passed();
        let mut chosen = BTreeMap::new();
        let mut refused = Vec::new();
        for object in objects {
            let mut object = Object {
                value: clock::moved(&object.value, passed),
                ..object.clone()
            };
            if object.id.kind == "Node" {
                fill::run_version(&mut object.value, version, &self.version);
            }
            match self.put_in(&object) {
                Ok(uid) => {
                    chosen.insert(uid, fill::chosen(&object.value));
                }
                Err(words) => refused.push(format!("{}: {words}", object.id)),
            }
        }
        self.store.set_metadata(&chosen);
        if refused.is_empty() {
            Ok(())
        } else {
            Err(refused.join("\n"))
        }
    }

    /// Puts one object in and returns the uid that the server gave it.
    fn put_in(&mut self, object: &Object) -> Result<String, String> {
        let id = &object.id;
        let resource = self
            .kinds
            .find(&self.api, id)
            .ok_or_else(|| format!("the server does not serve {} {}", id.api_version, id.kind))?;
        let mut body = fill::filled(&object.value);
        let status = fill::filled_status(&object.value);
        if let Some(status) = status.as_ref().filter(|_| !resource.has_status) {
            body["status"] = status.clone();
        }
        let path = resource.path(id);
        let list = resource.list(id);
        let made = match self.api.post(&list, &body) {
            Err(Refused { code: 409, .. }) => self.replace(&path, &body),
            // Cases give the same address and port to all their Services; the server gives each its own.
            Err(refused) if refused.message.contains("is already allocated") => {
                fill::leave_to_server(&mut body);
                self.api.post(&list, &body)
            }
            other => other,
        };
        let mut made = made.map_err(|refused| refused.message)?;
        if let Some(status) = status.filter(|_| resource.has_status) {
            let written = self
                .api
                .merge(&format!("{path}/status"), &json!({"status": status}));
            made = written.map_err(|refused| format!("status: {}", refused.message))?;
        }
        Ok(text(&made, "/metadata/uid"))
    }

    /// Makes what the server has of its own, such as a namespace, as the case says.
    fn replace(&self, path: &str, body: &Value) -> Result<Value, Refused> {
        let there = self.api.get(path)?;
        let mut body = body.clone();
        for field in ["resourceVersion", "uid"] {
            body["metadata"][field] = there["metadata"][field].clone();
        }
        self.api.put(path, &body)
    }
}

/// The text at a JSON pointer, or nothing.
pub(crate) fn text(value: &Value, pointer: &str) -> String {
    let found = value.pointer(pointer).and_then(Value::as_str);
    found.unwrap_or_default().to_owned()
}
