//! YAML as Kubernetes users write it, in one place: the same reading for manifests of fixers and for objects.

use serde::de::DeserializeOwned;
use serde_json::Value;
use serde_saphyr::{Error, Location, UserMessageFormatter};

use crate::json::Exact;
use crate::message::clean;

/// Not YAML, or not of the expected shape. Says where and why, and quotes no line: the next one may be a password.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub struct YamlError(String);

/// Only `true` and `false` are booleans: a node may be called `n`, and a label may say `NO`. A file mode may be written
/// `0644`, and is octal as kubectl has it. Duplicate keys are an error, and anchors are held to the parser's budget, so
/// that a small file cannot become a large one. Tags of others would be dropped, so they are an error, too.
fn options() -> serde_saphyr::Options {
    serde_saphyr::options! {
        strict_booleans: true,
        legacy_octal_numbers: true,
        reject_unsupported_tags: true,
        with_snippet: false,
    }
}

impl From<Error> for YamlError {
    fn from(problem: Error) -> Self {
        // These two would quote what may be a value: `password: !x` and `password: 1e999`.
        let quoting = match problem.without_snippet() {
            Error::UnsupportedTag { .. } => "a tag that is not one of YAML's own",
            Error::NonFiniteFloat { .. } => "a number that is not finite",
            _ => return Self(clean(&problem.render_with_formatter(&UserMessageFormatter))),
        };
        let place = problem.location().unwrap_or(Location::UNKNOWN);
        let (line, column) = (place.line(), place.column());
        Self(format!("{quoting} at line {line}, column {column}"))
    }
}

/// Reads a text of one document.
pub fn parse<T: DeserializeOwned>(text: &str) -> Result<T, YamlError> {
    Ok(serde_saphyr::from_str_with_options(text, options())?)
}

/// Reads every document of a text; empty ones are left out.
pub fn parse_all(text: &str) -> Result<Vec<Value>, YamlError> {
    let documents: Vec<Exact> = serde_saphyr::from_multiple_with_options(text, options())?;
    Ok(documents.into_iter().map(|Exact(value)| value).collect())
}

/// A JSON value as YAML, a line end last.
pub fn write(value: &Value) -> String {
    // A JSON value always has a YAML form; the fallback is itself valid YAML.
    serde_saphyr::to_string(value).unwrap_or_else(|_| value.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn what_is_written_is_read_back_the_same() {
        let value = json!({"a": "NO", "b": "yes", "c": "0x1f", "d": "1e3", "e": "2026-01-01", "f": "~", "g": "null",
            "h": "on", "i": "012", "j": "1:30", "k": "", "l": "a\nb\n", "m": " x", "n": true, "o": null, "p": [], "q": {},
            "r": "*x", "s": "- y", "t": "a: b", "u": "#c", "v": 9_007_199_254_740_993_u64, "w": "y"});
        let text = write(&value);
        assert_eq!(parse::<Value>(&text).unwrap(), value);
        // kubectl's parser reads these bare words as booleans, so they have to be quoted.
        for word in ["NO", "yes", "on", "y"] {
            assert!(
                text.contains(&format!("\"{word}\"")) || text.contains(&format!("'{word}'")),
                "{word}: {text}"
            );
        }
    }

    #[test]
    fn numbers_are_kubectls() {
        for (text, expected) in [
            ("0644", json!(420)),
            ("-0644", json!(-420)),
            ("0o644", json!(420)),
            ("\"012\"", json!("012")),
            ("0x1F", json!(31)),
            ("0", json!(0)),
            ("18446744073709551615", json!(u64::MAX)),
            ("0.5", json!(0.5)),
            ("1:30", json!("1:30")),
        ] {
            let read = parse_all(&format!("a: {text}\n")).unwrap();
            assert_eq!(read, [json!({"a": expected})], "{text}");
        }
    }

    #[test]
    fn an_anchor_bomb_is_refused() {
        let mut text = "a0: &a0 [x, x, x, x, x, x, x, x, x]\n".to_owned();
        for level in 1..12 {
            let before = format!("*a{}", level - 1);
            text += &format!(
                "a{level}: &a{level} [{}]\n",
                [before.as_str(); 9].join(", ")
            );
        }
        assert!(parse::<Value>(&text).is_err());
    }
    #[test]
    fn an_error_names_the_place_and_quotes_no_line() {
        let secret =
            "apiVersion: v1\nkind: Secret\nmetadata: {name: s}\nstringData:\n  password: canary\n";
        for (wrong, place) in [
            ("kind: Pod\n", "line 6"),
            ("  password: canary\n", "line 6"),
            ("  - canary\n", "line 6"),
            ("  a: [canary\n", "line 6"),
            ("  a: \"canary\n", "line 6"),
            ("  a: *canary\n", "line 6"),
            ("  a: !!int canary\n", "line 6"),
            ("  a: canary: canary\n", "line 6"),
            ("  a: 1e999\n", "line 6"),
            ("  a: !canary x\n", "line 6"),
            ("\tcanary\n", "line 5"),
        ] {
            let said = parse_all(&format!("{secret}{wrong}"))
                .unwrap_err()
                .to_string();
            assert!(said.contains(place), "{wrong:?}: {said}");
            assert!(!said.contains('\n'), "{wrong:?}: {said}");
            assert!(
                !said.contains("canary") && !said.contains("1e999"),
                "{wrong:?}: {said}"
            );
        }
    }
}
