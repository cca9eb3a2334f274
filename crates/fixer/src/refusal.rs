//! Why an image could not be pulled, from what container runtimes and registries say.

use crate::image::Image;

/// What stands between a node and an image.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refusal {
    /// The registry does not answer the node at all.
    Unreachable,
    /// The registry wants a login, or another one. Many answer so for what they do not have, too.
    Denied,
    /// Whatever else: mostly, the registry does not have the image.
    Other,
}

/// The first that fits counts: to be refused, one has to be answered.
const SAID: [(Refusal, &[&str]); 2] = [
    (
        Refusal::Unreachable,
        &[
            "no such host",
            "i/o timeout",
            "connection refused",
            "connection reset",
            "no route to host",
            "network is unreachable",
            "TLS handshake timeout",
            "deadline exceeded",
            "Client.Timeout",
            "server misbehaving",
        ],
    ),
    (
        Refusal::Denied,
        &[
            "401 Unauthorized",
            "403 Forbidden",
            "unauthorized",
            "denied",
            "authentication required",
            "authorization failed",
            "no basic auth credentials",
        ],
    ),
];

/// The longest reason that is told, in characters.
const MOST_CHARACTERS: usize = 160;

/// What `words` say of `image`.
pub fn of(image: &str, words: &str) -> Refusal {
    // The image's own name may hold any word, and so may the address that was asked.
    let mut words = words.replace(image, "");
    if let Some(image) = Image::parse(image) {
        words = words.replace(&image.path, "");
    }
    let holds = |(_, said): &&(Refusal, &[&str])| said.iter().any(|said| words.contains(said));
    let found = SAID.iter().find(holds);
    found.map_or(Refusal::Other, |(refusal, _)| *refusal)
}

/// The cause in a runtime's chain of messages, which names the image or its address again and again before: what comes
/// after the last `": `, and there after the image's name. The whole where there is no such thing. Of one that is too long the
/// end is told.
pub fn cause(words: &str) -> String {
    let last = words.rsplit_once("\": ").map(|(_, last)| last.trim());
    let last = last.filter(|last| !last.is_empty()).unwrap_or(words);
    let is_name = |first: &str| first.contains('/') && !first.contains(' ');
    let last = match last.split_once(": ") {
        Some((first, rest)) if is_name(first) => rest,
        _ => last,
    };
    let mut last = last.trim_end_matches('.');
    while last.chars().count() > MOST_CHARACTERS {
        match last.split_once(": ") {
            Some((_, rest)) => last = rest,
            None => break,
        }
    }
    last.chars().take(MOST_CHARACTERS).collect()
}

/// What container runtimes and registries say, and what it comes to. The first that fits counts; the more telling come
/// first, since one message often holds several ("pull access denied, repository does not exist or may require …").
const KNOWN: [(&str, &str); 9] = [
    ("toomanyrequests", "429 Too Many Requests"),
    ("429 Too Many Requests", "429 Too Many Requests"),
    ("repository does not exist", "repository does not exist"),
    ("manifest unknown", "manifest unknown"),
    ("no such host", "no such host"),
    ("i/o timeout", "i/o timeout"),
    ("connection refused", "connection refused"),
    ("401 Unauthorized", "401 Unauthorized"),
    ("403 Forbidden", "403 Forbidden"),
];

/// The cause in few words, where the message has one that is known.
pub fn known_cause(words: &str) -> Option<&'static str> {
    let mut known = KNOWN.iter();
    known
        .find(|(text, _)| words.contains(text))
        .map(|(_, said)| *said)
}

/// The cause in few words, known or not; `None` where the kubelet only says that it will try again.
pub fn short_cause(words: &str) -> Option<&str> {
    if let Some(known) = known_cause(words) {
        return Some(known);
    }
    // Causes are chained with colons, the first one last. A chain of one is the kubelet's "Back-off pulling image …".
    let (_, last) = words.rsplit_once(": ")?;
    Some(last.trim()).filter(|last| !last.is_empty() && !last.starts_with("Err"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_refusal_is_told_from_silence_and_from_names() {
        let image = "ghcr.io/acme/access-denied-page:1";
        let missing = r#"failed to resolve reference "ghcr.io/acme/access-denied-page:1": ghcr.io/acme/access-denied-page:1: not found"#;
        let address = "unexpected status from HEAD request to https://ghcr.io/v2/acme/access-denied-page/manifests/1: 500";
        let token = "failed to fetch anonymous token: unexpected status from GET request to https://ghcr.io/token: 403 Forbidden";
        let silent = r#"failed to do request: Head "https://ghcr.io/v2/": dial tcp: lookup ghcr.io: no such host"#;
        for (words, refusal) in [
            (missing, Refusal::Other),
            (address, Refusal::Other),
            (token, Refusal::Denied),
            (silent, Refusal::Unreachable),
            (
                "Error response from daemon: Head https://ghcr.io/v2/: denied",
                Refusal::Denied,
            ),
            ("", Refusal::Other),
        ] {
            assert_eq!(of(image, words), refusal, "{words}");
        }
    }

    #[test]
    fn the_cause_comes_last() {
        let chain = r#"failed to pull and unpack image "a/b:1": failed to resolve reference "a/b:1": a/b:1: not found"#;
        assert_eq!(cause(chain), "not found");
        assert_eq!(
            cause(r#"Head "https://a/v2/": dial tcp: no such host"#),
            "dial tcp: no such host"
        );
        assert_eq!(
            cause("GET request to https://a/token: 403 Forbidden."),
            "GET request to https://a/token: 403 Forbidden"
        );
        assert_eq!(cause("Back-off"), "Back-off");
        assert_eq!(cause("x \": "), "x \": ");
        let long = [
            &"failed to authorize: ".repeat(9),
            "GET request to https://a/token: 403 Forbidden",
        ]
        .concat();
        assert!(cause(&long).ends_with(": 403 Forbidden"));
        assert_eq!(cause(&"가".repeat(500)).chars().count(), MOST_CHARACTERS);
    }
}
