//! The driver's configuration: INI as the Go package gcfg reads it.
//!
//! Names of sections and keys are the same in any case, the last value wins, a section may come more than once,
//! `[BlockStorage "x"]` is another section, and a key without `=` means true. The values of other options are not shown
//! to a fixer: a token stands for each. Every line with a token has to come back as it was, so an edit works on whole
//! lines and touches one at most.

const SECTION: &str = "BlockStorage";
const OPTION: &str = "rescan-on-resize";
const OPTION_LINE: &str = "rescan-on-resize = true";

/// What a configuration says of the option. The new text is the one in which it is true.
#[derive(Debug, PartialEq)]
pub(crate) enum Verdict {
    /// It is true.
    On,
    /// It is false.
    Off { new: String },
    /// It is not there, and the driver takes it for false.
    Missing { new: String },
    /// It has a value that cannot be read.
    Unreadable,
    /// The text is not INI, or not to be read.
    NotIni,
}

/// Looks for the option in `text`.
pub(crate) fn examine(text: &str) -> Verdict {
    let lines: Vec<&str> = text.split_inclusive('\n').collect();
    let mut sections = 0;
    let mut inside = false;
    let mut header = None;
    let mut last = None;
    for (position, line) in lines.iter().enumerate() {
        if let Some(is_ours) = section(line) {
            sections += 1;
            inside = is_ours;
            if is_ours && header.is_none() {
                header = Some(position);
            }
        } else if inside && is_option(line) {
            last = Some(position);
        }
    }
    match (last, header) {
        _ if sections == 0 => Verdict::NotIni,
        (Some(position), _) => match truth(lines[position]) {
            Some(true) => Verdict::On,
            Some(false) => Verdict::Off {
                new: with_value(&lines, position),
            },
            None => Verdict::Unreadable,
        },
        (None, Some(position)) => Verdict::Missing {
            new: with_line(&lines, position),
        },
        (None, None) => Verdict::Missing {
            new: with_section(&lines),
        },
    }
}

/// Whether a line that begins a section begins the one that matters; `None` for any other line.
fn section(line: &str) -> Option<bool> {
    let rest = line.trim_start().strip_prefix('[')?;
    let name = rest.split(']').next().unwrap_or_default();
    Some(name.trim().eq_ignore_ascii_case(SECTION))
}

fn is_option(line: &str) -> bool {
    let key = line.split('=').next().unwrap_or_default();
    key.trim().eq_ignore_ascii_case(OPTION)
}

/// The value in the option's line; `None` where it says neither yes nor no, as a token does.
fn truth(line: &str) -> Option<bool> {
    let Some((_, value)) = line.split_once('=') else {
        return Some(true);
    };
    let value = value.trim();
    let word = value
        .strip_prefix('"')
        .and_then(|value| value.strip_suffix('"'))
        .unwrap_or(value);
    let is_one_of = |words: [&str; 4]| words.iter().any(|known| word.eq_ignore_ascii_case(known));
    if is_one_of(["true", "yes", "on", "1"]) {
        Some(true)
    } else if is_one_of(["false", "no", "off", "0"]) {
        Some(false)
    } else {
        None
    }
}

/// The text with another value in one line, white space around the value kept.
fn with_value(lines: &[&str], position: usize) -> String {
    let (key, value) = lines[position]
        .split_once('=')
        .unwrap_or((lines[position], ""));
    let start = value.len() - value.trim_start().len();
    let end = value.trim_end().len();
    let line = [key, "=", &value[..start], "true", &value[end..]].concat();
    [
        lines[..position].concat(),
        line,
        lines[position + 1..].concat(),
    ]
    .concat()
}

/// The text with the option's line behind the section's first line.
fn with_line(lines: &[&str], header: usize) -> String {
    let (before, after) = lines.split_at(header + 1);
    let own = line_end(lines[header]);
    let end = if own.is_empty() {
        usual_line_end(lines)
    } else {
        own
    };
    let missing = if own.is_empty() { end } else { "" };
    [&before.concat(), missing, OPTION_LINE, end, &after.concat()].concat()
}

/// The text with the section and the option's line at its end. An empty line goes before them: a value that ends in a
/// backslash, which a token would hide, goes on in the next line.
fn with_section(lines: &[&str]) -> String {
    let end = usual_line_end(lines);
    let last = lines.last().copied().unwrap_or_default();
    let missing = if line_end(last).is_empty() { end } else { "" };
    let empty = if last.trim().is_empty() { "" } else { end };
    let section = ["[", SECTION, "]", end, OPTION_LINE, end].concat();
    [&lines.concat(), missing, empty, &section].concat()
}

fn line_end(line: &str) -> &str {
    &line[line.trim_end_matches(['\r', '\n']).len()..]
}

/// The line end that is nearest to the end of the text.
fn usual_line_end<'a>(lines: &[&'a str]) -> &'a str {
    let mut ends = lines.iter().rev().map(|line| line_end(line));
    ends.find(|end| !end.is_empty()).unwrap_or("\n")
}
