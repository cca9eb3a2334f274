//! Whether a version of calico-kube-controllers cleans up after the node that it ran on.

use nks_fixer::Image;

/// What the tag of the image tells.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Cleanup {
    /// v3.28.2 or later.
    Fixed,
    /// v3.28.0 or v3.28.1, which lie next to the release with the fix.
    MissingIn328,
    /// Older than v3.27.
    Missing,
    /// v3.27: the fix went into its branch, but not into which release.
    Undecided,
    /// No tag, or one that does not name a release.
    Unknown,
}

pub(crate) fn of(image: Option<&Image>) -> Cleanup {
    // Calico Enterprise counts its releases in another way.
    let tag = image
        .filter(|image| !image.path.starts_with("tigera/"))
        .and_then(|image| image.tag.as_deref());
    match tag.and_then(release) {
        None => Cleanup::Unknown,
        Some((27, _)) => Cleanup::Undecided,
        Some((minor, _)) if minor < 27 => Cleanup::Missing,
        Some((28, None)) => Cleanup::Unknown,
        Some((28, Some(patch))) if patch < 2 => Cleanup::MissingIn328,
        Some(_) => Cleanup::Fixed,
    }
}

/// (28, Some(2)) for `v3.28.2-nks1`. A tag such as `2024.5` is no release of Calico 3, and `v3.28.2-0.dev` or
/// `v3.28.2-rc1` may lack what the release has.
fn release(tag: &str) -> Option<(u32, Option<u32>)> {
    let (numbers, suffix) = match tag.split_once('-') {
        Some((numbers, suffix)) => (numbers, suffix),
        None => (tag, ""),
    };
    let early = ["rc", "alpha", "beta"]
        .iter()
        .any(|word| suffix.starts_with(word));
    if early || suffix.starts_with(|first: char| first.is_ascii_digit()) {
        return None;
    }
    let mut numbers = numbers.strip_prefix('v').unwrap_or(numbers).split('.');
    if numbers.next()? != "3" {
        return None;
    }
    let minor = numbers.next()?.parse().ok()?;
    let patch = match numbers.next() {
        Some(patch) => Some(patch.parse().ok()?),
        None => None,
    };
    numbers.next().is_none().then_some((minor, patch))
}
