//! Which registries are frozen, and where their images are now.
//!
//! Since March 2023 k8s.gcr.io is a redirect to registry.k8s.io, with the same paths (kubernetes.io/blog/2023/03/10,
//! "k8s.gcr.io Redirect to registry.k8s.io"). Before 2020 k8s.gcr.io was an alias of gcr.io/google-containers, of which
//! google_containers is the older spelling (kubernetes#55129), and what was there has been copied (k8s.io#1036).

use nks_fixer::Image;

/// The two spellings of the project that k8s.gcr.io stood for.
const ALIASES: [&str; 2] = ["google_containers/", "google-containers/"];

const NEW_HOST: &str = "registry.k8s.io";

/// Whether an image is in a frozen registry.
pub(crate) fn is_frozen(image: &Image) -> bool {
    path(image).is_some()
}

/// The same image where it is now: same path, same tag, same digest.
pub(crate) fn moved(image: &Image) -> String {
    let moved = Image {
        host: NEW_HOST.to_owned(),
        path: path(image).unwrap_or_default().to_owned(),
        ..image.clone()
    };
    moved.to_string()
}

/// The path of an image of a frozen registry below registry.k8s.io; `None` for every other image.
fn path(image: &Image) -> Option<&str> {
    match image.host.as_str() {
        "k8s.gcr.io" => Some(&image.path),
        "gcr.io" => ALIASES
            .iter()
            .find_map(|alias| image.path.strip_prefix(alias)),
        _ => None,
    }
}
