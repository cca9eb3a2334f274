//! What selectors select: workloads by the labels of their pods, and pods that are not Ready. Read once, since every
//! Service that leads nowhere is held against all of them.

use nks_fixer::Object;
use serde_json::{Map, Value};

use crate::scene::{Scene, number};

/// A workload, or a pod that is not Ready, by what selectors look at.
struct Candidate<'a> {
    index: u32,
    object: &'a Object,
    labels: &'a Map<String, Value>,
    /// How many pods it wants.
    wanted: i64,
    /// How many of them are Ready.
    ready: i64,
}

/// Everything that a selector may select.
pub(crate) struct Candidates<'a>(Vec<Candidate<'a>>);

/// What one selector comes to.
#[derive(Default)]
pub(crate) struct Selected {
    /// A pod that is not Ready is selected.
    pub(crate) pod: bool,
    /// A workload whose pods would be selected wants some.
    pub(crate) wanted: bool,
    /// One such workload has Ready pods.
    pub(crate) ready: bool,
    /// One such workload wants none.
    pub(crate) scaled_down: bool,
    /// No such workload, but one of the Service's own name.
    pub(crate) like: Option<u32>,
}

impl<'a> Candidates<'a> {
    pub(crate) fn of(scene: &Scene<'a>) -> Self {
        let mut all = Vec::new();
        for pod in &scene.pods {
            all.extend(candidate(pod.index, pod.object, "/metadata/labels"));
        }
        for kind in ["Deployment", "StatefulSet", "DaemonSet"] {
            for (index, object) in scene.each(kind) {
                all.extend(candidate(index, object, "/spec/template/metadata/labels"));
            }
        }
        Self(all)
    }

    /// What a Service selects.
    pub(crate) fn selected_by(&self, service: &Object) -> Selected {
        let pairs = labels(service, "/spec/selector");
        let mut selected = Selected::default();
        for candidate in &self.0 {
            let Candidate {
                object,
                wanted,
                ready,
                ..
            } = *candidate;
            if object.namespace != service.namespace {
                continue;
            }
            let fits = pairs
                .into_iter()
                .flatten()
                .all(|(key, value)| candidate.labels.get(key) == Some(value));
            if object.kind == "Pod" {
                selected.pod |= fits;
            } else if fits {
                selected.wanted |= wanted > 0;
                selected.scaled_down |= wanted == 0;
                selected.ready |= ready > 0;
            } else if object.name == service.name && wanted > 0 {
                selected.like = Some(candidate.index);
            }
        }
        selected
    }
}

fn candidate<'a>(index: u32, object: &'a Object, pointer: &str) -> Option<Candidate<'a>> {
    let count = |pointer: &str| number(&object.value, pointer);
    let (wanted, ready) = match object.kind.as_str() {
        "DaemonSet" => (
            count("/status/desiredNumberScheduled").unwrap_or(0),
            count("/status/numberReady"),
        ),
        _ => (
            count("/spec/replicas").unwrap_or(1),
            count("/status/readyReplicas"),
        ),
    };
    Some(Candidate {
        index,
        object,
        labels: labels(object, pointer)?,
        wanted,
        ready: ready.unwrap_or(0),
    })
}

/// The labels at a pointer.
pub(crate) fn labels<'a>(object: &'a Object, pointer: &str) -> Option<&'a Map<String, Value>> {
    object.value.pointer(pointer)?.as_object()
}

/// Labels as kubectl writes them: `app=web,tier=front`.
pub(crate) fn written(object: &Object, pointer: &str) -> String {
    let mut text = String::new();
    for (key, value) in labels(object, pointer).into_iter().flatten() {
        if !text.is_empty() {
            text.push(',');
        }
        for part in [key, "=", value.as_str().unwrap_or_default()] {
            text.push_str(part);
        }
    }
    text
}
