//! What is the matter with one attachment.

use nks_fixer::{Input, Object};

use crate::attachment::Attachment;
use crate::nodes::{self, Node, Nodes};
use crate::volumes::{Reach, Volumes};
use crate::waiting::{Waiter, Waiting};

/// kube-controller-manager detaches a volume by force after this time (maxWaitForUnmountDuration), in seconds.
pub(crate) const FORCED_AFTER: i64 = 360;

/// Clocks and controllers are not that exact: a node may be registered a little after its first volume, in seconds.
const SAME_TIME: i64 = 60;

/// What is known of a cluster's volumes and nodes.
pub(crate) struct Scene<'a> {
    pub(crate) input: &'a Input,
    pub(crate) nodes: Nodes<'a>,
    pub(crate) volumes: Volumes<'a>,
    pub(crate) waiting: Waiting<'a>,
}

/// What is the matter.
pub(crate) enum Verdict<'a> {
    /// Its node is gone, and the attachment may be deleted.
    Gone,
    /// Its node is gone, and kube-controller-manager will see to it.
    JustGone,
    /// Its node is gone, but these pods of it are still listed.
    PodsRemain(Vec<Waiter<'a>>),
    /// Its node is gone, and nothing is done, for the reason that the message of this id says.
    LeftAlone(&'static str),
    /// It is on its way.
    Detaching,
    /// It has been on its way for so many seconds, and the driver says why.
    Failed(&'a str, i64),
    /// It has been on its way for so many seconds.
    Hangs(i64),
    /// Pods wait, and its node is there, with this index; the message of this id says how it is.
    Held(u32, &'static str),
}

/// What is the matter with an attachment; `None` where nothing is.
pub(crate) fn of<'a>(scene: &Scene<'a>, attachment: &Attachment<'a>) -> Option<Verdict<'a>> {
    let now = scene.input.context.now_unix;
    let node = scene.nodes.get(attachment.node);
    let waited_for = !scene.waiting.for_volume(attachment.volume).is_empty();
    if let Some(deleted) = attachment.deleted() {
        let since = now - deleted;
        return match attachment.detach_error() {
            Some(error) => Some(Verdict::Failed(error, since)),
            None if since >= FORCED_AFTER => Some(Verdict::Hangs(since)),
            // Volumes come and go all the time.
            None if waited_for || matches!(node, Node::Gone(_)) => Some(Verdict::Detaching),
            None => None,
        };
    }
    match node {
        // Said once for all of them.
        Node::Unread => None,
        Node::Gone(removed) => Some(gone(scene, attachment, removed)),
        Node::Here(..) if !waited_for => None,
        Node::Here(index, node) => Some(Verdict::Held(index, held(attachment, node))),
    }
}

/// Its node does not exist.
fn gone<'a>(scene: &Scene<'a>, attachment: &Attachment<'a>, removed: Option<i64>) -> Verdict<'a> {
    let now = scene.input.context.now_unix;
    // Without an event of the node's removal, the node was still there when the attachment was made.
    let last_there = attachment
        .object
        .created()
        .unwrap_or(now)
        .max(removed.unwrap_or_default());
    if now - last_there < FORCED_AFTER {
        return Verdict::JustGone;
    }
    if !attachment.is_cinder() {
        return Verdict::LeftAlone("node-gone-other-driver");
    }
    match scene.volumes.reach(attachment.volume) {
        Reach::Unknown => return Verdict::LeftAlone("node-gone-volume-unknown"),
        Reach::SeveralNodes => return Verdict::LeftAlone("node-gone-shared"),
        Reach::OneNode => {}
    }
    let remaining = remaining(scene, attachment);
    if remaining.is_empty() {
        Verdict::Gone
    } else {
        Verdict::PodsRemain(remaining)
    }
}

/// Pods of the node that is gone which use the volume and have not ended.
fn remaining<'a>(scene: &Scene<'a>, attachment: &Attachment<'a>) -> Vec<Waiter<'a>> {
    let pods = scene.input.pods();
    pods.filter(|pod| {
        pod.node_name() == Some(attachment.node)
            && !matches!(pod.phase(), "Succeeded" | "Failed")
            && scene
                .volumes
                .of_pod(pod.object)
                .any(|volume| volume == attachment.volume)
    })
    .map(|pod| Waiter { pod, event: None })
    .collect()
}

/// Pods wait, and its node exists.
fn held(attachment: &Attachment, node: &Object) -> &'static str {
    if !attachment.is_cinder() {
        "held-other-driver"
    } else if nodes::is_out_of_service(node) {
        "node-out-of-service"
    } else if !nodes::is_ready(node) {
        "node-not-ready"
    } else if is_older(attachment, node) {
        "held-by-older-node"
    } else {
        "held-elsewhere"
    }
}

/// Whether the attachment was there before the node. NKS uses the names of deleted nodes again.
fn is_older(attachment: &Attachment, node: &Object) -> bool {
    let times = (attachment.object.created(), node.created());
    matches!(times, (Some(attached), Some(registered)) if attached + SAME_TIME < registered)
}
