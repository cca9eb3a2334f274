//! Why an image could not be pulled, in few words.

use nks_fixer::{Waiting, refusal};

/// The longest reason given, in characters.
const MOST_CHARACTERS: usize = 120;

/// The reason that tells most: a cause wherever one of the containers has one, and else what kubectl shows.
pub(crate) fn shortest<'a>(waitings: impl Iterator<Item = Waiting<'a>> + Clone) -> String {
    let cause = waitings
        .clone()
        .find_map(|waiting| refusal::short_cause(waiting.message));
    let reason = cause.or_else(|| waitings.clone().next().map(|waiting| waiting.reason));
    reason
        .unwrap_or_default()
        .chars()
        .take(MOST_CHARACTERS)
        .collect()
}

/// Whether a registry refused because too much had been pulled.
pub(crate) fn is_rate_limit(waiting: Waiting) -> bool {
    waiting.message.contains("429 Too Many Requests") || waiting.message.contains("toomanyrequests")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn reason(messages: &[&str]) -> String {
        shortest(messages.iter().map(|message| Waiting {
            reason: "ImagePullBackOff",
            message,
        }))
    }

    #[test]
    fn the_cause_is_found_in_what_runtimes_say() {
        let containerd = r#"rpc error: code = Unknown desc = failed to pull and unpack image "docker.io/library/calico-cni:v3.24.1": failed to resolve reference "docker.io/library/calico-cni:v3.24.1": pull access denied, repository does not exist or may require authorization: server message: insufficient_scope: authorization failed"#;
        assert_eq!(reason(&[containerd]), "repository does not exist");
        let not_found = r#"rpc error: code = NotFound desc = failed to pull and unpack image "r.example.com/calico/cni:v3.24.1": failed to resolve reference "r.example.com/calico/cni:v3.24.1": r.example.com/calico/cni:v3.24.1: not found"#;
        assert_eq!(reason(&[not_found]), "not found");
        let limited = "failed to copy: httpReadSeeker: failed open: unexpected status code https://registry-1.docker.io/v2/calico/cni/manifests/sha256:00: 429 Too Many Requests - Server message: toomanyrequests: You have reached your pull rate limit.";
        assert_eq!(reason(&[limited]), "429 Too Many Requests");
        assert!(is_rate_limit(Waiting {
            reason: "ErrImagePull",
            message: limited
        }));
        assert!(!is_rate_limit(Waiting {
            reason: "ErrImagePull",
            message: "r.example.com/x:v1.429: not found"
        }));
    }

    #[test]
    fn a_cause_is_preferred_to_a_back_off() {
        let back_off = r#"Back-off pulling image "calico-node:v3.24.1""#;
        assert_eq!(reason(&[back_off]), "ImagePullBackOff");
        assert_eq!(
            reason(&[r#"Back-off pulling image "x": ErrImagePull"#]),
            "ImagePullBackOff"
        );
        assert_eq!(
            reason(&[
                back_off,
                "dial tcp: lookup r.example.com on 10.0.0.2:53: no such host"
            ]),
            "no such host"
        );
        assert_eq!(reason(&[]), "");
        assert_eq!(
            reason(&[&format!("a: {}", "가".repeat(500))])
                .chars()
                .count(),
            MOST_CHARACTERS
        );
    }
}
