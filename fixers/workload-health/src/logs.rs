//! The last line that a crashing container wrote. A log is read only when a finding needs it, so it is asked for in the
//! first round; what cannot be had leaves the finding as it is.

use nks_fixer::{Arg, Object, Query};

use crate::order::{Index, place};
use crate::scene::{Scene, list, text};
use crate::symptom::Symptom;
use crate::words::shortened;

/// Index of the rule for `ContainerLog` in `spec.reads`.
pub(crate) const RULE: u32 = 16;

/// The most logs that are asked for.
const MOST_LOGS: usize = 5;

/// The logs supplied, by pod and container.
pub(crate) struct Logs(Index);

impl Logs {
    pub(crate) fn of(scene: &Scene) -> Self {
        let mut logs = Index::new();
        for (index, log) in scene.each("ContainerLog") {
            let container = text(&log.value, "/container");
            logs.insert(place(&[&log.namespace, &log.name, container]), index);
        }
        Self(logs)
    }

    fn find(&self, pod: &Object, container: &str) -> Option<u32> {
        let place = place(&[&pod.namespace, &pod.name, container]);
        self.0.get(&place).copied()
    }

    /// What is asked for before `symptoms` are told: nothing after the first round.
    pub(crate) fn wanted(&self, scene: &Scene, symptoms: &[Symptom]) -> Vec<Query> {
        if scene.input.context.round > 0 {
            return Vec::new();
        }
        let places = symptoms.iter().filter_map(|symptom| symptom.log.as_ref());
        let mut queries = Vec::new();
        for (pod, container) in places.take(MOST_LOGS) {
            let Some(object) = scene.object(*pod) else {
                continue;
            };
            if self.find(object, container).is_none() {
                queries.push(Query {
                    rule: RULE,
                    namespace: Some(object.namespace.clone()),
                    name: Some(object.name.clone()),
                    args: vec![Arg {
                        name: "container".to_owned(),
                        value: container.clone(),
                    }],
                });
            }
        }
        queries
    }

    /// The symptom with the last line, where there is one.
    pub(crate) fn with_line(&self, scene: &Scene, mut symptom: Symptom) -> Symptom {
        let Some((pod, container)) = symptom.log.take() else {
            return symptom;
        };
        let log = scene
            .object(pod)
            .and_then(|object| scene.object(self.find(object, &container)?));
        let mut lines = log.map_or(&[][..], |log| list(&log.value, "/lines")).iter();
        let line = lines.rfind(|line| !text(line, "").trim().is_empty());
        match line {
            Some(line) => {
                symptom.message = "crash-loop-line";
                symptom.arg("line", &shortened(text(line, "")))
            }
            None => symptom,
        }
    }
}
