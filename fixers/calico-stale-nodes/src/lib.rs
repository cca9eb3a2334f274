//! Nodes that stay in Calico's etcd after they were removed are told, and how to remove nodes without leaving any.
//!
//! The guide: "In a cluster using Calico-eBPF CNI, network failures occur when scaling up after node reduction". When the
//! removed node is the one that calico-kube-controllers runs on, an unfixed version forgets to remove the node from etcd.
//! The other nodes go on looking for it by BGP, and a node added with the same name finds the place taken.
//!
//! | Question | answered in |
//! |---|---|
//! | Does Calico keep its data in etcd, and does it speak BGP? | `calico.rs`, `env.rs` |
//! | Does calico-kube-controllers run, and on which node? | `controllers.rs` |
//! | Does its version have the fault? | `version.rs` |
//! | Which nodes are there, and which peers does calico-node look for in vain? | `nodes.rs`, `peers.rs` |
//! | May its image be updated alone, where somebody asks for that? | `update.rs` |
//! | What is to be said and done about it? | this file and `advice.rs` |
//!
//! Left alone: Calico with Kubernetes as its datastore, where no such entries are kept. What is in etcd cannot be seen with
//! kubectl, so a peer is told only where calico-node itself reports it.

mod advice;
mod calico;
mod controllers;
mod env;
mod nodes;
mod peers;
#[cfg(test)]
mod tests;
mod update;
mod version;

use calico::{Calico, Datastore, Mode};
use controllers::{Controllers, State};
use nks_fixer::{Finding, Fixer, Input, Outcome, Report, naming};
use nodes::Nodes;
use peers::Peers;
use update::Update;
use version::Cleanup;

/// The fixer.
#[derive(Debug)]
pub struct CalicoStaleNodes;

nks_fixer::export!(CalicoStaleNodes);

impl Fixer for CalicoStaleNodes {
    fn analyze(input: &Input) -> Result<Outcome, String> {
        let mut report = Report::default();
        if let Some(calico) = Calico::of(input) {
            match calico.datastore() {
                Datastore::Kubernetes => {}
                Datastore::Etcd => examine(input, &calico, &mut report),
                Datastore::Unknown => {
                    report.finding(
                        Finding::info("datastore-unknown")
                            .on(calico.node.index)
                            .arg("workload", calico.node.display_name()),
                    );
                }
            }
        }
        Ok(Outcome::Done(report))
    }
}

fn examine(input: &Input, calico: &Calico, report: &mut Report) {
    let nodes = Nodes::of(input);
    let stale = peers::unknown(input, &nodes)
        .and_then(|peers| tell_peers(calico, &peers, report).map(|found| (found, peers)));
    let Some(controllers) = Controllers::of(input) else {
        report.finding(Finding::warning("controllers-missing").on(calico.node.index));
        advice::clear_stale(stale.as_ref(), false, report);
        return;
    };
    let running = match controllers.state(&nodes) {
        State::Running(nodes) => Some(nodes),
        state => {
            tell_state(&controllers, &state, report);
            None
        }
    };
    let cleanup = version::of(controllers.image.as_ref());
    let concerned = cleanup != Cleanup::Fixed && calico.mode() != Mode::Vxlan;
    let risk = running.filter(|_| concerned).map(|nodes| {
        (
            tell_risk(calico, &controllers, cleanup, &nodes, report),
            nodes,
        )
    });
    let update = match (&risk, input.context.setting("update-controllers")) {
        (Some(_), Some(version)) => Update::plan(input, &controllers, cleanup, version)
            .map_err(|obstacle| report.finding(obstacle))
            .ok(),
        _ => None,
    };
    advice::clear_stale(stale.as_ref(), update.is_some(), report);
    match (risk, update) {
        (Some((found, _)), Some(update)) => {
            let workload = controllers.workload.display_name();
            let also = stale.map(|(found, _)| found);
            advice::update(update, &workload, [Some(found), also], report);
        }
        (Some((found, nodes)), None) => {
            let managed = update::is_managed(input);
            advice::scale_in(found, &naming::list(nodes.into_iter()), managed, report);
        }
        (None, _) => {}
    }
}

/// Peers that no node has the address of. Gives the finding where they must be left over from removed nodes.
fn tell_peers(calico: &Calico, peers: &Peers, report: &mut Report) -> Option<u32> {
    let unsure =
        peers.by_other_addresses || (peers.nodes.is_empty() && calico.picks_addresses_itself());
    let finding = if unsure {
        Finding::warning("peers-unknown")
    } else if peers.nodes.is_empty() {
        Finding::error("stale-peers")
    } else {
        Finding::error("stale-peers-and-nodes")
            .arg("nodes", naming::list(peers.nodes.iter().copied()))
    };
    let pods = peers.pods.iter();
    let found = report.finding(
        finding
            .on(calico.node.index)
            .seen_on(pods.clone().map(|pod| pod.index))
            .seen_on(peers.events.iter().copied())
            .arg("addresses", naming::list(peers.unknown.iter().copied()))
            .arg("pods", naming::list(pods.map(|pod| pod.name.as_str()))),
    );
    (!unsure).then_some(found)
}

/// calico-kube-controllers that do not run.
fn tell_state(controllers: &Controllers, state: &State, report: &mut Report) {
    let finding = match state {
        State::Running(_) => return,
        State::ScaledToZero => Finding::error("controllers-scaled-to-zero").at("/spec/replicas"),
        State::OnGoneNode(pod, node) => Finding::error("controllers-on-gone-node")
            .arg("pod", pod.name.as_str())
            .arg("node", *node),
        State::WithoutImage(_, reason) | State::Down(reason) => {
            Finding::error("controllers-not-running").arg("state", *reason)
        }
    };
    let found = report.finding(
        finding
            .on(controllers.workload.index)
            .seen_on(controllers.pods())
            .arg("workload", controllers.workload.display_name()),
    );
    report.step(advice::restore(state, controllers).mends(found));
}

/// What a scale-in may leave behind, as far as that is known.
fn tell_risk(
    calico: &Calico,
    controllers: &Controllers,
    cleanup: Cleanup,
    nodes: &[&str],
    report: &mut Report,
) -> u32 {
    let tag = controllers
        .image
        .as_ref()
        .and_then(|image| image.tag.as_deref());
    let image = controllers.container.as_ref();
    let image = image.map_or("-", |container| container.image);
    let finding = match cleanup {
        _ if calico.mode() == Mode::Unknown => Finding::info("mode-unknown"),
        Cleanup::Undecided => Finding::warning("release-undecided"),
        Cleanup::Unknown => Finding::warning("version-unknown"),
        _ if nodes.is_empty() => Finding::warning("scale-in-risk-somewhere"),
        _ => Finding::warning("scale-in-risk").arg("nodes", naming::list(nodes.iter().copied())),
    };
    let finding = match &controllers.container {
        Some(container) => finding.at(container.pointer_to("image")),
        None => finding,
    };
    report.finding(
        finding
            .on(controllers.workload.index)
            .seen_on(controllers.pods())
            .arg("workload", controllers.workload.display_name())
            .arg("version", tag.unwrap_or("-"))
            .arg("image", image),
    )
}
