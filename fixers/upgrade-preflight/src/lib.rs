//! What stands in the way of a cluster upgrade is said before the upgrade begins. Nothing is changed.
//!
//! The user guide: "Upgrading a cluster". NKS upgrades the control plane first, then one worker node group after the other:
//! the autoscaler is switched off, a buffer node joins, and node by node the pods are evicted, the node is upgraded and
//! put back into service. An upgrade fails where an eviction fails, and is refused where its rules are not kept.
//!
//! | Question | answered in |
//! |---|---|
//! | Can the pods be evicted? | `budgets.rs` |
//! | What is lost when pods are evicted? | `lost.rs` |
//! | Do all nodes run, in one version, and take pods? | `nodes.rs` |
//! | Does every part of the API answer, and is any in the way? | `api_services.rs` |
//! | Which API versions are gone after the upgrade, and who still uses them? | `removals.rs`, with `removals/table.rs` |
//! | How long is this version supported, and which is next? | `releases.rs` |
//! | Are NKS's own rules kept: network, registry, autoscaler, finalizers? | `nks.rs` |
//!
//! One cause is one finding, however many objects show it. An error stops the upgrade or loses something for sure, a
//! warning may, and the rest is worth knowing. What cannot be told is said to be unknown.

mod api_services;
mod budgets;
mod found;
mod lost;
mod nks;
mod nodes;
mod releases;
mod removals;
#[cfg(test)]
mod tests;

use nks_fixer::{Finding, Fixer, Input, Outcome, Report};

/// The fixer.
#[derive(Debug)]
pub struct UpgradePreflight;

nks_fixer::export!(UpgradePreflight);

impl Fixer for UpgradePreflight {
    fn analyze(input: &Input) -> Result<Outcome, String> {
        let mut report = Report::default();
        let version = input.context.kubernetes_version();
        let is_nks = input.context.is_nks();

        budgets::check(input, &mut report);
        lost::check(input, &mut report);
        nodes::check(input, &mut report);
        api_services::check(input, &mut report);
        if let Some((_, minor)) = version {
            removals::check(input, minor, &mut report);
        }
        if let Some((_, minor)) = version.filter(|_| is_nks) {
            api_services::check_custom_metrics(input, minor, &mut report);
            nks::check_network(input, minor, &mut report);
            releases::check(input, minor, &mut report);
        }
        if is_nks {
            nks::check_registry(input, &mut report);
        }
        nks::check_autoscaler(input, &mut report);
        nks::check_finalizers(input, &mut report);
        if let Some(message) = left_out(is_nks, version.is_some()) {
            report.finding(Finding::info(message));
        }
        Ok(Outcome::Done(report))
    }
}

/// Which message says what was not looked at; `None` where everything was.
fn left_out(is_nks: bool, version_is_known: bool) -> Option<&'static str> {
    match (is_nks, version_is_known) {
        (true, true) => None,
        (false, true) => Some("not-nks"),
        (true, false) => Some("version-unknown"),
        (false, false) => Some("not-nks-version-unknown"),
    }
}
