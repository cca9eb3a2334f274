//! Why an image could not be pulled, in few words.

/// What container runtimes and registries say, and what it comes to. The first that fits counts; the more telling come
/// first, since one message often holds several.
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

/// The cause in one of the messages; `None` where they only say that it will be tried again.
pub(crate) fn cause<'a>(messages: impl Iterator<Item = &'a str>) -> Option<&'static str> {
    let mut messages = messages;
    messages.find_map(|message| {
        let known = KNOWN.iter().find(|(text, _)| message.contains(text))?;
        Some(known.1)
    })
}
