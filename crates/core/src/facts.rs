//! What is known of the cluster as a whole. What is not known is `None`, and never guessed.

use serde::Serialize;
use serde_json::{Value, json};

use crate::object::Object;

/// Facts for the first line of a diagnosis, and for fixers.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct ClusterFacts {
    /// Name of the cluster in the kubeconfig, or of the file read.
    pub name: String,
    /// `v1.29.3`
    pub kubernetes_version: Option<String>,
    /// Whether this is an NHN Cloud NKS cluster.
    pub is_nks: Option<bool>,
    /// The network plugin, where it shows.
    pub cni: Option<Cni>,
    /// Names of the nodes.
    pub nodes: Option<Vec<String>>,
}

/// Calico as it is installed.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct Cni {
    /// `Calico`
    pub name: &'static str,
    /// Tag of the node image.
    pub version: Option<String>,
    /// `etcd` or `kubernetes`.
    pub datastore: Option<&'static str>,
    /// Whether the eBPF data plane is on.
    pub ebpf: bool,
}

impl ClusterFacts {
    /// The JSON that fixers are handed.
    pub fn to_json(&self) -> Value {
        json!({
            "kubernetesVersion": self.kubernetes_version,
            "isNks": self.is_nks,
            "cni": self.cni,
            "nodes": self.nodes,
        })
    }
}

/// Calico as the DaemonSet `calico-node` among `objects` shows it.
pub fn calico(objects: &[Object]) -> Option<Cni> {
    let daemon_set = objects.iter().find(|object| {
        object.id.kind == "DaemonSet"
            && object.id.name == "calico-node"
            && matches!(
                object.id.namespace.as_str(),
                "kube-system" | "calico-system"
            )
    })?;
    let containers = daemon_set
        .value
        .pointer("/spec/template/spec/containers")?
        .as_array()?;
    let container = containers
        .iter()
        .find(|container| container.get("name").and_then(Value::as_str) == Some("calico-node"))?;
    let environment = |name: &str| {
        let entries = container.get("env").and_then(Value::as_array);
        let entry = entries.into_iter().flatten().find(|entry| {
            entry
                .get("name")
                .and_then(Value::as_str)
                .is_some_and(|found| found.eq_ignore_ascii_case(name))
        })?;
        entry.get("value").and_then(Value::as_str)
    };
    let version = container
        .get("image")
        .and_then(Value::as_str)
        .and_then(|image| {
            let last = image.split('@').next()?.rsplit('/').next()?;
            last.split_once(':').map(|(_, tag)| tag.to_owned())
        });
    let datastore = match environment("DATASTORE_TYPE") {
        Some("etcdv3") => Some("etcd"),
        Some("kubernetes") => Some("kubernetes"),
        _ => None,
    };
    // Present with the value "false" on VXLAN clusters (domain.md, 0.3): the value decides.
    let ebpf =
        environment("FELIX_BPFENABLED").is_some_and(|value| value.eq_ignore_ascii_case("true"));
    Some(Cni {
        name: "Calico",
        version,
        datastore,
        ebpf,
    })
}

/// Whether a cluster is NHN Cloud's, from the API server's host name and the name of the kubeconfig context (domain.md,
/// 1.1). `Some(true)` only on a form that NHN Cloud documents; private endpoints differ, so anything else is unknown.
pub fn is_nks(host: &str, context: &str) -> Option<bool> {
    let host = host.to_ascii_lowercase();
    let documented_host = host.split_once('-').is_some_and(|(id, rest)| {
        id.len() == 8
            && id.bytes().all(|byte| byte.is_ascii_hexdigit())
            && [".container.nhncloud.com", ".container.cloud.toast.com"]
                .iter()
                .any(|domain| rest.strip_suffix(domain).is_some_and(is_region))
    });
    let documented_context = context
        .strip_prefix("nks_")
        .and_then(|rest| rest.rsplit_once('_'))
        .is_some_and(|(_, id)| {
            id.len() == 36
                && id
                    .bytes()
                    .all(|byte| byte.is_ascii_hexdigit() || byte == b'-')
        });
    (documented_host || documented_context).then_some(true)
}

/// Whether a dump shows a namespace that only NKS makes: `nhn-ng-<nodegroup>` of its cluster autoscaler (domain.md, 1.1).
pub fn nks_namespace(objects: &[Object]) -> Option<bool> {
    let found = objects.iter().any(|object| {
        object.id.namespace.starts_with("nhn-ng-")
            || (object.id.kind == "Namespace" && object.id.name.starts_with("nhn-ng-"))
    });
    found.then_some(true)
}

/// `nks-kr1` or `kr2-k8s`.
fn is_region(middle: &str) -> bool {
    let region = middle
        .strip_prefix("nks-")
        .or_else(|| middle.strip_suffix("-k8s"));
    region
        .and_then(|region| region.strip_prefix("kr"))
        .is_some_and(|digit| digit.len() == 1 && digit.bytes().all(|b| b.is_ascii_digit()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_documented_forms_are_nks() {
        let context = "nks_shop_1f0c2d3e-0000-4000-8000-000000000001";
        assert_eq!(
            is_nks("1f0c2d3e-nks-kr1.container.nhncloud.com", ""),
            Some(true)
        );
        assert_eq!(
            is_nks("1f0c2d3e-kr2-k8s.container.cloud.toast.com", ""),
            Some(true)
        );
        assert_eq!(is_nks("10.0.0.1", context), Some(true));
        assert_eq!(is_nks("10.0.0.1", "nks_shop"), None);
        assert_eq!(
            is_nks("1f0c2d3e-nks-kr1.container.nhncloud.com.example.org", ""),
            None
        );
        assert_eq!(is_nks("nks.apigw.ntruss.com", "nks_kr_x"), None);
    }

    #[test]
    fn ebpf_goes_by_the_value() {
        let object = |value: &str| {
            let value = json!({"apiVersion": "apps/v1", "kind": "DaemonSet", "metadata": {"name": "calico-node"},
                "spec": {"template": {"spec": {"containers": [{"name": "calico-node", "image": "h:5000/calico/node:v3.24.1",
                    "env": [{"name": "DATASTORE_TYPE", "value": "etcdv3"}, {"name": "FELIX_BPFENABLED", "value": value}]}]}}}});
            vec![Object::new(value, "kube-system").unwrap()]
        };
        let cni = calico(&object("false")).unwrap();
        assert_eq!(
            (cni.ebpf, cni.datastore, cni.version.as_deref()),
            (false, Some("etcd"), Some("v3.24.1"))
        );
        assert!(calico(&object("true")).unwrap().ebpf);
    }
}
