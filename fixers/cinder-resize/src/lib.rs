//! The Cinder CSI driver is told to look at a volume's new size before it grows the file system.
//!
//! The guide: "The Pod's file system does not reflect the increased capacity after the PV capacity is increased". Without
//! `rescan-on-resize = true` the driver may grow the file system before the node has seen the new size, which does
//! nothing, and is not tried again. The guide's script appends the option on each run, to whatever the text holds, and
//! restarts workloads by names that NKS does not use.
//!
//! | Question | answered in |
//! |---|---|
//! | Which workloads are the driver, and which text do they read? | `plugin.rs` |
//! | What does the text say of the option, and how does it become true? | `config.rs` |
//! | Were the pods started after the text was changed? | `age.rs` |
//! | Which volumes were expanded, and may be affected? | `volumes.rs` |
//! | What is to be said and done about it? | this file |
//!
//! Left alone: a text that is not INI, an option whose value cannot be read, a Secret that cannot be changed or that the
//! driver does not use, clusters before Kubernetes 1.20, and pods that are newer than the text.

mod age;
mod config;
mod plugin;
#[cfg(test)]
mod tests;
mod volumes;

use config::Verdict;
use nks_fixer::{
    Change, Finding, Fixer, Input, Object, Outcome, Owners, Patch, Report, Risk, Step, Workload,
};

/// The fixer.
#[derive(Debug)]
pub struct CinderResize;

nks_fixer::export!(CinderResize);

/// How many volumes a message names.
const MOST_NAMES: usize = 10;

/// The guide speaks of clusters from this version on.
const FIRST_VERSION: (u32, u32) = (1, 20);

/// What has to change in the Secret, and the findings that this mends.
#[derive(Default)]
struct Edits<'a> {
    findings: Vec<u32>,
    texts: Vec<Edit<'a>>,
}

/// A text of the Secret that has to change.
struct Edit<'a> {
    key: &'static str,
    old: &'a str,
    new: String,
}

impl Fixer for CinderResize {
    fn analyze(input: &Input) -> Result<Outcome, String> {
        let mut report = Report::default();
        let plugins = plugin::workloads(input);
        let secret = input.indexed().find(|(_, object)| {
            object.kind == "Secret"
                && object.namespace == "kube-system"
                && object.name == plugin::SECRET
        });
        match (secret, plugins.first()) {
            (Some((index, secret)), _) => examine(input, index, secret, &plugins, &mut report),
            (None, Some(first)) => {
                report.finding(secret_missing(&plugins).on(first.index));
            }
            (None, None) => {}
        }
        Ok(Outcome::Done(report))
    }
}

/// Looks at the texts that the driver reads, and then at the driver where they are as they should be.
fn examine(input: &Input, index: u32, secret: &Object, plugins: &[Workload], report: &mut Report) {
    let present = present(secret);
    let in_use = plugin::keys_in_use(plugins, &present);
    let is_unclear = in_use.is_none() && present.len() > 1;
    let verdicts: Vec<_> = in_use
        .unwrap_or(present)
        .into_iter()
        .map(|key| (key, text(secret, key)))
        .map(|(key, text)| (key, text, config::examine(text)))
        .collect();
    let is_on = !verdicts.is_empty() && verdicts.iter().all(|(.., one)| *one == Verdict::On);
    if let Some(reason) = nothing_to_change(input, plugins, is_on) {
        report.finding(about(reason, index, secret));
    } else if is_on {
        restart_older(input, secret, plugins, report);
    } else if verdicts.is_empty() {
        report.finding(about(Finding::warning("key-missing"), index, secret));
    } else {
        let mut edits = edits(index, secret, verdicts, report);
        if is_unclear {
            let finding = about(Finding::info("keys-unclear"), index, secret);
            edits.findings.push(report.finding(finding));
        }
        plan(input, index, plugins, edits, report);
    }
}

/// Why it would be of no use to set the option here.
fn nothing_to_change(input: &Input, plugins: &[Workload], is_on: bool) -> Option<Finding> {
    let version = input.context.kubernetes_version();
    if plugins.is_empty() {
        (!is_on).then(|| Finding::info("plugin-not-found"))
    } else if !plugins.iter().any(plugin::uses_secret) {
        let names = names(plugins);
        Some(Finding::warning("secret-unused").arg("workloads", names))
    } else if version.is_some_and(|version| version < FIRST_VERSION) {
        (!is_on).then(|| Finding::info("version-too-old"))
    } else {
        None
    }
}

fn names(plugins: &[Workload]) -> String {
    let names: Vec<String> = plugins.iter().map(|one| one.display_name()).collect();
    names.join(", ")
}

fn secret_missing(plugins: &[Workload]) -> Finding {
    Finding::warning("secret-missing")
        .seen_on(plugins.iter().skip(1).map(|one| one.index))
        .arg("secret", ["secret/", plugin::SECRET].concat())
        .arg("workloads", names(plugins))
}

/// A finding about the Secret as a whole.
fn about(finding: Finding, index: u32, secret: &Object) -> Finding {
    finding.on(index).arg("secret", secret.display_name())
}

/// The texts that are there, of those that may be the driver's.
fn present(secret: &Object) -> Vec<&'static str> {
    let data = secret.value.get("data");
    let is_there = |key: &&str| data.is_some_and(|data| data.get(*key).is_some());
    plugin::KEYS.into_iter().filter(is_there).collect()
}

fn text<'a>(secret: &'a Object, key: &str) -> &'a str {
    secret.text(&pointer(key)).unwrap_or_default()
}

fn pointer(key: &str) -> String {
    ["/data/", key].concat()
}

/// A finding for each text in which the option is not true, and the edits of those that can be edited.
fn edits<'a>(
    index: u32,
    secret: &'a Object,
    verdicts: Vec<(&'static str, &'a str, Verdict)>,
    report: &mut Report,
) -> Edits<'a> {
    let immutable = secret.value.get("immutable").and_then(|one| one.as_bool()) == Some(true);
    let mut edits = Edits::default();
    for (key, old, verdict) in verdicts {
        let (message, new) = match verdict {
            Verdict::On => continue,
            Verdict::NotIni => ("not-ini", None),
            Verdict::Unreadable => ("option-unreadable", None),
            Verdict::Off { .. } | Verdict::Missing { .. } if immutable => ("immutable", None),
            Verdict::Off { new } => ("option-off", Some(new)),
            Verdict::Missing { new } => ("option-missing", Some(new)),
        };
        let finding = about(Finding::warning(message), index, secret)
            .at(pointer(key))
            .arg("key", key);
        let finding = report.finding(finding);
        if let Some(new) = new {
            edits.findings.push(finding);
            edits.texts.push(Edit { key, old, new });
        }
    }
    edits
}

/// The guide's steps: set the option, restart the node plugin and then the controller. And then see to the volumes that
/// were expanded before.
fn plan(input: &Input, secret: u32, plugins: &[Workload], edits: Edits, report: &mut Report) {
    if edits.texts.is_empty() {
        return;
    }
    let Edits { findings, texts } = edits;
    let mends = |step: Step| findings.iter().fold(step, |step, &one| step.mends(one));
    let mut earlier = vec![report.step(mends(set_option(input, secret, texts)))];
    for plugin in plugins {
        let step = restart(plugin).needs(earlier.iter().copied());
        earlier.push(report.step(mends(step)));
    }
    let volumes = volumes::expanded(input);
    if !volumes.is_empty() {
        report.step(mends(check_volumes(&volumes)).needs(earlier));
    }
}

fn set_option(input: &Input, secret: u32, texts: Vec<Edit>) -> Step {
    let managed_as_addon =
        input.context.is_nks() && input.context.kubernetes_version() >= Some((1, 30));
    let message = if managed_as_addon {
        "set-option-addon"
    } else {
        "set-option"
    };
    let keys: Vec<&str> = texts.iter().map(|edit| edit.key).collect();
    let mut patch = Patch::default();
    for edit in &texts {
        patch = patch.replace(&pointer(edit.key), edit.old, edit.new.as_str());
    }
    // The host puts the values back into the text, so what is there afterwards is not what is known here.
    Step::patch(message, secret, patch)
        .arg("secret", ["secret/", plugin::SECRET].concat())
        .arg("keys", keys.join(", "))
}

fn restart(plugin: &Workload) -> Step {
    Step::new("restart-plugin", Change::Restart(plugin.index))
        .arg("workload", plugin.display_name())
        .risk(Risk::Disruptive)
        .wait()
}

fn check_volumes(volumes: &[String]) -> Step {
    let mut names = volumes[..volumes.len().min(MOST_NAMES)].join(", ");
    if volumes.len() > MOST_NAMES {
        names.push_str(", …");
    }
    Step::manual("check-volumes")
        .arg("count", volumes.len().to_string())
        .arg("volumes", names)
}

/// The option is true: the workloads that still run as they were started before are restarted.
fn restart_older(input: &Input, secret: &Object, plugins: &[Workload], report: &mut Report) {
    let Some(change) = age::last_change(secret) else {
        return;
    };
    let owners = Owners::of(input);
    let mut earlier = Vec::new();
    for plugin in plugins {
        let pods = age::older_pods(input, &owners, plugin, change);
        if pods.is_empty() {
            continue;
        }
        let is_restarting = age::restarted_since(plugin, change);
        let message = if is_restarting {
            "restart-unfinished"
        } else {
            "restart-needed"
        };
        let finding = Finding::warning(message)
            .on(plugin.index)
            .seen_on(pods.iter().map(|pod| pod.index))
            .arg("workload", plugin.display_name())
            .arg("pods", pods.len().to_string())
            .arg("secret", secret.display_name());
        let found = report.finding(finding);
        if !is_restarting {
            let step = restart(plugin).mends(found).needs(earlier.iter().copied());
            earlier.push(report.step(step));
        }
    }
}
