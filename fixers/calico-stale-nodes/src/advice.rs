//! The steps, in the order in which they are to be taken. All but one of them are for a person.

use nks_fixer::{Report, Step, naming};

use crate::controllers::{Controllers, State};
use crate::peers::Peers;
use crate::update::Update;

/// How calico-kube-controllers comes to run again.
pub(crate) fn restore(state: &State, controllers: &Controllers) -> Step {
    match state {
        State::ScaledToZero => Step::manual("scale-controllers-up"),
        State::OnGoneNode(..) => Step::manual("await-new-pod"),
        State::WithoutImage(pod, _) => Step::manual("mend-image").arg("pod", pod.name.as_str()),
        State::Running(_) | State::Down(_) => Step::manual("look-into-controllers")
            .arg("workload", controllers.workload.display_name()),
    }
}

/// How an entry of a removed node is made sure of, and how it goes. The second is left to the update where there is one.
pub(crate) fn clear_stale(stale: Option<&(u32, Peers)>, by_update: bool, report: &mut Report) {
    let Some((found, peers)) = stale else { return };
    let pod = peers.pods.first().map_or("-", |pod| pod.name.as_str());
    let addresses = naming::list(peers.unknown.iter().copied());
    report.step(
        Step::manual("confirm-stale-peers")
            .arg("pod", pod)
            .arg("addresses", addresses)
            .mends(*found),
    );
    if !by_update {
        report.step(Step::manual("remove-stale-nodes").mends(*found));
    }
}

/// How nodes are removed without leaving anything behind, and what cures the fault for good.
pub(crate) fn scale_in(found: u32, nodes: &str, managed: bool, report: &mut Report) {
    let first = if nodes.is_empty() {
        Step::manual("find-and-cordon")
    } else {
        Step::manual("cordon").arg("nodes", nodes)
    };
    let cure = if managed { "update-addon" } else { "upgrade" };
    for step in [
        first,
        Step::manual("move-controllers"),
        Step::manual("scale-in"),
        Step::manual(cure),
    ] {
        report.step(step.mends(found));
    }
}

/// The update of calico-kube-controllers alone.
pub(crate) fn update(update: Update, workload: &str, found: [Option<u32>; 2], report: &mut Report) {
    for step in [Step::manual("back-up"), update.step(workload)] {
        let step = found.into_iter().flatten().fold(step, Step::mends);
        report.step(step);
    }
}
