//! The environment of a container. Felix does not care for the case of its variables' names; Kubernetes does.

use nks_fixer::{Container, Object, Patch};
use serde_json::{Map, Value};

use crate::Setting;

/// The environment of a container.
pub(crate) struct Env<'a> {
    /// Where the list is, or would be.
    pub(crate) pointer: String,
    /// The list; `None` where the container has none.
    list: Option<&'a [Value]>,
    /// Whether the container takes in all variables of some ConfigMap or Secret.
    has_env_from: bool,
}

/// What an environment says about one variable.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Said<'a> {
    Nothing,
    /// There is no entry, but `envFrom` may bring the variable in.
    Hidden,
    Text(&'a str),
    /// Its value comes from elsewhere, or it is there twice with different values.
    Unknown,
}

impl<'a> Env<'a> {
    pub(crate) fn of(object: &'a Object, container: &Container) -> Self {
        let list = |field| {
            let pointer = container.pointer_to(field);
            object.value.pointer(&pointer).and_then(Value::as_array)
        };
        Self {
            pointer: container.pointer_to("env"),
            list: list("env").map(Vec::as_slice),
            has_env_from: list("envFrom").is_some_and(|sources| !sources.is_empty()),
        }
    }

    /// The entries of a variable, with their positions.
    pub(crate) fn named(&self, variable: &str) -> impl Iterator<Item = (usize, &'a Value)> {
        let entries = self.list.unwrap_or_default().iter().enumerate();
        entries.filter(move |(_, entry)| name(entry).eq_ignore_ascii_case(variable))
    }

    /// An entry of the list wins over `envFrom`.
    pub(crate) fn says(&self, variable: &str) -> Said<'a> {
        let mut said = self.named(variable).map(|(_, entry)| text(entry));
        match said.next() {
            None if self.has_env_from => Said::Hidden,
            None => Said::Nothing,
            Some(first) if said.all(|other| other == first) => first,
            Some(_) => Said::Unknown,
        }
    }

    /// The patch that leaves each setting there once, with its value, and where the values are afterwards.
    ///
    /// An entry keeps its place and its spelling, and loses a `valueFrom`, which may not stand beside a value. Of several the
    /// first stays, since what was added later mostly stands at the end, where nothing has to move up.
    pub(crate) fn set(&self, settings: &[Setting]) -> (Patch, Vec<(String, &'static str)>) {
        let entries = self.list.unwrap_or_default();
        let mut patch = Patch::default();
        let mut kept = Vec::new();
        let mut surplus = Vec::new();
        for setting in settings {
            let mut found = self.named(setting.variable);
            let first = found.next();
            kept.push(first.map(|(position, _)| position));
            surplus.extend(found);
            if let Some((position, old)) = first {
                let new = entry(name(old), setting.value);
                if *old != new {
                    patch = patch.replace(&self.at(position), old.clone(), new);
                }
            }
        }
        // From the end of the list to its start, so that each position is still right when its turn comes.
        surplus.sort_by_key(|(position, _)| *position);
        for (position, old) in surplus.iter().rev() {
            patch = patch.remove(&self.at(*position), (*old).clone());
        }
        let missing = || {
            settings
                .iter()
                .zip(&kept)
                .filter(|(_, kept)| kept.is_none())
        };
        let new = missing().map(|(setting, _)| entry(setting.variable, setting.value));
        if self.list.is_none() {
            patch = patch.add(&self.pointer, new.collect::<Vec<Value>>());
        } else {
            for entry in new {
                patch = patch.add(&[self.pointer.as_str(), "-"].join("/"), entry);
            }
        }
        let mut end = entries.len() - surplus.len();
        let mut places = Vec::new();
        for (setting, kept) in settings.iter().zip(&kept) {
            let position = match kept {
                Some(kept) => kept - surplus.iter().filter(|(gone, _)| gone < kept).count(),
                None => {
                    end += 1;
                    end - 1
                }
            };
            places.push((
                [self.at(position).as_str(), "value"].join("/"),
                setting.value,
            ));
        }
        (patch, places)
    }

    fn at(&self, position: usize) -> String {
        [self.pointer.as_str(), &position.to_string()].join("/")
    }
}

fn name(entry: &Value) -> &str {
    entry
        .get("name")
        .and_then(Value::as_str)
        .unwrap_or_default()
}

fn text(entry: &Value) -> Said<'_> {
    if entry.get("valueFrom").is_some() {
        return Said::Unknown;
    }
    let value = entry.get("value").and_then(Value::as_str);
    Said::Text(value.unwrap_or_default())
}

fn entry(name: &str, value: &str) -> Value {
    let mut entry = Map::new();
    entry.insert("name".to_owned(), name.into());
    entry.insert("value".to_owned(), value.into());
    Value::Object(entry)
}
