//! Why calico-node runs but is not Ready: calico-typha is gone, since its image cannot be pulled again.
//!
//! The guide has no such section any more; an earlier draft of it had: images of Calico that were garbage-collected.
//! A node short of disk space drops images that no container uses. When calico-typha is started there later and the registry
//! cannot be reached, or the reference was wrong all along, no typha is left. calico-node asks typha for its
//! configuration, so it stays Running with READY 0/1, which looks like a fault of its own.
//!
//! | Question | answered in |
//! |---|---|
//! | Is there a typha, and does calico-node go through it? | `calico.rs` |
//! | Which pods wait for an image, and which run without being Ready? | `evidence.rs` |
//! | Why could the image not be pulled, in few words? | `reason.rs` |
//! | Who can do something about the image? | `origin.rs` |
//! | What is to be said about it? | this file |
//!
//! One finding, with every symptom beside it. Nothing is changed here: a wrong reference is mended by `calico-images`.
//! Left alone: typha of which some pod is Ready or which fails for another reason, and calico-node that is not Ready for
//! another reason.

mod calico;
mod evidence;
mod origin;
mod reason;
#[cfg(test)]
mod tests;

use evidence::{Outage, Unpulled};
use nks_fixer::{Finding, Fixer, Input, Outcome, Report, Step, naming};
use origin::Remedy;

/// The fixer.
#[derive(Debug)]
pub struct CalicoTyphaOutage;

nks_fixer::export!(CalicoTyphaOutage);

impl Fixer for CalicoTyphaOutage {
    fn analyze(input: &Input) -> Result<Outcome, String> {
        let mut report = Report::default();
        if let Some(outage) = Outage::of(input) {
            let found = report.finding(finding(&outage));
            for step in remedies(&outage) {
                report.step(step.mends(found));
            }
        }
        Ok(Outcome::Done(report))
    }
}

fn finding(outage: &Outage) -> Finding {
    let typha = outage.calico.typha;
    let finding = if outage.controllers.is_empty() {
        Finding::error("typha-gone")
    } else {
        Finding::error("typha-and-controllers-gone").arg("controllers", places(&outage.controllers))
    };
    finding
        .on(typha.index)
        .seen_on(outage.unpulled().map(|one| one.pod.index))
        .seen_on(outage.unready.iter().map(|unready| unready.pod.index))
        .seen_on(outage.unready.iter().filter_map(|unready| unready.event))
        .arg("workload", typha.display_name())
        .arg("pods", places(&outage.typha))
        .arg("images", naming::list(outage.images()))
        .arg("reason", outage.reason)
        .arg("unready", outage.unready.len().to_string())
        .arg("desired", outage.calico.node.desired().to_string())
        .arg("nodes", nodes(outage))
}

/// `calico-typha-7d9c5b6f4-x2x9k (shop-default-worker-node-1)`
fn places(unpulled: &[Unpulled]) -> String {
    let places: Vec<String> = unpulled
        .iter()
        .map(|one| {
            let node = one.pod.node_name().unwrap_or("-");
            [one.pod.name.as_str(), " (", node, ")"].concat()
        })
        .collect();
    naming::list(places.iter().map(String::as_str))
}

/// Where calico-node is not Ready.
fn nodes(outage: &Outage) -> String {
    let unready = outage.unready.iter();
    let mut names: Vec<&str> = unready
        .filter_map(|unready| unready.pod.node_name())
        .collect();
    names.sort_unstable();
    naming::list(names.into_iter())
}

/// NKS looks after the images of its own registry; of the others, `calico-images` mends the references that are wrong, and
/// what is right all the same has to be pulled by hand.
fn remedies(outage: &Outage) -> Vec<Step> {
    if outage.uses_nks_registry() {
        return vec![
            Step::manual("reach-nks-registry").arg("images", naming::list(outage.images())),
            Step::manual("check-nodes"),
        ];
    }
    let (named_anew, by_hand): (Vec<&str>, Vec<&str>) = outage
        .images()
        .partition(|image| origin::remedy(image) == Remedy::CalicoImages);
    let mut steps = Vec::new();
    if !named_anew.is_empty() {
        let images = naming::list(named_anew.iter().copied());
        steps.push(Step::manual("use-calico-images").arg("images", images));
    }
    if !by_hand.is_empty() {
        let all = outage.calico.containers().map(|container| container.image);
        let right: Vec<&str> = all.filter(|image| !named_anew.contains(image)).collect();
        steps.push(
            Step::manual("pull-on-every-node").arg("images", naming::list(right.into_iter())),
        );
        steps.push(Step::manual("restart-in-order"));
    }
    steps.push(Step::manual("check-nodes"));
    steps.push(Step::manual("keep-images"));
    steps
}
