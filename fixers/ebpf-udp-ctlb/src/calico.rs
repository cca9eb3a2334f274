//! How Calico was installed, and what it is told: by the environment of `calico-node`, and by FelixConfigurations.

use nks_fixer::{Container, Env, Input, Object, Said, Workload};
use serde_json::Value;

use crate::Setting;
use crate::naming;

/// Felix's older setting, for TCP and UDP together.
const DEPRECATED: (&str, &str) = (
    "FELIX_BPFCONNECTTIMELOADBALANCINGENABLED",
    "bpfConnectTimeLoadBalancingEnabled",
);

/// Calico as it is installed.
pub(crate) struct Calico<'a> {
    /// Whether an operator looks after it, and takes back what is changed on its DaemonSet.
    pub(crate) by_operator: bool,
    /// The DaemonSet `calico-node`.
    pub(crate) node: Option<Node<'a>>,
    /// The FelixConfiguration for all nodes, where it has a `spec`.
    pub(crate) felix: Option<Felix<'a>>,
    /// The DaemonSet of an installation by manifest, beside that of an operator.
    pub(crate) second_install: Option<Workload<'a>>,
    /// The FelixConfigurations for single nodes. They win over the one for all.
    of_nodes: Vec<Felix<'a>>,
    installation: Option<&'a Object>,
}

/// The container that runs Felix.
pub(crate) struct Node<'a> {
    pub(crate) workload: Workload<'a>,
    pub(crate) container: Container<'a>,
    pub(crate) env: Env<'a>,
}

/// A FelixConfiguration.
pub(crate) struct Felix<'a> {
    pub(crate) index: u32,
    pub(crate) object: &'a Object,
}

/// Whether eBPF is on.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Ebpf {
    On,
    Off,
    Unknown,
}

impl<'a> Calico<'a> {
    /// `None` where there is no Calico, or none that is known here.
    pub(crate) fn of(input: &'a Input) -> Option<Self> {
        let by_manifest = Node::of(input, "kube-system");
        let of_operator = Node::of(input, "calico-system");
        let installation = input.indexed().find(|(_, object)| {
            object.kind == "Installation" && object.api_version == "operator.tigera.io/v1"
        });
        let by_operator = installation.is_some() || of_operator.is_some();
        if !by_operator && by_manifest.is_none() {
            return None;
        }
        let second_install = by_manifest
            .as_ref()
            .filter(|_| by_operator)
            .map(|node| node.workload);
        let node = of_operator.or(by_manifest);
        // Calico with etcd as its datastore keeps its configuration there, and does not look at these objects.
        let uses_etcd = node.as_ref().is_some_and(Node::uses_etcd);
        let mut felix = None;
        let mut of_nodes = Vec::new();
        for one in Felix::all(input).filter(|_| !uses_etcd) {
            if one.object.name != "default" {
                of_nodes.push(one);
            } else if one.object.value.get("spec").is_some_and(Value::is_object) {
                felix = Some(one);
            }
        }
        Some(Self {
            by_operator,
            node,
            felix,
            second_install,
            of_nodes,
            installation: installation.map(|(_, object)| object),
        })
    }

    /// The environment wins over everything else.
    pub(crate) fn ebpf(&self) -> Ebpf {
        match self.variable("FELIX_BPFENABLED") {
            Said::Text(text) => read_boolean(text),
            Said::Hidden | Said::Unknown => Ebpf::Unknown,
            Said::Nothing => {
                let configured = self
                    .felix
                    .as_ref()
                    .and_then(|felix| felix.field("bpfEnabled"));
                let dataplane = self
                    .installation
                    .and_then(|object| object.text("/spec/calicoNetwork/linuxDataplane"));
                if configured.and_then(Value::as_bool) == Some(true) || dataplane == Some("BPF") {
                    Ebpf::On
                } else {
                    Ebpf::Off
                }
            }
        }
    }

    /// Whether a setting has its value on every node already.
    pub(crate) fn is_right(&self, setting: &Setting) -> bool {
        match self.variable(setting.variable) {
            Said::Text(text) => text.eq_ignore_ascii_case(setting.value),
            Said::Hidden | Said::Unknown => false,
            Said::Nothing => {
                self.felix.as_ref().is_some_and(|felix| felix.has(setting))
                    && !self.of_nodes.iter().any(|felix| felix.contradicts(setting))
            }
        }
    }

    /// The variables of the settings that have no entry, and that `envFrom` may bring in.
    pub(crate) fn hidden(&self) -> Vec<&'static str> {
        let variables = crate::SETTINGS.iter().map(|setting| setting.variable);
        variables
            .filter(|variable| self.variable(variable) == Said::Hidden)
            .collect()
    }

    /// Where the older setting is found.
    pub(crate) fn deprecated(&self) -> Vec<String> {
        let (variable, field) = DEPRECATED;
        let mut places = Vec::new();
        if let Some(node) = &self.node
            && node.env.named(variable).next().is_some()
        {
            places.push(naming::of(&node.workload));
        }
        let configurations = self.felix.iter().chain(&self.of_nodes);
        places.extend(
            configurations
                .filter(|felix| felix.field(field).is_some())
                .map(|felix| naming::of(felix.object)),
        );
        places
    }

    /// What would win over the FelixConfiguration for all nodes, and says something else.
    pub(crate) fn overriding(&self) -> Vec<String> {
        let any = |test: &dyn Fn(&Setting) -> bool| crate::SETTINGS.iter().any(test);
        let mut places = Vec::new();
        if let Some(node) = &self.node
            && any(&|setting| match node.env.says(setting.variable) {
                Said::Text(text) => !text.eq_ignore_ascii_case(setting.value),
                Said::Unknown => true,
                Said::Hidden | Said::Nothing => false,
            })
        {
            places.push(naming::of(&node.workload));
        }
        for felix in &self.of_nodes {
            if any(&|setting| felix.contradicts(setting)) {
                places.push(naming::of(felix.object));
            }
        }
        places
    }

    fn variable(&self, name: &str) -> Said<'a> {
        self.node
            .as_ref()
            .map_or(Said::Nothing, |node| node.env.says(name))
    }
}

impl<'a> Node<'a> {
    fn of(input: &'a Input, namespace: &str) -> Option<Self> {
        let workload = input.workloads().find(|workload| {
            workload.kind == "DaemonSet"
                && workload.name == "calico-node"
                && workload.namespace == namespace
        })?;
        let container = workload
            .containers()
            .into_iter()
            .find(|container| !container.init && container.name == "calico-node")?;
        let env = Env::ignoring_case(workload.object, &container);
        Some(Self {
            workload,
            container,
            env,
        })
    }
}

impl Node<'_> {
    /// Where no type of datastore is named, an address of etcd tells.
    fn uses_etcd(&self) -> bool {
        match self.env.says("DATASTORE_TYPE") {
            Said::Text(text) if !text.is_empty() => text.starts_with("etcd"),
            _ => self.env.named("ETCD_ENDPOINTS").next().is_some(),
        }
    }
}

impl<'a> Felix<'a> {
    fn all(input: &'a Input) -> impl Iterator<Item = Self> {
        input
            .indexed()
            .filter(|(_, object)| {
                object.kind == "FelixConfiguration"
                    && object.api_version == "crd.projectcalico.org/v1"
            })
            .map(|(index, object)| Self { index, object })
    }

    fn field(&self, name: &str) -> Option<&'a Value> {
        self.object.value.get("spec")?.get(name)
    }

    fn has(&self, setting: &Setting) -> bool {
        let text = self.field(setting.field).and_then(Value::as_str);
        text.is_some_and(|text| text.eq_ignore_ascii_case(setting.value))
    }

    fn contradicts(&self, setting: &Setting) -> bool {
        self.field(setting.field).is_some() && !self.has(setting)
    }
}

/// As Felix reads a boolean, whatever its case; what is no boolean is not understood.
fn read_boolean(text: &str) -> Ebpf {
    match text.to_ascii_lowercase().as_str() {
        "true" | "1" | "yes" | "y" | "t" => Ebpf::On,
        "" | "false" | "0" | "no" | "n" | "f" => Ebpf::Off,
        _ => Ebpf::Unknown,
    }
}
