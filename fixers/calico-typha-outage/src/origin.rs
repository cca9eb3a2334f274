//! Whose image it is: NKS's, one that `calico-images` would name anew, or another.
//!
//! The rules are those of the fixer `calico-images`, which is the one to mend a reference.

use nks_fixer::Image;

/// Who can do something about an image that cannot be pulled.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Remedy {
    /// The fixer `calico-images` names another repository.
    CalicoImages,
    /// The reference is right, or cannot be changed without guessing: a person pulls it.
    ByHand,
}

pub(crate) fn remedy(reference: &str) -> Remedy {
    match Image::parse(reference) {
        Some(image)
            if is_calico(&image)
                && image.tag.is_some()
                && image.digest.is_none()
                && !is_public(&image) =>
        {
            Remedy::CalicoImages
        }
        _ => Remedy::ByHand,
    }
}

/// The broken repositories are not documented, so the last part of the name decides.
fn is_calico(image: &Image) -> bool {
    let name = image.basename();
    let name = name.strip_prefix("calico-").unwrap_or(name);
    matches!(name, "typha" | "kube-controllers")
}

fn is_public(image: &Image) -> bool {
    image.host == "docker.io"
        && matches!(
            image.path.as_str(),
            "calico/typha" | "calico/kube-controllers"
        )
}

/// Whether NKS's own registry serves it: `dfe965c3-kr1-registry.container.nhncloud.com/container_service/calico/node`,
/// in closed networks with `private-` in front.
pub(crate) fn is_nks_registry(reference: &str) -> bool {
    let domains = [
        "-registry.container.nhncloud.com",
        "-registry.container.cloud.toast.com",
    ];
    Image::parse(reference).is_some_and(|image| {
        domains.iter().any(|domain| image.host.ends_with(domain))
            && image.path.starts_with("container_service/")
    })
}
