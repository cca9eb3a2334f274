//! Why an image could not be pulled, in few words.

use nks_fixer::Waiting;

/// What runtimes and registries say, and what it comes to. The first that fits counts; the more telling come first, since
/// one message often holds several.
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

/// The longest reason given, in characters.
const MOST_CHARACTERS: usize = 120;

/// The reason that tells most: a cause where one of the kubelets gives one, and else what kubectl shows.
pub(crate) fn of_waitings<'a>(waitings: impl Iterator<Item = Waiting<'a>> + Clone) -> String {
    let cause = waitings.clone().find_map(|waiting| cause(waiting.message));
    let shown = waitings.clone().next().map(|waiting| waiting.reason);
    shortened(cause.or(shown).unwrap_or_default())
}

/// Why a node that was asked could not pull.
pub(crate) fn of_refusal(message: &str) -> String {
    shortened(cause(message).unwrap_or(message))
}

/// Why a node that was asked could not tell. That is no chain of causes.
pub(crate) fn of_silence(message: &str) -> String {
    shortened(message)
}

/// The cause in a message; `None` where it only says that the kubelet will try again.
fn cause(message: &str) -> Option<&str> {
    if let Some((_, words)) = KNOWN.iter().find(|(text, _)| message.contains(text)) {
        return Some(words);
    }
    // Causes are chained with colons, the first one last. A chain of one is the kubelet's "Back-off pulling image …".
    let (_, last) = message.rsplit_once(": ")?;
    Some(last.trim()).filter(|last| !last.is_empty() && !last.starts_with("Err"))
}

fn shortened(text: &str) -> String {
    text.chars().take(MOST_CHARACTERS).collect()
}
