//! The sentences of the pages themselves, in both languages: data (`xtask/catalogue.json`), in the same form as a fixer's.

use anyhow::{Context, Result};
use nks_core::message::{self, Language, Text};
use nks_core::report::{Risk, Severity};
use std::collections::BTreeMap;

/// What the pages say, in one language.
pub(super) struct Words {
    texts: BTreeMap<String, Text>,
    pub(super) language: Language,
}

impl Words {
    /// Reads the table.
    pub(super) fn load(language: Language) -> Result<Self> {
        let texts = nks_core::json::parse(include_str!("../../catalogue.json"))
            .context("xtask/catalogue.json")?;
        Ok(Self { texts, language })
    }

    /// The sentence `id`; an error names one that the table does not have.
    pub(super) fn say(&self, id: &str) -> Result<&str> {
        self.texts
            .get(id)
            .map(|text| text.in_language(self.language))
            .with_context(|| format!("xtask/catalogue.json has no `{id}`"))
    }

    /// The sentence `id` with its one placeholder filled.
    pub(super) fn fill(&self, id: &str, value: &str) -> Result<String> {
        Ok(message::fill(self.say(id)?, |_| Some(value.to_owned())))
    }

    /// Several sentences, as the headings of a table need them.
    pub(super) fn each<const N: usize>(&self, ids: [&str; N]) -> Result<Vec<String>> {
        ids.iter()
            .map(|id| self.say(id).map(str::to_owned))
            .collect()
    }

    /// A fixer's text.
    pub(super) fn of<'a>(&self, text: &'a Text) -> &'a str {
        text.in_language(self.language)
    }

    /// A link named by the sentence `id`.
    pub(super) fn link(&self, id: &str, to: &str) -> Result<String> {
        Ok(format!("[{}]({to})", self.say(id)?))
    }
}

/// The ending of file names in a language.
pub(super) fn ending(language: Language) -> &'static str {
    match language {
        Language::English => "md",
        Language::Korean => "ko.md",
    }
}

/// The language that a page links to.
pub(super) fn other(language: Language) -> Language {
    match language {
        Language::English => Language::Korean,
        Language::Korean => Language::English,
    }
}

/// The id of a severity's word.
pub(super) fn severity(severity: Severity) -> &'static str {
    match severity {
        Severity::Error => "error",
        Severity::Warning => "warning",
        Severity::Info => "info",
    }
}

/// The id of a risk's word.
pub(super) fn risk(risk: Risk) -> &'static str {
    match risk {
        Risk::Safe => "safe",
        Risk::Disruptive => "disruptive",
        Risk::Destructive => "destructive",
    }
}
