//! Finalizers are removed from what NKS deploys by default, each by its name.
//!
//! The guide: "Failed to upgrade clusters": "When creating an NKS, check whether finalizers are set on the resources that
//! are deployed by default". An upgrade deletes these objects and deploys them anew. An object with a finalizer is not
//! gone when it is deleted, so the upgrade stops there. The guide's command removes the whole list, whatever is in it; here
//! an entry goes only when it is known that nothing is lost with it.
//!
//! | Question | answered in |
//! |---|---|
//! | Is this one of the objects that NKS deploys? | `deployed.rs` |
//! | May this finalizer be removed, and if not, why not? | `finalizer.rs` |
//! | What is to be said and done about it? | this file |
//!
//! Left alone: every object outside that set, whatever its finalizers are, and every finalizer that Kubernetes clears by
//! itself, that guards data, or that an operator would set again.

mod deployed;
mod finalizer;
#[cfg(test)]
mod tests;

use finalizer::{Finalizer, Verdict};
use nks_fixer::{Finding, Fixer, Input, Object, Outcome, Patch, Report, Risk, Step};

/// The fixer.
#[derive(Debug)]
pub struct StuckFinalizers;

nks_fixer::export!(StuckFinalizers);

const FINALIZERS: &str = "/metadata/finalizers";

impl Fixer for StuckFinalizers {
    fn analyze(input: &Input) -> Result<Outcome, String> {
        let mut report = Report::default();
        for (index, object) in deployed::objects(input) {
            examine(index, object, &mut report);
        }
        Ok(Outcome::Done(report))
    }
}

/// One finding for each verdict on the object's finalizers, and one step for all that may be removed.
fn examine(index: u32, object: &Object, report: &mut Report) {
    let finalizers = finalizer::of(object);
    for verdict in Verdict::ALL {
        let names = names(&finalizers, |own| own == verdict);
        if names.is_empty() {
            continue;
        }
        let found = report.finding(
            finding(verdict, object.is_being_deleted())
                .on(index)
                .at(FINALIZERS)
                .arg("object", object.display_name())
                .arg("finalizers", names.join(", ")),
        );
        if verdict == Verdict::Remove {
            let step = removal(index, object, &finalizers)
                .arg("object", object.display_name())
                .arg("finalizers", names.join(", "));
            report.step(step.mends(found));
        }
    }
}

/// An object that is being deleted is stuck now; any other stops the next upgrade, unless Kubernetes clears the finalizer.
fn finding(verdict: Verdict, being_deleted: bool) -> Finding {
    match (verdict, being_deleted) {
        (Verdict::Remove, false) => Finding::warning("finalizers-set"),
        (Verdict::Remove, true) => Finding::error("deletion-held-up"),
        (Verdict::SetAgain, false) => Finding::warning("set-by-tigera-operator"),
        (Verdict::SetAgain, true) => Finding::error("set-by-tigera-operator"),
        (Verdict::GarbageCollection, false) => Finding::info("protected-garbage-collection"),
        (Verdict::GarbageCollection, true) => Finding::warning("protected-garbage-collection"),
        (Verdict::LoadBalancer, false) => Finding::info("protected-load-balancer"),
        (Verdict::LoadBalancer, true) => Finding::warning("protected-load-balancer"),
        (Verdict::Misplaced, _) => Finding::warning("protected-misplaced"),
    }
}

/// The step that removes what may be removed. What that does depends on whether the object is being deleted, and then on
/// whether anything else still holds it.
fn removal(index: u32, object: &Object, finalizers: &[Finalizer]) -> Step {
    let kept = names(finalizers, |verdict| verdict != Verdict::Remove);
    let step = |message| Step::patch(message, index, patch(finalizers));
    match (object.is_being_deleted(), kept.is_empty()) {
        (true, true) => step("finish-deletion").risk(Risk::Destructive),
        // An object that is being deleted takes no new finalizer, so even a part of its list cannot be put back.
        (true, false) => step("advance-deletion").risk(Risk::Destructive),
        // The server leaves an empty list out, so there is nothing to expect in its place.
        (false, true) => step("remove-finalizers"),
        (false, false) => step("remove-finalizers").expect(index, FINALIZERS, kept),
    }
}

/// From the end of the list to its start, so that each position is still right when its turn comes.
fn patch(finalizers: &[Finalizer]) -> Patch {
    let mut patch = Patch::default();
    for finalizer in finalizers.iter().rev() {
        if finalizer.verdict == Verdict::Remove {
            let pointer = [FINALIZERS, &finalizer.position.to_string()].join("/");
            patch = patch.remove(&pointer, finalizer.name);
        }
    }
    patch
}

fn names<'a>(finalizers: &[Finalizer<'a>], wanted: impl Fn(Verdict) -> bool) -> Vec<&'a str> {
    finalizers
        .iter()
        .filter(|finalizer| wanted(finalizer.verdict))
        .map(|finalizer| finalizer.name)
        .collect()
}
