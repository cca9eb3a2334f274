//! What GitHub's old registry is called, and where its images may be now.
//!
//! GitHub's guide "Migrating to the Container registry from the Docker registry" turns
//! `docker.pkg.github.com/OWNER/REPOSITORY/IMAGE` into `ghcr.io/OWNER/IMAGE` (also Homebrew/brew#8569). Packages that GitHub
//! has migrated by itself may have kept the repository in their path, so that both places come into question.

use nks_fixer::Image;

/// What an image's registry is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Host {
    /// docker.pkg.github.com, which speaks a protocol that containerd does not.
    Packages,
    /// gchr.io, a misspelling of ghcr.io; the troubleshooting guide has it.
    Misspelt,
}

const NEW_HOST: &str = "ghcr.io";

/// What the registry of an image is; `None` for all that are of no concern.
pub(crate) fn host(image: &Image) -> Option<Host> {
    match image.host.as_str() {
        "docker.pkg.github.com" => Some(Host::Packages),
        "gchr.io" => Some(Host::Misspelt),
        _ => None,
    }
}

/// Where an image may be now, the likelier place first, with its tag. Paths in ghcr.io are in lower case. Empty where its
/// path is not one that the registry can have.
pub(crate) fn places(image: &Image) -> Vec<String> {
    let path = image.path.to_ascii_lowercase();
    let parts: Vec<&str> = path.split('/').collect();
    let at = |parts: &[&str]| {
        let place = Image {
            host: NEW_HOST.to_owned(),
            path: parts.join("/"),
            ..image.clone()
        };
        place.to_string()
    };
    if parts.iter().any(|part| part.is_empty()) {
        return Vec::new();
    }
    match (host(image), parts.as_slice()) {
        (Some(Host::Packages), [owner, _, name]) => vec![at(&[owner, name]), at(&parts)],
        // Who wrote it may have meant this path, or followed the guide and changed the host only.
        (Some(Host::Misspelt), [owner, _, name]) => vec![at(&parts), at(&[owner, name])],
        (Some(Host::Misspelt), [_, _, ..]) => vec![at(&parts)],
        _ => Vec::new(),
    }
}
