//! What is shown: data on stdout, everything else on stderr. Colour only on a terminal; meaning never depends on it.

use std::io::{self, IsTerminal, Write};

use anstyle::{AnsiColor, Style};
use clap::ValueEnum;
use nks_core::message::Language;
use nks_core::output::{Document, Output};
use nks_core::report::{Arg, Severity};
use nks_core::{message, yaml};
use unicode_width::UnicodeWidthStr;

use crate::failure::Failure;
use crate::text;

/// The formats of `-o`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub(crate) enum Format {
    /// For people.
    #[default]
    Text,
    /// JSON, versioned.
    Json,
    /// YAML, versioned.
    Yaml,
}

/// The terminal, and the language to speak.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Screen {
    /// English or Korean.
    pub(crate) language: Language,
}

/// Bold.
pub(crate) const BOLD: Style = Style::new().bold();
/// For what is less important.
pub(crate) const DIM: Style = Style::new().dimmed();
const GOOD: Style = AnsiColor::Green.on_default();
const BAD: Style = AnsiColor::Red.on_default();
const CAREFUL: Style = AnsiColor::Yellow.on_default();

impl Screen {
    /// Our own sentence `id`.
    pub(crate) fn say(&self, id: &str, values: &[(&str, &str)]) -> String {
        text::say(self.language, id, values)
    }

    /// A number of things: `1 node`, `12 nodes`.
    pub(crate) fn count(&self, things: &str, count: usize) -> String {
        let number = if count == 1 { "one" } else { "many" };
        let id = format!("count.{things}.{number}");
        self.say(&id, &[("count", &count.to_string())])
    }

    /// A message of a fixer's catalogue.
    pub(crate) fn render(&self, text: &message::Text, args: &[Arg]) -> String {
        text.render(self.language, args)
    }

    /// Prints text on stdout, as it is.
    pub(crate) fn print(&self, text: &str) -> Result<(), Failure> {
        let mut out = anstream::stdout().lock();
        out.write_all(text.as_bytes())?;
        Ok(out.flush()?)
    }

    /// Prints a line on stdout.
    pub(crate) fn line(&self, text: &str) -> Result<(), Failure> {
        self.print(&format!("{text}\n"))
    }

    /// Prints text for people after `indent`: broken at spaces where it meets a terminal, and in one line where another
    /// program reads it.
    pub(crate) fn prose(&self, text: &str, indent: &str) -> Result<(), Failure> {
        let terminal = io::stdout()
            .is_terminal()
            .then(terminal_size::terminal_size);
        match terminal.flatten() {
            Some((columns, _)) => self.line(&wrap(text, indent, columns.0.into())),
            None => self.line(&format!("{indent}{text}")),
        }
    }

    /// Prints a document as JSON or YAML.
    pub(crate) fn value(&self, format: Format, document: Document) -> Result<(), Failure> {
        let value = &serde_json::to_value(Output::from(document)).map_err(io::Error::other)?;
        match format {
            Format::Json => {
                self.line(&serde_json::to_string_pretty(value).map_err(io::Error::other)?)
            }
            Format::Yaml | Format::Text => self.print(&yaml::write(value)),
        }
    }

    /// Prints a line on stderr. Nobody can be told when that fails.
    pub(crate) fn note(&self, text: &str) {
        let _ = writeln!(anstream::stderr().lock(), "{text}");
    }

    /// Prints a table: upper-case headers, three spaces between the columns, widths as a terminal shows them.
    pub(crate) fn table<const N: usize>(
        &self,
        headers: Option<[&str; N]>,
        rows: &[Vec<String>],
    ) -> Result<(), Failure> {
        let headers: Option<Vec<String>> =
            headers.map(|headers| headers.map(str::to_owned).to_vec());
        let rows: Vec<&Vec<String>> = headers.iter().chain(rows).collect();
        let widths: Vec<usize> = (0..N)
            .map(|column| {
                rows.iter()
                    .map(|row| row[column].width())
                    .max()
                    .unwrap_or(0)
            })
            .collect();
        for row in rows {
            let cells: Vec<String> = row
                .iter()
                .zip(&widths)
                .map(|(cell, width)| pad(cell, *width))
                .collect();
            self.line(cells.join("   ").trim_end())?;
        }
        Ok(())
    }

    /// A unified diff with its lines coloured.
    pub(crate) fn diff(&self, diff: &str) -> Result<(), Failure> {
        for line in diff.lines() {
            let style = match line.as_bytes().first() {
                _ if line.starts_with("+++") || line.starts_with("---") => BOLD,
                Some(b'+') => GOOD,
                Some(b'-') => BAD,
                Some(b'@') => DIM,
                _ => Style::new(),
            };
            self.line(&paint(style, line))?;
        }
        Ok(())
    }
}

/// The width of what is read like a page, terminal or not.
pub(crate) const PAGE: usize = 80;

/// Text broken at spaces so that it fits `columns`, each line after `indent`. A word that does not fit stays whole.
pub(crate) fn wrap(text: &str, indent: &str, columns: usize) -> String {
    let options = textwrap::Options::new(columns)
        .initial_indent(indent)
        .subsequent_indent(indent)
        .word_separator(textwrap::WordSeparator::AsciiSpace)
        .word_splitter(textwrap::WordSplitter::NoHyphenation)
        .break_words(false);
    textwrap::fill(text, options)
}

/// Whether a question can be asked: somebody can read it and answer it.
pub(crate) fn can_ask() -> bool {
    io::stdin().is_terminal() && io::stderr().is_terminal()
}

/// Text in a style; the style is dropped where the output is no terminal.
pub(crate) fn paint(style: Style, text: &str) -> String {
    format!("{style}{text}{style:#}")
}

/// The mark of a severity. The three differ in shape, not only in colour.
pub(crate) fn mark(severity: Severity) -> String {
    match severity {
        Severity::Error => paint(BAD, "✗"),
        Severity::Warning => paint(CAREFUL, "!"),
        Severity::Info => paint(DIM, "i"),
    }
}

/// The mark of something that went well.
pub(crate) fn tick() -> String {
    paint(GOOD, "✓")
}

/// The mark of something that did not.
pub(crate) fn cross() -> String {
    paint(BAD, "✗")
}

/// Text filled with spaces up to `width` columns; Korean letters take two.
pub(crate) fn pad(text: &str, width: usize) -> String {
    format!("{text}{}", " ".repeat(width.saturating_sub(text.width())))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn korean_letters_take_two_columns() {
        assert_eq!(pad("한글", 6), "한글  ");
        assert_eq!(pad("abcdef", 3), "abcdef");
    }
}
