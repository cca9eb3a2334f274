//! The workloads that can suffer: their pods use the node's network, and yet the cluster's DNS.

use nks_fixer::{Input, Workload};

/// Calico's own workloads, which its manifests place on the host network.
const OWN_NAMES: [&str; 4] = [
    "calico-node",
    "calico-typha",
    "calico-kube-controllers",
    "tigera-operator",
];
const OWN_NAMESPACES: [&str; 3] = ["kube-system", "calico-system", "tigera-operator"];

pub(crate) fn workloads(input: &Input) -> Vec<Workload<'_>> {
    input
        .workloads()
        .filter(|workload| !is_calicos_own(workload) && is_affected(workload))
        .collect()
}

fn is_calicos_own(workload: &Workload) -> bool {
    OWN_NAMES.contains(&workload.name.as_str())
        && OWN_NAMESPACES.contains(&workload.namespace.as_str())
}

/// With any other `dnsPolicy`, a pod on the host network asks the node's name servers, and no Service is in between.
fn is_affected(workload: &Workload) -> bool {
    let field = |name| {
        let pointer = ["/spec/template/spec/", name].concat();
        workload.object.value.pointer(&pointer)
    };
    field("hostNetwork").and_then(|value| value.as_bool()) == Some(true)
        && field("dnsPolicy").and_then(|value| value.as_str()) == Some("ClusterFirstWithHostNet")
}
