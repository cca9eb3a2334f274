//! Which API versions Kubernetes stops serving, and when.
//!
//! Source: kubernetes.io, "Deprecated API Migration Guide" (kubernetes/website,
//! content/en/docs/reference/using-api/deprecation-guide.md), releases 1.22 to 1.32; nothing was removed after that when
//! this was written. Left out: kinds that controllers write by themselves (EndpointSlice, Event, Lease), kinds that are
//! never stored (reviews), and those whose only removal was 1.22 but for Ingress, which NKS has left far behind.

/// One API version of one kind.
pub(crate) struct Removal {
    pub(crate) kind: &'static str,
    pub(crate) api_version: &'static str,
    /// The minor version that no longer serves it: 25 for 1.25.
    pub(crate) minor: u32,
    /// What is served both before and after.
    pub(crate) instead: &'static str,
}

/// Sorted by release.
pub(crate) const REMOVALS: &[Removal] = &[
    of(22, "Ingress", "extensions/v1beta1", "networking.k8s.io/v1"),
    of(
        22,
        "Ingress",
        "networking.k8s.io/v1beta1",
        "networking.k8s.io/v1",
    ),
    of(25, "CronJob", "batch/v1beta1", "batch/v1"),
    of(
        25,
        "HorizontalPodAutoscaler",
        "autoscaling/v2beta1",
        "autoscaling/v2",
    ),
    of(25, "PodDisruptionBudget", "policy/v1beta1", "policy/v1"),
    of(25, "RuntimeClass", "node.k8s.io/v1beta1", "node.k8s.io/v1"),
    of(26, "FlowSchema", V1BETA1, V1BETA2),
    of(
        26,
        "HorizontalPodAutoscaler",
        "autoscaling/v2beta2",
        "autoscaling/v2",
    ),
    of(26, "PriorityLevelConfiguration", V1BETA1, V1BETA2),
    of(
        27,
        "CSIStorageCapacity",
        "storage.k8s.io/v1beta1",
        "storage.k8s.io/v1",
    ),
    of(29, "FlowSchema", V1BETA2, V1BETA3),
    of(29, "PriorityLevelConfiguration", V1BETA2, V1BETA3),
    of(32, "FlowSchema", V1BETA3, V1),
    of(32, "PriorityLevelConfiguration", V1BETA3, V1),
];

/// The one kind that is removed without another version: its objects are gone.
pub(crate) const POD_SECURITY_POLICY: (&str, u32) = ("PodSecurityPolicy", 25);

const V1BETA1: &str = "flowcontrol.apiserver.k8s.io/v1beta1";
const V1BETA2: &str = "flowcontrol.apiserver.k8s.io/v1beta2";
const V1BETA3: &str = "flowcontrol.apiserver.k8s.io/v1beta3";
const V1: &str = "flowcontrol.apiserver.k8s.io/v1";

const fn of(
    minor: u32,
    kind: &'static str,
    api_version: &'static str,
    instead: &'static str,
) -> Removal {
    Removal {
        kind,
        api_version,
        minor,
        instead,
    }
}
