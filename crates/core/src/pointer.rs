//! JSON pointers (RFC 6901), and patterns of them in which `*` stands for any one step.

use std::fmt;

use serde::{Deserialize, Serialize};
use serde_json::Value;

/// A place in an object, step by step and unescaped. Shown and stored as `/spec/replicas`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Pointer(Vec<String>);

/// Not a JSON pointer.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[error("`{0}` is not a JSON pointer: it starts with `/`, and `~` is followed by 0 or 1")]
pub struct PointerError(String);

impl Pointer {
    /// Parses `/a/b~1c`. The empty text is the whole document.
    pub fn parse(text: &str) -> Result<Self, PointerError> {
        let wrong = || PointerError(text.chars().take(200).collect());
        if text.is_empty() {
            return Ok(Self::default());
        }
        let rest = text.strip_prefix('/').ok_or_else(wrong)?;
        rest.split('/')
            .map(|step| unescape(step).ok_or_else(wrong))
            .collect::<Result<_, _>>()
            .map(Self)
    }

    /// This place and one step further.
    pub fn child(&self, step: impl Into<String>) -> Self {
        let mut steps = self.0.clone();
        steps.push(step.into());
        Self(steps)
    }

    /// The steps from the root.
    pub fn steps(&self) -> &[String] {
        &self.0
    }

    /// The value at this place, if there is one.
    pub fn get<'a>(&self, value: &'a Value) -> Option<&'a Value> {
        value.pointer(&self.to_string())
    }

    /// Whether this place is `other` or lies below it.
    pub fn is_within(&self, other: &Pointer) -> bool {
        self.0.starts_with(&other.0)
    }

    /// Whether this place is matched by `pattern` or lies below a match.
    pub fn is_covered_by(&self, pattern: &Pattern) -> bool {
        self.0.len() >= pattern.0.0.len()
            && pattern
                .0
                .0
                .iter()
                .zip(&self.0)
                .all(|(wanted, step)| wanted == "*" || wanted == step)
    }
}

fn unescape(step: &str) -> Option<String> {
    let mut out = String::with_capacity(step.len());
    let mut characters = step.chars();
    while let Some(character) = characters.next() {
        out.push(match character {
            '~' => match characters.next()? {
                '0' => '~',
                '1' => '/',
                _ => return None,
            },
            other => other,
        });
    }
    Some(out)
}

impl fmt::Display for Pointer {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0
            .iter()
            .try_for_each(|step| write!(out, "/{}", step.replace('~', "~0").replace('/', "~1")))
    }
}

impl TryFrom<String> for Pointer {
    type Error = PointerError;
    fn try_from(text: String) -> Result<Self, PointerError> {
        Self::parse(&text)
    }
}

impl From<Pointer> for String {
    fn from(pointer: Pointer) -> Self {
        pointer.to_string()
    }
}

/// A pointer in which `*` matches any one step, such as `/spec/template/spec/containers/*/image`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Pattern(Pointer);

impl Pattern {
    /// Parses a pattern; the same rules as [`Pointer::parse`].
    pub fn parse(text: &str) -> Result<Self, PointerError> {
        Pointer::parse(text).map(Self)
    }

    /// The steps of the pattern, `*` among them.
    pub fn steps(&self) -> &[String] {
        &self.0.0
    }
}

impl fmt::Display for Pattern {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(out)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn escapes_round_trip() {
        let pointer = Pointer::parse("/metadata/annotations/a~1b~0c").unwrap();
        assert_eq!(pointer.steps()[2], "a/b~c");
        assert_eq!(pointer.to_string(), "/metadata/annotations/a~1b~0c");
        assert!(Pointer::parse("/a/~2").is_err());
        assert!(Pointer::parse("/a/~").is_err());
        assert!(Pointer::parse("a").is_err());
    }

    #[test]
    fn a_star_covers_one_step_and_an_escaped_slash_does_not_widen_it() {
        let pattern = Pattern::parse("/spec/containers/*/image").unwrap();
        let covered = |text: &str| Pointer::parse(text).unwrap().is_covered_by(&pattern);
        assert!(covered("/spec/containers/3/image"));
        assert!(!covered("/spec/containers/3"));
        assert!(!covered("/spec/containers/3/imagePullPolicy"));
        assert!(!covered("/spec/containers/3~1image"));
    }
}
