//! Signs of Istio. Its sidecars see no traffic to a Service whose address was already replaced at connect time.

use nks_fixer::{Input, Object, Pod};

/// What there is of Istio.
pub(crate) enum Istio<'a> {
    /// Pods that run a sidecar.
    Sidecars(Vec<Pod<'a>>),
    /// No sidecar was seen, but the next pod may get one: namespaces that ask for it, or Istio's control plane.
    Installed(Vec<(u32, &'a Object)>),
    Absent,
}

pub(crate) fn signs(input: &Input) -> Istio<'_> {
    let sidecars: Vec<Pod> = input.pods().filter(has_sidecar).collect();
    if !sidecars.is_empty() {
        return Istio::Sidecars(sidecars);
    }
    let installed: Vec<_> = input
        .indexed()
        .filter(|(_, object)| injects(object) || is_control_plane(object) || is_ambient(object))
        .collect();
    if installed.is_empty() {
        Istio::Absent
    } else {
        Istio::Installed(installed)
    }
}

/// A sidecar is an ordinary container, or an init container that goes on running. No pod may be missed that `ebpf-istio`
/// takes for one with a sidecar: that fixer sets the opposite.
fn has_sidecar(pod: &Pod) -> bool {
    let mut containers = pod.containers().into_iter();
    pod.label("security.istio.io/tlsMode").is_some()
        && (pod.annotation("sidecar.istio.io/status").is_some()
            || containers.any(|container| container.name == "istio-proxy"))
}

fn injects(object: &Object) -> bool {
    object.kind == "Namespace"
        && (object.label("istio-injection") == Some("enabled")
            || object.label("istio.io/rev").is_some())
}

/// Ambient mode has no sidecars, but Calico names connect-time load balancing incompatible with it too.
fn is_ambient(object: &Object) -> bool {
    let is_ztunnel = object.kind == "DaemonSet" && object.name == "ztunnel";
    is_ztunnel
        || (object.kind == "Namespace"
            && object.label("istio.io/dataplane-mode") == Some("ambient"))
}

fn is_control_plane(object: &Object) -> bool {
    let is_named = object.namespace == "istio-system" && object.name.starts_with("istiod");
    object.kind == "Deployment" && (object.label("app") == Some("istiod") || is_named)
}
