//! Calico's workloads, and whether calico-node goes through typha.

use nks_fixer::{Container, Input, Object, Workload};
use serde_json::Value;

/// The workloads that an outage of typha is about.
pub(crate) struct Calico<'a> {
    /// The DaemonSet `calico-node`.
    pub(crate) node: Workload<'a>,
    /// The Deployment `calico-kube-controllers`.
    pub(crate) controllers: Option<Workload<'a>>,
    /// The Deployment `calico-typha`.
    pub(crate) typha: Workload<'a>,
}

impl<'a> Calico<'a> {
    /// `None` where there is no typha, or where nobody goes through it.
    pub(crate) fn of(input: &'a Input) -> Option<Self> {
        let calico = Self {
            node: workload(input, "DaemonSet", "calico-node")?,
            controllers: workload(input, "Deployment", "calico-kube-controllers"),
            typha: workload(input, "Deployment", "calico-typha")?,
        };
        let wanted = calico.typha.desired() > 0;
        (wanted && uses_typha(input, calico.node)).then_some(calico)
    }

    /// In the order in which they are to be restarted: the network of every node first.
    pub(crate) fn workloads(&self) -> impl Iterator<Item = Workload<'a>> {
        [Some(self.node), self.controllers, Some(self.typha)]
            .into_iter()
            .flatten()
    }

    /// Their containers, in the same order.
    pub(crate) fn containers(&self) -> impl Iterator<Item = Container<'a>> {
        self.workloads().flat_map(|workload| workload.containers())
    }
}

fn workload<'a>(input: &'a Input, kind: &str, name: &str) -> Option<Workload<'a>> {
    input.workloads().find(|workload| {
        workload.kind == kind && workload.name == name && workload.namespace == "kube-system"
    })
}

/// Felix looks for typha by the name of its Service, `none` for no typha, or by its address. What comes from where this
/// fixer does not look counts as a name.
fn uses_typha(input: &Input, node: Workload) -> bool {
    let containers = node.containers();
    let Some(container) = containers
        .iter()
        .find(|container| !container.init && container.name == "calico-node")
    else {
        return false;
    };
    let list = |field| {
        let entries = node.value.pointer(&container.pointer_to(field));
        entries
            .and_then(Value::as_array)
            .map_or(&[][..], Vec::as_slice)
    };
    let service = |entry: &Value| is_named(entry, "FELIX_TYPHAK8SSERVICENAME");
    let address = |entry: &Value| is_named(entry, "FELIX_TYPHAADDR");
    match list("env").iter().find(|entry| service(entry)) {
        Some(entry) => !matches!(value(input, entry), Some("" | "none")),
        None => list("env").iter().any(address) || !list("envFrom").is_empty(),
    }
}

fn is_named(entry: &Value, variable: &str) -> bool {
    text(entry, "name").eq_ignore_ascii_case(variable)
}

/// The value of a variable, looked up in `calico-config` where it comes from there; `None` where it cannot be told.
fn value<'a>(input: &'a Input, entry: &'a Value) -> Option<&'a str> {
    let Some(source) = entry.get("valueFrom") else {
        return Some(text(entry, "value"));
    };
    let reference = source.get("configMapKeyRef")?;
    let config: &Object = input
        .objects
        .iter()
        .find(|object| object.kind == "ConfigMap" && object.name == text(reference, "name"))?;
    config
        .value
        .get("data")?
        .get(text(reference, "key"))?
        .as_str()
}

fn text<'a>(value: &'a Value, key: &str) -> &'a str {
    value.get(key).and_then(Value::as_str).unwrap_or_default()
}
