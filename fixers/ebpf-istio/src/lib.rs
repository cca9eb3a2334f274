//! Istio sidecars in a cluster with Calico-eBPF are reported: traffic may pass them by.
//!
//! The guide: "istio is not working properly in a Calico-eBPF cluster". Calico picks the pod behind a Service when a
//! connection is made, before Istio's sidecar sees it. The guide's advice is a Calico-VXLAN cluster, which no patch can make.
//! Calico can also leave the connection alone and use its NAT table instead (from v3.27 on). That has side effects, and
//! failures were reported, so it is planned only with `--set load-balancing=without-ctlb`.
//!
//! | Question | answered in |
//! |---|---|
//! | Which pods have sidecars, which namespaces ask for them, and is there Istio's ambient mode? | `mesh.rs` |
//! | How was Calico installed, is eBPF on, and what do the settings say now? | `calico.rs` |
//! | What stands against the two settings, and what sets them? | `without_ctlb.rs` |
//! | What is to be said about it? | this file |
//!
//! `ebpf-udp-ctlb` sets the opposite, for UDP on the host network. It refuses wherever this fixer sees Istio, so the two
//! never plan together.

mod calico;
mod mesh;
#[cfg(test)]
mod tests;
mod without_ctlb;

use calico::{Calico, Ebpf, NAT, NO_CTLB, Version};
use mesh::{Mesh, Sidecars};
use nks_fixer::{Finding, Fixer, Input, Object, Outcome, Report};

/// The fixer.
#[derive(Debug)]
pub struct EbpfIstio;

nks_fixer::export!(EbpfIstio);

/// How many objects a message names; of the others it tells how many there are.
const MOST: usize = 5;

impl Fixer for EbpfIstio {
    fn analyze(input: &Input) -> Result<Outcome, String> {
        let mut report = Report::default();
        if let Some(calico) = Calico::of(input) {
            let mesh = Mesh::of(input);
            match calico.ebpf() {
                Ebpf::Off => {}
                Ebpf::Unknown => report_unknown(&mesh, &calico, &mut report),
                Ebpf::On => {
                    examine_sidecars(input, &mesh, &calico, &mut report);
                    examine_ambient(&mesh, &calico, &mut report);
                }
            }
        }
        Ok(Outcome::Done(report))
    }
}

fn report_unknown(mesh: &Mesh, calico: &Calico, report: &mut Report) {
    let signs = mesh.signs();
    if !signs.is_empty() {
        let finding = about(Finding::info("ebpf-unknown"), calico);
        report.finding(finding.arg("signs", list(signs.into_iter())));
    }
}

/// The sidecars, or the namespaces whose next pods get one.
fn examine_sidecars(input: &Input, mesh: &Mesh, calico: &Calico, report: &mut Report) {
    let asked_for = input.context.setting("load-balancing") == Some("without-ctlb");
    let Some(finding) = finding(mesh, calico) else {
        return;
    };
    let found = report.finding(finding);
    if asked_for && !calico.is_without_ctlb() {
        let obstacles = without_ctlb::obstacles(calico);
        if obstacles.is_empty()
            && let Some(step) = without_ctlb::step(&input.context, calico)
        {
            report.step(step.mends(found));
        }
        for obstacle in obstacles {
            report.finding(about(obstacle, calico));
        }
    }
}

fn finding(mesh: &Mesh, calico: &Calico) -> Option<Finding> {
    if mesh.sidecars.pods.is_empty() && mesh.injecting.is_empty() {
        return None;
    }
    if calico.has(&NO_CTLB) == Some(true) {
        let finding = match calico.has(&NAT) {
            Some(false) => Finding::warning("services-unreachable"),
            _ => Finding::info("without-ctlb-in-place"),
        };
        let signs = list(mesh.sidecars_or_namespaces());
        return Some(about(finding, calico).arg("signs", signs));
    }
    if mesh.sidecars.pods.is_empty() {
        let namespaces = mesh.injecting.iter();
        let finding = about(Finding::warning("injection-asked-for"), calico)
            .seen_on(namespaces.clone().take(MOST).map(|(index, _)| *index))
            .arg(
                "namespaces",
                list(namespaces.map(|(_, one)| one.name.clone())),
            );
        return Some(finding);
    }
    Some(evidence(
        about(Finding::warning("sidecars-passed-by"), calico),
        &mesh.sidecars,
    ))
}

/// How many pods of how many workloads, and where.
fn evidence(finding: Finding, sidecars: &Sidecars) -> Finding {
    let pods = sidecars.pods.iter();
    finding
        .seen_on(pods.take(MOST).map(|pod| pod.index))
        .arg("pods", sidecars.pods.len().to_string())
        .arg("native", sidecars.native.to_string())
        .arg("workloads", sidecars.workloads.to_string())
        .arg("namespaces", list(sidecars.by_namespace()))
}

/// Ambient mode has no sidecars. What Calico did wrong there was mended in v3.28.2.
fn examine_ambient(mesh: &Mesh, calico: &Calico, report: &mut Report) {
    if mesh.ambient.is_empty() {
        return;
    }
    let finding = match calico.version() {
        Version::Unknown => Finding::info("ambient-version-unknown").arg("image", calico.image()),
        version if !version.mends_ambient() => {
            Finding::warning("ambient-too-old").arg("version", calico.tag())
        }
        _ if calico.has(&NO_CTLB) == Some(true) => return,
        _ => Finding::info("ambient-mended").arg("version", calico.tag()),
    };
    let signs = mesh.ambient.iter();
    report.finding(
        about(finding, calico)
            .seen_on(signs.clone().take(MOST).map(|(index, _)| *index))
            .arg("signs", list(signs.map(|(_, object)| name(object)))),
    );
}

/// Every finding is about the place where Calico is told what to do.
fn about(finding: Finding, calico: &Calico) -> Finding {
    match (&calico.felix, &calico.node, calico.by_operator) {
        (Some(felix), _, true) => finding.on(felix.index).at("/spec"),
        (_, Some(node), _) => finding.on(node.workload.index).at(&node.env.pointer),
        _ => finding,
    }
}

/// `daemonset.apps/calico-node -n kube-system`
fn name(object: &Object) -> String {
    let name = object.display_name();
    if object.namespace.is_empty() {
        name
    } else {
        [name.as_str(), object.namespace.as_str()].join(" -n ")
    }
}

/// The first few, and how many more there are: `cart (2), shop (12), … (+3)`.
fn list(all: impl Iterator<Item = String>) -> String {
    let mut all = all;
    let mut shown: Vec<String> = all.by_ref().take(MOST).collect();
    let more = all.count();
    if more > 0 {
        shown.push(["… (+", &more.to_string(), ")"].concat());
    }
    shown.join(", ")
}
