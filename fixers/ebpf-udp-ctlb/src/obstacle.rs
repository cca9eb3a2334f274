//! What stands against setting the two values. Each obstacle is a finding of its own, and none of them leaves a plan.

use nks_fixer::{Finding, Input};

use crate::calico::Calico;
use crate::istio::{self, Istio};
use crate::naming;
use crate::version::{self, Version};

pub(crate) fn all(input: &Input, calico: &Calico, deprecated: Vec<String>) -> Vec<Finding> {
    let mut found = Vec::new();
    found.extend(istio(input));
    let version = version::of(image_of(calico));
    // Before v3.27 the older setting is the only one, and nobody should be told to remove it.
    let is_too_old = matches!(version, Version::TooOld(_));
    found.extend(too_old_or_unknown(calico, version));
    let hidden = calico.hidden();
    if !hidden.is_empty() {
        let variables = hidden.join(", ");
        found.push(Finding::info("settings-unknown").arg("variables", variables));
    }
    if !deprecated.is_empty() && !is_too_old {
        let places = deprecated.join(", ");
        found.push(Finding::warning("deprecated-option").arg("places", places));
    }
    if calico.by_operator {
        found.extend(operator(calico));
    }
    found
}

fn istio(input: &Input) -> Option<Finding> {
    match istio::signs(input) {
        Istio::Sidecars(pods) => {
            let finding = Finding::warning("istio-sidecars")
                .arg("pods", naming::list(pods.iter().map(|pod| pod.object)));
            Some(finding.seen_on(pods.iter().take(naming::MOST).map(|pod| pod.index)))
        }
        Istio::Installed(signs) => {
            let finding = Finding::warning("istio-installed")
                .arg("signs", naming::list(signs.iter().map(|(_, sign)| *sign)));
            Some(finding.seen_on(signs.iter().take(naming::MOST).map(|(index, _)| *index)))
        }
        Istio::Absent => None,
    }
}

fn image_of<'a>(calico: &Calico<'a>) -> &'a str {
    calico.node.as_ref().map_or("", |node| node.container.image)
}

fn too_old_or_unknown(calico: &Calico, version: Version) -> Option<Finding> {
    match version {
        Version::Enough => None,
        Version::TooOld(tag) => Some(Finding::warning("calico-too-old").arg("version", tag)),
        Version::Unknown => {
            let image = image_of(calico);
            let image = if image.is_empty() { "-" } else { image };
            Some(Finding::warning("calico-version-unknown").arg("image", image))
        }
    }
}

fn operator(calico: &Calico) -> Vec<Finding> {
    let mut found = Vec::new();
    if let Some(workload) = &calico.second_install {
        found.push(Finding::warning("installed-twice").arg("workload", naming::of(workload)));
    }
    if calico.felix.is_none() {
        found.push(Finding::warning("felix-configuration-missing"));
    }
    let overriding = calico.overriding();
    if !overriding.is_empty() {
        let places = overriding.join(", ");
        found.push(Finding::warning("overridden").arg("places", places));
    }
    found
}
