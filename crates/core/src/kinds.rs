//! The built-in kinds that fixers read and write: how the API names them.
//!
//! A static table instead of API discovery saves two round trips a run. Kinds that are not here are looked up on the
//! server by `nks-cluster`. Source: the Kubernetes API reference, group by group.

/// How the API server names one kind.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Resource {
    /// `v1`, `apps/v1`, …
    pub api_version: &'static str,
    /// `DaemonSet`
    pub kind: &'static str,
    /// `daemonsets`, as in URLs and roles.
    pub plural: &'static str,
    /// Whether objects of this kind live in a namespace.
    pub namespaced: bool,
}

const TABLE: &[Resource] = &[
    of("v1", "ConfigMap", "configmaps", true),
    of("v1", "Event", "events", true),
    of("v1", "Namespace", "namespaces", false),
    of("v1", "Node", "nodes", false),
    of("v1", "PersistentVolume", "persistentvolumes", false),
    of(
        "v1",
        "PersistentVolumeClaim",
        "persistentvolumeclaims",
        true,
    ),
    of("v1", "Pod", "pods", true),
    of("v1", "Secret", "secrets", true),
    of("v1", "Service", "services", true),
    of("v1", "ServiceAccount", "serviceaccounts", true),
    of("apps/v1", "DaemonSet", "daemonsets", true),
    of("apps/v1", "Deployment", "deployments", true),
    of("apps/v1", "ReplicaSet", "replicasets", true),
    of("apps/v1", "StatefulSet", "statefulsets", true),
    of(
        "apiregistration.k8s.io/v1",
        "APIService",
        "apiservices",
        false,
    ),
    of(
        "autoscaling/v1",
        "HorizontalPodAutoscaler",
        "horizontalpodautoscalers",
        true,
    ),
    of("batch/v1", "CronJob", "cronjobs", true),
    of("batch/v1", "Job", "jobs", true),
    of(
        "crd.projectcalico.org/v1",
        "FelixConfiguration",
        "felixconfigurations",
        false,
    ),
    of(
        "flowcontrol.apiserver.k8s.io/v1",
        "FlowSchema",
        "flowschemas",
        false,
    ),
    of(
        "flowcontrol.apiserver.k8s.io/v1",
        "PriorityLevelConfiguration",
        "prioritylevelconfigurations",
        false,
    ),
    of(
        "flowcontrol.apiserver.k8s.io/v1beta2",
        "FlowSchema",
        "flowschemas",
        false,
    ),
    of(
        "flowcontrol.apiserver.k8s.io/v1beta2",
        "PriorityLevelConfiguration",
        "prioritylevelconfigurations",
        false,
    ),
    of("networking.k8s.io/v1", "Ingress", "ingresses", true),
    of("node.k8s.io/v1", "RuntimeClass", "runtimeclasses", false),
    of(
        "operator.tigera.io/v1",
        "Installation",
        "installations",
        false,
    ),
    of(
        "autoscaling/v2",
        "HorizontalPodAutoscaler",
        "horizontalpodautoscalers",
        true,
    ),
    of("coordination.k8s.io/v1", "Lease", "leases", true),
    of(
        "discovery.k8s.io/v1",
        "EndpointSlice",
        "endpointslices",
        true,
    ),
    of("networking.k8s.io/v1", "Ingress", "ingresses", true),
    of(
        "networking.k8s.io/v1",
        "IngressClass",
        "ingressclasses",
        false,
    ),
    of(
        "policy/v1",
        "PodDisruptionBudget",
        "poddisruptionbudgets",
        true,
    ),
    of(
        "rbac.authorization.k8s.io/v1",
        "ClusterRole",
        "clusterroles",
        false,
    ),
    of(
        "rbac.authorization.k8s.io/v1",
        "ClusterRoleBinding",
        "clusterrolebindings",
        false,
    ),
    of("rbac.authorization.k8s.io/v1", "Role", "roles", true),
    of(
        "rbac.authorization.k8s.io/v1",
        "RoleBinding",
        "rolebindings",
        true,
    ),
    of(
        "policy/v1beta1",
        "PodSecurityPolicy",
        "podsecuritypolicies",
        false,
    ),
    of("storage.k8s.io/v1", "CSIDriver", "csidrivers", false),
    of(
        "storage.k8s.io/v1",
        "CSIStorageCapacity",
        "csistoragecapacities",
        true,
    ),
    of("storage.k8s.io/v1", "StorageClass", "storageclasses", false),
    of(
        "storage.k8s.io/v1",
        "VolumeAttachment",
        "volumeattachments",
        false,
    ),
];

const fn of(
    api_version: &'static str,
    kind: &'static str,
    plural: &'static str,
    namespaced: bool,
) -> Resource {
    Resource {
        api_version,
        kind,
        plural,
        namespaced,
    }
}

/// Looks a kind up; `None` for kinds that only the server knows.
pub fn lookup(api_version: &str, kind: &str) -> Option<Resource> {
    TABLE
        .iter()
        .copied()
        .find(|entry| entry.api_version == api_version && entry.kind == kind)
}

/// `daemonsets.apps`, `pods`: how kubectl names the resource of a kind. `None` for kinds that only the server knows.
pub fn qualified(api_version: &str, kind: &str) -> Option<String> {
    let plural = lookup(api_version, kind)?.plural;
    Some(match group(api_version) {
        "" => plural.to_owned(),
        group => format!("{plural}.{group}"),
    })
}

/// The group part of an apiVersion: `apps` of `apps/v1`, empty for `v1`.
pub fn group(api_version: &str) -> &str {
    api_version.split_once('/').map_or("", |(group, _)| group)
}
