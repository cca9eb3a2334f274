//! The driver's configuration file: INI as gcfg reads it. Names do not mind their case, of two values the later one counts,
//! and a key without a value means true.

const SECTION: &str = "BlockStorage";
const OPTION: &str = "rescan-on-resize";

/// How the option stands in a text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Setting {
    /// It is true.
    On,
    /// It is false, in this line.
    Off { line: usize },
    /// It is not there; this line begins the section, where there is one.
    Missing { section: Option<usize> },
    /// It holds something else than a truth value.
    Unreadable,
    /// The text has no section at all.
    NotIni,
}

/// Reads how the option stands. Lines are counted from 0.
pub(crate) fn read(text: &str) -> Setting {
    let (mut inside, mut continued, mut any_section) = (false, false, false);
    let (mut section, mut found) = (None, None);
    for (number, line) in text.lines().enumerate() {
        let trimmed = line.trim();
        let goes_on = continued;
        continued = trimmed.ends_with('\\');
        if goes_on || trimmed.is_empty() || trimmed.starts_with(['#', ';']) {
            continue;
        }
        if let Some(header) = trimmed.strip_prefix('[') {
            any_section = true;
            inside = header
                .split(']')
                .next()
                .is_some_and(|name| name.trim().eq_ignore_ascii_case(SECTION));
            if inside {
                section = section.or(Some(number));
            }
        } else if inside && key(trimmed).eq_ignore_ascii_case(OPTION) {
            found = Some(setting(trimmed, number));
        }
    }
    match found {
        _ if !any_section => Setting::NotIni,
        Some(setting) => setting,
        None => Setting::Missing { section },
    }
}

fn key(entry: &str) -> &str {
    entry.split('=').next().unwrap_or_default().trim()
}

fn setting(entry: &str, line: usize) -> Setting {
    let Some((_, value)) = entry.split_once('=') else {
        return Setting::On;
    };
    let value = value.trim().trim_matches('"').to_ascii_lowercase();
    match value.as_str() {
        "true" | "yes" | "on" | "1" => Setting::On,
        "false" | "no" | "off" | "0" => Setting::Off { line },
        _ => Setting::Unreadable,
    }
}

/// The text with the option on, every other byte as it was. `None` where it is on already, or nothing can be done.
pub(crate) fn with_option(text: &str) -> Option<String> {
    let end = if text.contains("\r\n") { "\r\n" } else { "\n" };
    let entry = [OPTION, " = true"].concat();
    let mut lines: Vec<String> = text.split_inclusive('\n').map(str::to_owned).collect();
    match read(text) {
        Setting::On | Setting::Unreadable | Setting::NotIni => return None,
        Setting::Off { line } => lines[line] = turned_on(&lines[line])?,
        Setting::Missing {
            section: Some(line),
        } if lines[line].ends_with('\n') => {
            lines.insert(line + 1, [entry.as_str(), end].concat());
        }
        // The section is the last line, and the file does not end its last line.
        Setting::Missing { section: Some(_) } => lines.push([end, &entry].concat()),
        Setting::Missing { section: None } => {
            let section = ["[", SECTION, "]", end, &entry].concat();
            let ends = text.ends_with('\n');
            lines.push(if ends {
                [&section, end].concat()
            } else {
                [end, &section].concat()
            });
        }
    }
    Some(lines.concat())
}

/// `key = false` with `true` in its place.
fn turned_on(line: &str) -> Option<String> {
    let (key, rest) = line.split_once('=')?;
    let value = rest.trim();
    let start = rest.find(value)?;
    let (before, after) = (&rest[..start], &rest[start + value.len()..]);
    Some([key, "=", before, "true", after].concat())
}
