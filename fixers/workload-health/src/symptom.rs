//! One cause, one finding: symptoms that have the same cause are folded, with everything that shows it.

use std::collections::{BTreeMap, BTreeSet};

use nks_fixer::{Arg, Finding, Severity};

use crate::scene::Scene;

/// The most names that a list in a sentence holds.
const MOST_NAMES: usize = 5;

/// What one pod, or one other object, shows.
#[derive(Clone, Debug)]
pub(crate) struct Symptom {
    pub(crate) message: &'static str,
    pub(crate) severity: Severity,
    /// What the cause is known by, beside the message: those of one key are one finding.
    pub(crate) key: String,
    /// The object to change.
    pub(crate) target: u32,
    /// The objects that show it, by index.
    pub(crate) related: BTreeSet<u32>,
    /// The workloads that suffer, by index.
    pub(crate) workloads: BTreeSet<u32>,
    /// Values of which the first symptom's are told.
    pub(crate) args: Vec<(&'static str, String)>,
    /// Values of which every symptom's are told.
    pub(crate) lists: BTreeMap<&'static str, BTreeSet<String>>,
    /// The most restarts of a container.
    pub(crate) restarts: Option<i64>,
    /// The container whose log may tell more, with its pod's index.
    pub(crate) log: Option<(u32, String)>,
}

impl Symptom {
    /// Something that does not work, and the object to change.
    pub(crate) fn new(message: &'static str, target: u32) -> Self {
        Self {
            message,
            severity: Severity::Error,
            key: String::new(),
            target,
            related: BTreeSet::new(),
            workloads: BTreeSet::new(),
            args: Vec::new(),
            lists: BTreeMap::new(),
            restarts: None,
            log: None,
        }
    }

    /// What a pod shows, whose workload is what has to change. Folded by workload, unless [`Symptom::key`] says more.
    pub(crate) fn of_pod(scene: &Scene, message: &'static str, pod: u32) -> Self {
        let workload = scene.workload(pod);
        let symptom = Self::new(message, workload).key(scene.family(pod));
        symptom.shown_by(scene, pod)
    }

    /// Names a pod that shows it.
    pub(crate) fn shown_by(mut self, scene: &Scene, pod: u32) -> Self {
        self.related.insert(pod);
        self.workloads.insert(scene.workload(pod));
        self
    }

    /// Names another object that shows it.
    pub(crate) fn related_to(mut self, index: u32) -> Self {
        self.related.insert(index);
        self
    }

    pub(crate) fn severity(mut self, severity: Severity) -> Self {
        self.severity = severity;
        self
    }

    pub(crate) fn key(mut self, key: impl Into<String>) -> Self {
        self.key = key.into();
        self
    }

    pub(crate) fn on(mut self, target: u32) -> Self {
        self.target = target;
        self
    }

    pub(crate) fn arg(mut self, name: &'static str, value: impl Into<String>) -> Self {
        self.args.push((name, value.into()));
        self
    }

    pub(crate) fn list(mut self, name: &'static str, value: impl Into<String>) -> Self {
        self.lists.entry(name).or_default().insert(value.into());
        self
    }

    pub(crate) fn restarts(mut self, restarts: i64) -> Self {
        self.restarts = Some(restarts);
        self
    }

    pub(crate) fn log(mut self, pod: u32, container: &str) -> Self {
        self.log = Some((pod, container.to_owned()));
        self
    }

    fn absorb(&mut self, other: Self) {
        self.severity = self.severity.max(other.severity);
        self.restarts = self.restarts.max(other.restarts);
        self.related.extend(other.related);
        self.workloads.extend(other.workloads);
        for (name, values) in other.lists {
            self.lists.entry(name).or_default().extend(values);
        }
    }
}

/// The symptoms with those of one cause made one, in the order in which they are told: the worst first, then by
/// namespace and name of the object to change.
pub(crate) fn fold(scene: &Scene, mut symptoms: Vec<Symptom>) -> Vec<Symptom> {
    let place = |index: u32| match scene.object(index) {
        Some(object) => (&*object.namespace, &*object.name, &*object.kind),
        None => ("", "", ""),
    };
    symptoms.sort_by(|one, other| {
        (place(one.target), one.related.first()).cmp(&(place(other.target), other.related.first()))
    });
    let mut folded: Vec<Symptom> = Vec::new();
    let mut positions: BTreeMap<(&'static str, String), usize> = BTreeMap::new();
    for symptom in symptoms {
        let cause = (symptom.message, symptom.key.clone());
        match positions.get(&cause).and_then(|&at| folded.get_mut(at)) {
            Some(first) => first.absorb(symptom),
            None => {
                positions.insert(cause, folded.len());
                folded.push(symptom);
            }
        }
    }
    folded.sort_by(|one, other| {
        let order = |symptom: &Symptom| (place(symptom.target), symptom.message);
        (other.severity.cmp(&one.severity)).then_with(|| order(one).cmp(&order(other)))
    });
    folded
}

/// The finding that a folded symptom comes to.
pub(crate) fn finding(scene: &Scene, symptom: Symptom) -> Finding {
    let Symptom {
        message,
        severity,
        target,
        related,
        workloads,
        args,
        lists,
        restarts,
        ..
    } = symptom;
    let is_pod = |index: &&u32| scene.object(**index).is_some_and(|one| one.kind == "Pod");
    let pods = related.iter().filter(is_pod).count();
    let mut finding = match severity {
        Severity::Error => Finding::error(message),
        Severity::Warning => Finding::warning(message),
        Severity::Info => Finding::info(message),
    };
    finding = finding.on(target).seen_on(related);
    for (name, value) in args {
        finding = finding.arg(name, value);
    }
    if let Some(restarts) = restarts {
        finding = finding.arg("restarts", restarts.to_string());
    }
    for (name, values) in &lists {
        finding = finding.arg(name, joined(values));
    }
    if !workloads.is_empty() {
        let names = workloads
            .iter()
            .map(|&one| scene.workload_name(one))
            .collect();
        finding = finding.arg("workloads", joined(&names));
    }
    finding.args.push(Arg {
        name: "pods".to_owned(),
        value: pods.to_string(),
    });
    finding
}

/// `a, b, c`, and how many more there are.
fn joined(values: &BTreeSet<String>) -> String {
    let mut text = String::new();
    for value in values.iter().take(MOST_NAMES) {
        if !text.is_empty() {
            text.push_str(", ");
        }
        text.push_str(value);
    }
    if let Some(more) = values
        .len()
        .checked_sub(MOST_NAMES)
        .filter(|more| *more > 0)
    {
        text.push_str(", … (+");
        text.push_str(&more.to_string());
        text.push(')');
    }
    text
}
