//! Which objects NKS deploys.
//!
//! Workloads, Services, disruption budgets and Calico's roles are known by name. What else belongs to them is followed
//! from there, since its names are nowhere documented: the ServiceAccounts and ConfigMaps that the workloads name, the
//! ClusterRoleBindings of these accounts, and the ClusterRoles that are bound. An object that only has a similar name, or
//! the same name in another namespace, is somebody else's.

use std::collections::{BTreeMap, BTreeSet};

use nks_fixer::{Input, Object, Workload};
use serde_json::Value;

/// Objects that are known by name.
struct Named {
    kinds: &'static [&'static str],
    namespaces: &'static [&'static str],
    names: &'static [&'static str],
}

const KUBE_SYSTEM: &str = "kube-system";
/// Where newer Flannel manifests put it; the guide's Korean text names both.
const KUBE_FLANNEL: &str = "kube-flannel";
/// What has no namespace.
const CLUSTER: &str = "";

const NAMED: [Named; 11] = [
    Named {
        kinds: &["DaemonSet"],
        namespaces: &[KUBE_SYSTEM],
        names: &[
            "calico-node",
            "csi-nfs-node",
            "kube-proxy",
            // Magnum's name for the node problem detector, and its full one.
            "npd",
            "node-problem-detector",
        ],
    },
    Named {
        kinds: &["DaemonSet"],
        namespaces: &[KUBE_SYSTEM, KUBE_FLANNEL],
        names: &["kube-flannel-ds", "kube-flannel-ds-amd64"],
    },
    Named {
        kinds: &["Deployment"],
        namespaces: &[KUBE_SYSTEM],
        names: &[
            "calico-kube-controllers",
            "calico-typha",
            "coredns",
            "csi-nfs-controller",
            "metrics-server",
            "snapshot-controller",
        ],
    },
    Named {
        kinds: &["Deployment"],
        namespaces: &[KUBE_SYSTEM, "kubernetes-dashboard"],
        names: &["kubernetes-dashboard"],
    },
    // The guide turns the names of Cinder's workloads round, and calls the StatefulSet a Deployment.
    Named {
        kinds: &["DaemonSet"],
        namespaces: &[KUBE_SYSTEM],
        names: &["csi-cinder-nodeplugin", "cinder-csi-nodeplugin"],
    },
    Named {
        kinds: &["StatefulSet", "Deployment"],
        namespaces: &[KUBE_SYSTEM],
        names: &["csi-cinder-controllerplugin", "cinder-csi-controllerplugin"],
    },
    Named {
        kinds: &["ConfigMap"],
        namespaces: &[KUBE_SYSTEM],
        names: &["calico-config", "coredns"],
    },
    Named {
        kinds: &["ConfigMap"],
        namespaces: &[KUBE_SYSTEM, KUBE_FLANNEL],
        names: &["kube-flannel-cfg"],
    },
    Named {
        kinds: &["Service"],
        namespaces: &[KUBE_SYSTEM],
        names: &["calico-typha", "kube-dns", "metrics-server"],
    },
    Named {
        kinds: &["PodDisruptionBudget"],
        namespaces: &[KUBE_SYSTEM],
        names: &["calico-kube-controllers", "calico-typha"],
    },
    Named {
        kinds: &["ClusterRole", "ClusterRoleBinding"],
        namespaces: &[CLUSTER],
        names: &[
            "calico-cni-plugin",
            "calico-kube-controllers",
            "calico-node",
            "system:coredns",
        ],
    },
];

/// The ServiceAccount and the ConfigMap that Kubernetes itself makes in every namespace.
const IN_EVERY_NAMESPACE: [&str; 2] = ["default", "kube-root-ca.crt"];
/// Kubernetes' own ClusterRoles for people; its others start with `system:`.
const BUILT_IN_ROLES: [&str; 4] = ["admin", "cluster-admin", "edit", "view"];

/// Namespace and name.
type Key<'a> = (&'a str, &'a str);

/// What NKS deploys, with its index: workloads first, then the rest, by kind and name.
pub(crate) fn objects(input: &Input) -> Vec<(u32, &Object)> {
    let accounts = accounts(input);
    let config_maps = config_maps(input);
    let roles = roles(input, &accounts);
    let mut ordered = BTreeMap::new();
    for (index, object) in input.indexed() {
        let key = (object.namespace.as_str(), object.name.as_str());
        let belongs = match object.kind.as_str() {
            "ServiceAccount" => accounts.contains(&key),
            "ConfigMap" => config_maps.contains(&key),
            "ClusterRoleBinding" => binds_only(object, &accounts),
            "ClusterRole" => roles.contains(key.1),
            _ => false,
        };
        if belongs || is_named(object) {
            let is_workload = Workload::of(index, object).is_some();
            ordered.insert((!is_workload, &object.kind, key.1, key.0), (index, object));
        }
    }
    ordered.into_values().collect()
}

fn is_named(object: &Object) -> bool {
    NAMED.iter().any(|named| {
        named.kinds.contains(&object.kind.as_str())
            && named.namespaces.contains(&object.namespace.as_str())
            && named.names.contains(&object.name.as_str())
    })
}

/// NKS's workloads that are there.
fn workloads(input: &Input) -> impl Iterator<Item = Workload<'_>> {
    input.workloads().filter(|workload| is_named(workload))
}

/// The ServiceAccounts that the workloads run as. Those that Calico's and CoreDNS's bindings name count as well: in a
/// stopped upgrade the workload may be gone already, and no workload runs as Calico's account for the CNI plugin.
fn accounts(input: &Input) -> BTreeSet<Key<'_>> {
    let mut accounts = BTreeSet::new();
    for workload in workloads(input) {
        if let Some(name) = workload
            .object
            .text("/spec/template/spec/serviceAccountName")
        {
            accounts.insert((workload.object.namespace.as_str(), name));
        }
    }
    let bindings = input.indexed().map(|(_, object)| object);
    for binding in bindings.filter(|object| object.kind == "ClusterRoleBinding" && is_named(object))
    {
        let named = subjects(binding).iter().filter_map(service_account);
        accounts.extend(named.filter(|(namespace, _)| *namespace == KUBE_SYSTEM));
    }
    accounts.retain(|(_, name)| !IN_EVERY_NAMESPACE.contains(name));
    accounts
}

/// The ConfigMaps that the workloads name.
fn config_maps(input: &Input) -> BTreeSet<Key<'_>> {
    let mut names = BTreeSet::new();
    for workload in workloads(input) {
        let object = workload.object;
        if let Some(pod) = object.value.pointer("/spec/template/spec") {
            add_config_maps(pod, &object.namespace, &mut names);
        }
    }
    names.retain(|(_, name)| !IN_EVERY_NAMESPACE.contains(name));
    names
}

/// Volumes, projected volumes, `envFrom` and `env` name ConfigMaps at different depths, but under one of three keys.
fn add_config_maps<'a>(value: &'a Value, namespace: &'a str, names: &mut BTreeSet<Key<'a>>) {
    match value {
        Value::Object(fields) => {
            for (key, field) in fields {
                let refers = matches!(
                    key.as_str(),
                    "configMap" | "configMapRef" | "configMapKeyRef"
                );
                if let Some(name) = field.get("name").and_then(Value::as_str).filter(|_| refers) {
                    names.insert((namespace, name));
                }
                add_config_maps(field, namespace, names);
            }
        }
        Value::Array(entries) => {
            for entry in entries {
                add_config_maps(entry, namespace, names);
            }
        }
        _ => {}
    }
}

/// The ClusterRoles that the accounts are bound to, without those of Kubernetes itself.
fn roles<'a>(input: &'a Input, accounts: &BTreeSet<Key>) -> BTreeSet<&'a str> {
    let mut roles = BTreeSet::new();
    for (_, binding) in input.indexed() {
        let is_role = binding.text("/roleRef/kind") == Some("ClusterRole");
        if let Some(role) = binding.text("/roleRef/name").filter(|_| is_role)
            && binds_only(binding, accounts)
            && !role.starts_with("system:")
            && !BUILT_IN_ROLES.contains(&role)
        {
            roles.insert(role);
        }
    }
    roles
}

/// Whether a binding is for these accounts and for nobody else. One that serves others too is not NKS's.
fn binds_only(binding: &Object, accounts: &BTreeSet<Key>) -> bool {
    let subjects = subjects(binding);
    let is_account =
        |subject| service_account(subject).is_some_and(|account| accounts.contains(&account));
    binding.kind == "ClusterRoleBinding" && !subjects.is_empty() && subjects.iter().all(is_account)
}

fn subjects(binding: &Object) -> &[Value] {
    let list = binding.value.get("subjects").and_then(Value::as_array);
    list.map(Vec::as_slice).unwrap_or_default()
}

fn service_account(subject: &Value) -> Option<Key<'_>> {
    let text = |key: &str| subject.get(key).and_then(Value::as_str);
    (text("kind") == Some("ServiceAccount")).then_some((text("namespace")?, text("name")?))
}
