//! Settings that are secrets: a fixer is given a token for each, and only what is sent to the server holds the value.
//!
//! A token stands where the whole value of a new Secret's key is to be. Anywhere else it fails the run, as the tokens of
//! Secrets that are there do ([`crate::token`]).

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use serde_json::{Map, Value};

use crate::secret;
use crate::token::PREFIX;

mod docker;

pub use docker::DockerConfigError;

/// The largest value, in bytes: what the API server takes for a whole Secret.
pub const MAX_BYTES: usize = 1024 * 1024;

/// What the settings' tokens start with. The tokens of Secrets go on with a number.
const SETTING: &str = "setting-";

/// Why a file is no value for a secret setting. Nothing of it is quoted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TextError {
    /// Nothing, or only white space.
    #[error("is empty")]
    Empty,
    /// More than [`MAX_BYTES`].
    #[error("has more than {MAX_BYTES} bytes, the most that a Secret holds")]
    TooLarge,
    /// Not text.
    #[error("is not UTF-8 text")]
    NotText,
    /// Text with a NUL in it, which no credential has.
    #[error("holds a NUL character")]
    Nul,
}

/// Reads the value of a secret setting.
pub fn parse(bytes: Vec<u8>) -> Result<String, TextError> {
    if bytes.len() > MAX_BYTES {
        return Err(TextError::TooLarge);
    }
    let text = String::from_utf8(bytes).map_err(|_| TextError::NotText)?;
    if text.contains('\0') {
        Err(TextError::Nul)
    } else if text.trim().is_empty() {
        Err(TextError::Empty)
    } else {
        Ok(text)
    }
}

/// The values of secret settings, by the setting's name. They are never printed.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Credentials(BTreeMap<String, Arc<str>>);

impl fmt::Debug for Credentials {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.debug_set().entries(self.0.keys()).finish()
    }
}

impl Credentials {
    /// Takes the value of a setting; says whether it is the first one.
    pub fn insert(&mut self, setting: &str, value: String) -> bool {
        self.0.insert(setting.to_owned(), value.into()).is_none()
    }

    /// The settings that have a value.
    pub fn settings(&self) -> impl Iterator<Item = &str> {
        self.0.keys().map(String::as_str)
    }

    /// The setting of which a text is the token, and its value.
    fn named_by(&self, text: &str) -> Option<(&str, &Arc<str>)> {
        let name = text.strip_prefix(PREFIX)?.strip_prefix(SETTING)?;
        let (name, value) = self.0.get_key_value(name)?;
        Some((name, value))
    }

    /// Those of which a new Secret holds the tokens.
    ///
    /// # Errors
    /// A value that is no token, or one that does not fit the Secret's type.
    pub fn of(&self, secret: &Value) -> Result<Self, CredentialError> {
        let mut used = Self::default();
        let data = secret.get("data").and_then(Value::as_object);
        for (key, value) in data.into_iter().flatten() {
            let token = value.as_str().unwrap_or_default();
            let (setting, text) = self
                .named_by(token)
                .ok_or_else(|| CredentialError::Value(crate::message::clean(key)))?;
            docker::check(secret, key, text).map_err(|problem| CredentialError::Docker {
                setting: setting.to_owned(),
                problem,
            })?;
            used.0.insert(setting.to_owned(), Arc::clone(text));
        }
        Ok(used)
    }

    /// A new object as it is sent: with each value of a Secret in the place of its token.
    pub fn fill(&self, object: &Value) -> Value {
        let mut filled = object.clone();
        if secret::is_secret(object)
            && let Some(data) = filled.get_mut("data").and_then(Value::as_object_mut)
        {
            for value in data.values_mut() {
                let named = value.as_str().and_then(|token| self.named_by(token));
                if let Some((_, text)) = named {
                    *value = secret::encode(text);
                }
            }
        }
        filled
    }
}

impl Credentials {
    /// A text of somebody who was sent the values, without them.
    pub fn hide(&self, text: &str) -> String {
        let mut hidden = text.to_owned();
        for value in self.0.values() {
            let encoded = secret::encode(value);
            let spellings = [
                value.as_ref(),
                value.trim(),
                &crate::message::clean(value),
                encoded.as_str().unwrap_or_default(),
            ];
            for spelling in spellings.iter().filter(|spelling| !spelling.is_empty()) {
                hidden = hidden.replace(spelling, secret::MASK);
            }
        }
        hidden
    }
}

/// What a fixer is given for a secret setting.
pub fn token(setting: &str) -> String {
    [PREFIX, SETTING, setting].concat()
}

/// A new Secret with what its `stringData` says in its `data`, where the API server puts it.
pub fn in_data(secret: &Value) -> Value {
    let mut secret = secret.clone();
    let Some(map) = secret.as_object_mut() else {
        return secret;
    };
    if let Some(Value::Object(texts)) = map.get("stringData") {
        let texts = texts.clone();
        map.remove("stringData");
        let data = map
            .entry("data")
            .or_insert_with(|| Value::Object(Map::new()));
        if let Some(data) = data.as_object_mut() {
            data.extend(texts);
        }
    }
    secret
}

/// Why a Secret cannot be created.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CredentialError {
    /// A value that comes from elsewhere.
    #[error("/data/{0}: a new Secret holds only values of secret settings that were given")]
    Value(String),
    /// Pull credentials that no kubelet could use for Docker Hub.
    #[error("the setting `{setting}` {problem}")]
    Docker {
        /// The setting.
        setting: String,
        /// What is wrong with its value.
        problem: DockerConfigError,
    },
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn given() -> Credentials {
        let mut given = Credentials::default();
        assert!(given.insert("password", "hunter2".into()));
        given
    }

    #[test]
    fn a_token_becomes_its_value_only_as_a_whole_value_of_a_secret() {
        let token = token("password");
        assert_eq!(token, "nks-secret-setting-password");
        let secret = json!({"apiVersion": "v1", "kind": "Secret", "metadata": {"name": token},
            "data": {"a": token, "b": "x nks-secret-setting-password"}});
        let filled = given().fill(&secret);
        assert_eq!(filled["data"]["a"], "aHVudGVyMg==");
        assert_eq!(filled["data"]["b"], secret["data"]["b"]);
        assert_eq!(filled["metadata"], secret["metadata"]);
        let mut other = secret.clone();
        other["kind"] = "ConfigMap".into();
        assert_eq!(given().fill(&other), other);
        assert!(!format!("{:?}", given()).contains("hunter2"));
    }

    #[test]
    fn every_value_of_a_new_secret_is_a_token_of_a_setting_that_was_given() {
        let secret =
            |value: &str| json!({"apiVersion": "v1", "kind": "Secret", "data": {"a": value}});
        assert_eq!(
            given().of(&secret("nks-secret-setting-password")),
            Ok(given())
        );
        for value in [
            "aGVsbG8=",
            "nks-secret-setting-other",
            "nks-secret-setting-",
            "nks-secret-0",
            "nks-secret-setting-password ",
            "",
        ] {
            let refused = given().of(&secret(value));
            assert_eq!(refused, Err(CredentialError::Value("a".into())), "{value}");
        }
        let none = json!({"apiVersion": "v1", "kind": "Secret"});
        assert_eq!(given().of(&none), Ok(Credentials::default()));
    }

    #[test]
    fn texts_of_a_new_secret_are_among_its_data() {
        let secret = json!({"kind": "Secret", "stringData": {"a": "1"}, "data": {"b": "2"}});
        let expected = json!({"kind": "Secret", "data": {"a": "1", "b": "2"}});
        assert_eq!(in_data(&secret), expected);
        assert_eq!(in_data(&expected), expected);
        // What is no object of texts is left for the declared paths to refuse.
        let odd = json!({"kind": "Secret", "stringData": "a"});
        assert_eq!(in_data(&odd), odd);
    }

    #[test]
    fn what_was_sent_is_hidden_in_what_comes_back() {
        let mut given = given();
        given.insert("file", "line one\nline two\n".into());
        for said in ["hunter2", "aHVudGVyMg==", "line one\nline two"] {
            let answer = format!("the webhook says: {said} is not fine");
            assert_eq!(given.hide(&answer), "the webhook says: *** is not fine");
        }
        assert_eq!(Credentials::default().hide("hunter2"), "hunter2");
    }

    #[test]
    fn what_is_no_text_is_no_value() {
        for (bytes, problem) in [
            (&b""[..], TextError::Empty),
            (b" \n\t", TextError::Empty),
            (b"a\0b", TextError::Nul),
            (b"a\xffb", TextError::NotText),
            (&vec![b'a'; MAX_BYTES + 1], TextError::TooLarge),
        ] {
            assert_eq!(parse(bytes.to_vec()), Err(problem));
        }
        assert_eq!(parse(b"a\n".to_vec()).as_deref(), Ok("a\n"));
        assert!(parse(vec![b'a'; MAX_BYTES]).is_ok());
    }
}
