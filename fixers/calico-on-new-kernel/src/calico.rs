//! Which version of Calico it is, and on which nodes eBPF is on.

use nks_fixer::{Container, Env, Image, Input, Object, Said, Workload};

/// Calico as it is installed.
pub(crate) struct Calico<'a> {
    /// The DaemonSet `calico-node`.
    pub(crate) workload: Workload<'a>,
    /// The container that runs Felix.
    pub(crate) container: Container<'a>,
    env: Env<'a>,
    /// What Felix reads beside its environment, where Calico does not keep that in etcd.
    configurations: Vec<&'a Object>,
    /// Whether an operator was told to use eBPF.
    is_bpf_dataplane: bool,
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
    /// v3.28.2 or later, which NHN Cloud asks for.
    Enough,
    /// v3.27.0 to v3.28.1.
    From27,
    /// v3.24.1, of which NHN Cloud says that it cannot run there.
    NamedByNhn,
    /// Another one before v3.27.
    Before27,
    /// No tag, or one that does not tell.
    Unknown,
}

impl<'a> Calico<'a> {
    /// `None` where there is no Calico. An operator's installation wins over one by manifest, which it replaces.
    pub(crate) fn of(input: &'a Input) -> Option<Self> {
        let of_namespace = |namespace: &str| {
            input.workloads().find(|workload| {
                workload.kind == "DaemonSet"
                    && workload.name == "calico-node"
                    && workload.namespace == namespace
            })
        };
        let workload = of_namespace("calico-system").or_else(|| of_namespace("kube-system"))?;
        let container = workload
            .containers()
            .into_iter()
            .find(|container| !container.init && container.name == "calico-node")?;
        let env = Env::ignoring_case(workload.object, &container);
        let uses_etcd = uses_etcd(&env);
        let all = |kind: &'static str| {
            let objects = input.objects.iter();
            objects.filter(move |object| object.kind == kind)
        };
        Some(Self {
            workload,
            container,
            env,
            configurations: all("FelixConfiguration").filter(|_| !uses_etcd).collect(),
            is_bpf_dataplane: all("Installation")
                .any(|object| object.text("/spec/calicoNetwork/linuxDataplane") == Some("BPF")),
        })
    }

    /// The environment wins over everything else, then the configuration of the node, then the one for all.
    pub(crate) fn ebpf_on(&self, node: &str) -> Ebpf {
        match self.env.says("FELIX_BPFENABLED") {
            Said::Text(text) => read_boolean(text),
            Said::Hidden | Said::Unknown => Ebpf::Unknown,
            Said::Nothing => {
                let configured = self
                    .configured(&["node.", node].concat())
                    .or_else(|| self.configured("default"));
                if configured.unwrap_or(self.is_bpf_dataplane) {
                    Ebpf::On
                } else {
                    Ebpf::Off
                }
            }
        }
    }

    fn configured(&self, name: &str) -> Option<bool> {
        let mut all = self.configurations.iter();
        let object = all.find(|object| object.name == name)?;
        object.value.pointer("/spec/bpfEnabled")?.as_bool()
    }

    /// `calico-node`'s image; `-` where there is none.
    pub(crate) fn image(&self) -> &'a str {
        match self.container.image {
            "" => "-",
            image => image,
        }
    }

    /// The tag as it is written.
    pub(crate) fn tag(&self) -> String {
        let image = Image::parse(self.container.image);
        image.and_then(|image| image.tag).unwrap_or_default()
    }

    pub(crate) fn version(&self) -> Version {
        Version::of(self.container.image)
    }
}

impl Version {
    pub(crate) fn of(image: &str) -> Self {
        // Calico Enterprise, whose image is `cnx-node`, counts its releases in another way.
        let image = Image::parse(image).filter(|image| !image.basename().ends_with("cnx-node"));
        let release = image.map(|image| image.release()).unwrap_or_default();
        match release.as_slice() {
            [3, 24, 1, ..] => Self::NamedByNhn,
            [3, minor, ..] if *minor < 27 => Self::Before27,
            [3, 27, ..] | [3, 28, 0 | 1, ..] => Self::From27,
            // Which v3.28 it is has to be told.
            [3, 28] => Self::Unknown,
            [3, _, ..] => Self::Enough,
            _ => Self::Unknown,
        }
    }
}

/// Where no type of datastore is named, an address of etcd tells.
fn uses_etcd(env: &Env) -> bool {
    match env.says("DATASTORE_TYPE") {
        Said::Text(text) if !text.is_empty() => text.starts_with("etcd"),
        _ => env.named("ETCD_ENDPOINTS").next().is_some(),
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
