//! Docker Hub's pull limit, told apart from every other answer to a pull.

use nks_fixer::{Image, Waiting};

/// Whether the pull that was refused had a login.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Login {
    /// It was counted for the node's address.
    Without,
    /// It was counted for an account.
    With,
    /// The registry does not say.
    Unknown,
}

/// Whose limit a pull of `image` has met; `None` where the message tells of anything else. The image's own name may hold
/// any word, and a mirror that has too many requests of its own is not Docker Hub.
pub(crate) fn met(message: &str, image: &str) -> Option<Login> {
    let said = message.replace(image, "").to_ascii_lowercase();
    let hosts = hosts(&said);
    let is_hub = |host: &&str| *host == "docker.io" || host.ends_with(".docker.io");
    if !hosts.is_empty() && !hosts.iter().any(is_hub) {
        return None;
    }
    let told = said.contains("toomanyrequests") && said.contains("pull rate limit");
    // The answer to a HEAD has no text, so only the address says whose it is.
    let counted = said.contains("429 too many requests") && !hosts.is_empty();
    if !told && !counted {
        None
    } else if said.contains("unauthenticated pull rate limit") {
        Some(Login::Without)
    } else if said.contains("pull rate limit as '") {
        Some(Login::With)
    } else {
        Some(Login::Unknown)
    }
}

/// The hosts of the addresses in a message, but for those that only explain: `https://www.docker.com/increase-rate-limit`.
fn hosts(message: &str) -> Vec<&str> {
    let addresses = message.split("://").skip(1);
    addresses
        .filter_map(|rest| rest.split(['/', '"', ' ', ':', '?']).next())
        .filter(|host| !host.ends_with("docker.com"))
        .collect()
}

/// Whether an image comes from Docker Hub, however it is spelled.
pub(crate) fn is_on_docker_hub(image: &str) -> bool {
    let host = Image::parse(image).map(|image| image.host);
    host.is_some_and(|host| host == "docker.io" || host == OTHER_SPELLING)
}

/// Whether kubelets use the credentials of Docker Hub for an image: not where it names a host that only happens to be
/// Docker Hub's too (kubernetes, pkg/credentialprovider, `isDefaultRegistryMatch`).
pub(crate) fn takes_a_login(image: &str) -> bool {
    Image::parse(image).is_some_and(|image| image.host != OTHER_SPELLING)
}

const OTHER_SPELLING: &str = "registry-1.docker.io";

/// Whether a container waits for an image that could not be pulled.
pub(crate) fn is_pull_failure(waiting: &Waiting) -> bool {
    matches!(
        waiting.reason,
        "ErrImagePull" | "ImagePullBackOff" | "RegistryUnavailable"
    )
}

/// Whether a message says only that the pull is tried again later.
pub(crate) fn hides_the_cause(message: &str, image: &str) -> bool {
    let rest = message.replace(image, "");
    let rest = rest.trim_end_matches('"').trim_end();
    rest.is_empty() || rest == "Back-off pulling image" || rest == "Back-off pulling image \""
}

#[cfg(test)]
mod tests {
    use super::*;

    const CONTAINERD: &str = "failed to pull and unpack image \"docker.io/library/redis:7.2\": failed to copy: httpReadSeeker: failed open: unexpected status code https://registry-1.docker.io/v2/library/redis/manifests/sha256:00: 429 Too Many Requests - Server message: toomanyrequests: You have reached your pull rate limit. You may increase the limit by authenticating and upgrading: https://www.docker.com/increase-rate-limit";

    #[test]
    fn the_limit_is_known_in_the_words_of_every_runtime() {
        for (message, login) in [
            (CONTAINERD, Login::Unknown),
            (
                "Error response from daemon: toomanyrequests: You have reached your pull rate limit. You may increase the limit by authenticating and upgrading: https://www.docker.com/increase-rate-limit",
                Login::Unknown,
            ),
            (
                "toomanyrequests: You have reached your unauthenticated pull rate limit. https://www.docker.com/increase-rate-limit",
                Login::Without,
            ),
            (
                "429 Too Many Requests\ntoomanyrequests: You have reached your pull rate limit as 'team': x. You may increase the limit by upgrading. https://www.docker.com/increase-rate-limit",
                Login::With,
            ),
            (
                "unexpected status from HEAD request to https://registry-1.docker.io/v2/library/redis/manifests/7.2: 429 Too Many Requests",
                Login::Unknown,
            ),
            (
                "failed to authorize: failed to fetch anonymous token: unexpected status from GET request to https://auth.docker.io/token?scope=x: 429 Too Many Requests",
                Login::Unknown,
            ),
        ] {
            assert_eq!(met(message, "redis:7.2"), Some(login), "{message}");
        }
    }

    #[test]
    fn nothing_else_is_the_limit() {
        for message in [
            "",
            "manifest unknown",
            "unexpected status code https://mirror.example.com/v2/library/redis/manifests/7.2?ns=docker.io: 429 Too Many Requests",
            "unexpected status code https://mirror.example.com/v2/x: 429 Too Many Requests - Server message: toomanyrequests: You have reached your pull rate limit. https://www.docker.com/increase-rate-limit",
            "toomanyrequests: Rate exceeded",
            "429 Too Many Requests",
            "dial tcp: lookup registry-1.docker.io: no such host",
        ] {
            assert_eq!(met(message, "redis:7.2"), None, "{message}");
        }
        let image = "team/toomanyrequests-pull rate limit:1";
        let message = ["Failed to pull image \"", image, "\": not found"].concat();
        assert_eq!(met(&message, image), None, "the words are the image's own");
    }

    #[test]
    fn docker_hub_has_four_spellings_of_which_one_takes_no_login() {
        for image in [
            "redis",
            "team/app:1",
            "docker.io/redis",
            "index.docker.io/team/app",
        ] {
            assert!(is_on_docker_hub(image) && takes_a_login(image), "{image}");
        }
        let other = "registry-1.docker.io/library/redis";
        assert!(is_on_docker_hub(other) && !takes_a_login(other));
        for image in [
            "quay.io/team/app",
            "docker.io.example.com/redis",
            "localhost/redis",
            "",
        ] {
            assert!(!is_on_docker_hub(image), "{image}");
        }
    }

    #[test]
    fn a_back_off_hides_the_cause_unless_it_repeats_it() {
        for message in ["", "Back-off pulling image \"redis:7.2\""] {
            assert!(hides_the_cause(message, "redis:7.2"), "{message}");
        }
        for message in [
            CONTAINERD,
            "Back-off pulling image \"redis:7.2\": ErrImagePull: not found",
        ] {
            assert!(!hides_the_cause(message, "redis:7.2"), "{message}");
        }
    }
}
