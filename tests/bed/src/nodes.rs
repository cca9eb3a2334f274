//! The simulated nodes, as NKS would show them.

use serde_json::{Value, json};

/// A list of `count` Node objects. Names follow NKS: `<cluster>-<node group>-node-<index>`; the labels are those that
/// Magnum's kubelets set. NKS hands out no `podCIDR`, so neither does the bed.
pub(crate) fn list(cluster: &str, count: u32, version: &str) -> Value {
    let items: Vec<Value> = (0..count)
        .map(|index| node(cluster, index, version))
        .collect();
    json!({"apiVersion": "v1", "kind": "List", "items": items})
}

fn node(cluster: &str, index: u32, version: &str) -> Value {
    let name = format!("{cluster}-default-worker-node-{index}");
    let resources =
        json!({"cpu": "8", "memory": "32Gi", "pods": "110", "ephemeral-storage": "100Gi"});
    let machine = format!("{:032x}", index + 1);
    json!({
        "apiVersion": "v1",
        "kind": "Node",
        "metadata": {
            "name": name,
            "labels": {
                "kubernetes.io/arch": "amd64",
                "kubernetes.io/hostname": name,
                "kubernetes.io/os": "linux",
                "magnum.openstack.org/nodegroup": "default-worker",
                "magnum.openstack.org/role": "worker",
                "node.kubernetes.io/instance-type": "m2.c8m32",
                "topology.kubernetes.io/region": "KR1",
                "topology.kubernetes.io/zone": if index.is_multiple_of(2) { "kr-pub-a" } else { "kr-pub-b" },
            },
        },
        "spec": {"providerID": format!("openstack:///00000000-0000-4000-8000-{index:012x}")},
        "status": {
            "addresses": [
                {"type": "InternalIP", "address": format!("192.168.{}.{}", 1 + index / 250, 1 + index % 250)},
                {"type": "Hostname", "address": name},
            ],
            "allocatable": resources,
            "capacity": resources,
            "nodeInfo": {
                "architecture": "amd64",
                "bootID": format!("00000000-0000-4000-9000-{index:012x}"),
                "containerRuntimeVersion": "containerd://1.6.21",
                "kernelVersion": "5.15.0-164-generic",
                "kubeProxyVersion": "",
                "kubeletVersion": version,
                "machineID": machine,
                "operatingSystem": "linux",
                "osImage": "Ubuntu 22.04.5 LTS",
                "systemUUID": format!("00000000-0000-4000-a000-{index:012x}"),
            },
        },
    })
}
