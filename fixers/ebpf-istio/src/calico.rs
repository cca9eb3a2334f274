//! How Calico was installed, and what it is told: by the environment of `calico-node`, and by FelixConfigurations.

use nks_fixer::{Container, Env, Image, Input, Object, Said, Workload};
use serde_json::Value;

/// A setting of Felix: the name of its environment variable, its field in a FelixConfiguration, the value that leaves
/// connections alone, and whether Calico takes that value when it is told nothing.
#[derive(Clone, Copy)]
pub(crate) struct Setting {
    pub(crate) variable: &'static str,
    pub(crate) field: &'static str,
    pub(crate) value: &'static str,
    is_default: bool,
}

/// No connect-time load balancing, which is what Istio needs.
pub(crate) const NO_CTLB: Setting = Setting {
    variable: "FELIX_BPFCONNECTTIMELOADBALANCING",
    field: "bpfConnectTimeLoadBalancing",
    value: "Disabled",
    is_default: false,
};

/// The NAT table for nodes and for pods on their network, which could not reach Services otherwise.
pub(crate) const NAT: Setting = Setting {
    variable: "FELIX_BPFHOSTNETWORKEDNATWITHOUTCTLB",
    field: "bpfHostNetworkedNATWithoutCTLB",
    value: "Enabled",
    is_default: true,
};

/// Each of the two alone does harm.
pub(crate) const SETTINGS: [Setting; 2] = [NO_CTLB, NAT];

/// Calico as it is installed.
pub(crate) struct Calico<'a> {
    /// Whether an operator looks after it, and takes back what is changed on its DaemonSet.
    pub(crate) by_operator: bool,
    /// The DaemonSet `calico-node`.
    pub(crate) node: Option<Node<'a>>,
    /// The DaemonSet of an installation by manifest, beside that of an operator.
    pub(crate) second_install: Option<Workload<'a>>,
    /// The FelixConfiguration for all nodes, where it has a `spec`.
    pub(crate) felix: Option<Felix<'a>>,
    /// The FelixConfigurations for single nodes. They win over the one for all.
    pub(crate) of_nodes: Vec<Felix<'a>>,
    /// Whether the operator was told to use eBPF.
    is_bpf_dataplane: bool,
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

/// What the tag of `calico-node`'s image tells.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Version {
    /// The minor and the patch version of a Calico v3.
    Three(u32, u32),
    /// No tag, or one that does not name a release of Calico v3.
    Unknown,
}

impl<'a> Calico<'a> {
    /// `None` where there is no Calico, or none that is known here.
    pub(crate) fn of(input: &'a Input) -> Option<Self> {
        let by_manifest = Node::of(input, "kube-system");
        let of_operator = Node::of(input, "calico-system");
        let installation = input
            .indexed()
            .find(|(_, object)| object.kind == "Installation");
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
        let (default, of_nodes): (Vec<_>, Vec<_>) = input
            .indexed()
            .filter(|(_, object)| object.kind == "FelixConfiguration" && !uses_etcd)
            .map(|(index, object)| Felix { index, object })
            .partition(|felix| felix.object.name == "default");
        let has_spec = |felix: &Felix| felix.object.value.get("spec").is_some_and(Value::is_object);
        Some(Self {
            by_operator,
            node,
            second_install,
            felix: default.into_iter().find(has_spec),
            of_nodes,
            is_bpf_dataplane: installation.is_some_and(|(_, object)| {
                object.text("/spec/calicoNetwork/linuxDataplane") == Some("BPF")
            }),
        })
    }

    /// The environment wins over everything else.
    pub(crate) fn ebpf(&self) -> Ebpf {
        match self.says("FELIX_BPFENABLED") {
            Said::Text(text) => read_boolean(text),
            Said::Hidden | Said::Unknown => Ebpf::Unknown,
            Said::Nothing => {
                let felix = self.felix.as_ref();
                let configured = felix.and_then(|felix| felix.field("bpfEnabled"));
                if configured.and_then(Value::as_bool) == Some(true) || self.is_bpf_dataplane {
                    Ebpf::On
                } else {
                    Ebpf::Off
                }
            }
        }
    }

    /// Whether connections are left alone on every node, and the NAT table serves everybody.
    pub(crate) fn is_without_ctlb(&self) -> bool {
        let mut settings = SETTINGS.iter();
        settings.all(|setting| self.has(setting) == Some(true))
    }

    /// Whether Calico does as a setting says, on every node; `None` where that cannot be told. Before v3.27 nothing could say
    /// so.
    pub(crate) fn has(&self, setting: &Setting) -> Option<bool> {
        match self.version() {
            Version::Unknown => return None,
            version if !version.has_settings() => return Some(false),
            _ => {}
        }
        match self.says(setting.variable) {
            Said::Text(text) => Some(text.eq_ignore_ascii_case(setting.value)),
            Said::Hidden | Said::Unknown => None,
            Said::Nothing => {
                let felix = self.felix.as_ref();
                let told = felix.filter(|felix| felix.field(setting.field).is_some());
                let for_all = told.map_or(setting.is_default, |felix| !felix.contradicts(setting));
                let contradicted = self.of_nodes.iter().any(|one| one.contradicts(setting));
                Some(for_all && !contradicted)
            }
        }
    }

    pub(crate) fn says(&self, variable: &str) -> Said<'a> {
        self.node
            .as_ref()
            .map_or(Said::Nothing, |node| node.env.says(variable))
    }

    /// `calico-node`'s image; `-` where there is none.
    pub(crate) fn image(&self) -> &'a str {
        let image = self.node.as_ref().map(|node| node.container.image);
        image.filter(|image| !image.is_empty()).unwrap_or("-")
    }

    /// The tag as it is written.
    pub(crate) fn tag(&self) -> String {
        let image = Image::parse(self.image());
        image.and_then(|image| image.tag).unwrap_or_default()
    }

    pub(crate) fn version(&self) -> Version {
        Version::of(self.image())
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

    /// Where no type of datastore is named, an address of etcd tells.
    fn uses_etcd(&self) -> bool {
        match self.env.says("DATASTORE_TYPE") {
            Said::Text(text) if !text.is_empty() => text.starts_with("etcd"),
            _ => self.env.named("ETCD_ENDPOINTS").next().is_some(),
        }
    }
}

impl<'a> Felix<'a> {
    pub(crate) fn field(&self, name: &str) -> Option<&'a Value> {
        self.object.value.get("spec")?.get(name)
    }

    /// Whether it holds another value.
    pub(crate) fn contradicts(&self, setting: &Setting) -> bool {
        let is_other = |value: &Value| {
            let text = value.as_str().unwrap_or_default();
            !text.eq_ignore_ascii_case(setting.value)
        };
        self.field(setting.field).is_some_and(is_other)
    }
}

impl Version {
    /// A tag without its third number cannot be told from v3.28.0 or from v3.28.9.
    pub(crate) fn of(image: &str) -> Self {
        // Calico Enterprise, whose image is `cnx-node`, counts its releases in another way.
        let image = Image::parse(image).filter(|image| !image.basename().ends_with("cnx-node"));
        match image.map(|image| image.release()).as_deref() {
            Some([3, minor, patch, ..]) => Self::Three(*minor, *patch),
            _ => Self::Unknown,
        }
    }

    /// Whether it knows the two settings.
    pub(crate) fn has_settings(self) -> bool {
        matches!(self, Self::Three(27.., _))
    }

    /// Whether it has the fix for Istio's ambient mode (calico #9199).
    pub(crate) fn mends_ambient(self) -> bool {
        matches!(self, Self::Three(28, 2..) | Self::Three(29.., _))
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
