//! Which node to ask for an image, and what else shows that one has no network.

use nks_fixer::{Input, Object};
use serde_json::Value;

use crate::evidence::Flannel;

/// What the kubelet says in the condition Ready while there is no CNI on the node, which is what Flannel would mend.
const NO_NETWORK: &str = "NetworkPluginNotReady";

/// The node to ask for another image: one where a pod fails, or else any one that is Ready. `None` where there is none.
pub(crate) fn to_ask<'a>(input: &'a Input, flannel: &Flannel) -> Option<(u32, &'a str)> {
    let failing = flannel.nodes();
    let on_host_network = flannel
        .workload
        .value
        .pointer("/spec/template/spec/hostNetwork")
        == Some(&true.into());
    let nodes = || {
        input.indexed().filter(|(_, node)| {
            node.kind == "Node" && node.value.pointer("/spec/unschedulable") != Some(&true.into())
        })
    };
    // It is not Ready because of this very fault. Its kubelet runs pods of the host's network all the same, and the pod
    // that asks is one where those of the workload are.
    let fails_and_responds = |node: &Object| {
        failing.contains(&node.name.as_str())
            && responds(node)
            && (is_ready(node) || (has_no_network(node) && on_host_network))
    };
    let at_fault = nodes().find(|(_, node)| fails_and_responds(node));
    let chosen = at_fault.or_else(|| nodes().find(|(_, node)| responds(node) && is_ready(node)));
    chosen.map(|(index, node)| (index, node.name.as_str()))
}

/// The nodes where it fails that have no network, and the pods that are not Ready there for want of it.
pub(crate) fn without_network(input: &Input, flannel: &Flannel) -> Vec<u32> {
    let failing = flannel.nodes();
    let is_without = |object: &Object| {
        object.kind == "Node" && failing.contains(&object.name.as_str()) && has_no_network(object)
    };
    let nodes: Vec<(u32, &Object)> = input
        .indexed()
        .filter(|(_, object)| is_without(object))
        .collect();
    let on_them = input.pods().filter(|pod| {
        let own = flannel.pods.iter().any(|own| own.index == pod.index);
        !own && nodes
            .iter()
            .any(|(_, node)| pod.node_name() == Some(&node.name))
    });
    let pods: Vec<u32> = on_them.map(|pod| pod.index).collect();
    nodes.iter().map(|(index, _)| *index).chain(pods).collect()
}

/// Whether its kubelet lives: when it falls silent, all conditions become Unknown.
fn responds(node: &Object) -> bool {
    let known = |condition: &Value| condition.get("status").is_some_and(|it| it != "Unknown");
    let mut conditions = conditions(node).peekable();
    conditions.peek().is_some() && conditions.all(known)
}

fn is_ready(node: &Object) -> bool {
    ready(node).is_some_and(|condition| text(condition, "status") == "True")
}

fn has_no_network(node: &Object) -> bool {
    ready(node).is_some_and(|condition| {
        text(condition, "status") == "False" && text(condition, "message").contains(NO_NETWORK)
    })
}

fn ready(node: &Object) -> Option<&Value> {
    conditions(node).find(|condition| text(condition, "type") == "Ready")
}

fn conditions(node: &Object) -> impl Iterator<Item = &Value> {
    let list = node.value.pointer("/status/conditions");
    list.and_then(Value::as_array).into_iter().flatten()
}

fn text<'a>(condition: &'a Value, field: &str) -> &'a str {
    let text = condition.get(field).and_then(Value::as_str);
    text.unwrap_or_default()
}
