//! The environment of a container: what its list says of a variable, and the patch that sets one.

use serde_json::{Map, Value};

use crate::input::Object;
use crate::patch::Patch;
use crate::workload::Container;

/// The environment of a container, as its object writes it.
#[derive(Clone, Debug)]
pub struct Env<'a> {
    /// Where the list is, or would be: `/spec/template/spec/containers/0/env`.
    pub pointer: String,
    /// The list; `None` where the container has none.
    list: Option<&'a [Value]>,
    /// Whether the container takes in all variables of some ConfigMap or Secret.
    has_env_from: bool,
}

/// What an environment says about one variable.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Said<'a> {
    /// There is no such variable.
    Nothing,
    /// There is no entry, but `envFrom` may bring the variable in.
    Hidden,
    /// Its value, as written.
    Text(&'a str),
    /// Its value comes from elsewhere, or it is there twice with different values.
    Unknown,
}

impl<'a> Env<'a> {
    /// The environment of `container` in `object`, for a program that does not care for the case of its variables' names.
    /// Kubernetes does, so such a variable can be in the list twice.
    pub fn ignoring_case(object: &'a Object, container: &Container) -> Self {
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
    pub fn named(&self, variable: &str) -> impl Iterator<Item = (usize, &'a Value)> {
        let entries = self.list.unwrap_or_default().iter().enumerate();
        entries.filter(move |(_, entry)| name(entry).eq_ignore_ascii_case(variable))
    }

    /// What the environment says about a variable. An entry of the list wins over `envFrom`.
    pub fn says(&self, variable: &str) -> Said<'a> {
        let mut said = self.named(variable).map(|(_, entry)| text(entry));
        match said.next() {
            None if self.has_env_from => Said::Hidden,
            None => Said::Nothing,
            Some(first) if said.all(|other| other == first) => first,
            Some(_) => Said::Unknown,
        }
    }

    /// The patch that leaves each variable there once, with its value, and where the values are afterwards.
    ///
    /// An entry keeps its place and its spelling, and loses a `valueFrom`, which may not stand beside a value. Of several the
    /// first stays, since what was added later mostly stands at the end, where nothing has to move up.
    pub fn set<'v>(&self, variables: &[(&str, &'v str)]) -> (Patch, Vec<(String, &'v str)>) {
        let entries = self.list.unwrap_or_default();
        let mut patch = Patch::default();
        let mut kept = Vec::new();
        let mut surplus = Vec::new();
        for (variable, value) in variables {
            let mut found = self.named(variable);
            let first = found.next();
            kept.push(first.map(|(position, _)| position));
            surplus.extend(found);
            if let Some((position, old)) = first {
                let new = entry(name(old), value);
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
        let both = || variables.iter().zip(&kept);
        let missing = both().filter(|(_, kept)| kept.is_none());
        let new = missing.map(|((variable, value), _)| entry(variable, value));
        if self.list.is_none() {
            patch = patch.add(&self.pointer, new.collect::<Vec<Value>>());
        } else {
            for entry in new {
                patch = patch.add(&[self.pointer.as_str(), "-"].join("/"), entry);
            }
        }
        let mut end = entries.len() - surplus.len();
        let mut places = Vec::new();
        for ((_, value), kept) in both() {
            let position = match kept {
                Some(kept) => kept - surplus.iter().filter(|(gone, _)| gone < kept).count(),
                None => {
                    end += 1;
                    end - 1
                }
            };
            places.push(([self.at(position).as_str(), "value"].join("/"), *value));
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Workload;
    use serde_json::json;

    fn daemon_set(container: Value) -> Object {
        Object::of_value(
            json!({"apiVersion": "apps/v1", "kind": "DaemonSet", "metadata": {"name": "d"},
            "spec": {"template": {"spec": {"containers": [container]}}}}),
        )
    }

    fn env(object: &Object) -> Env<'_> {
        let workload = Workload::of(0, object).unwrap();
        Env::ignoring_case(object, &workload.containers()[0])
    }

    #[test]
    fn a_variable_is_said_once_or_not_known() {
        let object = daemon_set(json!({"env": [
            {"name": "A", "value": "1"}, {"name": "a", "value": "1"},
            {"name": "B", "value": "1"}, {"name": "b", "value": "2"},
            {"name": "C", "valueFrom": {}}, {"name": "D"}]}));
        let env = env(&object);
        let said = ["a", "b", "c", "d", "e"].map(|variable| env.says(variable));
        let [one, none] = [Said::Text("1"), Said::Text("")];
        assert_eq!(
            said,
            [one, Said::Unknown, Said::Unknown, none, Said::Nothing]
        );
        let object = daemon_set(json!({"envFrom": [{"configMapRef": {}}]}));
        assert_eq!(self::env(&object).says("a"), Said::Hidden);
    }

    /// `x` is there twice, `y` from elsewhere, and `z` not at all.
    #[test]
    fn each_variable_is_left_there_once() {
        let object = daemon_set(json!({"env": [
            {"name": "X", "value": "1"}, {"name": "x", "value": "2"}, {"name": "Y", "valueFrom": {}}]}));
        let (patch, places) = env(&object).set(&[("x", "1"), ("y", "5"), ("Z", "6")]);
        let at = |end: &str| ["/spec/template/spec/containers/0/env/", end].concat();
        let expected = Patch::default()
            .replace(
                &at("2"),
                json!({"name": "Y", "valueFrom": {}}),
                json!({"name": "Y", "value": "5"}),
            )
            .remove(&at("1"), json!({"name": "x", "value": "2"}))
            .add(&at("-"), json!({"name": "Z", "value": "6"}));
        assert_eq!(patch, expected);
        let expected = [("0/value", "1"), ("1/value", "5"), ("2/value", "6")];
        assert_eq!(places, expected.map(|(end, value)| (at(end), value)));
    }

    #[test]
    fn a_list_is_made_where_there_is_none() {
        let object = daemon_set(json!({}));
        let (patch, places) = env(&object).set(&[("A", "1")]);
        let pointer = "/spec/template/spec/containers/0/env";
        let expected = Patch::default().add(pointer, json!([{"name": "A", "value": "1"}]));
        assert_eq!(patch, expected);
        assert_eq!(places, [([pointer, "/0/value"].concat(), "1")]);
    }
}
