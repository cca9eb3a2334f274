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

pub(crate) fn of(image: &str) -> Version {
    // Calico Enterprise, whose image is `cnx-node`, counts its releases in another way.
    let Some(image) = Image::parse(image).filter(|image| !image.basename().ends_with("cnx-node"))
    else {
        return Version::Unknown;
    };
    // `bpfConnectTimeLoadBalancing` came with v3.27. A tag such as `2024.5` is no release of Calico 3.
    match image.release().as_slice() {
        [3, minor, ..] if *minor >= 27 => Version::Enough,
        [3, _, ..] => Version::TooOld(image.tag.unwrap_or_default()),
        _ => Version::Unknown,
    }
}
