//! What the API server keeps in etcd. It is JSON there (`Parts::ServerOnly`), so it can be read whole, put back as it
//! was, and told what the API lets nobody choose.

use std::collections::{BTreeMap, BTreeSet};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use nks_core::object::content;
use serde_json::{Value, json};

use crate::api::Api;

/// Every key with its value, both as text.
pub(crate) type Keys = BTreeMap<String, String>;

/// Written by the API server about itself, every few seconds.
const ITS_OWN: [&str; 3] = [
    "/registry/leases/kube-system/apiserver-",
    "/registry/masterleases/",
    "/registry/peerserverleases/",
];

/// The trail that `kubectl-nks` leaves of a run: its events and its lease.
const TRAIL: [&str; 3] = [
    "/registry/events/",
    "/registry/events.k8s.io/",
    "/registry/leases/",
];

/// etcd lets no more be in one transaction.
const TRANSACTION: usize = 128;

/// The etcd of a bed.
pub(crate) struct Store {
    api: Api,
}

impl Store {
    pub(crate) fn open(address: &str) -> Self {
        Self {
            api: Api::open(address),
        }
    }

    /// Everything but what the server writes about itself.
    pub(crate) fn all(&self) -> Keys {
        let range = json!({"key": encode("/registry/"), "range_end": encode("/registry0")});
        let answer = self.api.post("/v3/kv/range", &range).expect("etcd answers");
        let pairs = answer["kvs"].as_array().cloned().unwrap_or_default();
        pairs
            .iter()
            .map(|pair| (decode(&pair["key"]), decode(&pair["value"])))
            .filter(|(key, _)| !ITS_OWN.iter().any(|own| key.starts_with(own)))
            .collect()
    }

    /// Makes everything as it was.
    pub(crate) fn restore(&self, keys: &Keys) {
        let now = self.all();
        let gone = now.keys().filter(|key| !keys.contains_key(*key));
        let changed = keys
            .iter()
            .filter(|(key, value)| now.get(*key) != Some(value));
        let operations = gone
            .map(|key| json!({"request_delete_range": {"key": encode(key)}}))
            .chain(changed.map(|(key, value)| put(key, value)));
        self.carry_out(operations.collect());
    }

    /// Gives objects, named by the uid that the server gave them, the metadata that it lets nobody choose.
    pub(crate) fn set_metadata(&self, chosen: &BTreeMap<String, Value>) {
        let mut operations = Vec::new();
        for (key, value) in self.all() {
            let Ok(mut object) = serde_json::from_str::<Value>(&value) else {
                continue;
            };
            let fields = object["metadata"]["uid"]
                .as_str()
                .and_then(|uid| chosen.get(uid))
                .and_then(Value::as_object);
            for (field, value) in fields.into_iter().flatten() {
                object["metadata"][field] = value.clone();
            }
            if fields.is_some() {
                operations.push(put(&key, &object.to_string()));
            }
        }
        self.carry_out(operations);
    }

    /// Writes objects under their keys.
    pub(crate) fn write(&self, objects: &BTreeMap<String, Value>) {
        let written = objects
            .iter()
            .map(|(key, object)| put(key, &object.to_string()));
        self.carry_out(written.collect());
    }

    fn carry_out(&self, operations: Vec<Value>) {
        for part in operations.chunks(TRANSACTION) {
            self.api
                .post("/v3/kv/txn", &json!({"success": part}))
                .expect("etcd carries it out");
        }
    }
}

/// The names of what was there or is there and is not the same in `now`, but for what the server keeps for itself and
/// the trail of a run. Events that were there count.
pub(crate) fn changed(before: &Keys, now: &Keys) -> BTreeSet<String> {
    let is_trail =
        |key: &str| !before.contains_key(key) && TRAIL.iter().any(|trail| key.starts_with(trail));
    let parsed = |value: &String| serde_json::from_str(value).unwrap_or(Value::Null);
    let keys: BTreeSet<&String> = before.keys().chain(now.keys()).collect();
    keys.into_iter()
        .filter(|key| !is_trail(key) && before.get(*key) != now.get(*key))
        .filter(|key| {
            let contents = |keys: &Keys| keys.get(*key).map(|value| content(&parsed(value)));
            contents(before) != contents(now)
        })
        .map(|key| {
            let value = before.get(key).or(now.get(key));
            value.map_or(key.clone(), |value| name(&parsed(value), key))
        })
        .collect()
}

/// An object as `ObjectId` prints it; the key where it is none.
fn name(value: &Value, key: &str) -> String {
    nks_core::object::Object::new(value.clone(), "")
        .map_or(key.to_owned(), |object| object.id.to_string())
}

fn put(key: &str, value: &str) -> Value {
    json!({"request_put": {"key": encode(key), "value": encode(value)}})
}

fn encode(text: &str) -> String {
    STANDARD.encode(text)
}

fn decode(value: &Value) -> String {
    let bytes = STANDARD.decode(value.as_str().unwrap_or_default());
    String::from_utf8_lossy(&bytes.expect("etcd's gateway writes base64")).into_owned()
}
