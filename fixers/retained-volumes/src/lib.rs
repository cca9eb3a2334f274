//! Volumes that nothing uses are named, with what they hold, so that somebody can decide whether to go on paying for them.
//!
//! Not in the guide. With the reclaim policy `Retain` a volume outlives its claim, a claim outlives the pods that used it,
//! and neither goes away with the cluster. Deleting one cannot be undone, so this only reports.
//!
//! | Question | answered in |
//! |---|---|
//! | Which volumes cost money, and which of them has no claim? | `volumes.rs` |
//! | Which claims does something refer to? | `usage.rs` |
//! | How large, how old? | `quantity.rs`, `age.rs` |
//! | What is to be said and done about it? | this file |
//!
//! Left alone: volumes of other drivers (an NFS volume is a folder of a storage that is billed as a whole), whatever is
//! being deleted, claims that have an owner who deletes them, claims of the last day, and volumes that wait for their
//! first claim.
//! A volume that is back in use under another name is in use.

#[cfg(test)]
mod tests;
mod usage;
mod volumes;

use nks_fixer::{Finding, Fixer, Input, Outcome, Report, Step};
use usage::Use;

/// The fixer.
#[derive(Debug)]
pub struct RetainedVolumes;

nks_fixer::export!(RetainedVolumes);

/// How many objects a message names.
const MOST_NAMES: usize = 10;

/// An object that costs money, and how it is named to a person.
struct Idle {
    index: u32,
    name: String,
    bytes: u64,
}

impl Fixer for RetainedVolumes {
    fn analyze(input: &Input) -> Result<Outcome, String> {
        let mut report = Report::default();
        let volumes = volumes::billed(input);
        let findings = [
            finding(
                Finding::warning("released-volumes"),
                &volumes::idle(&volumes, |volume| volume.is_retained()),
            ),
            finding(
                Finding::warning("available-volumes"),
                &volumes::idle(&volumes, |volume| volume.lost_its_claim()),
            ),
        ];
        add(findings, &["keep-data", "delete-volumes"], &mut report);
        claims(input, &volumes, &mut report);
        Ok(Outcome::Done(report))
    }
}

/// The claims that nothing uses, and those that a StatefulSet would use if it were scaled out again.
fn claims(input: &Input, volumes: &volumes::Volumes, report: &mut Report) {
    let claims = volumes::bound_claims(input, volumes);
    if claims.is_empty() {
        return;
    }
    if !usage::was_read(input) {
        let finding = Finding::info("claims-unclear").arg("count", claims.len().to_string());
        report.finding(finding.seen_on(claims.iter().map(|claim| claim.idle.index)));
        return;
    }
    let usage = usage::Usage::of(input);
    let (mut unused, mut scaled_in) = (Vec::new(), Vec::new());
    for claim in claims {
        match usage.of_claim(claim.object) {
            Use::None => unused.push(claim.idle),
            Use::IfScaledOut => scaled_in.push(claim.idle),
            Use::Some => {}
        }
    }
    let findings = [
        finding(Finding::info("unused-claims"), &unused),
        finding(Finding::info("scaled-in-claims"), &scaled_in),
    ];
    add(findings, &["check-claims", "delete-claims"], report);
}

/// The finding that names `idle`; `None` where there is nothing to name.
fn finding(finding: Finding, idle: &[Idle]) -> Option<Finding> {
    let first = idle.first()?;
    let names: Vec<&str> = idle.iter().map(|one| one.name.as_str()).collect();
    let mut text = names[..names.len().min(MOST_NAMES)].join(", ");
    if names.len() > MOST_NAMES {
        text.push_str(", …");
    }
    let bytes = idle.iter().map(|one| one.bytes).sum();
    let finding = finding
        .on(first.index)
        .seen_on(idle.iter().skip(1).map(|one| one.index))
        .arg("count", names.len().to_string())
        .arg("size", volumes::gib(bytes))
        .arg("names", text);
    Some(finding)
}

/// Adds the findings that are there, and for all of them together what a person can do, one thing after the other.
fn add(findings: [Option<Finding>; 2], steps: &[&str], report: &mut Report) {
    let found: Vec<u32> = findings
        .into_iter()
        .flatten()
        .map(|finding| report.finding(finding))
        .collect();
    if found.is_empty() {
        return;
    }
    for message in steps {
        let step = found
            .iter()
            .fold(Step::manual(message), |step, &one| step.mends(one));
        report.step(step);
    }
}
