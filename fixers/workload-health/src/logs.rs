//! The last line that a crashing container wrote. A log is read only when a finding needs it, so it is asked for in the
//! first round; what cannot be had leaves the finding as it is.

use std::collections::BTreeMap;

use nks_fixer::{Arg, Query};

use crate::scene::{Scene, list, text};
use crate::symptom::Symptom;
use crate::words::shortened;

/// Index of the rule for `ContainerLog` in `spec.reads`.
pub(crate) const RULE: u32 = 16;

/// The most logs that are asked for.
const MOST_LOGS: usize = 5;

/// The last lines of the logs supplied, by pod and container. A log without a line that is worth showing has an empty one.
pub(crate) struct Logs<'a> {
    last_lines: BTreeMap<(&'a str, &'a str, &'a str), &'a str>,
}

impl<'a> Logs<'a> {
    pub(crate) fn of(scene: &Scene<'a>) -> Self {
        let mut last_lines = BTreeMap::new();
        for (_, log) in scene.each("ContainerLog") {
            let lines = list(&log.value, "/lines").iter();
            let last = lines
                .filter_map(|line| line.as_str())
                .rfind(|line| !line.trim().is_empty());
            let place = (&*log.namespace, &*log.name, text(&log.value, "/container"));
            last_lines.insert(place, last.unwrap_or_default());
        }
        Self { last_lines }
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
            if !self
                .last_lines
                .contains_key(&(&*object.namespace, &*object.name, container))
            {
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
        let line = scene.object(pod).and_then(|object| {
            let place = (&*object.namespace, &*object.name, &*container);
            self.last_lines.get(&place).filter(|line| !line.is_empty())
        });
        match line {
            Some(line) => {
                symptom.message = "crash-loop-line";
                symptom.arg("line", shortened(line))
            }
            None => symptom,
        }
    }
}
