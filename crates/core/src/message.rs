//! Free text comes from a catalogue, never from a guest: what is filled in is cleaned first.

use serde::{Deserialize, Serialize};

use crate::report::Arg;

/// The languages that every message exists in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Language {
    /// English.
    English,
    /// Korean.
    Korean,
}

impl Language {
    /// Reads a `--lang` value or a POSIX locale such as `ko_KR.UTF-8`. `None` for anything but English and Korean;
    /// `C` and `POSIX` are English.
    pub fn parse(text: &str) -> Option<Self> {
        match text
            .split(['_', '.', '@', '-'])
            .next()?
            .to_ascii_lowercase()
            .as_str()
        {
            "en" | "c" | "posix" => Some(Self::English),
            "ko" => Some(Self::Korean),
            _ => None,
        }
    }
}

/// One message in both languages, with `{placeholder}`s.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct Text {
    /// English.
    pub en: String,
    /// Korean.
    pub ko: String,
}

impl Text {
    /// The template in one language.
    pub fn in_language(&self, language: Language) -> &str {
        match language {
            Language::English => &self.en,
            Language::Korean => &self.ko,
        }
    }

    /// The message in one language with its placeholders filled from `args`, each cleaned by [`clean`]. A placeholder
    /// without a value stays as it is written.
    pub fn render(&self, language: Language, args: &[Arg]) -> String {
        fill(self.in_language(language), |name| {
            args.iter()
                .find(|arg| arg.name == name)
                .map(|arg| clean(&arg.value))
        })
    }
}

/// Fills `{name}` in `template` from `value_of`.
pub fn fill(template: &str, value_of: impl Fn(&str) -> Option<String>) -> String {
    let mut out = String::with_capacity(template.len() + 32);
    let mut rest = template;
    while let Some(open) = rest.find('{') {
        out.push_str(&rest[..open]);
        rest = &rest[open..];
        let Some(close) = rest.find('}') else { break };
        match value_of(&rest[1..close]) {
            Some(value) => out.push_str(&value),
            None => out.push_str(&rest[..=close]),
        }
        rest = &rest[close + 1..];
    }
    out + rest
}

/// The names between braces in a template, in order.
pub fn placeholders(template: &str) -> impl Iterator<Item = &str> {
    template
        .split('{')
        .skip(1)
        .filter_map(|part| part.split_once('}').map(|(name, _)| name))
}

/// The longest argument shown, in characters; longer ones end in `…`.
pub const MAX_ARGUMENT: usize = 1_000;

/// Makes untrusted text safe for a terminal: control, bidirectional, zero-width and tag characters, which can move the
/// cursor, reorder a line or hide in it, each become U+FFFD, so that their presence is seen. Cut at [`MAX_ARGUMENT`].
pub fn clean(text: &str) -> String {
    let mut out: String = text.chars().take(MAX_ARGUMENT).map(visible).collect();
    if text.chars().nth(MAX_ARGUMENT).is_some() {
        out.push('…');
    }
    out
}

/// As [`clean`], for text of several lines: line feeds and tabs stay, and nothing is cut.
pub fn clean_lines(text: &str) -> String {
    text.chars()
        .map(|c| {
            if c == '\n' || c == '\t' {
                c
            } else {
                visible(c)
            }
        })
        .collect()
}

fn visible(character: char) -> char {
    match character {
        _ if character.is_control() => '\u{fffd}',
        '\u{ad}' | '\u{61c}' | '\u{180e}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' => {
            '\u{fffd}'
        }
        '\u{2060}'..='\u{206f}'
        | '\u{feff}'
        | '\u{fff9}'..='\u{fffb}'
        | '\u{e0000}'..='\u{e007f}' => '\u{fffd}',
        other => other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn arguments_cannot_move_the_cursor_or_hide() {
        assert_eq!(
            clean("a\u{1b}[2Jb\rc\u{202e}d\u{200b}e\u{9b}f"),
            "a\u{fffd}[2Jb\u{fffd}c\u{fffd}d\u{fffd}e\u{fffd}f"
        );
        assert_eq!(clean(&"x".repeat(2_000)).chars().count(), MAX_ARGUMENT + 1);
        assert_eq!(clean("한글 ✓"), "한글 ✓");
    }

    #[test]
    fn an_argument_is_not_a_template() {
        let text = Text {
            en: "{a} and {b}".into(),
            ko: "{b}, {a}".into(),
        };
        let args = [
            Arg {
                name: "a".into(),
                value: "{b}".into(),
            },
            Arg {
                name: "b".into(),
                value: "two".into(),
            },
        ];
        assert_eq!(text.render(Language::English, &args), "{b} and two");
        assert_eq!(text.render(Language::Korean, &args), "two, {b}");
        assert_eq!(placeholders("{a} x {b").collect::<Vec<_>>(), ["a"]);
    }

    #[test]
    fn locales_are_read_as_posix_writes_them() {
        assert_eq!(Language::parse("ko_KR.UTF-8"), Some(Language::Korean));
        assert_eq!(Language::parse("C.UTF-8"), Some(Language::English));
        assert_eq!(Language::parse("fr_FR"), None);
    }
}
