//! Reading everything that makes pods from a template.

use std::ops::Deref;

use serde_json::Value;

use crate::input::{Input, Object};
use crate::workload::{Container, containers};

/// Where the template's pod specification is, by kind.
const PLACES: [(&str, &str, &str); 5] = [
    ("apps/v1", "DaemonSet", "/spec/template/spec"),
    ("apps/v1", "Deployment", "/spec/template/spec"),
    ("apps/v1", "StatefulSet", "/spec/template/spec"),
    ("batch/v1", "Job", "/spec/template/spec"),
    (
        "batch/v1",
        "CronJob",
        "/spec/jobTemplate/spec/template/spec",
    ),
];

/// A DaemonSet, Deployment, StatefulSet, Job or CronJob. Everything an [`Object`] has can be read from it as well.
#[derive(Clone, Copy, Debug)]
pub struct Template<'a> {
    /// The object's index, for findings and steps.
    pub index: u32,
    /// The object.
    pub object: &'a Object,
    /// Where the pods' specification is: `/spec/template/spec`.
    pub place: &'static str,
}

impl<'a> Template<'a> {
    /// Reads `object` as something with a template; `None` where it has none.
    pub fn of(index: u32, object: &'a Object) -> Option<Self> {
        let (_, _, place) = PLACES
            .into_iter()
            .find(|(version, kind, _)| *version == object.api_version && *kind == object.kind)?;
        Some(Self {
            index,
            object,
            place,
        })
    }

    /// The containers of its pods, init containers first.
    pub fn containers(&self) -> Vec<Container<'a>> {
        containers(&self.object.value, self.place)
    }

    /// Whether its pods may be given another template: those of a Job may not.
    pub fn is_mutable(&self) -> bool {
        self.object.kind != "Job"
    }

    /// Whether its pods are replaced by themselves once the template has changed. Needs `/spec/paused` of a Deployment and
    /// `/spec/updateStrategy` of the others.
    pub fn replaces_pods(&self) -> bool {
        let paused = || {
            self.object
                .value
                .pointer("/spec/paused")
                .and_then(Value::as_bool)
        };
        match self.object.kind.as_str() {
            "Deployment" => paused() != Some(true),
            "DaemonSet" | "StatefulSet" => !self.waits_for_deletion(),
            _ => false,
        }
    }

    /// Whether a pod that waits for something has to be deleted before it gets the new template. A StatefulSet that starts
    /// its pods one by one does nothing before the waiting one is ready (Kubernetes documentation, StatefulSets, "Forced
    /// rollback"). Needs `/spec/podManagementPolicy`.
    pub fn keeps_waiting_pods(&self) -> bool {
        let one_by_one = self.object.kind == "StatefulSet"
            && self.object.text("/spec/podManagementPolicy") != Some("Parallel");
        one_by_one || self.waits_for_deletion()
    }

    fn waits_for_deletion(&self) -> bool {
        self.object.text("/spec/updateStrategy/type") == Some("OnDelete")
    }
}

impl<'a> Deref for Template<'a> {
    type Target = Object;

    fn deref(&self) -> &Object {
        self.object
    }
}

impl Input {
    /// Everything that makes pods from a template.
    pub fn templates(&self) -> impl Iterator<Item = Template<'_>> {
        self.indexed()
            .filter_map(|(index, object)| Template::of(index, object))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn not_every_pod_is_replaced_by_itself() {
        let of = |kind: &str, spec: Value| {
            let object =
                Object::of_value(json!({"apiVersion": "apps/v1", "kind": kind, "spec": spec}));
            let template = Template::of(0, &object).unwrap();
            (template.replaces_pods(), template.keeps_waiting_pods())
        };
        let on_delete =
            || json!({"updateStrategy": {"type": "OnDelete"}, "podManagementPolicy": "Parallel"});
        assert_eq!(of("Deployment", json!({})), (true, false));
        assert_eq!(of("Deployment", json!({"paused": true})), (false, false));
        assert_eq!(of("DaemonSet", json!({})), (true, false));
        assert_eq!(of("DaemonSet", on_delete()), (false, true));
        assert_eq!(of("StatefulSet", json!({})), (true, true));
        assert_eq!(
            of("StatefulSet", json!({"podManagementPolicy": "Parallel"})),
            (true, false)
        );
        assert_eq!(of("StatefulSet", on_delete()), (false, true));
    }

    #[test]
    fn every_kind_has_its_containers_where_it_has_them() {
        let spec =
            || json!({"template": {"spec": {"containers": [{"name": "c", "image": "x:1"}]}}});
        let of =
            |api: &str, kind: &str, spec| json!({"apiVersion": api, "kind": kind, "spec": spec});
        let input = Input::of_values([
            of("apps/v1", "StatefulSet", spec()),
            of("batch/v1", "Job", spec()),
            of(
                "batch/v1",
                "CronJob",
                json!({"jobTemplate": {"spec": spec()}}),
            ),
            of("apps/v1", "ReplicaSet", spec()),
            of("example.com/v1", "Deployment", spec()),
        ]);
        let found: Vec<_> = input
            .templates()
            .map(|template| {
                let pointer = template.containers()[0].pointer.clone();
                (
                    template.object.kind.as_str(),
                    pointer,
                    template.is_mutable(),
                )
            })
            .collect();
        let at = |place: &str| [place, "/containers/0"].concat();
        let expected = [
            ("StatefulSet", at("/spec/template/spec"), true),
            ("Job", at("/spec/template/spec"), false),
            ("CronJob", at("/spec/jobTemplate/spec/template/spec"), true),
        ];
        assert_eq!(found, expected);
    }
}
