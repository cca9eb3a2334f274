//! Whose image it is, and which public image is the same.

use nks_fixer::{Image, Workload};

/// Calico's images, by the name that they have in the public repository.
const COMPONENTS: [&str; 4] = ["node", "cni", "typha", "kube-controllers"];

/// Calico's name for the image: `node` for `calico/node`, `calico-node`, `mirror.example.com/calico/calico-node`; `None`
/// for other images. The broken repositories are not documented, so the last part of the name decides.
pub(crate) fn component(image: &Image) -> Option<&'static str> {
    let basename = image.basename();
    let without_prefix = basename.strip_prefix("calico-");
    let component = COMPONENTS
        .into_iter()
        .find(|&component| component == without_prefix.unwrap_or(basename))?;
    // `node` and `cni` alone name a lot of things: Node.js is one of them.
    let ambiguous = without_prefix.is_none() && matches!(component, "node" | "cni");
    let below_calico = image.directory().split('/').any(|part| part == "calico");
    (!ambiguous || below_calico).then_some(component)
}

/// Whether it is what a repair would name, in either registry: `calico/node` of Docker Hub, or of the one chosen.
pub(crate) fn is_public(image: &Image, registry: &str) -> bool {
    let in_public_registry = image.host == "docker.io" || image.host == registry;
    let name = image.path.strip_prefix("calico/");
    in_public_registry && name.is_some_and(|name| COMPONENTS.contains(&name))
}

/// The public image of `component` in the version of `image`.
pub(crate) fn public_image(component: &str, image: &Image, registry: &str) -> Image {
    let path = ["calico", component].join("/");
    Image {
        host: registry.to_owned(),
        path,
        tag: image.tag.clone(),
        digest: None,
    }
}

/// Whether NKS's own registry serves it: `dfe965c3-kr1-registry.container.nhncloud.com/container_service/calico/node`,
/// in closed networks with `private-` in front.
pub(crate) fn is_nks_registry(image: &Image) -> bool {
    let domains = [
        "-registry.container.nhncloud.com",
        "-registry.container.cloud.toast.com",
    ];
    domains.iter().any(|domain| image.host.ends_with(domain))
        && image.path.starts_with("container_service/")
}

/// Whether a Calico image of the workload comes from NKS's own registry.
pub(crate) fn uses_nks_registry(workload: &Workload) -> bool {
    workload
        .containers()
        .iter()
        .filter_map(|container| Image::parse(container.image))
        .any(|image| component(&image).is_some() && is_nks_registry(&image))
}
