//! Volumes whose every file is given its group again at each mount get the policy that spares them this.
//!
//! The guide: "Error of timed out waiting for condition occurs and the volume mount to the Pod fails". With fsGroup the
//! kubelet changes the group of each file on a volume whenever it mounts it; with many files the mount does not end in
//! time. `fsGroupChangePolicy: OnRootMismatch` lets it look at the root directory only.
//!
//! | Question | answered in |
//! |---|---|
//! | Which pods wait for a volume, and is fsGroup why? | `evidence.rs` |
//! | Does the kubelet set the group of files on this volume at all? | `volume.rs` |
//! | What do a pod and a template say about fsGroup? | `security.rs` |
//! | Who can change what the pod is made from? | `owner.rs` |
//! | What is to be said and done about it? | this file |
//!
//! Left alone: pods without fsGroup, pods of which an event names another cause, volumes that the kubelet does not touch or
//! of which this cannot be told, and Kubernetes before 1.20, which ignores the policy.

mod evidence;
mod owner;
mod security;
#[cfg(test)]
mod tests;
mod volume;

use std::collections::BTreeMap;

use evidence::{Certainty, Waiting};
use nks_fixer::{Finding, Fixer, Input, Outcome, Owners, Patch, Pod, Report, Risk, Step, Workload};
use owner::Owner;
use security::{OF_POD, OF_TEMPLATE, ON_ROOT_MISMATCH, Walk};
use volume::{Claim, Treatment, Volumes};

/// The fixer.
#[derive(Debug)]
pub struct FsGroupPolicy;

nks_fixer::export!(FsGroupPolicy);

/// The first version in which the policy takes effect unless it is switched off.
const FIRST_VERSION: (u32, u32) = (1, 20);

/// More names than these say no more.
const MOST_NAMES: usize = 8;

/// The pods of one owner that wait, all with the same certainty.
struct Stall<'a> {
    owner: Owner<'a>,
    certainty: Certainty,
    pods: Vec<Pod<'a>>,
    claims: Vec<Claim<'a>>,
}

impl Fixer for FsGroupPolicy {
    fn analyze(input: &Input) -> Result<Outcome, String> {
        let mut report = Report::default();
        for stall in stalls(input) {
            match &stall.owner {
                Owner::Workload(workload) => match Walk::of(workload.object, OF_TEMPLATE) {
                    Walk::Never => {}
                    Walk::OnRootMismatch => report_old_pods(&mut report, &stall, workload, input),
                    Walk::Always(_) => report_stall(&mut report, &stall, input),
                },
                _ => report_stall(&mut report, &stall, input),
            }
        }
        Ok(Outcome::Done(report))
    }
}

/// The waiting pods by their owners. Where the kubelet reports of some, those that are merely suspected add nothing.
fn stalls(input: &Input) -> Vec<Stall<'_>> {
    let owners = Owners::of(input);
    let mut by_owner: BTreeMap<(&str, String), Vec<Waiting>> = BTreeMap::new();
    for waiting in evidence::waiting_pods(input, &Volumes::of(input)) {
        let owner = Owner::of(waiting.pod, &owners, input).name();
        let namespace = waiting.pod.object.namespace.as_str();
        by_owner
            .entry((namespace, owner))
            .or_default()
            .push(waiting);
    }
    by_owner
        .into_values()
        .filter_map(|pods| {
            let owner = Owner::of(pods.first()?.pod, &owners, input);
            let certainty = pods.iter().map(|waiting| waiting.certainty).max()?;
            let (pods, claims): (Vec<Pod>, Vec<Vec<Claim>>) = pods
                .into_iter()
                .filter(|waiting| waiting.certainty == certainty)
                .map(|waiting| (waiting.pod, waiting.claims))
                .unzip();
            Some(Stall {
                owner,
                certainty,
                pods,
                claims: claims.into_iter().flatten().collect(),
            })
        })
        .collect()
}

/// Says what holds a workload up, and plans what mends it where that is known.
fn report_stall(report: &mut Report, stall: &Stall, input: &Input) {
    if let Some(finding) = obstacle(stall, input) {
        report.finding(finding);
        return;
    }
    let claims = stall.claims_that(|treatment| treatment == Treatment::Walked);
    let finding = match stall.certainty {
        Certainty::Reported => Finding::error("slow-walk"),
        Certainty::Suspected => Finding::warning("maybe-slow-walk"),
    };
    let found = report.finding(stall.describe(finding, &claims));
    match &stall.owner {
        Owner::Workload(workload) => {
            let patched = report.step(set_policy(workload).mends(found));
            if keeps_waiting_pods(workload) {
                let step = delete_old_pods(stall).mends(found).needs([patched]);
                report.step(step);
            }
        }
        Owner::Job(name) => {
            report.step(by_hand("job-by-hand", name).mends(found));
        }
        Owner::Other(name) => {
            report.step(by_hand("owner-by-hand", name).mends(found));
        }
        Owner::Nobody(name) => {
            report.step(by_hand("pod-by-hand", name).mends(found));
        }
    }
}

/// What stands against the policy, as a finding; `None` where it would help.
fn obstacle(stall: &Stall, input: &Input) -> Option<Finding> {
    let walked = stall.claims_that(|treatment| treatment == Treatment::Walked);
    if !walked.is_empty() {
        // A server of unknown version that does not know the field drops it, and the step fails in the dry run.
        let version = input.context.kubernetes_version()?;
        if version >= FIRST_VERSION {
            return None;
        }
        let version = [version.0.to_string(), version.1.to_string()].join(".");
        let finding = Finding::warning("kubernetes-too-old");
        return Some(stall.describe(finding, &walked).arg("version", version));
    }
    let unknown = stall.claims_that(|treatment| treatment == Treatment::UnknownVolume);
    if !unknown.is_empty() {
        return Some(stall.describe(Finding::warning("volume-unknown"), &unknown));
    }
    let unknown = stall.claims_that(|treatment| matches!(treatment, Treatment::UnknownDriver(_)));
    if !unknown.is_empty() {
        let drivers = unknown.iter().filter_map(|claim| match claim.treatment {
            Treatment::UnknownDriver(driver) => Some(driver),
            _ => None,
        });
        let finding = Finding::warning("driver-unknown");
        return Some(
            stall
                .describe(finding, &unknown)
                .arg("drivers", listed(drivers)),
        );
    }
    let message = match stall.certainty {
        Certainty::Reported => "driver-disagrees",
        Certainty::Suspected => "policy-does-not-help",
    };
    let left_alone = stall.claims_that(|treatment| treatment == Treatment::LeftAlone);
    Some(stall.describe(Finding::warning(message), &left_alone))
}

/// The template is as it should be; what is left of the fault are pods of the older one.
fn report_old_pods(report: &mut Report, stall: &Stall, workload: &Workload, input: &Input) {
    if keeps_waiting_pods(workload) && obstacle(stall, input).is_none() {
        let claims = stall.claims_that(|treatment| treatment == Treatment::Walked);
        let finding = stall.describe(Finding::warning("old-pods-remain"), &claims);
        let found = report.finding(finding);
        report.step(delete_old_pods(stall).mends(found));
    }
}

/// Whether a workload leaves pods alone that wait, though its template has changed. A StatefulSet that starts its pods
/// one by one does nothing before the waiting one is ready (Kubernetes documentation, StatefulSets, "Forced rollback").
fn keeps_waiting_pods(workload: &Workload) -> bool {
    let one_by_one = workload.kind == "StatefulSet"
        && workload.text("/spec/podManagementPolicy") != Some("Parallel");
    one_by_one || workload.text("/spec/updateStrategy/type") == Some("OnDelete")
}

/// The step that changes the template. It does not wait for the rollout: the first mount may take an hour, and would look
/// like a failure.
fn set_policy(workload: &Workload) -> Step {
    let pointer = [OF_TEMPLATE, "fsGroupChangePolicy"].join("/");
    let patch = match Walk::of(workload.object, OF_TEMPLATE) {
        Walk::Always(Some(policy)) => Patch::default().replace(&pointer, policy, ON_ROOT_MISMATCH),
        _ => Patch::default().add(&pointer, ON_ROOT_MISMATCH),
    };
    Step::patch("set-on-root-mismatch", workload.index, patch)
        .arg("workload", workload.display_name())
        .risk(Risk::Disruptive)
        .expect(workload.index, pointer, ON_ROOT_MISMATCH)
}

fn delete_old_pods(stall: &Stall) -> Step {
    by_hand("delete-old-pods", &stall.owner.name()).arg("pods", stall.pod_names())
}

fn by_hand(message: &str, workload: &str) -> Step {
    Step::manual(message).arg("workload", workload)
}

impl<'a> Stall<'a> {
    /// The claims of which `test` holds.
    fn claims_that(&self, test: impl Fn(Treatment) -> bool) -> Vec<&Claim<'a>> {
        let chosen = self.claims.iter();
        chosen.filter(|claim| test(claim.treatment)).collect()
    }

    /// Completes a finding; all of them carry these arguments.
    fn describe(&self, finding: Finding, claims: &[&Claim]) -> Finding {
        let pods = self.pods.iter().map(|pod| pod.index);
        let finding = match &self.owner {
            Owner::Workload(workload) => finding.on(workload.index).at(OF_TEMPLATE).seen_on(pods),
            // Nothing else was supplied that it could be about.
            _ => match self.pods.first() {
                Some(first) => finding.on(first.index).at(OF_POD).seen_on(pods.skip(1)),
                None => finding,
            },
        };
        finding
            .arg("workload", self.owner.name())
            .arg("pods", self.pod_names())
            .arg("claims", listed(claims.iter().map(|claim| &*claim.name)))
    }

    fn pod_names(&self) -> String {
        listed(self.pods.iter().map(|pod| &*pod.object.name))
    }
}

/// The names, each once, as many as a person reads.
fn listed<'a>(names: impl Iterator<Item = &'a str>) -> String {
    let mut list: Vec<&str> = Vec::new();
    for name in names {
        if !list.contains(&name) {
            list.push(name);
        }
    }
    if list.len() > MOST_NAMES {
        list.truncate(MOST_NAMES);
        list.push("…");
    }
    list.join(", ")
}
