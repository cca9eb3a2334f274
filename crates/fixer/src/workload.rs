//! Reading DaemonSets, Deployments and StatefulSets.

use std::ops::Deref;

use serde_json::Value;

use crate::input::Object;

/// A DaemonSet, Deployment or StatefulSet. Everything an [`Object`] has can be read from it as well.
#[derive(Clone, Copy, Debug)]
pub struct Workload<'a> {
    /// Its index, for findings and steps.
    pub index: u32,
    /// The object.
    pub object: &'a Object,
}

/// One container of a pod or of a pod template.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Container<'a> {
    /// Its name.
    pub name: &'a str,
    /// Its image, as written.
    pub image: &'a str,
    /// Whether it is an init container.
    pub init: bool,
    /// Where it is in the object: `/spec/template/spec/containers/0`.
    pub pointer: String,
}

impl Container<'_> {
    /// The JSON pointer of one of its fields.
    pub fn pointer_to(&self, field: &str) -> String {
        [self.pointer.as_str(), field].join("/")
    }
}

impl<'a> Workload<'a> {
    /// Reads `object` as a workload; `None` where it is something else.
    pub fn of(index: u32, object: &'a Object) -> Option<Self> {
        let known = matches!(
            object.kind.as_str(),
            "DaemonSet" | "Deployment" | "StatefulSet"
        );
        (known && object.api_version == "apps/v1").then_some(Self { index, object })
    }

    /// The containers of its pod template, init containers first.
    pub fn containers(&self) -> Vec<Container<'a>> {
        containers(&self.object.value, "/spec/template/spec")
    }

    /// How many pods it should have: the nodes that a DaemonSet is meant for, `spec.replicas` (1 if unset) of the others.
    pub fn desired(&self) -> u64 {
        let number = |pointer: &str| self.object.value.pointer(pointer).and_then(Value::as_u64);
        match self.object.kind.as_str() {
            "DaemonSet" => number("/status/desiredNumberScheduled").unwrap_or(0),
            _ => number("/spec/replicas").unwrap_or(1),
        }
    }
}

impl<'a> Deref for Workload<'a> {
    type Target = Object;

    fn deref(&self) -> &Object {
        self.object
    }
}

/// The containers of the pod specification at `base`, init containers first.
pub(crate) fn containers<'a>(value: &'a Value, base: &str) -> Vec<Container<'a>> {
    let mut found = Vec::new();
    for (field, init) in [("initContainers", true), ("containers", false)] {
        let list_pointer = [base, field].join("/");
        let list = value.pointer(&list_pointer).and_then(Value::as_array);
        for (position, container) in list.into_iter().flatten().enumerate() {
            let text = |key: &str| {
                container
                    .get(key)
                    .and_then(Value::as_str)
                    .unwrap_or_default()
            };
            let pointer = [list_pointer.as_str(), &position.to_string()].join("/");
            found.push(Container {
                name: text("name"),
                image: text("image"),
                init,
                pointer,
            });
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn init_containers_are_containers_too() {
        let object = Object::of_value(
            json!({"apiVersion": "apps/v1", "kind": "DaemonSet", "metadata": {"name": "d"},
            "spec": {"template": {"spec": {
                "initContainers": [{"name": "i", "image": "x:1"}],
                "containers": [{"name": "c", "image": "y:1"}, {"name": "d"}]}}},
            "status": {"desiredNumberScheduled": 3}}),
        );
        let workload = Workload::of(0, &object).unwrap();
        let containers = workload.containers();
        assert_eq!(containers.len(), 3);
        assert!(containers[0].init);
        assert_eq!(
            containers[1].pointer_to("image"),
            "/spec/template/spec/containers/0/image"
        );
        assert_eq!((containers[2].name, containers[2].image), ("d", ""));
        assert_eq!(workload.desired(), 3);
    }

    #[test]
    fn a_deployment_without_replicas_wants_one() {
        let object = Object::of_value(json!({"apiVersion": "apps/v1", "kind": "Deployment"}));
        assert_eq!(Workload::of(0, &object).unwrap().desired(), 1);
        let other = Object::of_value(json!({"apiVersion": "example.com/v1", "kind": "Deployment"}));
        assert!(Workload::of(0, &other).is_none());
    }
}
