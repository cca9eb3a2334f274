//! Volumes that stay attached to a node that is gone are detached, and of other stuck ones it is said what keeps them.
//!
//! Not in the guide. A Cinder volume is on one node at a time. When a node is lost, its VolumeAttachment may stay, and a
//! pod on another node waits with `Multi-Attach error for volume …`. Deleting the attachment of a node that does not
//! exist lets csi-attacher detach the volume; the finalizer is csi-attacher's to remove, and nobody else's.
//!
//! | Question | answered in |
//! |---|---|
//! | What does an attachment say? | `attachment.rs` |
//! | Does its node exist, and is it Ready? | `nodes.rs` |
//! | On how many nodes can the volume be, and whose is it? | `volumes.rs` |
//! | Which pods wait for it? | `waiting.rs` |
//! | What is the matter with it? | `verdict.rs` |
//! | Will it be detached at all? | `attacher.rs` |
//! | What is to be said and done about it? | this file |
//!
//! Left alone: attachments of nodes that exist, however long they are not Ready, since their machines may go on writing;
//! nodes that have been gone for less than the six minutes after which Kubernetes sees to it; other drivers; volumes for
//! several nodes; and everything where no node could be read.

mod attacher;
mod attachment;
mod nodes;
#[cfg(test)]
mod tests;
mod verdict;
mod volumes;
mod waiting;

use attachment::Attachment;
use nks_fixer::{Finding, Fixer, Input, Outcome, Report, Risk, Severity, Step, naming};
use verdict::{FORCED_AFTER, Scene, Verdict};
use waiting::{Waiter, Waiting};

/// The fixer.
#[derive(Debug)]
pub struct StuckVolumeAttachment;

nks_fixer::export!(StuckVolumeAttachment);

/// The driver of Cinder volumes.
const DRIVER: &str = "cinder.csi.openstack.org";
/// How many attachments one run deletes; the manifest allows no more.
const MOST_DELETED: usize = 100;
/// How much of a driver's error is told, in characters.
const LONGEST_REASON: usize = 400;
/// From here on a node can be said to be out of service.
const OUT_OF_SERVICE: (u32, u32) = (1, 26);

impl Fixer for StuckVolumeAttachment {
    fn analyze(input: &Input) -> Result<Outcome, String> {
        let attachments: Vec<Attachment> = attachment::all(input).collect();
        let volumes = volumes::Volumes::of(input);
        let scene = Scene {
            waiting: Waiting::of(input, &volumes, &attachments),
            nodes: nodes::Nodes::of(input),
            volumes,
            input,
        };
        let mut report = Report::default();
        let mut told = Told::default();
        for attachment in &attachments {
            if let Some(verdict) = verdict::of(&scene, attachment) {
                let found = report.finding(said(&scene, attachment, &verdict));
                told.note(found, attachment, &verdict);
            }
        }
        if scene.nodes.are_unread() {
            nodes_unread(&scene, &attachments, &mut report);
        }
        holder_unknown(&scene, &attachments, &mut report);
        if told.needs_attacher
            && let Some(finding) = attacher::finding(input)
        {
            report.finding(finding);
        }
        plan(&scene, &told, &mut report);
        Ok(Outcome::Done(report))
    }
}

/// The findings that something can be done about.
#[derive(Default)]
struct Told<'a> {
    deletable: Vec<(u32, Attachment<'a>)>,
    not_detached: Vec<u32>,
    not_ready: Vec<(u32, Attachment<'a>)>,
    older: Vec<(u32, Attachment<'a>)>,
    needs_attacher: bool,
}

impl<'a> Told<'a> {
    fn note(&mut self, found: u32, attachment: &Attachment<'a>, verdict: &Verdict) {
        match verdict {
            Verdict::Gone => self.deletable.push((found, *attachment)),
            Verdict::Failed(..) | Verdict::Hangs(_) if attachment.is_cinder() => {
                self.not_detached.push(found);
            }
            Verdict::Held(_, "node-not-ready") => self.not_ready.push((found, *attachment)),
            Verdict::Held(_, "held-by-older-node") => self.older.push((found, *attachment)),
            _ => {}
        }
        let is_to_be_detached = matches!(
            verdict,
            Verdict::Gone | Verdict::Detaching | Verdict::Failed(..) | Verdict::Hangs(_)
        );
        self.needs_attacher |= attachment.is_cinder() && is_to_be_detached;
    }
}

/// What is said of one attachment.
fn said(scene: &Scene, attachment: &Attachment, verdict: &Verdict) -> Finding {
    let waiters = scene.waiting.for_volume(attachment.volume);
    let finding = match verdict {
        Verdict::Gone if waiters.is_empty() => Finding::warning("node-gone"),
        Verdict::Gone => pods(Finding::error("node-gone-pods-wait"), waiters),
        Verdict::JustGone => Finding::info("waiting"),
        Verdict::PodsRemain(remaining) => {
            let finding = Finding::error("node-gone-pods-remain");
            let related = remaining.iter().map(|one| one.pod.index);
            pods(finding.seen_on(related), remaining)
        }
        Verdict::LeftAlone(message) => Finding::warning(message),
        Verdict::Detaching => Finding::info("detaching"),
        Verdict::Failed(reason, since) => {
            let mut finding = Finding::error("detach-failed");
            if *since < FORCED_AFTER {
                finding.severity = Severity::Warning;
            }
            finding.arg("reason", shortened(reason))
        }
        Verdict::Hangs(since) => {
            Finding::error("detach-hangs").arg("minutes", (since / 60).to_string())
        }
        Verdict::Held(node, message) => pods(Finding::error(message).seen_on([*node]), waiters),
    };
    about(scene, finding.on(attachment.index), attachment.volume)
        .arg("node", attachment.node)
        .arg("driver", attachment.driver)
}

/// Names the volume in a finding, its claim, and the pods that wait for it.
fn about(scene: &Scene, finding: Finding, volume: &str) -> Finding {
    let waiters = scene.waiting.for_volume(volume);
    finding
        .seen_on(scene.volumes.claim(volume))
        .seen_on(waiters.iter().map(|waiter| waiter.pod.index))
        .seen_on(waiters.iter().filter_map(|waiter| waiter.event))
        .arg("volume", scene.volumes.display(volume))
}

fn pods(finding: Finding, waiters: &[Waiter]) -> Finding {
    let name = |waiter: &Waiter| [&waiter.pod.namespace, "/", &*waiter.pod.name].concat();
    let names: Vec<String> = waiters.iter().map(name).collect();
    finding
        .arg("count", names.len().to_string())
        .arg("pods", naming::list(names.iter().map(String::as_str)))
}

/// Nothing is said of an attachment whose node may exist or not, but that nothing can be said.
fn nodes_unread(scene: &Scene, attachments: &[Attachment], report: &mut Report) {
    let unclear: Vec<&Attachment> = attachments
        .iter()
        .filter(|attachment| attachment.deleted().is_none())
        .collect();
    if let [first, others @ ..] = unclear.as_slice() {
        let waiters = unclear
            .iter()
            .flat_map(|attachment| scene.waiting.for_volume(attachment.volume));
        let finding = Finding::warning("nodes-unread")
            .on(first.index)
            .seen_on(others.iter().map(|attachment| attachment.index))
            .seen_on(waiters.map(|waiter| waiter.pod.index))
            .arg("count", unclear.len().to_string());
        report.finding(finding);
    }
}

/// Pods that were refused a volume which is attached nowhere, as far as is known.
fn holder_unknown(scene: &Scene, attachments: &[Attachment], report: &mut Report) {
    for (volume, waiters) in scene.waiting.told() {
        let is_held = attachments
            .iter()
            .any(|attachment| attachment.volume == volume);
        if let (false, Some(first)) = (is_held, waiters.first()) {
            let finding = Finding::warning("holder-unknown").on(first.pod.index);
            report.finding(about(scene, pods(finding, &waiters), volume));
        }
    }
}

fn plan(scene: &Scene, told: &Told, report: &mut Report) {
    for (found, attachment) in told.deletable.iter().take(MOST_DELETED) {
        let step = Step::delete("delete-attachment", attachment.index)
            .arg("volume", scene.volumes.display(attachment.volume))
            .arg("node", attachment.node)
            .risk(Risk::Destructive);
        report.step(step.mends(*found));
    }
    if !told.not_detached.is_empty() {
        let found = told.not_detached.iter().copied();
        report.step(found.fold(Step::manual("check-detach"), Step::mends));
    }
    let version = scene.input.context.kubernetes_version();
    let message = match version {
        Some(version) if version < OUT_OF_SERVICE => "recover-node",
        _ => "out-of-service-taint",
    };
    let mut nodes: Vec<&str> = told.not_ready.iter().map(|(_, one)| one.node).collect();
    nodes.sort_unstable();
    nodes.dedup();
    for node in nodes {
        let of_node = told.not_ready.iter().filter(|(_, one)| one.node == node);
        let step = Step::manual(message).arg("node", node);
        report.step(of_node.fold(step, |step, (found, _)| step.mends(*found)));
    }
    for (found, attachment) in &told.older {
        let step = Step::manual("check-machine")
            .arg("volume", scene.volumes.display(attachment.volume))
            .arg("node", attachment.node)
            .arg("attachment", attachment.object.name.as_str());
        report.step(step.mends(*found));
    }
}

fn shortened(reason: &str) -> String {
    match reason.char_indices().nth(LONGEST_REASON) {
        Some((end, _)) => [&reason[..end], "…"].concat(),
        None => reason.to_owned(),
    }
}
