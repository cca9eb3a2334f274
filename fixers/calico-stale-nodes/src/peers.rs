//! Peers that calico-node waits for although no node has their address.
//!
//! The kubelet notes why a readiness probe failed in an Event of the pod: `calico/node is not ready: BIRD is not ready:
//! BGP not established with 192.168.0.36,192.168.0.45`.

use std::net::IpAddr;

use nks_fixer::{Input, Object, Pod};
use serde_json::Value;

use crate::nodes::{self, Nodes};

/// What stands before the addresses, for IPv4 and IPv6 alike.
const MARK: &str = "BGP not established with ";

/// What stands before the number of peers that are up.
const UP: &str = "BGP peering established = ";

/// What pods that are not Ready say about their peers.
#[derive(Default)]
pub(crate) struct Peers<'a> {
    /// Peers that no node has the address of.
    pub(crate) unknown: Vec<&'a str>,
    /// Peers that are nodes, and are not reached either.
    pub(crate) nodes: Vec<&'a str>,
    /// The pods that wait for an unknown peer.
    pub(crate) pods: Vec<Pod<'a>>,
    /// The events that say so.
    pub(crate) events: Vec<u32>,
    /// Some pod waits for nothing but unknown peers and reaches no other, although there are more nodes: these would be
    /// its peers. So Calico knows the nodes by other addresses.
    pub(crate) by_other_addresses: bool,
}

/// `None` where no pod waits for an unknown peer, and where the nodes are not known.
pub(crate) fn unknown<'a>(input: &'a Input, known: &Nodes) -> Option<Peers<'a>> {
    let mut peers = Peers::default();
    if known.count() == 0 {
        return None;
    }
    for pod in input.pods().filter(is_waiting_node) {
        let Some((index, message)) = last_probe(input, &pod) else {
            continue;
        };
        let (nodes, unknown): (Vec<&str>, Vec<&str>) = waited_for(message).partition(|address| {
            address
                .parse()
                .is_ok_and(|address| known.have_address(&address))
        });
        if !unknown.is_empty() {
            let alone = nodes.is_empty() && number_up(message) == Some(0);
            peers.by_other_addresses |= alone && known.count() > 1;
            peers.pods.push(pod);
            peers.events.push(index);
        }
        peers.nodes.extend(nodes);
        peers.unknown.extend(unknown);
    }
    // A peer that is a node shows that Calico knows the nodes by the addresses that Kubernetes shows.
    peers.by_other_addresses &= peers.nodes.is_empty();
    (!peers.unknown.is_empty()).then_some(peers)
}

fn is_waiting_node(pod: &Pod) -> bool {
    pod.label("k8s-app") == Some("calico-node")
        && pod.namespace == "kube-system"
        && pod.phase() == "Running"
        && !pod.is_being_deleted()
        && !nodes::is_ready(pod)
}

/// What the last failed readiness probe said. An earlier one may have had another reason, as BGP takes a moment to come up
/// after each start.
fn last_probe<'a>(input: &'a Input, pod: &Pod) -> Option<(u32, &'a str)> {
    let events = input.indexed().filter(|(_, object)| {
        object.kind == "Event"
            && object.text("/reason") == Some("Unhealthy")
            && object.text("/involvedObject/uid") == Some(pod.uid.as_str())
            && object
                .text("/message")
                .is_some_and(|message| message.contains("Readiness probe failed"))
    });
    let (index, event) = events.max_by_key(|(_, event)| time(event))?;
    Some((index, event.text("/message")?))
}

/// When an event was last seen, to the second, in a form that sorts.
fn time(event: &Object) -> &str {
    let times = ["/series/lastObservedTime", "/lastTimestamp", "/eventTime"];
    let time = times
        .into_iter()
        .filter_map(|pointer| event.value.pointer(pointer))
        .find_map(Value::as_str);
    time.and_then(|time| time.get(..19)).unwrap_or_default()
}

/// The addresses after the mark. What is no address ends them.
pub(crate) fn waited_for(message: &str) -> impl Iterator<Item = &str> {
    let after = message.split_once(MARK).map_or("", |(_, after)| after);
    after
        .split([',', ' ', '\n'])
        .filter(|word| !word.is_empty())
        .take_while(|word| word.parse::<IpAddr>().is_ok())
}

/// How many peers are up; `None` where the message does not say.
pub(crate) fn number_up(message: &str) -> Option<u32> {
    let (_, after) = message.split_once(UP)?;
    after.split_whitespace().next()?.parse().ok()
}
