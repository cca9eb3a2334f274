//! Nodes whose system is too new for an old Calico with eBPF are named. Nothing is changed.
//!
//! NHN Cloud's user guide, "CNI": a cluster with Calico-eBPF v3.24.1 can have no node group of Rocky Linux 9.5 or Ubuntu 24.04
//! and later, until Calico is updated to v3.28.2 or later. The troubleshooting guide has no section about it.
//!
//! | Question | answered in |
//! |---|---|
//! | Which version of Calico is it, and on which nodes is eBPF on? | `calico.rs` |
//! | Which system and kernel does a node run? | `system.rs` |
//! | What is to be said about it? | this file |
//!
//! Left alone: nodes of older images, also beside newer ones; clusters without eBPF; Calico v3.28.2 and later.

mod calico;
mod system;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;

use calico::{Calico, Ebpf, Version};
use nks_fixer::{Finding, Fixer, Input, Object, Outcome, Report};
use system::System;

/// The fixer.
#[derive(Debug)]
pub struct CalicoOnNewKernel;

nks_fixer::export!(CalicoOnNewKernel);

/// How many nodes a message names; of the others it tells how many there are.
const MOST: usize = 10;

impl Fixer for CalicoOnNewKernel {
    fn analyze(input: &Input) -> Result<Outcome, String> {
        let mut report = Report::default();
        if let Some(calico) = Calico::of(input) {
            examine(&Nodes::of(input, &calico), &calico, &mut report);
        }
        Ok(Outcome::Done(report))
    }
}

/// The nodes where eBPF is on or may be on, by their systems.
#[derive(Default)]
struct Nodes<'a> {
    /// Rocky Linux 9.5, Ubuntu 24.04 and later.
    named: Vec<Node<'a>>,
    /// Other systems with a new kernel.
    as_new: Vec<Node<'a>>,
    unknown: Vec<Node<'a>>,
    /// What is among the first, where it cannot be told whether eBPF is on.
    named_if_ebpf: Vec<Node<'a>>,
}

struct Node<'a> {
    index: u32,
    object: &'a Object,
}

impl<'a> Nodes<'a> {
    fn of(input: &'a Input, calico: &Calico) -> Self {
        let mut nodes = Self::default();
        let all = input.indexed().filter(|(_, object)| object.kind == "Node");
        for (index, object) in all {
            let node = Node { index, object };
            match (calico.ebpf_on(&object.name), System::of(object)) {
                (Ebpf::Off, _) | (_, System::Older) => {}
                (Ebpf::On, System::Named) => nodes.named.push(node),
                (Ebpf::On, System::KernelAsNew) => nodes.as_new.push(node),
                (Ebpf::On, System::Unknown) => nodes.unknown.push(node),
                (Ebpf::Unknown, System::Named) => nodes.named_if_ebpf.push(node),
                (Ebpf::Unknown, _) => {}
            }
        }
        nodes
    }
}

fn examine(nodes: &Nodes, calico: &Calico, report: &mut Report) {
    let version = calico.version();
    if version == Version::Enough {
        return;
    }
    let mut say = |finding: Finding, nodes: &[Node]| {
        if !nodes.is_empty() {
            report.finding(about(finding, calico, nodes));
        }
    };
    let unknown_ebpf = Finding::info("ebpf-unknown").arg("image", calico.image());
    say(unknown_ebpf, &nodes.named_if_ebpf);
    if version == Version::Unknown {
        let finding = Finding::info("calico-version-unknown").arg("image", calico.image());
        say(finding, &nodes.named);
        return;
    }
    let with_version = |finding: Finding| finding.arg("version", calico.tag());
    let named = match version {
        Version::NamedByNhn => Finding::error("cannot-run"),
        _ => Finding::warning("not-confirmed"),
    };
    say(with_version(named), &nodes.named);
    if version != Version::From27 {
        say(
            with_version(Finding::warning("kernel-as-new")),
            &nodes.as_new,
        );
    }
    say(with_version(Finding::info("node-unknown")), &nodes.unknown);
}

fn about(finding: Finding, calico: &Calico, nodes: &[Node]) -> Finding {
    finding
        .on(calico.workload.index)
        .at(calico.container.pointer_to("image"))
        .seen_on(nodes.iter().take(MOST).map(|node| node.index))
        .arg("nodes", list(nodes))
}

/// By system: `pool-node-0, pool-node-1 [Ubuntu 24.04.3 LTS, 6.8.0-88-generic]; … (+3)`
fn list(nodes: &[Node]) -> String {
    let mut systems: BTreeMap<[&str; 2], Vec<&str>> = BTreeMap::new();
    for node in nodes.iter().take(MOST) {
        let system = [system::image(node.object), system::kernel(node.object)];
        let names = systems.entry(system).or_default();
        names.push(&node.object.name);
    }
    let of_system = |(system, names): ([&str; 2], Vec<&str>)| {
        let seen = system.map(|text| if text.is_empty() { "-" } else { text });
        [&names.join(", "), " [", &seen.join(", "), "]"].concat()
    };
    let mut shown: Vec<String> = systems.into_iter().map(of_system).collect();
    let more = nodes.len().saturating_sub(MOST);
    if more > 0 {
        shown.push(["… (+", &more.to_string(), ")"].concat());
    }
    shown.join("; ")
}
