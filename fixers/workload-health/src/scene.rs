//! What all causes are looked for in: the pods that are not Ready, the nodes that are not, owners, events, and the time.

use nks_fixer::{Input, Object, Owners, Pod};
use serde_json::Value;

use crate::event::Events;
use crate::order::{Index, place};

/// Seconds that a pod, a Service or a claim is left alone after it was made: most are still starting.
pub(crate) const STARTING: i64 = 120;

/// Seconds that a Node is left alone after it was made: it joins, and its network is set up.
pub(crate) const JOINING: i64 = 300;

/// The objects, ready to be looked into.
pub(crate) struct Scene<'a> {
    pub(crate) input: &'a Input,
    pub(crate) owners: Owners<'a>,
    pub(crate) events: Events<'a>,
    /// Pods that are not Ready and have not succeeded, those on their way out among them.
    pub(crate) pods: Vec<Pod<'a>>,
    /// The Nodes that are not Ready, by name.
    pub(crate) lost_nodes: Vec<&'a str>,
    by_name: Index,
    /// The indexes of each kind: there are few kinds, and many objects.
    by_kind: Vec<(&'a str, Vec<u32>)>,
}

impl<'a> Scene<'a> {
    pub(crate) fn of(input: &'a Input) -> Self {
        let mut by_name = Index::new();
        let mut by_kind: Vec<(&str, Vec<u32>)> = Vec::new();
        for (index, object) in input.indexed() {
            by_name.insert(
                place(&[&object.kind, &object.namespace, &object.name]),
                index,
            );
            match by_kind.iter_mut().find(|(kind, _)| *kind == object.kind) {
                Some((_, indexes)) => indexes.push(index),
                None => by_kind.push((&object.kind, vec![index])),
            }
        }
        // A Node that says nothing of it may be new, or was not read whole.
        let lost = |object: &&Object| {
            object.kind == "Node" && !matches!(condition(object, "Ready"), "True" | "")
        };
        Self {
            input,
            owners: Owners::of(input),
            events: Events::of(input),
            pods: input.pods().filter(is_unhealthy).collect(),
            lost_nodes: input
                .objects
                .iter()
                .filter(lost)
                .map(|object| &*object.name)
                .collect(),
            by_name,
            by_kind,
        }
    }

    /// Index and object of that kind and name; `None` where it was not supplied.
    pub(crate) fn find(
        &self,
        kind: &str,
        namespace: &str,
        name: &str,
    ) -> Option<(u32, &'a Object)> {
        let index = *self.by_name.get(&place(&[kind, namespace, name]))?;
        Some((index, self.object(index)?))
    }

    /// Every object of one kind, with its index.
    pub(crate) fn each(&self, kind: &str) -> impl Iterator<Item = (u32, &'a Object)> + use<'_, 'a> {
        let of_kind = self.by_kind.iter().find(|(name, _)| *name == kind);
        let indexes = of_kind.map_or(&[][..], |(_, indexes)| indexes);
        indexes
            .iter()
            .filter_map(|&index| Some((index, self.object(index)?)))
    }

    pub(crate) fn object(&self, index: u32) -> Option<&'a Object> {
        self.input.objects.get(index as usize)
    }

    /// Seconds since the object was made. One that does not say is taken for old.
    pub(crate) fn age(&self, object: &Object) -> i64 {
        self.since(object.text("/metadata/creationTimestamp"))
    }

    /// Seconds since a time; long for one that is not there.
    pub(crate) fn since(&self, time: Option<&str>) -> i64 {
        match time.and_then(nks_fixer::time::seconds) {
            Some(time) => self.input.context.now_unix - time,
            None => i64::MAX,
        }
    }

    /// Whether it was made so recently that it may still be starting.
    pub(crate) fn is_starting(&self, object: &Object) -> bool {
        self.age(object) < STARTING
    }

    /// What is changed to change the pod: its topmost owner, or itself. The mirror of a static pod is owned by its Node,
    /// which is not what has to change.
    pub(crate) fn workload(&self, pod: u32) -> u32 {
        let top = self.owners.top(pod);
        match self.object(top) {
            Some(owner) if owner.kind == "Node" => pod,
            _ => top,
        }
    }

    /// What pods of one workload have in common: the workload, or an owner that is not read, such as an operator's
    /// resource.
    pub(crate) fn family(&self, pod: u32) -> String {
        let workload = self.workload(pod);
        let owner = self.unread_owner(workload).map(|owner| text(owner, "/uid"));
        owner.map_or_else(|| workload.to_string(), str::to_owned)
    }

    /// The reference to the owner of an object, where that was not supplied.
    fn unread_owner(&self, index: u32) -> Option<&'a Value> {
        let object = self.object(index)?;
        let is_read = self.owners.controller(object).is_some();
        object.controller().filter(|_| !is_read)
    }

    /// The name of a workload, or of its owner, which is what a person knows.
    pub(crate) fn workload_name(&self, index: u32) -> String {
        let (Some(owner), Some(object)) = (self.unread_owner(index), self.object(index)) else {
            return self.name(index);
        };
        let kind = text(owner, "/kind").to_ascii_lowercase();
        let group = text(owner, "/apiVersion").split_once('/');
        let group = group.map_or(String::new(), |(group, _)| [".", group].concat());
        [
            &kind,
            &*group,
            "/",
            text(owner, "/name"),
            " -n ",
            &object.namespace,
        ]
        .concat()
    }

    /// The object's name as a person would hand it to kubectl.
    pub(crate) fn name(&self, index: u32) -> String {
        let Some(object) = self.object(index) else {
            return String::new();
        };
        let mut name = object.display_name();
        if !object.namespace.is_empty() {
            name.push_str(" -n ");
            name.push_str(&object.namespace);
        }
        name
    }
}

/// The rule of the host's prefilter, so that the answer does not depend on it.
fn is_unhealthy(pod: &Pod) -> bool {
    match pod.phase() {
        // Without a phase its status was not read.
        "Succeeded" | "" => false,
        "Running" => condition(pod.object, "Ready") != "True",
        _ => true,
    }
}

/// The status of a condition: `True`, `False` or `Unknown`; empty where there is none.
pub(crate) fn condition<'a>(object: &'a Object, kind: &str) -> &'a str {
    condition_text(object, kind, "status")
}

/// One text of a condition, such as its `message`.
pub(crate) fn condition_text<'a>(object: &'a Object, kind: &str, field: &str) -> &'a str {
    let conditions = list(&object.value, "/status/conditions");
    let found = conditions
        .iter()
        .find(|one| text(one, "/type") == kind)
        .map(|one| text(one, &["/", field].concat()));
    found.unwrap_or_default()
}

/// The text at a pointer; empty where there is none.
pub(crate) fn text<'a>(value: &'a Value, pointer: &str) -> &'a str {
    let found = value.pointer(pointer).and_then(Value::as_str);
    found.unwrap_or_default()
}

/// The whole number at a pointer.
pub(crate) fn number(value: &Value, pointer: &str) -> Option<i64> {
    value.pointer(pointer)?.as_i64()
}

/// The list at a pointer; empty where there is none.
pub(crate) fn list<'a>(value: &'a Value, pointer: &str) -> &'a [Value] {
    let found = value.pointer(pointer).and_then(Value::as_array);
    found.map_or(&[], Vec::as_slice)
}
