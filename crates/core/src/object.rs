//! Kubernetes objects as the host handles them: JSON with an identity.

use std::fmt;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::kinds;
use crate::message::clean;

/// Which object: enough to find it again, and to sort by.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct ObjectId {
    /// `apps/v1`
    pub api_version: String,
    /// `DaemonSet`
    pub kind: String,
    /// Empty for a cluster-scoped object.
    pub namespace: String,
    /// The name within kind and namespace.
    pub name: String,
}

impl ObjectId {
    /// kubectl's way of naming it, `daemonset.apps/calico-node`, without the namespace.
    pub fn short(&self) -> String {
        let kind = self.kind.to_ascii_lowercase();
        match kinds::group(&self.api_version) {
            "" => format!("{kind}/{}", self.name),
            group => format!("{kind}.{group}/{}", self.name),
        }
    }

    /// Whether a user who typed `asked` means this object: `calico-node`, `daemonset/calico-node` or
    /// `daemonset.apps/calico-node`.
    pub fn answers_to(&self, asked: &str) -> bool {
        match asked.split_once('/') {
            None => asked == self.name,
            Some((kind, name)) => {
                name == self.name
                    && (kind.eq_ignore_ascii_case(&self.kind) || self.short() == asked)
            }
        }
    }
}

impl fmt::Display for ObjectId {
    /// `daemonset.apps/calico-node -n kube-system`
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(&self.short())?;
        if self.namespace.is_empty() {
            Ok(())
        } else {
            write!(out, " -n {}", self.namespace)
        }
    }
}

/// One object as it was read.
#[derive(Clone, Debug, PartialEq)]
pub struct Object {
    /// Which object.
    pub id: ObjectId,
    /// `metadata.uid`; empty when read from a file that has none.
    pub uid: String,
    /// `metadata.resourceVersion`; empty when read from a file that has none.
    pub resource_version: String,
    /// The whole object.
    pub value: Value,
}

/// Why a JSON value is not an object that can be handled.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum ObjectError {
    /// A field that every object has is not there, or is not text.
    #[error("an object has no `{0}`")]
    Missing(&'static str),
    /// A field that is there, and is not what the API has it be.
    #[error("{object}: `{field}` is not {expected}")]
    Wrong {
        /// Which object, as far as it says.
        object: String,
        /// Which field.
        field: &'static str,
        /// What it should be.
        expected: &'static str,
    },
    /// A name that could not be a Kubernetes name, such as `../x`, or that holds what cannot be seen.
    #[error("`{0}` is not a name that Kubernetes accepts")]
    Name(String),
}

/// What an object need not have; taking it for absent when it is of another type would make it another object.
const OPTIONAL_TEXTS: [(&str, &str); 3] = [
    ("/metadata/namespace", "metadata.namespace"),
    ("/metadata/uid", "metadata.uid"),
    ("/metadata/resourceVersion", "metadata.resourceVersion"),
];

/// Where the containers are, by kind.
const POD_SPECS: [(&str, &str, &str); 7] = [
    ("v1", "Pod", "/spec"),
    ("apps/v1", "DaemonSet", "/spec/template/spec"),
    ("apps/v1", "Deployment", "/spec/template/spec"),
    ("apps/v1", "ReplicaSet", "/spec/template/spec"),
    ("apps/v1", "StatefulSet", "/spec/template/spec"),
    ("batch/v1", "Job", "/spec/template/spec"),
    (
        "batch/v1",
        "CronJob",
        "/spec/jobTemplate/spec/template/spec",
    ),
];

impl ObjectError {
    pub(crate) fn wrong(object: &str, field: &'static str, expected: &'static str) -> Self {
        Self::Wrong {
            object: clean(object),
            field,
            expected,
        }
    }
}

impl Object {
    /// Takes a JSON object with apiVersion, kind and metadata.name. A namespaced object without a namespace is in
    /// `default_namespace`, as kubectl would have it.
    pub fn new(value: Value, default_namespace: &str) -> Result<Self, ObjectError> {
        let text = |pointer: &str| {
            let text = value.pointer(pointer).and_then(Value::as_str);
            text.filter(|text| !text.is_empty())
        };
        let api_version = text("/apiVersion")
            .ok_or(ObjectError::Missing("apiVersion"))?
            .to_owned();
        let kind = text("/kind")
            .ok_or(ObjectError::Missing("kind"))?
            .to_owned();
        let name = text("/metadata/name")
            .ok_or(ObjectError::Missing("metadata.name"))?
            .to_owned();
        let cluster_scoped =
            kinds::lookup(&api_version, &kind).is_some_and(|resource| !resource.namespaced);
        let namespace = match text("/metadata/namespace") {
            _ if cluster_scoped => "",
            Some(namespace) => namespace,
            None => default_namespace,
        }
        .to_owned();
        let path = |part: &&String| part.contains(['/', '\\']) || *part == "..";
        // What a terminal would not show as it is could pass for another name.
        let unclean = |part: &&String| clean(part) != **part;
        let bad = [&name, &namespace].into_iter().find(path);
        let bad = bad.or_else(|| {
            [&api_version, &kind, &name, &namespace]
                .into_iter()
                .find(unclean)
        });
        if let Some(part) = bad {
            return Err(ObjectError::Name(clean(part).chars().take(80).collect()));
        }
        for (pointer, field) in OPTIONAL_TEXTS {
            let field_value = value.pointer(pointer);
            if field_value.is_some_and(|value| !value.is_string() && !value.is_null()) {
                let object = format!("{kind}/{name}");
                return Err(ObjectError::wrong(&object, field, "text"));
            }
        }
        let uid = text("/metadata/uid").unwrap_or_default().to_owned();
        let resource_version = text("/metadata/resourceVersion")
            .unwrap_or_default()
            .to_owned();
        Ok(Self {
            id: ObjectId {
                api_version,
                kind,
                namespace,
                name,
            },
            uid,
            resource_version,
            value,
        })
    }

    /// Where the spec of its pods is, for a pod and for what makes pods.
    fn pod_spec_place(&self) -> Option<&'static str> {
        let ObjectId {
            api_version, kind, ..
        } = &self.id;
        let mut places = POD_SPECS.iter();
        let place = places.find(|(version, of, _)| version == api_version && of == kind);
        place.map(|(_, _, place)| *place)
    }

    /// The spec of its pods, of a pod and of what makes pods.
    pub fn pod_spec(&self) -> Option<&Value> {
        self.value.pointer(self.pod_spec_place()?)
    }

    /// Whether a pod or a workload has containers that can be looked at: the API server accepts none without, so a file
    /// that has one was cut or mangled. Only `initContainers` may be missing.
    ///
    /// # Errors
    /// Names the object and the field.
    pub fn check_containers(&self) -> Result<(), ObjectError> {
        let Some(place) = self.pod_spec_place() else {
            return Ok(());
        };
        let spec = self.value.pointer(place);
        for (field, needed) in [("containers", true), ("initContainers", false)] {
            let fine = match spec.and_then(|spec| spec.get(field)) {
                None | Some(Value::Null) => !needed,
                Some(Value::Array(entries)) => entries.iter().all(Value::is_object),
                Some(_) => false,
            };
            if !fine {
                let object = self.id.to_string();
                return Err(ObjectError::wrong(&object, field, "a list of containers"));
            }
        }
        Ok(())
    }

    /// The text at a JSON pointer, if there is text.
    pub fn text(&self, pointer: &str) -> Option<&str> {
        self.value.pointer(pointer).and_then(Value::as_str)
    }
}

/// Whether two readings of an object say the same thing apart from what the server and controllers keep for
/// themselves: status, resourceVersion, managedFields and generation.
pub fn same_content(one: &Value, other: &Value) -> bool {
    content(one) == content(other)
}

/// The object without status and without the metadata that the server writes by itself.
pub fn content(value: &Value) -> Value {
    let mut value = value.clone();
    if let Some(map) = value.as_object_mut() {
        map.remove("status");
        if let Some(metadata) = map.get_mut("metadata").and_then(Value::as_object_mut) {
            for field in SERVER_METADATA {
                metadata.remove(field);
            }
            let annotations = metadata.get_mut("annotations");
            if let Some(annotations) = annotations.and_then(Value::as_object_mut) {
                let written = [TEMPLATE_GENERATION, REVISION]
                    .map(|annotation| annotations.remove(annotation).is_some());
                // Without the controller, there would have been none.
                if written.contains(&true) && annotations.is_empty() {
                    metadata.remove("annotations");
                }
            }
        }
    }
    value
}

const SERVER_METADATA: [&str; 3] = ["managedFields", "resourceVersion", "generation"];
/// Written by the API server whenever a DaemonSet's template changes (kubernetes, registry/apps/daemonset/strategy.go).
const TEMPLATE_GENERATION: &str = "deprecated.daemonset.template.generation";
/// Written by the Deployment controller after each rollout.
const REVISION: &str = "deployment.kubernetes.io/revision";

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn names_are_kubectls() {
        let value = json!({"apiVersion": "apps/v1", "kind": "DaemonSet", "metadata": {"name": "calico-node"}});
        let object = Object::new(value, "kube-system").unwrap();
        assert_eq!(
            object.id.to_string(),
            "daemonset.apps/calico-node -n kube-system"
        );
        for asked in [
            "calico-node",
            "daemonset/calico-node",
            "DaemonSet/calico-node",
            "daemonset.apps/calico-node",
        ] {
            assert!(object.id.answers_to(asked), "{asked}");
        }
        assert!(!object.id.answers_to("deployment/calico-node"));
        let node = Object::new(
            json!({"apiVersion": "v1", "kind": "Node", "metadata": {"name": "n"}}),
            "x",
        )
        .unwrap();
        assert_eq!(node.id.to_string(), "node/n");
    }

    #[test]
    fn what_controllers_note_is_no_content() {
        let with = |annotations: Value| json!({"kind": "Deployment", "metadata": {"name": "d", "annotations": annotations}});
        let none = json!({"kind": "Deployment", "metadata": {"name": "d"}});
        assert!(same_content(&none, &with(json!({REVISION: "1"}))));
        assert!(!same_content(&none, &with(json!({}))));
        let [one, other] = ["1", "2"].map(|revision| with(json!({REVISION: revision, "a": "b"})));
        assert!(same_content(&one, &other) && !same_content(&one, &none));
    }

    #[test]
    fn a_path_is_not_a_name() {
        let value = json!({"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "../../etc"}});
        assert_eq!(
            Object::new(value, "d"),
            Err(ObjectError::Name("../../etc".into()))
        );
    }
    #[test]
    fn what_cannot_be_seen_is_not_in_a_name() {
        for bad in [
            "a\u{202e}b",
            "a\u{200b}b",
            "a\u{1b}[2J",
            "a\0",
            "a\u{e0041}",
        ] {
            for field in ["/kind", "/metadata/name", "/metadata/namespace"] {
                let mut value = json!({"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "n", "namespace": "m"}});
                *value.pointer_mut(field).unwrap() = bad.into();
                let said = Object::new(value, "d").unwrap_err();
                assert_eq!(said, ObjectError::Name(clean(bad)), "{field}");
            }
        }
    }
    #[test]
    fn a_field_of_another_type_is_not_taken_for_absent() {
        for (field, wrong) in [
            ("namespace", json!(5)),
            ("uid", json!(["u"])),
            ("resourceVersion", json!(7)),
        ] {
            let mut value = json!({"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "n"}});
            value["metadata"][field] = wrong;
            let said = Object::new(value.clone(), "d").unwrap_err().to_string();
            assert_eq!(said, format!("Pod/n: `metadata.{field}` is not text"));
            value["metadata"][field] = Value::Null;
            assert_eq!(Object::new(value, "d").unwrap().id.namespace, "d");
        }
        let nameless = json!({"apiVersion": "v1", "kind": "Pod", "metadata": {"name": ""}});
        let said = Object::new(nameless, "d");
        assert_eq!(said, Err(ObjectError::Missing("metadata.name")));
    }

    #[test]
    fn a_workload_without_containers_is_named() {
        let check = |version: &str, kind: &str, spec: Value| {
            let value = json!({"apiVersion": version, "kind": kind, "metadata": {"name": "n"}, "spec": spec});
            let checked = Object::new(value, "d").unwrap().check_containers();
            checked.map_err(|problem| problem.to_string())
        };
        let good = json!({"containers": [{"name": "c"}], "initContainers": null});
        assert_eq!(check("v1", "Pod", good.clone()), Ok(()));
        assert_eq!(check("v1", "Service", json!({})), Ok(()));
        let template = json!({"template": {"spec": good}});
        assert_eq!(check("apps/v1", "DaemonSet", template.clone()), Ok(()));
        let job = json!({"jobTemplate": {"spec": template}});
        assert_eq!(check("batch/v1", "CronJob", job), Ok(()));
        for (field, wrong) in [
            ("containers", json!({})),
            ("containers", json!({"containers": null})),
            ("containers", json!({"containers": "text"})),
            ("containers", json!({"containers": ["text"]})),
            (
                "initContainers",
                json!({"containers": [], "initContainers": {"a": 1}}),
            ),
        ] {
            let said = format!("pod/n -n d: `{field}` is not a list of containers");
            assert_eq!(check("v1", "Pod", wrong), Err(said));
        }
    }
}
