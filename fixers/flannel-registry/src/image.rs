//! Whose image it is, which version, and where else that version may be.

use nks_fixer::{Image, Input, Pod};

/// Where Flannel's images were, and are no more.
const OLD_HOST: &str = "quay.io";

/// Flannel itself. Everything else that a node needs of Flannel is in it.
const FLANNEL: &str = "coreos/flannel";

/// The CNI plug-ins beside it, which NKS copies by a script to each node. No registry has an image of this name that would
/// do the same: the project's `flannel-cni-plugin` starts differently.
const FLANNEL_CNI: &str = "coreos/flannel-cni";

/// Where the project published Flannel, each with the versions that are known to be there. The same tag is asked for in
/// every one, since nobody has made sure that older ones are not.
///
/// The first that a node can pull is taken. The project's own registries come before the mirror of somebody else, whom one
/// would have to trust as well; of its own, GitHub's comes first: it is the guide's answer, the only one that is still
/// added to, and has no pull limit as Docker Hub has.
const HOMES: [&str; 3] = [
    "ghcr.io/flannel-io/flannel",                    // from 0.26.4
    "docker.io/flannel/flannel",                     // about 0.22 to 0.26.3
    "docker.io/rancher/mirrored-flannelcni-flannel", // 0.16.3 to 0.20
];

/// The part of the tag that names a processor in Flannel's older images; newer ones are for all of them.
const ARCHITECTURE: &str = "-amd64";

/// What an image of quay.io is to Flannel.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Part {
    Flannel,
    FlannelCni,
}

/// Which of Flannel's images in quay.io it is; `None` for every other image.
pub(crate) fn part(image: &Image) -> Option<Part> {
    match (image.host.as_str(), image.path.as_str()) {
        (OLD_HOST, FLANNEL) => Some(Part::Flannel),
        (OLD_HOST, FLANNEL_CNI) => Some(Part::FlannelCni),
        _ => None,
    }
}

/// The most characters of a tag, and of a reference that anybody would write.
const LONGEST: (usize, usize) = (128, 255);

/// Flannel's version as its tag gives it, `v0.12.0` for `v0.12.0-amd64`; `None` where the tag is something else. Flannel
/// has not got beyond 0 yet.
pub(crate) fn version(image: &Image) -> Option<&str> {
    let tag = image.tag.as_deref()?;
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"._-".contains(&byte);
    let is_release = matches!(image.release().as_slice(), [0, _, _, ..])
        && tag.strip_prefix('v').unwrap_or(tag).starts_with("0.");
    let known = is_release && tag.len() <= LONGEST.0 && tag.bytes().all(plain);
    known.then(|| tag.strip_suffix(ARCHITECTURE).unwrap_or(tag))
}

/// Major and minor version, `0.14`; `None` where the tag does not say.
pub(crate) fn minor(image: &Image) -> Option<String> {
    version(image)?;
    match image.release().as_slice() {
        [major, minor, ..] => Some([major.to_string(), minor.to_string()].join(".")),
        _ => None,
    }
}

/// The references under which `version` may be found, the one to be preferred first.
pub(crate) fn homes(version: &str) -> Vec<String> {
    let named = HOMES.iter().map(|home| [home, version].join(":"));
    named.collect()
}

/// The image of the setting, where it may be asked for and put in place: what the `filter` of the manifest lets through,
/// but for the place that is closed.
pub(crate) fn chosen(reference: &str) -> Option<Image> {
    // Docker Hub's images can be written without their registry. Which one is meant has to be plain here.
    let (host, _) = reference.split_once('/')?;
    let (name, port) = host.split_once(':').unwrap_or((host, "0"));
    let is_port = (1..=5).contains(&port.len()) && port.bytes().all(|byte| byte.is_ascii_digit());
    let labels = || name.split('.');
    let is_host = labels().count() > 1 && labels().all(|label| is_made_of(label, b"-"));
    let image = Image::parse(reference)?;
    let is_path = image.path.split('/').all(|part| is_made_of(part, b"._-"));
    let usable = is_host && is_port && is_path && image.digest.is_none();
    let usable = usable && reference.len() <= LONGEST.1;
    let flannel = image.basename().ends_with("flannel") && version(&image).is_some();
    (usable && flannel && part(&image).is_none()).then_some(image)
}

/// Whether a name has small letters, digits and `others` only, and is not empty.
fn is_made_of(name: &str, others: &[u8]) -> bool {
    let plain =
        |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || others.contains(&byte);
    !name.is_empty() && name.bytes().all(plain)
}

/// Whether images of the system come from NKS's own registry:
/// `dfe965c3-kr1-registry.container.nhncloud.com/container_service/…`, in closed networks with `private-` in front.
pub(crate) fn nks_registry_is_active(input: &Input) -> bool {
    let workloads = input.workloads().flat_map(|workload| workload.containers());
    let pods = input.pods().flat_map(|pod: Pod| pod.containers());
    workloads
        .chain(pods)
        .filter_map(|container| Image::parse(container.image))
        .any(|image| is_of_nks_registry(&image))
}

fn is_of_nks_registry(image: &Image) -> bool {
    let domains = [
        "-registry.container.nhncloud.com",
        "-registry.container.cloud.toast.com",
    ];
    let in_domain = domains.iter().any(|domain| image.host.ends_with(domain));
    in_domain && image.path.starts_with("container_service/")
}
