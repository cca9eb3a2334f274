//! YAML as Kubernetes users write it, in one place: the same reading for manifests of fixers and for objects.

use serde::de::DeserializeOwned;
use serde_json::Value;

/// Not YAML, or not of the expected shape. Says where, and shows the line.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub struct YamlError(String);

/// Only `true` and `false` are booleans: a node may be called `n`, and a label may say `NO`. Duplicate keys are an error,
/// and anchors are held to the parser's budget, so that a small file cannot become a large one.
fn options() -> serde_saphyr::Options {
    serde_saphyr::options! { strict_booleans: true }
}

/// Reads a text of one document.
pub fn parse<T: DeserializeOwned>(text: &str) -> Result<T, YamlError> {
    serde_saphyr::from_str_with_options(text, options())
        .map_err(|problem| YamlError(problem.to_string()))
}

/// Reads every document of a text; empty ones are left out.
pub fn parse_all(text: &str) -> Result<Vec<Value>, YamlError> {
    serde_saphyr::from_multiple_with_options(text, options())
        .map_err(|problem| YamlError(problem.to_string()))
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
}
