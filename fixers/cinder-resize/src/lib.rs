//! The Cinder CSI driver looks at a disk again before it grows the file system on it.
//!
//! The guide: "The Pod's file system does not reflect the increased capacity after the PV capacity is increased". Its
//! script appends a section to the driver's configuration each time it runs, and restarts workloads by names that do not
//! exist. Here the option is set once, where it belongs, and the workloads are told by what runs in them.
//!
//! | Question | answered in |
//! |---|---|
//! | Is the option set in this text, and how does it get there? | `config.rs` |
//! | What runs the driver, which text does it read, and has it read it? | `plugin.rs` |
//! | Which volumes may have stayed small? | `volumes.rs` |
//! | What is to be said and done about it? | this file |
//!
//! The values in the Secret are not seen here: each is a token, and the option's true or false is none.

mod config;
mod plugin;
#[cfg(test)]
mod tests;
mod volumes;

use config::Setting;
use nks_fixer::{
    Change, Finding, Fixer, Input, Object, Outcome, Patch, Report, Risk, Step, Workload,
};
use serde_json::Value;

/// The fixer.
#[derive(Debug)]
pub struct CinderResize;

nks_fixer::export!(CinderResize);

/// Upstream's name and Magnum's name of the text.
const KEYS: [&str; 2] = ["cloud-config", "cloud.conf"];
/// How many volumes are named before the rest is counted.
const MOST_NAMED: usize = 10;

impl Fixer for CinderResize {
    fn analyze(input: &Input) -> Result<Outcome, String> {
        let mut report = Report::default();
        let workloads = plugin::workloads(input);
        let secret = input
            .indexed()
            .find(|(_, object)| object.kind == "Secret" && object.name == plugin::SECRET);
        match (secret, workloads.as_slice()) {
            (_, []) => {}
            (None, [first, ..]) => {
                report.finding(
                    Finding::warning("secret-missing")
                        .on(first.index)
                        .arg("workload", first.display_name()),
                );
            }
            (Some(secret), workloads) => examine(input, secret, workloads, &mut report),
        }
        Ok(Outcome::Done(report))
    }
}

/// One text of the Secret.
struct Text<'a> {
    key: &'static str,
    text: &'a str,
}

/// The texts that the driver reads; where that cannot be told, all there are.
fn texts<'a>(secret: &'a Object, workloads: &[Workload<'_>]) -> Vec<Text<'a>> {
    let data = secret.value.get("data");
    let there = KEYS.into_iter().filter_map(|key| {
        let text = data?.get(key)?.as_str()?;
        Some(Text { key, text })
    });
    let there: Vec<Text<'a>> = there.collect();
    let used: Vec<String> = workloads.iter().filter_map(plugin::key_in_use).collect();
    let told = workloads.len() == used.len()
        && used
            .iter()
            .all(|key| there.iter().any(|text| text.key == key));
    if told {
        there
            .into_iter()
            .filter(|text| used.iter().any(|key| key == text.key))
            .collect()
    } else {
        there
    }
}

fn examine(
    input: &Input,
    (index, secret): (u32, &Object),
    workloads: &[Workload<'_>],
    report: &mut Report,
) {
    let texts = texts(secret, workloads);
    let found = |message: &str, keys: &[&str]| {
        Finding::warning(message)
            .on(index)
            .arg("secret", secret.display_name())
            .arg("keys", keys.join(", "))
    };
    if texts.is_empty() {
        report.finding(found("no-configuration", &[]));
        return;
    }
    let keys = |wanted: fn(Setting) -> bool| -> Vec<&str> {
        let texts = texts.iter().filter(|text| wanted(config::read(text.text)));
        texts.map(|text| text.key).collect()
    };
    for (message, keys) in [
        ("not-ini", keys(|setting| setting == Setting::NotIni)),
        (
            "option-unreadable",
            keys(|setting| setting == Setting::Unreadable),
        ),
    ] {
        if !keys.is_empty() {
            // A file that is only half understood is not edited.
            report.finding(found(message, &keys));
            return;
        }
    }
    let missing = keys(|setting| setting != Setting::On);
    if missing.is_empty() {
        restart_older(input, secret, workloads, report);
    } else if secret.value.get("immutable").and_then(Value::as_bool) == Some(true) {
        report.finding(found("secret-immutable", &missing));
    } else {
        let finding = report.finding(found("option-missing", &missing));
        plan(
            input,
            &found("", &missing),
            (index, &texts),
            workloads,
            (report, finding),
        );
    }
}

/// The option is set, and only some pods do not know it yet.
fn restart_older(input: &Input, secret: &Object, workloads: &[Workload<'_>], report: &mut Report) {
    let Some(changed) = plugin::last_change(secret) else {
        return;
    };
    for workload in workloads {
        let pods = plugin::older_pods(input, workload, changed);
        if pods.is_empty() {
            continue;
        }
        let finding = report.finding(
            Finding::warning("older-than-configuration")
                .on(workload.index)
                .arg("workload", workload.display_name())
                .arg("secret", secret.display_name())
                .arg("pods", pods.len().to_string())
                .seen_on(pods),
        );
        report.step(restart(workload).mends(finding));
    }
}

/// The guide's steps: the option, then the node plugin and the controller; and the volumes to look after.
fn plan(
    input: &Input,
    said: &Finding,
    (secret, texts): (u32, &[Text<'_>]),
    workloads: &[Workload<'_>],
    (report, finding): (&mut Report, u32),
) {
    let mut patch = Patch::default();
    for text in texts {
        if let Some(edited) = config::with_option(text.text) {
            patch = patch.replace(&["/data/", text.key].concat(), text.text, edited);
        }
    }
    let managed_as_addon =
        input.context.is_nks() && input.context.kubernetes_version() >= Some((1, 30));
    let message = if managed_as_addon {
        "set-option-addon"
    } else {
        "set-option"
    };
    let mut option = Step::patch(message, secret, patch).mends(finding);
    option.args = said.args.clone();
    let mut earlier = vec![report.step(option)];
    for workload in workloads {
        let step = restart(workload)
            .mends(finding)
            .needs(earlier.iter().copied());
        earlier.push(report.step(step));
    }
    let volumes = volumes::expanded(input);
    if !volumes.is_empty() {
        let more = volumes.len().saturating_sub(MOST_NAMED);
        let mut named = volumes
            .iter()
            .take(MOST_NAMED)
            .cloned()
            .collect::<Vec<_>>()
            .join(", ");
        if more > 0 {
            named = [named.as_str(), ", … (+", &more.to_string(), ")"].concat();
        }
        report.step(
            Step::manual("check-volumes")
                .arg("count", volumes.len().to_string())
                .arg("volumes", named)
                .mends(finding)
                .needs(earlier),
        );
    }
}

fn restart(workload: &Workload<'_>) -> Step {
    let message = if plugin::is_node_plugin(workload) {
        "restart-node-plugin"
    } else {
        "restart-controller"
    };
    Step::new(message, Change::Restart(workload.index))
        .arg("workload", workload.display_name())
        .risk(Risk::Disruptive)
        .wait()
}
