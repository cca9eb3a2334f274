//! What is done, namespace by namespace: the Secret, what lists it, and then the pods.

use std::collections::{BTreeMap, BTreeSet};

use nks_fixer::{Patch, Pod, Report, Risk, Step, naming};
use serde_json::{Value, json};

use crate::source::{self, Source};
use crate::{Kept, Scene};

/// A pod that a login helps.
pub(crate) struct Repair<'a> {
    /// The finding about it.
    pub(crate) found: u32,
    pub(crate) pod: Pod<'a>,
    /// What the next pod gets its list from.
    pub(crate) source: Source,
    /// Index of what it belongs to.
    pub(crate) workload: u32,
}

/// How many failed pods a Job takes when it does not say (kubernetes, apis/batch/v1).
const BACKOFF_LIMIT: i64 = 6;

/// The steps, or what a person has to do first.
pub(crate) fn plan(scene: &Scene, repairs: &[Repair], report: &mut Report) {
    let mut namespaces: BTreeMap<&str, Vec<&Repair>> = BTreeMap::new();
    let mut without_login = Vec::new();
    for repair in repairs {
        let namespace = repair.pod.namespace.as_str();
        let login = scene.kept(namespace) == Kept::PullSecret || scene.credentials.is_some();
        if !login && repair.source != Source::Node {
            without_login.push(repair.found);
        } else {
            namespaces.entry(namespace).or_default().push(repair);
        }
    }
    for (namespace, repairs) in namespaces {
        let mut plan = Plan {
            scene,
            report,
            listed: BTreeMap::new(),
            created: None,
        };
        plan.secret(namespace, &repairs);
        plan.lists(&repairs);
        plan.pods(&repairs);
    }
    ask_for_login(scene, &without_login, report);
}

fn ask_for_login(scene: &Scene, found: &[u32], report: &mut Report) {
    if found.is_empty() {
        return;
    }
    let command = "kubectl nks fix docker-hub-limit --set-file credentials=FILE";
    report.step(mending(
        Step::manual("log-in").arg("command", command),
        found,
    ));
    if scene.input.context.is_nks() {
        report.step(mending(Step::manual("own-address"), found));
    }
}

/// The step with each of the findings that it mends, once.
fn mending(step: Step, found: &[u32]) -> Step {
    let once: BTreeSet<u32> = found.iter().copied().collect();
    once.into_iter().fold(step, Step::mends)
}

/// The steps for one namespace.
struct Plan<'a> {
    scene: &'a Scene<'a>,
    report: &'a mut Report,
    /// The step that makes the Secret.
    created: Option<u32>,
    /// The steps that list it, by what lists it then.
    listed: BTreeMap<Source, u32>,
}

impl Plan<'_> {
    fn secret(&mut self, namespace: &str, repairs: &[&Repair]) {
        let found: Vec<u32> = repairs
            .iter()
            .filter(|repair| repair.source != Source::Node)
            .map(|repair| repair.found)
            .collect();
        let Some(credentials) = self.scene.credentials.filter(|_| !found.is_empty()) else {
            return;
        };
        let step = if self.scene.kept(namespace) == Kept::PullSecret {
            Step::manual("secret-kept")
        } else {
            let secret = json!({"apiVersion": "v1", "kind": "Secret", "type": "kubernetes.io/dockerconfigjson",
                "metadata": {"name": self.scene.secret, "namespace": namespace},
                "data": {".dockerconfigjson": credentials}});
            Step::create("create-secret", secret)
        };
        let is_manual = self.scene.kept(namespace) == Kept::PullSecret;
        let step = step
            .arg("secret", self.scene.secret)
            .arg("namespace", namespace);
        let position = self.report.step(mending(step, &found));
        self.created = (!is_manual).then_some(position);
    }

    /// Lists the Secret wherever the next pods get their lists from.
    fn lists(&mut self, repairs: &[&Repair]) {
        let sources: BTreeSet<Source> = repairs.iter().map(|repair| repair.source).collect();
        for source in sources {
            let of_source = repairs.iter().filter(|repair| repair.source == source);
            let found: Vec<u32> = of_source.map(|repair| repair.found).collect();
            let position = match source {
                _ if self.scene.source_lists_it(source) => None,
                Source::Account(index) => self.list_in_account(index, &found),
                Source::Template(index) => self.list_in_template(index, &found),
                Source::Job(index) => self.list_in_cron_job(index, &found),
                Source::Nobody | Source::Node | Source::Unknown => None,
            };
            self.listed
                .extend(position.map(|position| (source, position)));
        }
    }

    fn list_in_account(&mut self, index: u32, found: &[u32]) -> Option<u32> {
        let account = &self.scene.input.objects[index as usize];
        let step = self
            .listing("list-in-service-account", index, source::ACCOUNT)
            .arg("account", account.name.as_str())
            .arg("namespace", account.namespace.as_str());
        Some(self.report.step(mending(step, found)))
    }

    fn list_in_template(&mut self, index: u32, found: &[u32]) -> Option<u32> {
        let mut step = self
            .listing("list-in-template", index, source::TEMPLATE)
            .arg(
                "workload",
                self.scene.input.objects[index as usize].display_name(),
            )
            .risk(Risk::Disruptive);
        if self.scene.rolls_out(index) {
            step = step.wait();
        }
        Some(self.report.step(mending(step, found)))
    }

    /// A Job's own template stays, but the CronJob that makes the next one can have another.
    fn list_in_cron_job(&mut self, job: u32, found: &[u32]) -> Option<u32> {
        let input = self.scene.input;
        let index = self.scene.owners.controller(&input.objects[job as usize])?;
        let owner = &input.objects[index as usize];
        let names = source::names(owner, source::CRON_JOB);
        let lists_others = !names.is_empty() && !names.contains(&self.scene.secret);
        if owner.kind != "CronJob" || !lists_others || self.is_changed(index) {
            return None;
        }
        let step = self
            .listing("list-in-cron-job", index, source::CRON_JOB)
            .arg("workload", owner.display_name());
        Some(self.report.step(mending(step, found)))
    }

    /// Whether a step of an earlier Job of the same CronJob has changed it.
    fn is_changed(&self, index: u32) -> bool {
        self.report.steps.iter().any(|step| {
            matches!(&step.change, nks_fixer::Change::Patch { target, .. } if *target == index)
        })
    }

    /// A step that appends the Secret to a list.
    fn listing(&self, message: &str, index: u32, list: &str) -> Step {
        let object = &self.scene.input.objects[index as usize];
        let entries = object.value.pointer(list).and_then(Value::as_array);
        let entry = json!({"name": self.scene.secret});
        let patch = match entries {
            Some(_) => Patch::default().add(&[list, "/-"].concat(), entry),
            None => Patch::default().add(list, json!([entry])),
        };
        let last = entries.map_or(0, Vec::len).to_string();
        Step::patch(message, index, patch)
            .arg("secret", self.scene.secret)
            .needs(self.created)
            .expect(
                index,
                [list, "/", &last, "/name"].concat(),
                self.scene.secret,
            )
    }

    /// Lets the failing pods come anew, or says why that is left to a person.
    fn pods(&mut self, repairs: &[&Repair]) {
        let mut jobs: BTreeMap<u32, Vec<&Repair>> = BTreeMap::new();
        for repair in repairs {
            let job = self.scene.owners.controller(repair.pod.object);
            let job = job.filter(|&index| self.scene.input.objects[index as usize].kind == "Job");
            match (repair.source, job) {
                (Source::Template(index), _) if self.scene.rolls_out(index) => {}
                (Source::Nobody, _) => self.by_hand("pod-by-hand", repair),
                (Source::Node, _) => self.by_hand("static-pod-by-hand", repair),
                (Source::Unknown, _) => self.by_hand("list-by-hand", repair),
                (_, Some(job)) => jobs.entry(job).or_default().push(repair),
                _ => self.delete(repair),
            }
        }
        for (job, repairs) in jobs {
            self.pods_of_job(job, &repairs);
        }
    }

    fn pods_of_job(&mut self, index: u32, repairs: &[&Repair]) {
        let job = &self.scene.input.objects[index as usize];
        let number = |place: &str| job.value.pointer(place).and_then(Value::as_i64);
        let failed = number("/status/failed").unwrap_or(0) + repairs.len() as i64;
        let found: Vec<u32> = repairs.iter().map(|repair| repair.found).collect();
        let is_fixed = matches!(repairs, [repair, ..] if matches!(repair.source, Source::Job(_)));
        let step = if is_fixed && !self.scene.source_lists_it(Source::Job(index)) {
            Step::manual("job-by-hand").arg("secret", self.scene.secret)
        } else if failed > number("/spec/backoffLimit").unwrap_or(BACKOFF_LIMIT) {
            let pods = repairs.iter().map(|repair| repair.pod.name.as_str());
            Step::manual("job-near-its-end").arg("pods", naming::list(pods))
        } else {
            repairs.iter().for_each(|repair| self.delete(repair));
            return;
        };
        let needs = self.needs(repairs[0].source);
        let step = step.arg("job", job.display_name()).needs(needs);
        self.report.step(mending(step, &found));
    }

    fn delete(&mut self, repair: &Repair) {
        let step = Step::delete("delete-pod", repair.pod.index)
            .arg("pod", repair.pod.name.as_str())
            .arg("workload", self.workload(repair))
            .mends(repair.found)
            .risk(Risk::Disruptive)
            .needs(self.needs(repair.source))
            .wait();
        self.report.step(step);
    }

    fn by_hand(&mut self, message: &str, repair: &Repair) {
        let step = Step::manual(message)
            .arg("pod", repair.pod.display_name())
            .arg("workload", self.workload(repair))
            .arg("secret", self.scene.secret)
            .mends(repair.found)
            .needs(self.created.filter(|_| repair.source != Source::Node));
        self.report.step(step);
    }

    fn workload(&self, repair: &Repair) -> String {
        self.scene.name(repair.workload)
    }

    /// The steps after which a new pod has the Secret.
    fn needs(&self, source: Source) -> Vec<u32> {
        let listed = self.listed.get(&source);
        self.created.into_iter().chain(listed.copied()).collect()
    }
}
