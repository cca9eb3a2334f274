//! The change of a text that may not be written down, as it may: digests, and the way back by lines without a value.

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::{Line, Sealed, body};

/// A change of a text that may not be written down: the way back, without any of its values.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct SealedEdit {
    /// SHA-256 of the text before, in hexadecimal.
    pub before: String,
    /// SHA-256 of the text after.
    pub after: String,
    /// What has to be done to the text after, from the end to the beginning, to have the text before again.
    pub back: Vec<Replace>,
    /// Whether the text before lacked a line end that the text after has behind the same line.
    pub unended: bool,
}

/// Lines that take the place of others.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Replace {
    /// The first line, counted from 0.
    pub line: usize,
    /// How many lines go.
    pub remove: usize,
    /// The lines that come, with their line ends. None of them holds a value.
    pub insert: Vec<String>,
}

/// Describes the change from `before` to `after`, both with their values. `None` when a line with a value differs.
pub fn seal(before: &str, after: &str) -> Option<SealedEdit> {
    let old = Sealed::new(before, 0);
    let new: Vec<&str> = after.split_inclusive('\n').collect();
    let unended = !before.ends_with('\n') && !before.is_empty();
    let mut back = Vec::new();
    let (mut from, mut to) = (0, 0);
    let mut ended = false;
    loop {
        // The next line with a value stands in both.
        let stop = old.lines[from..]
            .iter()
            .position(Line::holds_token)
            .map(|at| from + at);
        let until = match stop {
            Some(stop) => {
                let (text, end) = body(&old.lines[stop].raw);
                let at = new[to..].iter().position(|line| {
                    let (other, other_end) = body(line);
                    other == text && (other_end == end || end.is_empty())
                })?;
                ended |= end.is_empty() && !body(new[to + at]).1.is_empty();
                to + at
            }
            None => new.len(),
        };
        let gone: Vec<String> = old.lines[from..stop.unwrap_or(old.lines.len())]
            .iter()
            .map(|line| line.raw.clone())
            .collect();
        if gone
            .iter()
            .map(String::as_str)
            .ne(new[to..until].iter().copied())
        {
            back.push(Replace {
                line: to,
                remove: until - to,
                insert: gone,
            });
        }
        match stop {
            Some(stop) => (from, to) = (stop + 1, until + 1),
            None => break,
        }
    }
    back.reverse();
    let edit = SealedEdit {
        before: digest(before),
        after: digest(after),
        back,
        unended: unended && ended,
    };
    (edit.undo(after).as_deref() == Some(before)).then_some(edit)
}

/// Describes the making of a text. There is no way back to a text before.
pub fn made(text: &str) -> SealedEdit {
    SealedEdit {
        before: String::new(),
        after: digest(text),
        back: Vec::new(),
        unended: false,
    }
}

impl SealedEdit {
    /// The text before, from the text after. `None` when it is another text.
    pub fn undo(&self, after: &str) -> Option<String> {
        if digest(after) != self.after {
            return None;
        }
        let mut lines: Vec<String> = after.split_inclusive('\n').map(str::to_owned).collect();
        for Replace {
            line,
            remove,
            insert,
        } in &self.back
        {
            let range = *line..line.checked_add(*remove)?;
            lines.get(range.clone())?;
            lines.splice(range, insert.iter().cloned());
        }
        let mut before = lines.concat();
        if self.unended {
            before.truncate(body(&before).0.len());
        }
        (digest(&before) == self.before).then_some(before)
    }
}

/// SHA-256 of a text, in hexadecimal.
pub fn digest(text: &str) -> String {
    let digest = Sha256::digest(text);
    digest.iter().map(|byte| format!("{byte:02x}")).collect()
}
