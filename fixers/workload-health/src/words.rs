//! Taking apart what components say. Their sentences have no grammar that is promised, so nothing here needs more than a
//! piece of text before and one after.

/// The longest piece of somebody else's sentence that is repeated, in characters.
const MOST_CHARACTERS: usize = 240;

/// What stands behind `start`, up to `end`.
pub(crate) fn between<'a>(text: &'a str, start: &str, end: &str) -> Option<&'a str> {
    let (_, rest) = text.split_once(start)?;
    rest.split_once(end).map(|(found, _)| found)
}

/// What stands in quotes behind `start`: both `"a"` and `\"a\"`.
pub(crate) fn quoted<'a>(text: &'a str, start: &str) -> Option<&'a str> {
    let (_, rest) = text.split_once(start)?;
    let rest = rest.strip_prefix('\\').unwrap_or(rest).strip_prefix('"')?;
    let end = rest.find(['"', '\\'])?;
    rest.get(..end)
}

/// Whether `text` holds one of `pieces`.
pub(crate) fn holds(text: &str, pieces: &[&str]) -> bool {
    pieces.iter().any(|piece| text.contains(piece))
}

/// The words before the first space, comma or end of line.
pub(crate) fn first_word(text: &str) -> &str {
    text.split([' ', ',', '\n']).next().unwrap_or_default()
}

/// `text` on one line, and not longer than a person reads.
pub(crate) fn shortened(text: &str) -> String {
    let mut line = String::new();
    for word in text.split_whitespace() {
        if !line.is_empty() {
            line.push(' ');
        }
        line.push_str(word);
    }
    if line.chars().count() > MOST_CHARACTERS {
        line = line.chars().take(MOST_CHARACTERS).collect();
        line.push('…');
    }
    line
}

/// `text` shortened and with a full stop, to stand before another sentence.
pub(crate) fn sentence(text: &str) -> String {
    let mut sentence = shortened(text);
    if !sentence.is_empty() && !sentence.ends_with(['.', '!', '?', '…']) {
        sentence.push('.');
    }
    sentence
}

/// The last link of a chain of causes: `c` of `a: b: c`, but with an address's port left whole.
pub(crate) fn last_cause(text: &str) -> String {
    let text = text.trim().trim_end_matches(": unknown");
    let last = text.rsplit(": ").next().unwrap_or(text);
    shortened(last)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sentences_are_taken_apart() {
        let message = r#"pods "a-" is forbidden: error looking up service account b/c: serviceaccount "c" not found"#;
        assert_eq!(quoted(message, "serviceaccount "), Some("c"));
        assert_eq!(quoted(r#"exec: \"run\": not found"#, "exec: "), Some("run"));
        assert_eq!(quoted(message, "configmap "), None);
        assert_eq!(between("a: b, c", "a: ", ","), Some("b"));
        assert_eq!(
            last_cause("x: y: connection refused: unknown"),
            "connection refused"
        );
        assert_eq!(sentence("a\n  b"), "a b.");
        assert_eq!(sentence("a."), "a.");
        assert_eq!(sentence(""), "");
        assert_eq!(
            shortened(&"가".repeat(500)).chars().count(),
            MOST_CHARACTERS + 1
        );
    }
}
