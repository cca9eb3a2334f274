//! What a person is shown before the question: a unified diff of YAML, without what the server keeps for itself and with
//! credentials masked.

use serde_json::Value;
use similar::TextDiff;

use crate::message;
use crate::object::{self, ObjectId};
use crate::secret;
use crate::yaml;

/// A unified diff of one object. `name` is shown in the header as kubectl diff names its files, and an object that is not
/// there, which is null, as diff names no file. Empty when nothing that a person would care about differs.
pub fn unified(id: &ObjectId, before: &Value, after: &Value) -> String {
    let header = |folder: &str, value: &Value| match value {
        Value::Null => "/dev/null".to_owned(),
        _ => format!("{folder}/{}", file_name(id)),
    };
    let headers = [header("live", before), header("planned", after)];
    let (before, after) = (readable(before), readable(after));
    let diff = TextDiff::from_lines(&before, &after);
    diff.unified_diff()
        .context_radius(3)
        .header(&headers[0], &headers[1])
        .to_string()
}

/// `apps.v1.DaemonSet.kube-system.calico-node`, as kubectl diff names an object.
pub fn file_name(id: &ObjectId) -> String {
    let version = id.api_version.replace('/', ".");
    [version.as_str(), &id.kind, &id.namespace, &id.name]
        .iter()
        .filter(|part| !part.is_empty())
        .copied()
        .collect::<Vec<_>>()
        .join(".")
}

/// An object as YAML for reading: no status and no server metadata, credentials masked, nothing that a terminal would
/// act on. Nothing for an object that is not there.
pub fn readable(value: &Value) -> String {
    if value.is_null() {
        return String::new();
    }
    let mut value = object::content(value);
    if secret::is_secret(&value) {
        secret::outline(&mut value);
    } else {
        secret::mask(&mut value);
    }
    message::clean_lines(&yaml::write(&value))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn what_is_not_there_is_no_file() {
        let settings = json!({"apiVersion": "v1", "data": {"a": "b"}, "kind": "ConfigMap"});
        let id = ObjectId {
            api_version: "v1".into(),
            kind: "ConfigMap".into(),
            namespace: "n".into(),
            name: "s".into(),
        };
        let lines = |sign: &str| {
            ["apiVersion: v1", "data:", "  a: b", "kind: ConfigMap"]
                .map(|line| format!("{sign}{line}\n"))
                .concat()
        };
        let created = unified(&id, &Value::Null, &settings);
        let head = "--- /dev/null\n+++ planned/v1.ConfigMap.n.s\n@@ -0,0 +1,4 @@\n";
        assert_eq!(created, [head, &lines("+")].concat());
        let deleted = unified(&id, &settings, &Value::Null);
        let head = "--- live/v1.ConfigMap.n.s\n+++ /dev/null\n@@ -1,4 +0,0 @@\n";
        assert_eq!(deleted, [head, &lines("-")].concat());
    }

    #[test]
    fn the_diff_shows_the_change_and_no_secret() {
        let before = json!({"apiVersion": "apps/v1", "kind": "DaemonSet", "metadata": {"name": "d", "generation": 1},
            "spec": {"containers": [{"name": "c", "image": "a:1", "env": [{"name": "API_TOKEN", "value": "abc123"}]}]},
            "status": {"x": 1}});
        let mut after = before.clone();
        after["spec"]["containers"][0]["image"] = json!("b:1");
        after["metadata"]["generation"] = json!(2);
        after["status"]["x"] = json!(2);
        let id = ObjectId {
            api_version: "apps/v1".into(),
            kind: "DaemonSet".into(),
            namespace: "kube-system".into(),
            name: "d".into(),
        };
        let shown = unified(&id, &before, &after);
        assert!(
            shown.starts_with("--- live/apps.v1.DaemonSet.kube-system.d\n+++ planned/"),
            "{shown}"
        );
        assert!(
            shown.contains("image: a:1\n") && shown.contains("image: b:1\n"),
            "{shown}"
        );
        for hidden in ["abc123", "generation", "status"] {
            assert!(!shown.contains(hidden), "{hidden} in {shown}");
        }
    }
}
