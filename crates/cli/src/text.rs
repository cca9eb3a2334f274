//! What we say ourselves, in two languages. The sentences are data (`messages.json`), in the same form as a fixer's.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use nks_core::message::{self, Language, Text};

static CATALOGUE: LazyLock<BTreeMap<String, Text>> = LazyLock::new(|| {
    serde_json::from_str(include_str!("../messages.json"))
        .expect("messages.json is checked by a test")
});

/// The sentence `id` with its placeholders filled. Values are cleaned, since some come from the cluster. An id that is
/// not there shows as itself; a test holds that every id used in the source is there.
pub(crate) fn say(language: Language, id: &str, values: &[(&str, &str)]) -> String {
    let template = CATALOGUE
        .get(id)
        .map_or(id, |text| text.in_language(language));
    message::fill(template, |name| {
        values
            .iter()
            .find(|(given, _)| *given == name)
            .map(|(_, value)| message::clean(value))
    })
}

/// The sentence `id` in both languages, for a plan's steps.
pub(crate) fn both(id: &str) -> Text {
    CATALOGUE.get(id).cloned().unwrap_or_else(|| Text {
        en: id.to_owned(),
        ko: id.to_owned(),
    })
}

/// The language to speak: the flag, then LC_ALL, LC_MESSAGES, LANG, first one that is set; English for all others.
pub(crate) fn language(
    flag: Option<&str>,
    environment: impl Fn(&str) -> Option<String>,
) -> Language {
    let locale = ["LC_ALL", "LC_MESSAGES", "LANG"]
        .iter()
        .find_map(|name| environment(name).filter(|value| !value.is_empty()));
    flag.map(str::to_owned)
        .or(locale)
        .and_then(|value| Language::parse(&value))
        .unwrap_or(Language::English)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::path::Path;

    /// All source below `folder`, in one text.
    fn source(folder: &Path) -> String {
        let mut text = String::new();
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            text += &if path.is_dir() {
                source(&path)
            } else {
                std::fs::read_to_string(path).unwrap()
            };
        }
        text
    }

    #[test]
    fn every_sentence_is_there_in_both_languages_and_none_is_left_over() {
        let source = source(&Path::new(env!("CARGO_MANIFEST_DIR")).join("src"));
        let said = source
            .split(concat!(".sa", "y("))
            .skip(1)
            .filter_map(|rest| {
                rest.trim_start()
                    .strip_prefix('"')
                    .and_then(|rest| rest.split('"').next())
            });
        let said: Vec<&str> = said.collect();
        assert!(said.len() > 40, "the search found only {said:?}");
        for id in said {
            assert!(CATALOGUE.contains_key(id), "`{id}` is not in messages.json");
        }
        for (id, text) in CATALOGUE.iter() {
            let counted = id
                .strip_prefix("count.")
                .and_then(|id| id.split('.').next());
            let counted =
                counted.is_some_and(|things| source.contains(&format!("count(\"{things}\"")));
            let used = id.starts_with("help") || counted || source.contains(&format!("\"{id}\""));
            assert!(used, "`{id}` is said nowhere");
            let names = |template: &str| {
                let mut names: Vec<String> =
                    message::placeholders(template).map(str::to_owned).collect();
                names.sort();
                names
            };
            assert!(!text.en.is_empty() && !text.ko.is_empty(), "{id}");
            assert_eq!(names(&text.en), names(&text.ko), "{id}");
        }
    }

    #[test]
    fn the_flag_wins_over_the_environment_and_lc_all_over_lang() {
        let environment = |name: &str| match name {
            "LC_ALL" => Some(String::new()),
            "LANG" => Some("ko_KR.UTF-8".to_owned()),
            _ => None,
        };
        assert_eq!(language(None, environment), Language::Korean);
        assert_eq!(language(Some("en"), environment), Language::English);
        assert_eq!(language(None, |_| None), Language::English);
    }
}
