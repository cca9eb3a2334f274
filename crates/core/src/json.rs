//! JSON from strangers: bounded before it is parsed, and nothing lost by reading it.

use std::fmt;

use serde::Deserialize;
use serde::de::{DeserializeOwned, Deserializer, Error, MapAccess, SeqAccess, Visitor};
use serde_json::map::Entry;
use serde_json::{Map, Number, Value};

use crate::message::clean;

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

/// A value that says all that was written. `Value` alone keeps the last of two entries with the same key, and rounds an
/// integer that 64 bits do not hold.
#[derive(Debug)]
pub(crate) struct Exact(pub(crate) Value);

impl<'de> Deserialize<'de> for Exact {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        from.deserialize_any(Exactly).map(Exact)
    }
}

struct Exactly;

impl<'de> Visitor<'de> for Exactly {
    type Value = Value;

    fn expecting(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str("a JSON value")
    }

    fn visit_unit<E: Error>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_none<E: Error>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_some<D: Deserializer<'de>>(self, from: D) -> Result<Value, D::Error> {
        from.deserialize_any(self)
    }

    fn visit_bool<E: Error>(self, value: bool) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_i64<E: Error>(self, value: i64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_u64<E: Error>(self, value: u64) -> Result<Value, E> {
        Ok(value.into())
    }

    /// What arrives as a float of this size was an integer, or could not be told from one. The number is not shown: it
    /// may be a Secret's.
    fn visit_f64<E: Error>(self, value: f64) -> Result<Value, E> {
        Some(value)
            .filter(|value| *value > i64::MIN as f64 && *value < u64::MAX as f64)
            .and_then(Number::from_f64)
            .map(Value::Number)
            .ok_or_else(|| E::custom("a number that 64 bits do not hold"))
    }

    fn visit_str<E: Error>(self, value: &str) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_string<E: Error>(self, value: String) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut entries: A) -> Result<Value, A::Error> {
        let mut list = Vec::new();
        while let Some(Exact(value)) = entries.next_element()? {
            list.push(value);
        }
        Ok(list.into())
    }

    fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<Value, A::Error> {
        let mut map = Map::new();
        while let Some(key) = entries.next_key::<String>()? {
            match map.entry(key) {
                Entry::Vacant(place) => {
                    let Exact(value) = entries.next_value()?;
                    place.insert(value);
                }
                Entry::Occupied(place) => {
                    let key = clean(place.key());
                    return Err(A::Error::custom(format!("duplicate key `{key}`")));
                }
            }
        }
        Ok(map.into())
    }
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
