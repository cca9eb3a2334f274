//! What `--set` accepts: the small part of JSON Schema that settings need. Anything else is refused when the manifest is
//! read, so that no rule is silently ignored. A secret is never typed: `--set-file` names the file that holds it.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::credential::{self, Credentials};

/// An object schema with flat properties and no others allowed.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Schema {
    /// `object`
    pub r#type: String,
    /// The settings by name.
    #[serde(default)]
    pub properties: BTreeMap<String, Property>,
    /// `false`
    #[serde(default)]
    pub additional_properties: bool,
}

impl Default for Schema {
    fn default() -> Self {
        Self {
            r#type: "object".into(),
            properties: BTreeMap::new(),
            additional_properties: false,
        }
    }
}

/// One setting.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Property {
    /// What it holds.
    pub r#type: PropertyType,
    /// What it does, for `explain`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub description: Option<crate::message::Text>,
    /// Taken when it is not set; a setting without one is left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub default: Option<Value>,
    /// The only values allowed, where given.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub r#enum: Vec<Value>,
    /// What the text is, where that matters.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub format: Option<Format>,
}

/// What a text is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "lowercase")]
pub enum Format {
    /// A credential: read from a file or standard input, never typed. The fixer is given a token for it.
    Secret,
}

/// The types a setting can have.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "lowercase")]
pub enum PropertyType {
    /// Text.
    String,
    /// A whole number.
    Integer,
    /// `true` or `false`.
    Boolean,
}

/// Why a setting is not accepted.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum SettingsError {
    /// Not `name=value`.
    #[error("`{0}` is not of the form name=value")]
    Form(String),
    /// A name that the manifest does not declare.
    #[error("there is no setting `{name}`; there {}", list(.known))]
    Unknown {
        /// What was typed.
        name: String,
        /// What there is.
        known: Vec<String>,
    },
    /// A value of the wrong type.
    #[error("`{name}` takes {wanted}, not `{value}`")]
    Type {
        /// The setting.
        name: String,
        /// What it takes.
        wanted: &'static str,
        /// What was given.
        value: String,
    },
    /// A value that is not one of those allowed.
    #[error("`{name}` takes one of {allowed}, not `{value}`")]
    NotAllowed {
        /// The setting.
        name: String,
        /// The values allowed.
        allowed: String,
        /// What was given.
        value: String,
    },
    /// A secret on the command line, where the shell's history and everybody's list of processes hold it.
    #[error(
        "`{0}` is a secret and never typed: --set-file {0}=FILE reads it from a file, - is standard input"
    )]
    Secret(String),
    /// A file for a setting that is no secret.
    #[error("`{0}` is no secret: --set {0}=VALUE sets it")]
    NoSecret(String),
    /// Not `name=FILE` of a secret. What was typed may be the secret itself, and is not repeated.
    #[error("--set-file takes name=FILE; of secret settings, there {}", list(.known))]
    File {
        /// What there is.
        known: Vec<String>,
    },
    /// A second file for a setting.
    #[error("`{0}` is given twice")]
    Twice(String),
    /// A value that names an object, and is no name.
    #[error("`{name}` takes the name of an object, not `{value}`")]
    Name {
        /// The setting.
        name: String,
        /// What was given.
        value: String,
    },
    /// The schema itself is outside of what settings can be.
    #[error("{0}")]
    Schema(String),
}

fn list(names: &[String]) -> String {
    if names.is_empty() {
        "are none".into()
    } else {
        format!("is {}", names.join(", "))
    }
}

impl Schema {
    /// Checks the schema itself, defaults included.
    pub fn check(&self) -> Result<(), SettingsError> {
        if self.r#type != "object" || self.additional_properties {
            return Err(SettingsError::Schema(
                "must be `type: object` with `additionalProperties: false`".into(),
            ));
        }
        for (name, property) in &self.properties {
            property.check_format(name)?;
            property
                .default
                .iter()
                .chain(&property.r#enum)
                .try_for_each(|value| property.check(name, value))?;
        }
        Ok(())
    }

    /// The settings for a run: the defaults, overwritten by what was typed as `name=value`, and a token for each secret
    /// that is given.
    pub fn resolve(&self, typed: &[String], given: &Credentials) -> Result<Value, SettingsError> {
        let mut settings: Map<String, Value> = self
            .properties
            .iter()
            .filter_map(|(name, property)| Some((name.clone(), property.default.clone()?)))
            .collect();
        for entry in typed {
            let (name, text, property) = self.named(entry)?;
            if property.is_secret() {
                return Err(SettingsError::Secret(name.to_owned()));
            }
            let value = property.parse(text);
            property.check(name, &value)?;
            settings.insert(name.to_owned(), value);
        }
        for name in given.settings() {
            settings.insert(name.to_owned(), credential::token(name).into());
        }
        Ok(Value::Object(settings))
    }

    /// The secrets and their files of what was typed as `name=FILE`, each secret once.
    pub fn files<'a>(
        &self,
        typed: &'a [String],
    ) -> Result<BTreeMap<&'a str, &'a str>, SettingsError> {
        let mut files = BTreeMap::new();
        for entry in typed {
            let (name, file, property) = self.named(entry).map_err(|_| self.no_file())?;
            if !property.is_secret() {
                return Err(SettingsError::NoSecret(name.to_owned()));
            }
            if files.insert(name, file).is_some() {
                return Err(SettingsError::Twice(name.to_owned()));
            }
        }
        Ok(files)
    }

    fn no_file(&self) -> SettingsError {
        let secrets = self.properties.iter();
        let secrets = secrets.filter(|(_, property)| property.is_secret());
        SettingsError::File {
            known: secrets.map(|(name, _)| name.clone()).collect(),
        }
    }

    fn named<'a>(&self, entry: &'a str) -> Result<(&'a str, &'a str, &Property), SettingsError> {
        let (name, text) = entry
            .split_once('=')
            .ok_or_else(|| SettingsError::Form(entry.to_owned()))?;
        let property = self
            .properties
            .get(name)
            .ok_or_else(|| SettingsError::Unknown {
                name: name.to_owned(),
                known: self.properties.keys().cloned().collect(),
            })?;
        Ok((name, text, property))
    }
}

impl Property {
    /// Whether it is a secret.
    pub fn is_secret(&self) -> bool {
        self.format == Some(Format::Secret)
    }

    /// A secret is text, and no manifest knows one.
    fn check_format(&self, name: &str) -> Result<(), SettingsError> {
        let text = self.r#type == PropertyType::String;
        if !self.is_secret() || (text && self.default.is_none() && self.r#enum.is_empty()) {
            return Ok(());
        }
        Err(SettingsError::Schema(format!(
            "`{}`: a secret is of type string, without default and enum",
            crate::message::clean(name)
        )))
    }

    fn parse(&self, text: &str) -> Value {
        match self.r#type {
            PropertyType::String => Value::from(text),
            PropertyType::Integer => text
                .parse::<i64>()
                .map_or_else(|_| Value::from(text), Value::from),
            PropertyType::Boolean => text
                .parse::<bool>()
                .map_or_else(|_| Value::from(text), Value::from),
        }
    }

    fn check(&self, name: &str, value: &Value) -> Result<(), SettingsError> {
        let (fits, wanted) = match self.r#type {
            PropertyType::String => (value.is_string(), "text"),
            PropertyType::Integer => (value.is_i64(), "a whole number"),
            PropertyType::Boolean => (value.is_boolean(), "true or false"),
        };
        let shown = |value: &Value| {
            value
                .as_str()
                .map_or_else(|| value.to_string(), str::to_owned)
        };
        if !fits {
            return Err(SettingsError::Type {
                name: name.to_owned(),
                wanted,
                value: shown(value),
            });
        }
        if !self.r#enum.is_empty() && !self.r#enum.contains(value) {
            let allowed = self.r#enum.iter().map(shown).collect::<Vec<_>>().join(", ");
            return Err(SettingsError::NotAllowed {
                name: name.to_owned(),
                allowed,
                value: shown(value),
            });
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests;
