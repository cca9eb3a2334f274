//! Which finalizers may be removed, and why the others stay.
//!
//! The guarded names are those of which Kubernetes, the Cinder CSI driver or the cloud's load balancers keep account. The
//! host holds the same list and would refuse the patch; here they are told apart, so that each can be explained.

use nks_fixer::Object;
use serde_json::Value;

/// One entry of an object's `metadata.finalizers`.
pub(crate) struct Finalizer<'a> {
    /// Its position in the list.
    pub(crate) position: usize,
    pub(crate) name: &'a str,
    pub(crate) verdict: Verdict,
}

/// What becomes of a finalizer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// It is removed.
    Remove,
    /// It stays: tigera-operator would set it again.
    SetAgain,
    /// It stays: the garbage collector clears it.
    GarbageCollection,
    /// It stays: it is cleared once the Service's load balancer is gone.
    LoadBalancer,
    /// It stays: it guards volumes, namespaces and the like, and nobody clears it from an object of this kind.
    Misplaced,
}

impl Verdict {
    /// In the order in which they are reported.
    pub(crate) const ALL: [Self; 5] = [
        Self::Remove,
        Self::SetAgain,
        Self::GarbageCollection,
        Self::LoadBalancer,
        Self::Misplaced,
    ];
}

const LOAD_BALANCER: &str = "service.kubernetes.io/load-balancer-cleanup";

/// What guards objects of kinds that NKS's own set does not hold.
const GUARDS: [&str; 6] = [
    "kubernetes.io/pvc-protection",
    "kubernetes.io/pv-protection",
    "kubernetes",
    "external-provisioner.volume.kubernetes.io/finalizer",
    "customresourcecleanup.apiextensions.k8s.io",
    "batch.kubernetes.io/job-tracking",
];

/// The same, where what follows is the name of a driver or a role.
const GUARD_PREFIXES: [&str; 2] = ["external-attacher/", "snapshot.storage.kubernetes.io/"];

/// The finalizers of an object, in their order.
pub(crate) fn of(object: &Object) -> Vec<Finalizer<'_>> {
    let list = object.value.pointer(crate::FINALIZERS);
    let entries = list.and_then(Value::as_array).into_iter().flatten();
    entries
        .enumerate()
        .filter_map(|(position, entry)| {
            let name = entry.as_str()?;
            let verdict = verdict(&object.kind, name);
            Some(Finalizer {
                position,
                name,
                verdict,
            })
        })
        .collect()
}

fn verdict(kind: &str, name: &str) -> Verdict {
    match name {
        "tigera.io/cni-protector" => Verdict::SetAgain,
        "foregroundDeletion" | "orphan" => Verdict::GarbageCollection,
        LOAD_BALANCER if kind == "Service" => Verdict::LoadBalancer,
        LOAD_BALANCER => Verdict::Misplaced,
        _ if GUARDS.contains(&name) => Verdict::Misplaced,
        _ if GUARD_PREFIXES.iter().any(|prefix| name.starts_with(prefix)) => Verdict::Misplaced,
        _ => Verdict::Remove,
    }
}
