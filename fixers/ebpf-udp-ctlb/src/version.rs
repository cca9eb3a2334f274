//! Whether a version of Calico has the two settings.

use nks_fixer::Image;

/// What the tag of `calico-node`'s image tells.
#[derive(Debug, PartialEq)]
pub(crate) enum Version {
    /// It has the settings.
    Enough,
    /// It knows one boolean setting for TCP and UDP together. Holds the tag.
    TooOld(String),
    /// No tag, or one that does not name a release of Calico.
    Unknown,
}

/// The first release with `bpfConnectTimeLoadBalancing`.
const FIRST: (u32, u32) = (3, 27);

pub(crate) fn of(image: &str) -> Version {
    let image = Image::parse(image);
    // Calico Enterprise, whose image is `cnx-node`, counts its releases in another way.
    let tag = image
        .filter(|image| !image.basename().ends_with("cnx-node"))
        .and_then(|image| image.tag);
    match tag {
        Some(tag) => match release(&tag) {
            Some(release) if release >= FIRST => Version::Enough,
            Some(_) => Version::TooOld(tag),
            None => Version::Unknown,
        },
        None => Version::Unknown,
    }
}

/// (3, 28) for `v3.28.2-nks1`. A tag such as `2024.5` is no release of Calico 3.
fn release(tag: &str) -> Option<(u32, u32)> {
    let mut numbers = tag.strip_prefix('v').unwrap_or(tag).split(['.', '-']);
    let major = numbers.next()?.parse().ok()?;
    let minor = numbers.next()?.parse().ok()?;
    (major == FIRST.0).then_some((major, minor))
}
