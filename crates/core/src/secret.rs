//! Credentials are masked before a fixer, a diff, a journal or a log sees an object.
//!
//! Masked (safety.md, "Secrets"): a Secret's data and stringData, last-applied configurations, env literals that look
//! like credentials, registry auth, and the user part of URLs.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Map, Value};

use crate::token::{Sealed, TokenError};

/// What stands for a masked value.
pub const MASK: &str = "***";

const LAST_APPLIED: &str = "kubectl.kubernetes.io/last-applied-configuration";

/// Masks every credential in an object, in place.
pub fn mask(value: &mut Value) {
    if is_secret(value) {
        for field in ["data", "stringData"] {
            match value.get_mut(field) {
                None | Some(Value::Null) => {}
                Some(Value::Object(map)) => map
                    .values_mut()
                    .for_each(|entry| *entry = Value::from(MASK)),
                Some(misshapen) => *misshapen = Value::from(MASK),
            }
        }
    }
    if let Some(annotations) = value
        .pointer_mut("/metadata/annotations")
        .and_then(Value::as_object_mut)
        && let Some(applied) = annotations.get_mut(LAST_APPLIED)
    {
        *applied = Value::from(MASK);
    }
    mask_below(value);
}

fn mask_below(value: &mut Value) {
    match value {
        Value::Object(map) => {
            let credential = map
                .get("name")
                .and_then(Value::as_str)
                .is_some_and(names_a_credential);
            if credential && map.get("value").is_some_and(Value::is_string) {
                map.insert("value".into(), Value::from(MASK));
            }
            for (key, entry) in map.iter_mut() {
                if matches!(
                    key.as_str(),
                    ".dockerconfigjson" | ".dockercfg" | "auth" | "password"
                ) && entry.is_string()
                {
                    *entry = Value::from(MASK);
                }
                mask_below(entry);
            }
        }
        Value::Array(entries) => entries.iter_mut().for_each(mask_below),
        Value::String(text) => {
            if let Some(masked) = without_userinfo(text) {
                *text = masked;
            }
        }
        _ => {}
    }
}

/// Whether an object is a Secret.
pub fn is_secret(value: &Value) -> bool {
    value.get("kind").and_then(Value::as_str) == Some("Secret")
        && value
            .get("apiVersion")
            .and_then(Value::as_str)
            .is_none_or(|version| version == "v1")
}

/// The text of one value of a Secret's `data`; `None` where it is no text.
pub fn decode(value: &Value) -> Option<String> {
    String::from_utf8(STANDARD.decode(value.as_str()?).ok()?).ok()
}

/// The other way around.
pub fn encode(text: &str) -> Value {
    Value::from(STANDARD.encode(text))
}

/// A Secret's `data`, each text with its values taken out. What is no text is one token as a whole.
fn sealed(secret: &Value) -> BTreeMap<&str, Sealed> {
    let mut number = 0;
    let data = secret.get("data").and_then(Value::as_object);
    let mut all = BTreeMap::new();
    for (key, value) in data.into_iter().flatten() {
        let sealed = Sealed::new(&decode(value).unwrap_or_default(), number);
        number += sealed.tokens();
        all.insert(key.as_str(), sealed);
    }
    all
}

/// A Secret's `data` as a fixer is shown it: decoded, with a token for each value. Null where there is none.
pub fn tokens(secret: &Value) -> Value {
    if secret.get("data").is_none() {
        return Value::Null;
    }
    let shown = sealed(secret)
        .into_iter()
        .map(|(key, text)| (key.to_owned(), text.shown().into()));
    Value::Object(shown.collect::<Map<_, _>>())
}

/// Makes a Secret readable for a person: its texts decoded, with `***` for each value.
pub fn outline(secret: &mut Value) {
    let texts: Map<String, Value> = sealed(secret)
        .into_iter()
        .map(|(key, text)| (key.to_owned(), text.masked().into()))
        .collect();
    mask(secret);
    if !texts.is_empty() {
        secret["data"] = Value::Object(texts);
    }
}

/// Why the edit of a Secret is refused.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SecretError {
    /// A text came back with its values not in their places.
    #[error("/data/{0}: {1}")]
    Tokens(String, #[source] TokenError),
    /// Something else than the texts that are there was edited.
    #[error("of a Secret, only the texts that are there may be edited")]
    Shape,
}

/// The Secret that a fixer's edit of its texts comes to: `edited` is the `data` it was shown, edited.
pub fn restore(secret: &Value, edited: &Value) -> Result<Value, SecretError> {
    let edited = edited.as_object().ok_or(SecretError::Shape)?;
    let sealed = sealed(secret);
    if !edited.keys().map(String::as_str).eq(sealed.keys().copied()) {
        return Err(SecretError::Shape);
    }
    let mut restored = secret.clone();
    for (key, text) in sealed {
        let new = edited
            .get(key)
            .and_then(Value::as_str)
            .ok_or(SecretError::Shape)?;
        if new != text.shown() {
            decode(&secret["data"][key]).ok_or(SecretError::Shape)?;
            let text = text
                .restore(new)
                .map_err(|problem| SecretError::Tokens(crate::message::clean(key), problem))?;
            restored["data"][key] = encode(&text);
        }
    }
    Ok(restored)
}

/// Whether a masked copy of `value`, taken as a part of an object, would differ from it. What would is never written to
/// disk.
pub fn holds_credentials(value: &Value) -> bool {
    let mut masked = value.clone();
    mask(&mut masked);
    masked != *value
}

/// Masks what looks like a credential in a line that somebody's program wrote: what follows a word for one, and the user
/// part of URLs.
pub fn mask_text(line: &str) -> String {
    static AFTER_A_WORD: LazyLock<regex_lite::Regex> = LazyLock::new(|| {
        let words = "password|passwd|pwd|secret|token|api[_-]?key|access[_-]?key|credentials?|authorization|bearer";
        let pattern = format!(
            r#"(?i)\b(\w*(?:{words})\w*)(["']?\s*[:=]\s*["']?|\s+)((?:bearer|basic)\s+)?[^\s"',;&]+"#
        );
        #[expect(clippy::expect_used, reason = "it is constant, and a test runs it")]
        regex_lite::Regex::new(&pattern).expect("it is a regular expression")
    });
    let masked = AFTER_A_WORD.replace_all(line, "${1}${2}***");
    let words = masked.split_inclusive(' ');
    let without = |word: &str| without_userinfo(word).unwrap_or_else(|| word.to_owned());
    words.map(without).collect()
}

/// Whether an environment variable of this name usually holds a credential.
fn names_a_credential(name: &str) -> bool {
    let name = name.to_ascii_lowercase();
    [
        "password",
        "passwd",
        "secret",
        "token",
        "apikey",
        "api_key",
        "credential",
        "private_key",
        "access_key",
    ]
    .iter()
    .any(|word| name.contains(word))
}

/// `https://user:pass@host` without its user part, or `None` where there is none.
fn without_userinfo(text: &str) -> Option<String> {
    let scheme = text.find("://")?;
    let rest = &text[scheme + 3..];
    let authority = &rest[..rest.find(['/', '?', '#', ' ', ',']).unwrap_or(rest.len())];
    let at = authority.rfind('@')?;
    Some(format!("{}{MASK}{}", &text[..scheme + 3], &rest[at..]))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn what_a_program_wrote_shows_no_credential() {
        for (line, shown) in [
            (
                "db: password=hunter2, retrying",
                "db: password=***, retrying",
            ),
            (
                r#"{"token": "abc.def", "user": "me"}"#,
                r#"{"token": "***", "user": "me"}"#,
            ),
            ("Authorization: Bearer abc.def", "Authorization: ***"),
            ("AWS_SECRET_ACCESS_KEY=abc", "AWS_SECRET_ACCESS_KEY=***"),
            (
                "GET https://me:pw@db:5/x failed",
                "GET https://***@db:5/x failed",
            ),
            (
                "connection refused by db:5432",
                "connection refused by db:5432",
            ),
        ] {
            assert_eq!(mask_text(line), shown);
        }
    }

    #[test]
    fn everything_listed_is_masked_and_nothing_else() {
        let mut value = json!({
            "kind": "Secret",
            "metadata": {"name": "s", "annotations": {LAST_APPLIED: "{\"data\":1}", "other": "kept"}},
            "data": {"a": "YQ=="}, "stringData": {"b": "x", "n": 5},
            "spec": {"env": [
                {"name": "DB_PASSWORD", "value": "hunter2"},
                {"name": "DB_HOST", "value": "db"},
                {"name": "PROXY", "value": "http://u:p@proxy:3128/x"}]},
        });
        mask(&mut value);
        let shown = value.to_string();
        for secret in ["YQ==", "hunter2", "u:p", "\"x\"", ":5", "data\\\":1"] {
            assert!(!shown.contains(secret), "{secret} in {shown}");
        }
        assert_eq!(value.pointer("/spec/env/1/value"), Some(&json!("db")));
        assert_eq!(
            value.pointer("/spec/env/2/value"),
            Some(&json!("http://***@proxy:3128/x"))
        );
        assert_eq!(
            value.pointer("/metadata/annotations/other"),
            Some(&json!("kept"))
        );
    }
    #[test]
    fn data_of_another_shape_are_masked_whole() {
        for data in [
            json!("canary"),
            json!(["canary"]),
            json!([{"a": "canary"}]),
            json!(7),
        ] {
            let mut secret =
                json!({"apiVersion": "v1", "kind": "Secret", "data": data, "stringData": data});
            assert!(holds_credentials(&secret));
            assert_eq!(tokens(&secret), json!({}));
            outline(&mut secret);
            assert_eq!(
                (&secret["data"], &secret["stringData"]),
                (&json!(MASK), &json!(MASK))
            );
        }
        let mut empty = json!({"apiVersion": "v1", "kind": "Secret", "data": null});
        mask(&mut empty);
        assert_eq!(empty["data"], Value::Null);
    }
}
