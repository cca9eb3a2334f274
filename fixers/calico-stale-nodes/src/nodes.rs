//! The nodes that Kubernetes has now, and their addresses.

use std::net::IpAddr;

use nks_fixer::{Input, Object, Pod};
use serde_json::Value;

/// The nodes; without any where they could not be read.
pub(crate) struct Nodes<'a> {
    names: Vec<&'a str>,
    addresses: Vec<IpAddr>,
}

impl<'a> Nodes<'a> {
    pub(crate) fn of(input: &'a Input) -> Self {
        let nodes = || {
            let objects = input.objects.iter();
            objects.filter(|object| object.kind == "Node" && object.api_version == "v1")
        };
        Self {
            names: nodes().map(|node| node.name.as_str()).collect(),
            addresses: nodes().flat_map(addresses).collect(),
        }
    }

    pub(crate) fn count(&self) -> usize {
        self.names.len()
    }

    /// Whether there is a node of that name, as far as is known.
    pub(crate) fn may_have(&self, name: &str) -> bool {
        self.names.is_empty() || self.names.contains(&name)
    }

    pub(crate) fn have_address(&self, address: &IpAddr) -> bool {
        self.addresses.contains(address)
    }
}

/// Every address of a node, and those that Calico notes on it where it does.
fn addresses(node: &Object) -> Vec<IpAddr> {
    let list = node
        .value
        .pointer("/status/addresses")
        .and_then(Value::as_array);
    let shown = list
        .into_iter()
        .flatten()
        .filter_map(|entry| entry.get("address")?.as_str());
    let noted = [
        "projectcalico.org/IPv4Address",
        "projectcalico.org/IPv6Address",
    ]
    .into_iter()
    .filter_map(|key| node.annotation(key))
    .filter_map(|address| address.split('/').next());
    shown
        .chain(noted)
        .filter_map(|address| address.parse().ok())
        .collect()
}

/// Whether a pod runs and is Ready.
pub(crate) fn is_ready(pod: &Pod) -> bool {
    let conditions = pod
        .value
        .pointer("/status/conditions")
        .and_then(Value::as_array);
    let text = |condition: &Value, key: &str, expected: &str| {
        condition.get(key).and_then(Value::as_str) == Some(expected)
    };
    pod.phase() == "Running"
        && conditions
            .into_iter()
            .flatten()
            .any(|condition| text(condition, "type", "Ready") && text(condition, "status", "True"))
}
