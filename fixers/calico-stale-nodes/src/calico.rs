//! Where Calico keeps its data, and whether its nodes speak BGP.

use nks_fixer::{Input, Object, Workload};

use crate::env::{Env, Said};

/// Calico as its manifest installs it. One that an operator installs keeps its data in Kubernetes, and has no such fault.
pub(crate) struct Calico<'a> {
    /// The DaemonSet `calico-node`.
    pub(crate) node: Workload<'a>,
    env: Env<'a>,
    controllers_env: Option<Env<'a>>,
    config: Option<&'a Object>,
}

/// Where Calico keeps its data.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Datastore {
    Etcd,
    Kubernetes,
    Unknown,
}

/// Whether the fault does harm.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Mode {
    /// BGP, or eBPF as the guide has it.
    Concerned,
    /// VXLAN without either.
    Vxlan,
    Unknown,
}

impl<'a> Calico<'a> {
    pub(crate) fn of(input: &'a Input) -> Option<Self> {
        let node = workload(input, "DaemonSet", "calico-node")?;
        let config = input
            .objects
            .iter()
            .find(|object| object.kind == "ConfigMap" && object.name == "calico-config");
        let controllers = workload(input, "Deployment", "calico-kube-controllers");
        Some(Self {
            node,
            env: env(node, "calico-node", config)?,
            controllers_env: controllers
                .and_then(|workload| env(workload, "calico-kube-controllers", config)),
            config,
        })
    }

    /// The type where it is named; else an address of etcd tells. `etcd_endpoints` may be left over in `calico-config`
    /// after a move to Kubernetes, so it comes last.
    pub(crate) fn datastore(&self) -> Datastore {
        let containers = [Some(&self.env), self.controllers_env.as_ref()];
        for env in containers.into_iter().flatten() {
            match env.says("DATASTORE_TYPE") {
                Said::Text("kubernetes") => return Datastore::Kubernetes,
                Said::Text(text) if text.starts_with("etcd") => return Datastore::Etcd,
                Said::Unknown if env.names("DATASTORE_TYPE") => return Datastore::Unknown,
                _ => {}
            }
        }
        let addressed = containers
            .into_iter()
            .flatten()
            .any(|env| env.names("ETCD_ENDPOINTS"));
        let configured = self
            .config
            .and_then(|config| config.text("/data/etcd_endpoints"))
            .is_some_and(|endpoints| !endpoints.is_empty());
        if addressed || configured {
            Datastore::Etcd
        } else {
            Datastore::Unknown
        }
    }

    /// `CLUSTER_TYPE` decides nothing: it says `k8s,bgp` where VXLAN is used as well.
    pub(crate) fn mode(&self) -> Mode {
        let bgp = match self.env.says("CALICO_NETWORKING_BACKEND") {
            // BIRD is what Calico takes where nothing is said.
            Said::Nothing | Said::Text("" | "bird") => Some(true),
            Said::Text("vxlan" | "none") => Some(false),
            Said::Text(_) | Said::Unknown => None,
        };
        let ebpf = match self.env.says("FELIX_BPFENABLED") {
            Said::Nothing => Some(false),
            // Present with the value "false" on VXLAN clusters: the value decides.
            Said::Text(text) => Some(is_true(text)),
            Said::Unknown => None,
        };
        match (bgp, ebpf) {
            (Some(true), _) | (_, Some(true)) => Mode::Concerned,
            (Some(false), Some(false)) => Mode::Vxlan,
            _ => Mode::Unknown,
        }
    }

    /// Whether the addresses that Calico's nodes have for BGP may be others than those that Kubernetes shows.
    pub(crate) fn picks_addresses_itself(&self) -> bool {
        match self.env.says("IP_AUTODETECTION_METHOD") {
            Said::Nothing => false,
            Said::Text(method) => !matches!(method, "" | "first-found" | "kubernetes-internal-ip"),
            Said::Unknown => true,
        }
    }
}

/// A workload of Calico's in kube-system.
pub(crate) fn workload<'a>(input: &'a Input, kind: &str, name: &str) -> Option<Workload<'a>> {
    input.workloads().find(|workload| {
        workload.kind == kind && workload.name == name && workload.namespace == "kube-system"
    })
}

fn env<'a>(workload: Workload<'a>, name: &str, config: Option<&'a Object>) -> Option<Env<'a>> {
    let containers = workload.containers();
    let container = containers
        .iter()
        .find(|container| !container.init && container.name == name)?;
    Some(Env::of(workload.object, container, config))
}

/// As Felix reads a boolean.
fn is_true(text: &str) -> bool {
    matches!(
        text.to_ascii_lowercase().as_str(),
        "true" | "1" | "yes" | "y" | "t"
    )
}
