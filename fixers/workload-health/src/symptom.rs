//! One cause, one finding: symptoms that have the same cause are folded, with everything that shows it.

use nks_fixer::{Arg, Finding, Severity};

use crate::order::{Index, add, digits, place};
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
    /// The objects that show it, by index, in order.
    pub(crate) related: Vec<u32>,
    /// The workloads that suffer, by index, in order.
    pub(crate) workloads: Vec<u32>,
    /// Values of which the first symptom's are told.
    pub(crate) args: Vec<(&'static str, String)>,
    /// Values of which every symptom's are told.
    pub(crate) lists: Vec<(&'static str, String)>,
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
            related: Vec::new(),
            workloads: Vec::new(),
            args: Vec::new(),
            lists: Vec::new(),
            restarts: None,
            log: None,
        }
    }

    /// What a pod shows, whose workload is what has to change. Folded by workload, unless [`Symptom::key`] says more.
    pub(crate) fn of_pod(scene: &Scene, message: &'static str, pod: u32) -> Self {
        let workload = scene.workload(pod);
        let symptom = Self::new(message, workload).key(&scene.family(pod));
        symptom.shown_by(scene, pod)
    }

    /// Names a pod that shows it.
    pub(crate) fn shown_by(mut self, scene: &Scene, pod: u32) -> Self {
        add(&mut self.related, pod);
        add(&mut self.workloads, scene.workload(pod));
        self
    }

    /// Names another object that shows it.
    pub(crate) fn related_to(mut self, index: u32) -> Self {
        add(&mut self.related, index);
        self
    }

    pub(crate) fn severity(mut self, severity: Severity) -> Self {
        self.severity = severity;
        self
    }

    pub(crate) fn key(mut self, key: &str) -> Self {
        key.clone_into(&mut self.key);
        self
    }

    pub(crate) fn on(mut self, target: u32) -> Self {
        self.target = target;
        self
    }

    pub(crate) fn arg(mut self, name: &'static str, value: &str) -> Self {
        self.args.push((name, value.to_owned()));
        self
    }

    pub(crate) fn list(mut self, name: &'static str, value: &str) -> Self {
        self.lists.push((name, value.to_owned()));
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
        self.lists.extend(other.lists);
        if other.target != self.target {
            add(&mut self.related, other.target);
        }
        for index in other.related {
            add(&mut self.related, index);
        }
        for index in other.workloads {
            add(&mut self.workloads, index);
        }
    }
}

/// The symptoms with those of one cause made one, in the order in which they are told: the worst first, then by
/// namespace and name of the object to change.
pub(crate) fn fold(scene: &Scene, symptoms: Vec<Symptom>) -> Vec<Symptom> {
    let mut folded: Vec<Symptom> = Vec::new();
    let mut positions = Index::new();
    let first = |symptom: &Symptom| {
        symptom
            .related
            .first()
            .map_or(0, |&index| index as usize + 1)
    };
    for symptom in in_order(scene, symptoms, |symptom| digits(first(symptom))) {
        let cause = place(&[symptom.message, &symptom.key]);
        let position = positions.get(&cause).map(|&position| position as usize);
        match position.and_then(|position| folded.get_mut(position)) {
            Some(first) => first.absorb(symptom),
            None => {
                positions.insert(cause, folded.len() as u32);
                folded.push(symptom);
            }
        }
    }
    let mut told = Vec::with_capacity(folded.len());
    let ordered = in_order(scene, folded, |symptom| symptom.message.to_owned());
    let mut rest = ordered;
    for severity in [Severity::Error, Severity::Warning, Severity::Info] {
        let (these, others): (Vec<_>, Vec<_>) = rest
            .into_iter()
            .partition(|symptom| symptom.severity == severity);
        told.extend(these);
        rest = others;
    }
    told
}

/// The symptoms by namespace and name of the object to change, and then by what `then` says.
fn in_order(
    scene: &Scene,
    symptoms: Vec<Symptom>,
    then: impl Fn(&Symptom) -> String,
) -> Vec<Symptom> {
    let mut order = Index::new();
    for (position, symptom) in symptoms.iter().enumerate() {
        if let Some(target) = scene.object(symptom.target) {
            let parts = [
                &target.namespace,
                &target.name,
                &target.kind,
                &*then(symptom),
                &digits(position),
            ];
            order.insert(place(&parts), position as u32);
        }
    }
    let mut symptoms: Vec<Option<Symptom>> = symptoms.into_iter().map(Some).collect();
    let mut taken = Vec::with_capacity(symptoms.len());
    for position in order.into_values() {
        taken.extend(symptoms.get_mut(position as usize).and_then(Option::take));
    }
    taken
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
    let mut lists = lists;
    for &workload in &workloads {
        lists.push(("workloads", scene.workload_name(workload)));
    }
    while let Some(&(name, _)) = lists.first() {
        let (these, others): (Vec<_>, Vec<_>) =
            lists.into_iter().partition(|(other, _)| *other == name);
        finding = finding.arg(name, joined(these));
        lists = others;
    }
    finding.args.push(Arg {
        name: "pods".to_owned(),
        value: pods.to_string(),
    });
    finding
}

/// `a, b, c`, and how many more there are.
fn joined(values: Vec<(&'static str, String)>) -> String {
    // Collected one by one: to build a map at once takes a sort of its own.
    let mut names = Index::new();
    for (_, value) in values {
        names.insert(value, 0);
    }
    let mut text = String::new();
    for value in names.keys().take(MOST_NAMES) {
        if !text.is_empty() {
            text.push_str(", ");
        }
        text.push_str(value);
    }
    if names.len() > MOST_NAMES {
        text.push_str(", … (+");
        text.push_str(&(names.len() - MOST_NAMES).to_string());
        text.push(')');
    }
    text
}
