//! The update of calico-kube-controllers alone, which a person has to ask for.
//!
//! It is inferred from Calico's release notes, and NHN Cloud does not endorse it: the guide has Kubernetes upgraded.

use nks_fixer::{Finding, Image, Input, Patch, Risk, Step};

use crate::calico::workload;
use crate::controllers::Controllers;
use crate::version::Cleanup;

/// What is changed, and how.
pub(crate) struct Update {
    target: u32,
    pointer: String,
    old: String,
    new: String,
}

impl Update {
    /// `version` in place of the tag, or what stands against it, as a finding.
    pub(crate) fn plan(
        input: &Input,
        controllers: &Controllers,
        cleanup: Cleanup,
        version: &str,
    ) -> Result<Self, Finding> {
        let refused = |message: &str| {
            let image = controllers.container.as_ref();
            Finding::warning(message)
                .on(controllers.workload.index)
                .arg("workload", controllers.workload.display_name())
                .arg("image", image.map_or("-", |container| container.image))
        };
        if is_managed(input) {
            return Err(refused("update-refused-addon"));
        }
        let (Some(container), Some(image)) = (&controllers.container, &controllers.image) else {
            return Err(refused("update-refused-repository"));
        };
        if image.digest.is_some() {
            return Err(refused("update-refused-digest"));
        }
        if !is_public(image) {
            return Err(refused("update-refused-repository"));
        }
        // A suffix names a build of its own, and there need not be one of the new version.
        let plain = image.tag.as_ref().filter(|tag| !tag.contains('-'));
        let repository =
            plain.and_then(|tag| container.image.strip_suffix([":", tag].concat().as_str()));
        match repository {
            Some(repository) if cleanup == Cleanup::MissingIn328 => Ok(Self {
                target: controllers.workload.index,
                pointer: container.pointer_to("image"),
                old: container.image.to_owned(),
                new: [repository, version].join(":"),
            }),
            _ => Err(refused("update-refused-version")),
        }
    }

    pub(crate) fn step(self, workload: &str) -> Step {
        let patch = Patch::default().replace(&self.pointer, self.old.as_str(), self.new.as_str());
        // What the new version deletes in etcd does not come back when its image is taken back.
        Step::patch("update-controllers", self.target, patch)
            .arg("workload", workload)
            .arg("old", self.old)
            .arg("new", self.new.as_str())
            .risk(Risk::Destructive)
            .wait()
            .expect(self.target, self.pointer, self.new)
    }
}

/// Whether NKS looks after Calico: as an add-on, or at least by its own registry.
pub(crate) fn is_managed(input: &Input) -> bool {
    let as_addon = input.context.is_nks() && input.context.kubernetes_version() >= Some((1, 30));
    let names = [
        ("DaemonSet", "calico-node"),
        ("Deployment", "calico-kube-controllers"),
        ("Deployment", "calico-typha"),
    ];
    let from_nks = names
        .into_iter()
        .filter_map(|(kind, name)| workload(input, kind, name))
        .flat_map(|workload| workload.containers())
        .filter_map(|container| Image::parse(container.image))
        .any(|image| is_nks_registry(&image));
    as_addon || from_nks
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

/// The repositories that are known to hold every version. A mirror need not.
fn is_public(image: &Image) -> bool {
    matches!(image.host.as_str(), "docker.io" | "quay.io")
        && image.path == "calico/kube-controllers"
}
