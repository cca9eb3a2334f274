//! JSON from strangers: bounded before it is parsed.

use serde::de::DeserializeOwned;

/// The deepest nesting accepted from a fixer (contract: "JSON depth ≤ 64").
pub const MAX_DEPTH: usize = 64;

/// Why a text was not taken as JSON.
#[derive(Debug, thiserror::Error)]
pub enum JsonError {
    /// Nested deeper than [`MAX_DEPTH`].
    #[error("nested deeper than {MAX_DEPTH} levels")]
    TooDeep,
    /// Not JSON, or not of the expected shape.
    #[error("{0}")]
    Invalid(#[from] serde_json::Error),
}

/// Parses `text` after checking that it nests no deeper than [`MAX_DEPTH`].
pub fn parse<T: DeserializeOwned>(text: &str) -> Result<T, JsonError> {
    if depth(text) > MAX_DEPTH {
        return Err(JsonError::TooDeep);
    }
    Ok(serde_json::from_str(text)?)
}

/// The deepest nesting of brackets outside strings. Says nothing of whether the text is valid.
fn depth(text: &str) -> usize {
    let (mut deepest, mut now, mut in_string, mut escaped) = (0usize, 0usize, false, false);
    for byte in text.bytes() {
        match byte {
            _ if escaped => escaped = false,
            b'\\' if in_string => escaped = true,
            b'"' => in_string = !in_string,
            b'[' | b'{' if !in_string => {
                now += 1;
                deepest = deepest.max(now);
            }
            b']' | b'}' if !in_string => now = now.saturating_sub(1),
            _ => {}
        }
    }
    deepest
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::Value;

    #[test]
    fn depth_counts_brackets_outside_strings_only() {
        assert_eq!(depth(r#"{"a":["[[[\"[",{}]}"#), 3);
        assert!(matches!(
            parse::<Value>(&"[".repeat(10_000)),
            Err(JsonError::TooDeep)
        ));
        assert!(parse::<Value>(r#"{"a":[1,2]}"#).is_ok());
        assert!(matches!(
            parse::<Value>("1e999"),
            Err(JsonError::Invalid(_))
        ));
    }
}
