//! With which credentials the pods of a workload pull their images. Only names are read, never a Secret.

use nks_fixer::{Template, naming};
use serde_json::Value;

/// The names of the pull secrets that a workload names itself; its service account may bring others.
pub(crate) fn secrets(template: &Template) -> String {
    let pointer = [template.place, "imagePullSecrets"].join("/");
    let list = template.object.value.pointer(&pointer);
    let list = list.and_then(Value::as_array).into_iter().flatten();
    naming::list(list.filter_map(|secret| secret.get("name")?.as_str()))
}

/// Whether what a node answers for one workload holds for the other.
pub(crate) fn is_same(one: &Template, other: &Template) -> bool {
    let read = |template: &Template, field: &str| {
        let pointer = [template.place, field].join("/");
        template.object.value.pointer(&pointer).cloned()
    };
    let account = |template: &Template| {
        let name = read(template, "serviceAccountName");
        name.unwrap_or_else(|| "default".into())
    };
    read(one, "imagePullSecrets") == read(other, "imagePullSecrets")
        && account(one) == account(other)
}
