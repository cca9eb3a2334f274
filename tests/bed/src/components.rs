//! What each process of the bed is told on its command line.

use std::net::{Ipv4Addr, TcpListener};
use std::path::Path;

use anyhow::Result;

use crate::options::Parts;

/// The admission plugins, on by default, that change what is put in or refuse it for the lack of other objects.
const ALTERING: [&str; 12] = [
    "DefaultIngressClass",
    "DefaultStorageClass",
    "DefaultTolerationSeconds",
    "LimitRanger",
    "PersistentVolumeClaimResize",
    "PodSecurity",
    "Priority",
    "ResourceQuota",
    "RuntimeClass",
    "ServiceAccount",
    "StorageObjectInUseProtection",
    "TaintNodesByCondition",
];

/// The ports of one bed. The controller manager, the scheduler and kwok need none.
pub(crate) struct Ports {
    /// Where all of them are.
    pub(crate) address: Ipv4Addr,
    pub(crate) etcd: u16,
    pub(crate) peer: u16,
    pub(crate) server: u16,
}

impl Ports {
    /// Picks ports that are free now. Somebody may take one before its owner binds it; the bed then starts over.
    pub(crate) fn pick(address: Ipv4Addr) -> Result<Self> {
        let free = || TcpListener::bind((Ipv4Addr::LOCALHOST, 0));
        // Held together, so that the three differ.
        let (etcd, peer, server) = (free()?, free()?, free()?);
        Ok(Self {
            address,
            etcd: etcd.local_addr()?.port(),
            peer: peer.local_addr()?.port(),
            server: server.local_addr()?.port(),
        })
    }
}

/// etcd without fsync: its data are worth nothing after the test, and fsync is most of what it does.
pub(crate) fn etcd(folder: &Path, ports: &Ports) -> Vec<String> {
    let client = format!("http://{}:{}", ports.address, ports.etcd);
    let peer = format!("http://{}:{}", ports.address, ports.peer);
    vec![
        "--name=bed".to_owned(),
        option("data-dir", folder, "etcd"),
        "--unsafe-no-fsync".to_owned(),
        "--quota-backend-bytes=8589934592".to_owned(),
        "--log-level=warn".to_owned(),
        format!("--listen-client-urls={client}"),
        format!("--advertise-client-urls={client}"),
        format!("--listen-peer-urls={peer}"),
        format!("--initial-advertise-peer-urls={peer}"),
        format!("--initial-cluster=bed={peer}"),
    ]
}

/// The API server, with the service network of NKS. It reconciles no endpoints of its own: it listens on loopback,
/// which may not be an endpoint, and no pod of the bed calls it.
pub(crate) fn apiserver(folder: &Path, ports: &Ports, parts: Parts) -> Vec<String> {
    let alone: &[String] = &[
        format!("--disable-admission-plugins={}", ALTERING.join(",")),
        "--storage-media-type=application/json".to_owned(),
    ];
    let alone = match parts {
        Parts::All => &[],
        Parts::ServerOnly => alone,
    };
    let mut options = vec![
        format!("--etcd-servers=http://{}:{}", ports.address, ports.etcd),
        format!("--bind-address={}", ports.address),
        format!("--advertise-address={}", ports.address),
        format!("--secure-port={}", ports.server),
        "--endpoint-reconciler-type=none".to_owned(),
        "--authorization-mode=Node,RBAC".to_owned(),
        "--allow-privileged".to_owned(),
        "--service-cluster-ip-range=10.254.0.0/16".to_owned(),
        option("client-ca-file", folder, "ca.crt"),
        option("kubelet-client-certificate", folder, "kubelet-client.crt"),
        option("kubelet-client-key", folder, "kubelet-client.key"),
        "--kubelet-preferred-address-types=InternalIP".to_owned(),
        option("tls-cert-file", folder, "server.crt"),
        option("tls-private-key-file", folder, "server.key"),
        "--service-account-issuer=https://kubernetes.default.svc.cluster.local".to_owned(),
        option("service-account-key-file", folder, "token.pub"),
        option("service-account-signing-key-file", folder, "token.key"),
    ];
    options.extend_from_slice(alone);
    options
}

/// A simulated node that is late with its lease on a busy machine is not taken for a lost one: its pods would no longer
/// be Ready, and kwok says of each only once that it is.
pub(crate) fn controller_manager(folder: &Path) -> Vec<String> {
    vec![
        option("kubeconfig", folder, "kubeconfig"),
        "--leader-elect=false".to_owned(),
        "--node-monitor-grace-period=1h".to_owned(),
        "--secure-port=0".to_owned(),
        option("root-ca-file", folder, "ca.crt"),
        option("service-account-private-key-file", folder, "token.key"),
        option("cluster-signing-cert-file", folder, "ca.crt"),
        option("cluster-signing-key-file", folder, "ca.key"),
    ]
}

pub(crate) fn scheduler(folder: &Path) -> Vec<String> {
    vec![
        option("kubeconfig", folder, "kubeconfig"),
        "--leader-elect=false".to_owned(),
        "--secure-port=0".to_owned(),
    ]
}

/// kwok plays the kubelet of every node that has none, with the pod network of NKS.
pub(crate) fn kwok(folder: &Path, beside_real: bool) -> Vec<String> {
    let whose = if beside_real {
        "--manage-nodes-with-label-selector=!nks-bed/real"
    } else {
        "--manage-all-nodes"
    };
    vec![
        option("kubeconfig", folder, "kubeconfig"),
        option("config", folder, "stages.yaml"),
        whose.to_owned(),
        "--cidr=10.100.0.0/16".to_owned(),
        "--node-ip=192.168.0.254".to_owned(),
    ]
}

fn option(name: &str, folder: &Path, file: &str) -> String {
    format!("--{name}={}", folder.join(file).display())
}
