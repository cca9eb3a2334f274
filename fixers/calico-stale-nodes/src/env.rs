//! What the environment of a container says, with values that come from ConfigMap `calico-config` looked up there.

use nks_fixer::{Container, Object};
use serde_json::Value;

/// What is known of one variable.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Said<'a> {
    Nothing,
    Text(&'a str),
    /// Its value comes from where this fixer does not look, or it is there twice with different values.
    Unknown,
}

/// The environment of a container.
pub(crate) struct Env<'a> {
    list: &'a [Value],
    has_env_from: bool,
    /// ConfigMap `calico-config`.
    config: Option<&'a Object>,
}

impl<'a> Env<'a> {
    pub(crate) fn of(
        object: &'a Object,
        container: &Container,
        config: Option<&'a Object>,
    ) -> Self {
        let list = |field| {
            let entries = object.value.pointer(&container.pointer_to(field));
            entries
                .and_then(Value::as_array)
                .map_or(&[][..], Vec::as_slice)
        };
        Self {
            list: list("env"),
            has_env_from: !list("envFrom").is_empty(),
            config,
        }
    }

    /// Felix does not care for the case of its variables' names. An entry of the list wins over `envFrom`.
    pub(crate) fn says(&self, variable: &str) -> Said<'a> {
        let named = |entry: &&Value| text(entry, "name").eq_ignore_ascii_case(variable);
        let mut said = self
            .list
            .iter()
            .filter(named)
            .map(|entry| self.value(entry));
        match said.next() {
            None if self.has_env_from => Said::Unknown,
            None => Said::Nothing,
            Some(first) if said.all(|other| other == first) => first,
            Some(_) => Said::Unknown,
        }
    }

    /// Whether there is an entry of that name, wherever its value comes from.
    pub(crate) fn names(&self, variable: &str) -> bool {
        self.list
            .iter()
            .any(|entry| text(entry, "name") == variable)
    }

    fn value(&self, entry: &'a Value) -> Said<'a> {
        let Some(source) = entry.get("valueFrom") else {
            return Said::Text(text(entry, "value"));
        };
        let Some(reference) = source.get("configMapKeyRef") else {
            return Said::Unknown;
        };
        let config = self
            .config
            .filter(|config| config.name == text(reference, "name"));
        config
            .and_then(|config| {
                config
                    .value
                    .get("data")?
                    .get(text(reference, "key"))?
                    .as_str()
            })
            .map_or(Said::Unknown, Said::Text)
    }
}

fn text<'a>(value: &'a Value, key: &str) -> &'a str {
    value.get(key).and_then(Value::as_str).unwrap_or_default()
}
