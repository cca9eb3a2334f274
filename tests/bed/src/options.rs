//! How a bed is to be.

use crate::release::Release;

/// Image references that no node of the bed can pull unless [`Options::unpullable`] says otherwise: whatever is on a
/// `.invalid` host, in a registry that has closed, or under a tag that ends in `-gone`, and the broken references of the
/// guide's section 14, whose repositories end in `calico-node` and the like. The published ones (`docker.io/calico/node`)
/// pull well.
pub const UNPULLABLE: &str = "^[^/]+[.]invalid(:[0-9]+)?/|(^|/)calico-(node|cni|typha|kube-controllers)([:@]|$)|\
    ^quay[.]io/coreos/|^docker[.]pkg[.]github[.]com/|^k8s[.]gcr[.]io/|-gone$";

/// Which parts of a control plane run.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Parts {
    /// All of them, and kwok as the kubelet of every node.
    #[default]
    All,
    /// etcd and the API server alone, and of its admission plugins none that changes objects or asks for others: an
    /// object stays as it was put. There are no nodes. What is stored is JSON, so that [`Bed::etcd`](crate::Bed::etcd)
    /// can be read, and told what the API lets nobody choose.
    ServerOnly,
}

/// How a bed is to be. `Options::default()` is what most tests want.
#[derive(Clone, Debug)]
pub struct Options {
    /// How many simulated nodes there are; three by default.
    pub nodes: u32,
    /// What cluster, context and administrator are called in the kubeconfigs, and how the names of nodes begin:
    /// `nks-bed` by default.
    pub name: String,
    /// A regular expression (RE2) over image references that no node can pull; [`UNPULLABLE`] by default.
    pub unpullable: String,
    /// Which release of Kubernetes [`Bed::start`](crate::Bed::start) builds; the newest by default.
    pub release: Release,
    /// What runs; everything by default.
    pub parts: Parts,
    /// Whether there is a real node beside the simulated ones: a kubelet, containerd and a registry, as root and without
    /// a way out of the machine. See [`Bed::real_node`](crate::Bed::real_node); there is none by default. It takes
    /// [`Parts::All`].
    pub real_node: bool,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            nodes: 3,
            name: "nks-bed".to_owned(),
            unpullable: UNPULLABLE.to_owned(),
            release: Release::default(),
            parts: Parts::default(),
            real_node: false,
        }
    }
}
