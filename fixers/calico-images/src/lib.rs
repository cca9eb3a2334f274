//! Calico images that cannot be pulled are named anew in the public repository, in the same version.
//!
//! The guide: "When scaling out nodes or adding node groups in a cluster running v1.29.3 or earlier with an inactive NKS
//! registry, the calico-node pod deployment fails". Clusters made before May 2024 name a wrong repository for Calico. The
//! guide does not say which, so what counts as wrong is what some pod really cannot pull.
//!
//! | Question | answered in |
//! |---|---|
//! | Which pods cannot pull what? | `evidence.rs` |
//! | Is this image Calico's, whose is it, and what replaces it? | `origin.rs` |
//! | Why could it not be pulled, in few words? | `reason.rs` |
//! | What is to be said and done about it? | this file |
//!
//! Left alone: whatever is healthy, what NKS's own registry serves, what is public already, and images whose version is
//! not known (no tag) or is fixed by digest. Whether somebody else manages a workload is the host's question.

mod evidence;
mod origin;
mod reason;
#[cfg(test)]
mod tests;

use evidence::{Broken, Fault};
use nks_fixer::{Finding, Fixer, Input, Outcome, Patch, Report, Risk, Step, Workload};

/// The fixer.
#[derive(Debug)]
pub struct CalicoImages;

nks_fixer::export!(CalicoImages);

/// Kind and name of the workloads, in the order in which they are mended: the network of every node first.
const WORKLOADS: [(&str, &str); 3] = [
    ("DaemonSet", "calico-node"),
    ("Deployment", "calico-kube-controllers"),
    ("Deployment", "calico-typha"),
];

impl Fixer for CalicoImages {
    fn analyze(input: &Input) -> Result<Outcome, String> {
        let registry = input.context.setting("registry").unwrap_or("docker.io");
        let workloads = calico_workloads(input);
        let nks_registry_is_active = workloads.iter().any(origin::uses_nks_registry);

        let mut report = Report::default();
        let mut repairs = Vec::new();
        for fault in evidence::faults(input, &workloads) {
            if nks_registry_is_active {
                report.finding(registry_finding(&fault));
                continue;
            }
            // The public image may be out of reach while another container of the same pod names a wrong repository:
            // these are two faults, and only one of them can be mended here.
            let (public, broken) = fault.split(|broken| origin::is_public(&broken.image, registry));
            if public.was_tried() {
                report.finding(public_finding(&public));
            }
            if broken.was_tried() {
                let obstacle = obstacle(&broken);
                let repairable = obstacle.is_none();
                let found = report
                    .finding(obstacle.unwrap_or_else(|| finding("images-unpullable", &broken)));
                if repairable {
                    repairs.push((found, broken));
                }
            }
        }
        plan(input, registry, &repairs, &mut report);
        Ok(Outcome::Done(report))
    }
}

fn calico_workloads(input: &Input) -> Vec<Workload<'_>> {
    let named = |(kind, name)| {
        input.workloads().find(|workload| {
            workload.kind == kind && workload.name == name && workload.namespace == "kube-system"
        })
    };
    WORKLOADS.into_iter().filter_map(named).collect()
}

/// A finding about a workload; all of them carry the same arguments.
fn finding(message: &str, fault: &Fault) -> Finding {
    let finding = Finding::error(message)
        .on(fault.workload.index)
        .seen_on(fault.pods.iter().map(|pod| pod.index))
        .arg("workload", fault.workload.display_name())
        .arg("images", fault.images())
        .arg("reason", reason::shortest(fault.waitings()))
        .arg("pods", fault.pods.len().to_string())
        .arg("desired", fault.workload.desired().to_string());
    match fault.tried().next() {
        Some(first) => finding.at(first.container.pointer_to("image")),
        None => finding,
    }
}

fn registry_finding(fault: &Fault) -> Finding {
    let from_nks = fault
        .tried()
        .any(|broken| origin::is_nks_registry(&broken.image));
    finding(
        if from_nks {
            "nks-registry-unpullable"
        } else {
            "nks-registry-active"
        },
        fault,
    )
}

fn public_finding(fault: &Fault) -> Finding {
    let on_docker_hub = fault.tried().all(|broken| broken.image.host == "docker.io");
    let limited = on_docker_hub && fault.waitings().any(reason::is_rate_limit);
    finding(
        if limited {
            "already-public-rate-limited"
        } else {
            "already-public"
        },
        fault,
    )
}

/// What stands against a repair, as a finding; `None` where nothing does.
fn obstacle(fault: &Fault) -> Option<Finding> {
    let any = |test: fn(&Broken) -> bool| fault.broken.iter().any(test);
    if any(|broken| broken.image.digest.is_some()) {
        Some(finding("pinned-by-digest", fault))
    } else if any(|broken| broken.image.tag.is_none()) {
        Some(finding("without-tag", fault))
    } else {
        None
    }
}

/// The guide's steps: delete the failed node, name the public images one workload after the other, scale out again.
fn plan(input: &Input, registry: &str, repairs: &[(u32, Fault)], report: &mut Report) {
    let failed_nodes = repairs
        .iter()
        .find(|(_, fault)| fault.workload.kind == "DaemonSet");
    if let Some((found, fault)) = failed_nodes {
        report.step(
            Step::manual("delete-failed-node")
                .arg("nodes", fault.nodes())
                .mends(*found),
        );
    }
    let managed_as_addon =
        input.context.is_nks() && input.context.kubernetes_version() >= Some((1, 30));
    let message = if managed_as_addon {
        "use-public-images-addon"
    } else {
        "use-public-images"
    };
    let mut earlier = Vec::new();
    for (found, fault) in repairs {
        let step = repair(message, registry, fault)
            .mends(*found)
            .needs(earlier.iter().copied());
        earlier.push(report.step(step));
    }
    if let Some((found, _)) = failed_nodes {
        report.step(Step::manual("scale-out-again").mends(*found).needs(earlier));
    }
}

/// The step that names the public images in one workload.
fn repair(message: &str, registry: &str, fault: &Fault) -> Step {
    let target = fault.workload.index;
    let edits: Vec<(String, &str, String)> = fault
        .broken
        .iter()
        .map(|broken| {
            let public = origin::public_image(broken.component, &broken.image, registry);
            (
                broken.container.pointer_to("image"),
                broken.container.image,
                public.to_string(),
            )
        })
        .collect();
    let mut patch = Patch::default();
    for (pointer, old, new) in &edits {
        patch = patch.replace(pointer, *old, new.as_str());
    }
    let mut step = Step::patch(message, target, patch)
        .arg("workload", fault.workload.display_name())
        .arg("source", [registry, "calico"].join("/"))
        .risk(Risk::Disruptive)
        .wait();
    for (pointer, _, new) in edits {
        step = step.expect(target, pointer, new);
    }
    step
}
