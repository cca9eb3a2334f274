//! A label that objects are chosen by.

use std::fmt;

use serde::{Deserialize, Serialize};
use serde_json::Value;

/// `key`: has the label, whatever its value. `key=value`: has it with this value.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(try_from = "String", into = "String")]
#[cfg_attr(feature = "schema", schemars(with = "String"))]
pub struct Label {
    key: String,
    value: Option<String>,
}

/// Why a text is no label.
#[derive(Debug, thiserror::Error)]
#[error("`{0}` is neither `key` nor `key=value`")]
pub struct LabelError(String);

impl TryFrom<String> for Label {
    type Error = LabelError;

    fn try_from(text: String) -> Result<Self, LabelError> {
        let (key, value) = match text.split_once('=') {
            Some((key, value)) => (key, Some(value)),
            None => (text.as_str(), None),
        };
        let plain = |part: &str| {
            part.bytes()
                .all(|byte| byte.is_ascii_alphanumeric() || b"-_./".contains(&byte))
        };
        if key.is_empty() || !plain(key) || !value.is_none_or(plain) {
            return Err(LabelError(crate::message::clean(&text)));
        }
        Ok(Self {
            key: key.to_owned(),
            value: value.map(str::to_owned),
        })
    }
}

impl From<Label> for String {
    fn from(label: Label) -> Self {
        label.to_string()
    }
}

impl fmt::Display for Label {
    /// As a label selector of the API.
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.value {
            Some(value) => write!(out, "{}={value}", self.key),
            None => out.write_str(&self.key),
        }
    }
}

impl Label {
    /// Whether an object has it.
    pub fn selects(&self, object: &Value) -> bool {
        let labels = object.pointer("/metadata/labels");
        let found = labels
            .and_then(|labels| labels.get(&self.key))
            .and_then(Value::as_str);
        match &self.value {
            Some(value) => found == Some(value),
            None => found.is_some(),
        }
    }
}
