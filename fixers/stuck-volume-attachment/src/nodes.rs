//! Which nodes there are, and what is known of one that an attachment names.

use std::collections::BTreeMap;

use nks_fixer::{Input, Object, time};
use serde_json::Value;

const OUT_OF_SERVICE: &str = "node.kubernetes.io/out-of-service";

/// What is known of a node.
#[derive(Clone, Copy)]
pub(crate) enum Node<'a> {
    /// No node was read at all, so nothing can be said of this one: every cluster has nodes.
    Unread,
    /// There is none. When it was removed, where an event says so, in seconds since 1970.
    Gone(Option<i64>),
    /// It is there.
    Here(u32, &'a Object),
}

pub(crate) struct Nodes<'a> {
    here: BTreeMap<&'a str, (u32, &'a Object)>,
    removed: BTreeMap<&'a str, i64>,
}

impl<'a> Nodes<'a> {
    pub(crate) fn of(input: &'a Input) -> Self {
        let mut nodes = Self {
            here: BTreeMap::new(),
            removed: BTreeMap::new(),
        };
        for (index, object) in input.indexed() {
            match object.kind.as_str() {
                "Node" => {
                    nodes.here.insert(&object.name, (index, object));
                }
                "Event" => nodes.note_removal(object),
                _ => {}
            }
        }
        nodes
    }

    pub(crate) fn get(&self, name: &str) -> Node<'a> {
        match self.here.get(name) {
            Some((index, object)) => Node::Here(*index, object),
            None if self.are_unread() => Node::Unread,
            None => Node::Gone(self.removed.get(name).copied()),
        }
    }

    /// Whether none was read.
    pub(crate) fn are_unread(&self) -> bool {
        self.here.is_empty()
    }

    /// Remembers when kube-controller-manager last saw a node go.
    fn note_removal(&mut self, event: &'a Object) {
        let is_removal = event.text("/reason") == Some("RemovingNode")
            && event.text("/involvedObject/kind") == Some("Node");
        let at = ["/series/lastObservedTime", "/lastTimestamp", "/eventTime"]
            .into_iter()
            .filter_map(|place| time::seconds(event.text(place)?))
            .max();
        let name = event.text("/involvedObject/name");
        if let (true, Some(name), Some(at)) = (is_removal, name, at) {
            let last = self.removed.entry(name).or_insert(at);
            *last = at.max(*last);
        }
    }
}

/// Whether a node says that it is Ready. One that says nothing is not, as Kubernetes has it too.
pub(crate) fn is_ready(node: &Object) -> bool {
    entries(node, "/status/conditions").any(|condition| {
        text(condition, "type") == Some("Ready") && text(condition, "status") == Some("True")
    })
}

/// Whether somebody has said that the node is shut down for good.
pub(crate) fn is_out_of_service(node: &Object) -> bool {
    entries(node, "/spec/taints").any(|taint| text(taint, "key") == Some(OUT_OF_SERVICE))
}

fn entries<'a>(node: &'a Object, pointer: &str) -> impl Iterator<Item = &'a Value> {
    let list = node.value.pointer(pointer).and_then(Value::as_array);
    list.into_iter().flatten()
}

fn text<'a>(entry: &'a Value, key: &str) -> Option<&'a str> {
    entry.get(key)?.as_str()
}
