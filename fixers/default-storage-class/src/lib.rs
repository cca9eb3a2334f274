//! One StorageClass of Cinder volumes becomes the default, where claims wait because none is.
//!
//! Not in the guide. NKS makes no default StorageClass, and a claim that names no class then waits for a volume that
//! somebody makes by hand. The event says so ("no persistent volumes available for this claim and no storage class is
//! set"), but it is of type Normal, so the claims themselves are looked at: they are the better evidence anyway.
//!
//! | Question | answered in |
//! |---|---|
//! | Which claims wait for a default class? | `claims.rs` |
//! | Which class is the default, and which could be? | `classes.rs` |
//! | What is to be said and done about it? | this file |
//!
//! Left alone: claims that name a class (one of `WaitForFirstConsumer` waits for its pod, which is no fault), claims with
//! `storageClassName: ""`, clusters in which nothing waits, and classes that are the default already.

mod claims;
mod classes;
#[cfg(test)]
mod tests;

use claims::Waiting;
use classes::{Class, Classes};
use nks_fixer::{Finding, Fixer, Input, Outcome, Patch, Report, Severity, Step, naming};
use serde_json::json;

/// The fixer.
#[derive(Debug)]
pub struct DefaultStorageClass;

nks_fixer::export!(DefaultStorageClass);

/// The driver of Cinder volumes (kube-system/csi-cinder-*).
const DRIVER: &str = "cinder.csi.openstack.org";
/// A new class is named like the driver's own workloads.
const NEW_CLASS: &str = "csi-cinder";

/// From here on, a default that is set later is given to the claims that wait for one.
const ASSIGNED_LATER: (u32, u32) = (1, 26);

impl Fixer for DefaultStorageClass {
    fn analyze(input: &Input) -> Result<Outcome, String> {
        let mut report = Report::default();
        let classes = Classes::of(input);
        let waiting = Waiting::of(input);
        match classes.newest_default() {
            Some(newest) => {
                several_defaults(input, &classes, newest, &mut report);
                default_is_set(input, &waiting, newest, &mut report);
            }
            None => no_default(input, &classes, &waiting, &mut report),
        }
        Ok(Outcome::Done(report))
    }
}

/// Several classes are the default at once.
fn several_defaults(input: &Input, classes: &Classes, newest: &Class, report: &mut Report) {
    let others: Vec<&Class> = classes
        .defaults()
        .filter(|class| class.index != newest.index)
        .collect();
    if others.is_empty() {
        return;
    }
    let mut finding = Finding::warning("several-defaults")
        .on(newest.index)
        .seen_on(others.iter().map(|class| class.index))
        .arg("count", (others.len() + 1).to_string())
        .arg("classes", names(classes.defaults()))
        .arg("newest", newest.object.display_name());
    if is_older(input) == Some(true) {
        finding.severity = Severity::Error;
    }
    let found = report.finding(finding);
    report.step(Step::manual("keep-one-default").mends(found));
}

/// Claims that wait although there is a default.
fn default_is_set(input: &Input, waiting: &Waiting, default: &Class, report: &mut Report) {
    if waiting.for_any_class().is_empty() {
        return;
    }
    let gets_it = is_older(input) == Some(false);
    let finding = if gets_it {
        Finding::info("claims-take-default")
    } else {
        Finding::error("claims-before-default")
    };
    let finding = waiting.name(finding, &waiting.for_any_class());
    let finding = finding.arg("class", default.object.display_name());
    let found = report.finding(finding.seen_on([default.index]));
    if !gets_it {
        report.step(Step::manual("make-claims-again").mends(found));
    }
}

/// Claims that wait for a default that is not there.
fn no_default(input: &Input, classes: &Classes, waiting: &Waiting, report: &mut Report) {
    if !waiting.for_cinder.is_empty() {
        let class = choose(input, classes);
        let found = report.finding(waiting.name(said(&class), &waiting.for_cinder));
        unsuitable(classes, report);
        if let Some(step) = step(&class) {
            let set = report.step(step.mends(found));
            if is_older(input) != Some(false) {
                let again = Step::manual("make-claims-again").mends(found);
                report.step(again.needs([set]));
            }
        }
    }
    if !waiting.for_others.is_empty() {
        let finding = Finding::warning("claims-unserved");
        report.finding(waiting.name(finding, &waiting.for_others));
    }
}

/// Which class is to be the default.
enum Choice<'a> {
    /// This one, which is there.
    Existing(&'a Class<'a>),
    /// One that has to be made.
    New,
    /// Nobody has said which of these.
    Several(Vec<&'a Class<'a>>),
    /// Not this one, which was asked for.
    Unsuitable(&'a str),
    /// None could be made, since another class has the name.
    NameTaken(&'a Class<'a>),
    /// None, since there is no driver.
    NoDriver,
}

fn choose<'a>(input: &'a Input, classes: &'a Classes) -> Choice<'a> {
    if !has_driver(input) {
        return Choice::NoDriver;
    }
    let suitable: Vec<&Class> = classes.suitable().collect();
    if let Some(wanted) = input.context.setting("class") {
        let wanted_class = suitable.iter().find(|class| class.object.name == wanted);
        return wanted_class.map_or(Choice::Unsuitable(wanted), |class| Choice::Existing(class));
    }
    match (suitable.as_slice(), classes.named(NEW_CLASS)) {
        ([one], _) => Choice::Existing(one),
        ([], None) => Choice::New,
        ([], Some(other)) => Choice::NameTaken(other),
        _ => Choice::Several(suitable),
    }
}

fn has_driver(input: &Input) -> bool {
    let is_driver = |kind: &str, name: &str| kind == "CSIDriver" && name == DRIVER;
    let mut objects = input.objects.iter();
    objects.any(|object| is_driver(&object.kind, &object.name) && !object.is_being_deleted())
}

/// What is said of the claims that wait, without their names.
fn said(choice: &Choice) -> Finding {
    match choice {
        Choice::Existing(_) | Choice::New => Finding::error("no-default-class"),
        Choice::Several(classes) => Finding::error("several-suitable")
            .arg("classes", names(classes.iter().copied()))
            .seen_on(classes.iter().map(|class| class.index)),
        Choice::Unsuitable(class) => Finding::error("class-unsuitable").arg("class", *class),
        Choice::NameTaken(class) => Finding::error("name-taken")
            .arg("class", class.object.name.as_str())
            .seen_on([class.index]),
        Choice::NoDriver => Finding::error("driver-absent"),
    }
}

/// Classes that might be taken for candidates, and why they are none.
fn unsuitable(classes: &Classes, report: &mut Report) {
    let (in_tree, immediate): (Vec<&Class>, Vec<&Class>) =
        (classes.in_tree().collect(), classes.immediate().collect());
    for (message, found) in [
        ("in-tree-classes", in_tree),
        ("immediate-classes", immediate),
    ] {
        if let [first, others @ ..] = found.as_slice() {
            let finding = Finding::info(message)
                .on(first.index)
                .seen_on(others.iter().map(|class| class.index))
                .arg("classes", names(found.iter().copied()));
            report.finding(finding);
        }
    }
}

fn step(choice: &Choice) -> Option<Step> {
    match choice {
        Choice::Existing(class) => Some(annotate(class)),
        Choice::New => Some(create()),
        _ => None,
    }
}

fn annotate(class: &Class) -> Step {
    let place = classes::default_pointer();
    let patch = match class.object.value.pointer(&place) {
        Some(old) => Patch::default().replace(&place, old.clone(), "true"),
        None if class.object.value.pointer(classes::ANNOTATIONS).is_some() => {
            Patch::default().add(&place, "true")
        }
        None => Patch::default().add(classes::ANNOTATIONS, json!({classes::DEFAULT: "true"})),
    };
    Step::patch("annotate-class", class.index, patch)
        .arg("class", class.object.display_name())
        .expect(class.index, place, "true")
}

/// No parameters: which volume types a project has, the cluster does not say, and Cinder has a default.
fn create() -> Step {
    let class = json!({
        "apiVersion": "storage.k8s.io/v1",
        "kind": "StorageClass",
        "metadata": {"name": NEW_CLASS, "annotations": {classes::DEFAULT: "true"}},
        "provisioner": DRIVER,
        "volumeBindingMode": classes::WAITS_FOR_POD,
        "reclaimPolicy": "Delete",
        "allowVolumeExpansion": true,
    });
    Step::create("create-class", class).arg("class", NEW_CLASS)
}

/// Whether the cluster is too old to give a later default to claims; `None` where its version is not known.
fn is_older(input: &Input) -> Option<bool> {
    let version = input.context.kubernetes_version()?;
    Some(version < ASSIGNED_LATER)
}

fn names<'a>(classes: impl Iterator<Item = &'a Class<'a>>) -> String {
    naming::list(classes.map(|class| class.object.name.as_str()))
}
