//! Who can change what a pod is made from.

use nks_fixer::{Input, Object, Owners, Pod, Workload};
use serde_json::Value;

/// Who made a pod.
#[derive(Clone, Debug)]
pub(crate) enum Owner<'a> {
    /// A Deployment, StatefulSet or DaemonSet, whose template can be changed.
    Workload(Workload<'a>),
    /// A Job, whose template cannot.
    Job(String),
    /// Something else, by its name.
    Other(String),
    /// Nobody. Holds the name of the pod.
    Nobody(String),
}

impl<'a> Owner<'a> {
    /// Follows the controllers of a pod as far as they are supplied.
    pub(crate) fn of(pod: Pod<'a>, owners: &Owners<'a>, input: &'a Input) -> Self {
        let top = owners.top(pod.index);
        let object = input.objects.get(top as usize).unwrap_or(pod.object);
        if let Some(workload) = Workload::of(top, object) {
            return Self::Workload(workload);
        }
        match object.controller() {
            Some(controller) if is_job(controller) => Self::Job(display_name(controller)),
            Some(controller) => Self::Other(display_name(controller)),
            None if top == pod.index => Self::Nobody(object.display_name()),
            None => Self::Other(object.display_name()),
        }
    }

    /// The name as kubectl prints it.
    pub(crate) fn name(&self) -> String {
        match self {
            Self::Workload(workload) => workload.display_name(),
            Self::Job(name) | Self::Other(name) | Self::Nobody(name) => name.clone(),
        }
    }
}

fn is_job(controller: &Value) -> bool {
    text(controller, "kind") == "Job" && text(controller, "apiVersion").starts_with("batch/")
}

fn display_name(controller: &Value) -> String {
    let object = Object {
        api_version: text(controller, "apiVersion").to_owned(),
        kind: text(controller, "kind").to_owned(),
        name: text(controller, "name").to_owned(),
        ..Object::default()
    };
    object.display_name()
}

fn text<'a>(controller: &'a Value, key: &str) -> &'a str {
    controller
        .get(key)
        .and_then(Value::as_str)
        .unwrap_or_default()
}
