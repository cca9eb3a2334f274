//! What controllers, which the server does not have, would have done after a change: the pods of a changed template are
//! started anew, and the controller says that it has seen the change. Pods stay as they are in everything else, as they
//! do in a golden case.

use std::collections::{BTreeMap, BTreeSet};

use nks_core::plan::{Act, Plan};
use serde_json::{Value, json};

use crate::store::{Keys, Store};

/// The annotation of a pod template that asks for a restart.
const RESTARTED: &str = "kubectl.kubernetes.io/restartedAt";

/// Lets the workloads roll out whose templates a plan has changed, and what it has deleted go, for which others have to
/// take their finalizers off. Returns the pods of the workloads as they are now.
pub(crate) fn roll_out(store: &Store, plan: &Plan, now: &str) -> Keys {
    let deleted = plan.changes().filter(|patch| patch.act() == Act::Delete);
    let deleted: BTreeSet<&str> = deleted.map(|patch| patch.uid.as_str()).collect();
    let mut kept = store.all();
    kept.retain(|_, text| {
        let object: Value = serde_json::from_str(text).unwrap_or_default();
        !deleted.contains(&*uid(&object))
    });
    store.restore(&kept);
    let mut objects = parsed(&kept);
    let before = objects.clone();
    as_rolled_out(objects.values_mut().collect(), plan, now);
    objects.retain(|key, object| before.get(key) != Some(object));
    store.write(&objects);
    objects.retain(|_, object| object["kind"] == "Pod");
    objects.into_iter().map(text).collect()
}

/// The same for objects that are in no server.
pub(crate) fn as_rolled_out(mut objects: Vec<&mut Value>, plan: &Plan, now: &str) {
    let rolled: BTreeSet<String> = plan
        .patches()
        .filter(|(_, patch)| patch.before["spec"]["template"] != patch.after["spec"]["template"])
        .map(|(_, patch)| patch.uid.clone())
        .collect();
    let owned = owned(&objects, &rolled);
    for object in &mut objects {
        let uid = uid(object);
        if rolled.contains(&uid) && !object["status"]["observedGeneration"].is_null() {
            object["status"]["observedGeneration"] = object["metadata"]["generation"].clone();
        }
        if owned.contains(&uid) && object["kind"] == "Pod" {
            object["metadata"]["creationTimestamp"] = json!(now);
            object["status"]["startTime"] = json!(now);
        }
    }
}

fn text((key, object): (String, Value)) -> (String, String) {
    (key, object.to_string())
}

/// The uids of everything that these own, and that what they own does.
fn owned(objects: &[&mut Value], owners: &BTreeSet<String>) -> BTreeSet<String> {
    let mut found = owners.clone();
    loop {
        let more: BTreeSet<String> = objects
            .iter()
            .filter(|object| {
                let owners = object["metadata"]["ownerReferences"].as_array();
                owners.into_iter().flatten().any(|owner| {
                    let uid = owner["uid"].as_str();
                    uid.is_some_and(|uid| found.contains(uid))
                })
            })
            .map(|object| uid(object))
            .filter(|uid| !found.contains(uid))
            .collect();
        if more.is_empty() {
            return found;
        }
        found.extend(more);
    }
}

/// The keys without the restarts that were asked for: an undo asks for one more, so that pods run with what was put
/// back.
pub(crate) fn without_restarts(keys: &Keys) -> Keys {
    let mut objects = parsed(keys);
    for object in objects.values_mut() {
        let Some(template) = object.pointer_mut("/spec/template/metadata") else {
            continue;
        };
        let Some(annotations) = template
            .get_mut("annotations")
            .and_then(Value::as_object_mut)
        else {
            continue;
        };
        annotations.remove(RESTARTED);
        let is_empty = annotations.is_empty();
        if is_empty && let Some(template) = template.as_object_mut() {
            template.remove("annotations");
        }
    }
    objects.into_iter().map(text).collect()
}

fn parsed(keys: &Keys) -> BTreeMap<String, Value> {
    let value = |value: &String| serde_json::from_str(value).unwrap_or(Value::Null);
    keys.iter()
        .map(|(key, text)| (key.clone(), value(text)))
        .collect()
}

fn uid(object: &Value) -> String {
    let uid = object.pointer("/metadata/uid").and_then(Value::as_str);
    uid.unwrap_or_default().to_owned()
}
