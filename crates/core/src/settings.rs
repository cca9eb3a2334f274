//! What `--set` accepts: the small part of JSON Schema that settings need. Anything else is refused when the manifest is
//! read, so that no rule is silently ignored.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

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
            property
                .default
                .iter()
                .chain(&property.r#enum)
                .try_for_each(|value| property.check(name, value))?;
        }
        Ok(())
    }

    /// The settings for a run: the defaults, overwritten by what was typed as `name=value`.
    pub fn resolve(&self, typed: &[String]) -> Result<Value, SettingsError> {
        let mut settings: Map<String, Value> = self
            .properties
            .iter()
            .filter_map(|(name, property)| Some((name.clone(), property.default.clone()?)))
            .collect();
        for entry in typed {
            let (name, text) = entry
                .split_once('=')
                .ok_or_else(|| SettingsError::Form(entry.clone()))?;
            let property = self
                .properties
                .get(name)
                .ok_or_else(|| SettingsError::Unknown {
                    name: name.to_owned(),
                    known: self.properties.keys().cloned().collect(),
                })?;
            let value = property.parse(text);
            property.check(name, &value)?;
            settings.insert(name.to_owned(), value);
        }
        Ok(Value::Object(settings))
    }
}

impl Property {
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
mod tests {
    use super::*;
    use serde_json::json;

    fn schema() -> Schema {
        serde_json::from_value(json!({"type": "object", "properties": {
            "registry": {"type": "string", "default": "docker.io", "enum": ["docker.io", "quay.io"]},
            "count": {"type": "integer"}}, "additionalProperties": false}))
        .unwrap()
    }

    #[test]
    fn defaults_are_filled_and_typed_values_win() {
        assert_eq!(
            schema().resolve(&[]).unwrap(),
            json!({"registry": "docker.io"})
        );
        let typed = ["registry=quay.io".to_owned(), "count=3".to_owned()];
        assert_eq!(
            schema().resolve(&typed).unwrap(),
            json!({"registry": "quay.io", "count": 3})
        );
    }

    #[test]
    fn what_is_not_accepted_is_named() {
        let said = |typed: &str| {
            schema()
                .resolve(&[typed.to_owned()])
                .unwrap_err()
                .to_string()
        };
        assert_eq!(said("registry"), "`registry` is not of the form name=value");
        assert_eq!(
            said("count=many"),
            "`count` takes a whole number, not `many`"
        );
        assert_eq!(
            said("registry=x"),
            "`registry` takes one of docker.io, quay.io, not `x`"
        );
        assert_eq!(
            said("other=1"),
            "there is no setting `other`; there is count, registry"
        );
    }
}
