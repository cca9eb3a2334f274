//! UDP from pods on the host network is balanced when a socket connects, as TCP is.
//!
//! The guide: "Setting the hostnetwork: true, dnsPolicy: ClusterFirstWithHostNet option on a Pod in a cluster with
//! Calico-eBPF CNI causes UDP communication issues". Calico balances TCP at connect time and UDP by a NAT table, which fails
//! such pods. Two settings of Felix let UDP go the way of TCP. Each of them alone does harm, so both are set in one patch.
//!
//! | Question | answered in |
//! |---|---|
//! | Which workloads can suffer from it? | `affected.rs` |
//! | How was Calico installed, is eBPF on, and what do the settings say now? | `calico.rs` |
//! | Does this version of Calico have the settings? | `version.rs` |
//! | Is Istio there? It needs the opposite settings. | `istio.rs` |
//! | What is to be said and done about it? | this file and `obstacle.rs` |
//!
//! Left alone: clusters without eBPF or without such pods, and clusters with both settings in place.

mod affected;
mod calico;
mod istio;
mod naming;
mod obstacle;
#[cfg(test)]
mod tests;
mod version;

use calico::{Calico, Ebpf, Felix, Node};
use nks_fixer::{Context, Finding, Fixer, Input, Outcome, Patch, Report, Risk, Step, Workload};

/// The fixer.
#[derive(Debug)]
pub struct EbpfUdpCtlb;

nks_fixer::export!(EbpfUdpCtlb);

/// A setting of Felix: the name of its environment variable, its field in a FelixConfiguration, and what to set.
#[derive(Clone, Copy)]
struct Setting {
    variable: &'static str,
    field: &'static str,
    value: &'static str,
}

const SETTINGS: [Setting; 2] = [
    Setting {
        variable: "FELIX_BPFCONNECTTIMELOADBALANCING",
        field: "bpfConnectTimeLoadBalancing",
        value: "Enabled",
    },
    Setting {
        variable: "FELIX_BPFHOSTNETWORKEDNATWITHOUTCTLB",
        field: "bpfHostNetworkedNATWithoutCTLB",
        value: "Disabled",
    },
];

impl Fixer for EbpfUdpCtlb {
    fn analyze(input: &Input) -> Result<Outcome, String> {
        let mut report = Report::default();
        let affected = affected::workloads(input);
        if let Some(calico) = Calico::of(input)
            && !affected.is_empty()
        {
            examine(input, &calico, &affected, &mut report);
        }
        Ok(Outcome::Done(report))
    }
}

fn examine(input: &Input, calico: &Calico, affected: &[Workload], report: &mut Report) {
    let deprecated = calico.deprecated();
    let settled = SETTINGS.iter().all(|setting| calico.is_right(setting));
    if calico.ebpf() == Ebpf::Off || (settled && deprecated.is_empty()) {
        return;
    }
    if calico.ebpf() == Ebpf::Unknown {
        report.finding(finding(Finding::info("ebpf-unknown"), calico, affected));
        return;
    }
    let obstacles = obstacle::all(input, calico, deprecated);
    if obstacles.is_empty() {
        let found = report.finding(finding(
            Finding::warning("udp-by-nat-table"),
            calico,
            affected,
        ));
        if let Some(step) = repair(&input.context, calico) {
            report.step(step.mends(found));
        }
    }
    for obstacle in obstacles {
        report.finding(finding(obstacle, calico, affected));
    }
}

/// What every finding says: where the settings belong, and which workloads suffer.
fn finding(finding: Finding, calico: &Calico, affected: &[Workload]) -> Finding {
    let finding = match (&calico.felix, &calico.node, calico.by_operator) {
        (Some(felix), _, true) => finding.on(felix.index).at("/spec"),
        (_, Some(node), _) => finding.on(node.workload.index).at(&node.env.pointer),
        _ => finding,
    };
    finding
        .seen_on(affected.iter().take(naming::MOST).map(|one| one.index))
        .arg(
            "workloads",
            naming::list(affected.iter().map(|one| one.object)),
        )
}

/// The operator takes back what is set on its DaemonSet, so there the settings go where it leaves them alone.
fn repair(context: &Context, calico: &Calico) -> Option<Step> {
    if calico.by_operator {
        calico.felix.as_ref().map(configure)
    } else {
        calico
            .node
            .as_ref()
            .map(|node| set_variables(context, node))
    }
}

fn set_variables(context: &Context, node: &Node) -> Step {
    let managed_as_addon = context.is_nks() && context.kubernetes_version() >= Some((1, 30));
    let message = if managed_as_addon {
        "balance-at-connect-addon"
    } else {
        "balance-at-connect"
    };
    let target = node.workload.index;
    let variables = SETTINGS.map(|setting| (setting.variable, setting.value));
    let (patch, places) = node.env.set(&variables);
    let mut step = Step::patch(message, target, patch)
        .arg("workload", naming::of(&node.workload))
        .risk(Risk::Disruptive)
        .wait();
    for (pointer, value) in places {
        step = step.expect(target, pointer, value);
    }
    step
}

/// Felix watches its FelixConfiguration, so there is no rollout to wait for.
fn configure(felix: &Felix) -> Step {
    let mut patch = Patch::default();
    for setting in &SETTINGS {
        let pointer = ["/spec/", setting.field].concat();
        patch = match felix.object.value.pointer(&pointer) {
            Some(old) => patch.replace(&pointer, old.clone(), setting.value),
            None => patch.add(&pointer, setting.value),
        };
    }
    let mut step = Step::patch("balance-at-connect-felix", felix.index, patch)
        .arg("configuration", naming::of(felix.object))
        .risk(Risk::Disruptive);
    for setting in &SETTINGS {
        let pointer = ["/spec/", setting.field].concat();
        step = step.expect(felix.index, pointer, setting.value);
    }
    step
}
