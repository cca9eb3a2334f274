//! Secrets as tokens (contract.md, property 6): a fixer edits the text of a Secret without seeing a value in it.
//!
//! Only INI text is taken apart: sections, keys, comments, white space and line ends stay, and every value becomes a
//! token. Any other text is one token. What stays a value: words that say yes or no, which hold no secret and which a
//! fixer has to be able to read.
//!
//! The way back is by lines. A line that holds a token has to come back as it was, in its place among the others; lines
//! without one may come, go and change. So a value can neither be read, nor moved under another key, nor lost.

use crate::secret::MASK;

mod edit;

pub use edit::{Replace, SealedEdit, digest, made, seal};

/// What every token starts with.
pub const PREFIX: &str = "nks-secret-";

/// Whether a text mentions a token.
pub fn mentions(text: &str) -> bool {
    text.contains(PREFIX)
}

/// One line: as it is, and as a fixer is shown it. Both with their line end.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Line {
    raw: String,
    shown: String,
}

impl Line {
    fn holds_token(&self) -> bool {
        mentions(&self.shown)
    }
}

/// A text with its values taken out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sealed {
    lines: Vec<Line>,
    /// Whether all of it is one token.
    opaque: bool,
}

/// Why an edited text is refused.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TokenError {
    /// A token in a line that is not its own, or not in its place.
    #[error("line {0} holds the token of another line, or not all of its own line")]
    Moved(usize),
    /// A line with a value is missing.
    #[error("{0} lines with values are missing")]
    Lost(usize),
}

impl Sealed {
    /// Takes the values out of a text. `first` numbers the first token, so that the texts of one Secret share no token.
    pub fn new(text: &str, first: usize) -> Self {
        let mut number = first;
        let mut token = || {
            number += 1;
            format!("{PREFIX}{}", number - 1)
        };
        if !is_ini(text) {
            let shown = token();
            let lines = vec![Line {
                raw: text.to_owned(),
                shown,
            }];
            return Self {
                lines,
                opaque: true,
            };
        }
        let mut continued = false;
        let lines = text.split_inclusive('\n').map(|raw| {
            let shown = shown(raw, continued, &mut token);
            continued = body(raw).0.ends_with('\\');
            Line {
                raw: raw.to_owned(),
                shown,
            }
        });
        Self {
            lines: lines.collect(),
            opaque: false,
        }
    }

    /// How many tokens it has.
    pub fn tokens(&self) -> usize {
        self.lines
            .iter()
            .map(|line| line.shown.matches(PREFIX).count())
            .sum()
    }

    /// The text that a fixer is shown.
    pub fn shown(&self) -> String {
        self.lines.iter().map(|line| line.shown.as_str()).collect()
    }

    /// The text that a person is shown: the same, without telling one value from another.
    pub fn masked(&self) -> String {
        let mut masked = String::new();
        let shown = self.shown();
        let mut rest = shown.as_str();
        while let Some(at) = rest.find(PREFIX) {
            masked.push_str(&rest[..at]);
            masked.push_str(MASK);
            rest = rest[at + PREFIX.len()..].trim_start_matches(|c: char| c.is_ascii_digit());
        }
        masked + rest
    }

    /// Puts the values back into what a fixer made of [`Sealed::shown`]. A text that is one token cannot be edited.
    pub fn restore(&self, edited: &str) -> Result<String, TokenError> {
        if edited == self.shown() {
            return Ok(self.lines.iter().map(|line| line.raw.as_str()).collect());
        }
        if self.opaque {
            return Err(TokenError::Moved(1));
        }
        let mut values = self.lines.iter().filter(|line| line.holds_token());
        let mut restored = String::with_capacity(edited.len());
        for (index, line) in edited.split_inclusive('\n').enumerate() {
            if !mentions(line) {
                restored.push_str(line);
                continue;
            }
            let known = values.next().ok_or(TokenError::Moved(index + 1))?;
            let ((old, old_end), (new, new_end)) = (body(&known.shown), body(line));
            // The last line may have been given the line end that it lacked.
            if old != new || (old_end != new_end && !old_end.is_empty()) {
                return Err(TokenError::Moved(index + 1));
            }
            restored.push_str(body(&known.raw).0);
            restored.push_str(new_end);
        }
        match values.count() {
            0 => Ok(restored),
            lost => Err(TokenError::Lost(lost)),
        }
    }
}

/// Whether a text is INI: every line is empty, a comment, a section, or an entry, or goes on from the line before; and
/// there is a section.
fn is_ini(text: &str) -> bool {
    let mut sections = 0;
    let mut continued = false;
    for line in text.lines() {
        let trimmed = line.trim();
        let fits = continued
            || trimmed.is_empty()
            || trimmed.starts_with(['#', ';', '['])
            || key_of(trimmed).is_some();
        if !fits {
            return false;
        }
        sections += usize::from(!continued && trimmed.starts_with('['));
        continued = trimmed.ends_with('\\');
    }
    sections > 0
}

/// The key of an entry: letters, digits, dashes and the like before an equals sign or the end.
fn key_of(trimmed: &str) -> Option<&str> {
    let key = trimmed.split('=').next()?.trim_end();
    let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.');
    (!key.is_empty() && key.chars().all(plain)).then_some(key)
}

/// A line without its end, and the end.
fn body(line: &str) -> (&str, &str) {
    let end = line.len() - line.trim_end_matches(['\n', '\r']).len();
    line.split_at(line.len() - end)
}

fn shown(raw: &str, continued: bool, token: &mut impl FnMut() -> String) -> String {
    let (text, end) = body(raw);
    let trimmed = text.trim_start();
    let indent = &text[..text.len() - trimmed.len()];
    if trimmed.is_empty() {
        return raw.to_owned();
    }
    if continued {
        return [indent, &token(), end].concat();
    }
    if trimmed.starts_with('[') {
        // A section is all of its line, but for a comment.
        let Some(close) = trimmed.find(']') else {
            return [indent, &token(), end].concat();
        };
        let (section, rest) = trimmed.split_at(close + 1);
        return [indent, section, &value(rest, token), end].concat();
    }
    // A comment may be an entry that was put out of use, value and all, or say a value in words.
    let separators: &[char] = if trimmed.starts_with(['#', ';']) {
        &['=', ':']
    } else {
        &['=']
    };
    match trimmed.find(separators) {
        Some(at) => {
            let (key, rest) = trimmed.split_at(at + 1);
            [indent, key, &value(rest, token), end].concat()
        }
        None => raw.to_owned(),
    }
}

/// What follows a key or a section, white space around it kept. A comment after a value goes with the value.
fn value(rest: &str, token: &mut impl FnMut() -> String) -> String {
    let text = rest.trim();
    if text.is_empty() || is_yes_or_no(text) {
        return rest.to_owned();
    }
    let start = rest.len() - rest.trim_start().len();
    let stop = rest.trim_end().len();
    [&rest[..start], &token(), &rest[stop..]].concat()
}

/// The words of a truth value, quoted or not, with nothing after them but a comment without an equals sign.
fn is_yes_or_no(text: &str) -> bool {
    let text = text.strip_suffix('\\').unwrap_or(text);
    let word = text.split([';', '#']).next().unwrap_or_default().trim();
    let comment = &text[text.find([';', '#']).unwrap_or(text.len())..];
    let word = word
        .strip_prefix('"')
        .and_then(|word| word.strip_suffix('"'))
        .unwrap_or(word)
        .to_ascii_lowercase();
    comment.is_empty()
        && matches!(
            word.as_str(),
            "true" | "false" | "yes" | "no" | "on" | "off" | "1" | "0"
        )
}

#[cfg(test)]
mod tests {
    use super::*;

    const CONFIG: &str = "[Global]\r\n; password = old-one\r\nusername=admin\r\npassword = p=ss;word # note\r\n\r\n[BlockStorage]\r\nrescan-on-resize = false\r\nbs-version=v3";

    #[test]
    fn values_are_hidden_and_nothing_else() {
        let sealed = Sealed::new(CONFIG, 5);
        assert_eq!(
            sealed.shown(),
            "[Global]\r\n; password = nks-secret-5\r\nusername=nks-secret-6\r\npassword = nks-secret-7\r\n\r\n[BlockStorage]\r\nrescan-on-resize = false\r\nbs-version=nks-secret-8"
        );
        assert_eq!(sealed.tokens(), 4);
        assert_eq!(
            sealed.masked(),
            "[Global]\r\n; password = ***\r\nusername=***\r\npassword = ***\r\n\r\n[BlockStorage]\r\nrescan-on-resize = false\r\nbs-version=***"
        );
        assert_eq!(sealed.restore(&sealed.shown()).as_deref(), Ok(CONFIG));
    }

    #[test]
    fn what_is_no_ini_is_one_token() {
        for text in [
            "{\"a\": \"b\"}",
            "hunter2",
            "a: b\nc: d\n",
            "key = value\n",
            "[x]\nfree text\n",
            "",
        ] {
            assert_eq!(Sealed::new(text, 0).shown(), "nks-secret-0", "{text}");
        }
    }

    #[test]
    fn continued_values_are_hidden_on_every_line() {
        let sealed = Sealed::new("[a]\nb = one \\\n  two\nc = yes\n", 0);
        assert_eq!(
            sealed.shown(),
            "[a]\nb = nks-secret-0\n  nks-secret-1\nc = yes\n"
        );
    }

    #[test]
    fn an_edit_goes_there_and_back_to_the_byte() {
        let sealed = Sealed::new(CONFIG, 0);
        let shown = sealed.shown();
        for edited in [
            shown.replace("rescan-on-resize = false", "rescan-on-resize = true"),
            shown.replace("[BlockStorage]\r\n", "[BlockStorage]\r\nx = yes\r\n"),
            format!("{shown}\r\n[More]\r\nx = yes\r\n"),
            format!("first = yes\r\n{shown}"),
            shown.replace("rescan-on-resize = false\r\n", ""),
        ] {
            let after = sealed.restore(&edited).unwrap();
            assert_ne!(after, CONFIG);
            assert!(after.contains("p=ss;word # note\r\n"), "{after}");
            let edit = seal(CONFIG, &after).unwrap();
            assert_eq!(edit.undo(&after).as_deref(), Some(CONFIG), "{edit:?}");
            assert_eq!(edit.undo(CONFIG), None);
            let kept = serde_json::to_string(&edit).unwrap();
            for secret in ["admin", "old-one", "p=ss", "note", "v3"] {
                assert!(!kept.contains(secret), "{secret} in {kept}");
            }
        }
    }

    #[test]
    fn a_value_is_neither_moved_nor_lost_nor_copied() {
        let sealed = Sealed::new(CONFIG, 0);
        let shown = sealed.shown();
        for edited in [
            shown.replace("username=nks-secret-1", "username=nks-secret-2"),
            shown.replace("username=", "x="),
            shown.replace("username=nks-secret-1\r\n", ""),
            shown.replace("nks-secret-1", "1"),
            format!("a=nks-secret-1\r\n{shown}"),
            format!("{shown}\r\n# nks-secret-3"),
            shown.replace("bs-version=nks-secret-3", "bs-version=nks-secret-3 # more"),
            "nks-secret-0".to_owned(),
        ] {
            assert!(sealed.restore(&edited).is_err(), "{edited}");
        }
    }
}
