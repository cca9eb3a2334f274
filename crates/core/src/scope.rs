//! What a change really does: the difference between two states of an object, held against what was declared.
//!
//! A patch is never trusted by its words. It is applied, the two states are compared, and each place that differs must
//! lie at or below a declared path (contract.md, property 4).

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::pointer::{Pattern, Pointer};
use crate::token::SealedEdit;
use crate::{secret, token};

/// One place that differs.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Edit {
    /// Where.
    pub path: Pointer,
    /// What was there; absent where the place is new.
    #[serde(
        default,
        deserialize_with = "present",
        skip_serializing_if = "Option::is_none"
    )]
    pub before: Option<Value>,
    /// What is there now; absent where the place is gone.
    #[serde(
        default,
        deserialize_with = "present",
        skip_serializing_if = "Option::is_none"
    )]
    pub after: Option<Value>,
    /// The names of the list entries on the way, so that `containers/0` still means the same container later.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub within: Vec<Named>,
    /// Of a text that may not be written down: its change without its values, in place of `before` and `after`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sealed: Option<SealedEdit>,
}

impl Edit {
    /// Whether an object holds what was there before.
    pub fn is_undone_in(&self, object: &Value) -> bool {
        self.holds(object, &self.before, |sealed| &sealed.before)
    }

    /// Whether an object holds what the edit put there.
    pub fn is_done_in(&self, object: &Value) -> bool {
        self.holds(object, &self.after, |sealed| &sealed.after)
    }

    fn holds(
        &self,
        object: &Value,
        value: &Option<Value>,
        digest: impl Fn(&SealedEdit) -> &String,
    ) -> bool {
        let found = self.path.get(object);
        match &self.sealed {
            Some(sealed) => found
                .and_then(secret::decode)
                .is_some_and(|text| token::digest(&text) == *digest(sealed)),
            None => found == value.as_ref(),
        }
    }
}

/// The edits as they may be written down: of a Secret, without any of its values. `None` where that cannot be done.
pub fn sealed(edits: &[Edit], object: &Value) -> Option<Vec<Edit>> {
    if !secret::is_secret(object) {
        return Some(edits.to_vec());
    }
    let seal = |edit: &Edit| {
        let text = |value: &Option<Value>| value.as_ref().and_then(secret::decode);
        Some(Edit {
            before: None,
            after: None,
            sealed: Some(token::seal(&text(&edit.before)?, &text(&edit.after)?)?),
            ..edit.clone()
        })
    };
    edits.iter().map(seal).collect()
}

/// A place that holds `null` is there; only a missing one is absent.
fn present<'de, D: serde::Deserializer<'de>>(from: D) -> Result<Option<Value>, D::Error> {
    Value::deserialize(from).map(Some)
}

/// A list entry on the way to an edit, and its name.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Named {
    /// Pointer to the `name` field of the entry.
    pub path: Pointer,
    /// What it holds.
    pub name: Value,
}

/// Every place in which `before` and `after` differ, in order. Lists are compared entry by entry, so that a shifted list
/// shows as a change of every entry, names included.
pub fn edits(before: &Value, after: &Value) -> Vec<Edit> {
    let mut found = Vec::new();
    compare(
        &Pointer::default(),
        before,
        after,
        &mut Vec::new(),
        &mut found,
    );
    found
}

fn compare(
    at: &Pointer,
    before: &Value,
    after: &Value,
    within: &mut Vec<Named>,
    found: &mut Vec<Edit>,
) {
    let edit =
        |path: Pointer, before: Option<&Value>, after: Option<&Value>, within: &[Named]| Edit {
            path,
            before: before.cloned(),
            after: after.cloned(),
            within: within.to_vec(),
            sealed: None,
        };
    match (before, after) {
        (Value::Object(old), Value::Object(new)) => {
            let added = new.keys().filter(|key| !old.contains_key(*key));
            for key in old.keys().chain(added) {
                let path = at.child(key);
                match (old.get(key), new.get(key)) {
                    (Some(old), Some(new)) => compare(&path, old, new, within, found),
                    (old, new) => found.push(edit(path, old, new, within)),
                }
            }
        }
        (Value::Array(old), Value::Array(new)) => {
            for (index, (old, new)) in old.iter().zip(new).enumerate() {
                let path = at.child(index.to_string());
                let named = old.get("name").map(|name| Named {
                    path: path.child("name"),
                    name: name.clone(),
                });
                let depth = within.len();
                within.extend(named);
                compare(&path, old, new, within, found);
                within.truncate(depth);
            }
            // Removals run from the end, so that each index is still right when its turn comes.
            for index in (new.len()..old.len()).rev() {
                found.push(edit(
                    at.child(index.to_string()),
                    old.get(index),
                    None,
                    within,
                ));
            }
            for (index, entry) in new.iter().enumerate().skip(old.len()) {
                found.push(edit(at.child(index.to_string()), None, Some(entry), within));
            }
        }
        (old, new) if old == new => {}
        (old, new) => found.push(edit(at.clone(), Some(old), Some(new), within)),
    }
}

/// Every place of a new object that holds a value, each as an edit that sets it.
pub fn leaves(object: &Value) -> Vec<Edit> {
    let mut found = Vec::new();
    collect(&Pointer::default(), object, &mut found);
    found
}

fn collect(at: &Pointer, value: &Value, found: &mut Vec<Edit>) {
    match value {
        Value::Object(map) if !map.is_empty() => map
            .iter()
            .for_each(|(key, value)| collect(&at.child(key), value, found)),
        Value::Array(entries) if !entries.is_empty() => entries
            .iter()
            .enumerate()
            .for_each(|(index, value)| collect(&at.child(index.to_string()), value, found)),
        value => found.push(Edit {
            path: at.clone(),
            before: None,
            after: Some(value.clone()),
            within: Vec::new(),
            sealed: None,
        }),
    }
}

/// The edits as an RFC 6902 document: first the tests of everything that is about to be replaced and of the names on the
/// way, then the changes. A change may be of a name that another edit tests.
pub fn operations(edits: &[Edit]) -> Vec<Value> {
    let (mut operations, mut changes) = (Vec::new(), Vec::new());
    let mut test = |path: String, value: &Value| {
        let test = json!({"op": "test", "path": path, "value": value});
        if !operations.contains(&test) {
            operations.push(test);
        }
    };
    for edit in edits {
        for named in &edit.within {
            test(named.path.to_string(), &named.name);
        }
        let path = edit.path.to_string();
        if let Some(before) = &edit.before {
            test(path.clone(), before);
        }
        changes.extend(match (&edit.before, &edit.after) {
            (Some(_), Some(after)) => Some(json!({"op": "replace", "path": path, "value": after})),
            (Some(_), None) => Some(json!({"op": "remove", "path": path})),
            (None, Some(after)) => Some(json!({"op": "add", "path": path, "value": after})),
            (None, None) => None,
        });
    }
    operations.extend(changes);
    operations
}

/// Whether an object holds what `edits` put there, in the list entries that were meant.
pub fn are_done(edits: &[Edit], object: &Value) -> bool {
    edits
        .iter()
        .all(|edit| edit.is_done_in(object) && is_within(edit, edits, object))
}

/// Whether the list entries on the way to an edit are, in an object with all `edits` done, still the ones that were meant.
pub fn is_within(edit: &Edit, edits: &[Edit], object: &Value) -> bool {
    names_after(edit, edits)
        .iter()
        .all(|named| named.path.get(object) == Some(&named.name))
}

/// The names on the way to an edit once all `edits` are done: one of them may have changed such a name.
pub fn names_after(edit: &Edit, edits: &[Edit]) -> Vec<Named> {
    let name = |named: &Named| {
        let renamed = edits.iter().find(|other| other.path == named.path);
        Named {
            path: named.path.clone(),
            name: renamed
                .and_then(|other| other.after.clone())
                .unwrap_or_else(|| named.name.clone()),
        }
    };
    edit.within.iter().map(name).collect()
}

/// Why a change is out of bounds.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum ScopeError {
    /// A place that no fixer may change, whatever its manifest says.
    #[error("{0} may never be changed by a fixer")]
    Immutable(String),
    /// A place that the manifest does not declare.
    #[error("{0} is outside the declared paths")]
    Outside(Pointer),
}

/// Holds every edit against the declared paths and against what no fixer may change.
pub fn check(edits: &[Edit], declared: &[Pattern]) -> Result<(), ScopeError> {
    let finalizers = declared
        .iter()
        .any(|pattern| names_finalizers(pattern.steps()));
    for edit in edits {
        // Which of them may go is held by `crate::finalizer`.
        if finalizers
            && edit
                .path
                .steps()
                .starts_with(&["metadata".into(), "finalizers".into()])
        {
            continue;
        }
        if let Some(place) = immutable(edit.path.steps()) {
            return Err(ScopeError::Immutable(place));
        }
        for place in places(edit) {
            if !declared.iter().any(|pattern| place.is_covered_by(pattern)) {
                return Err(ScopeError::Outside(place));
            }
        }
    }
    Ok(())
}

/// The places that have to be declared. An object without annotations has no map of them, so that the first one brings
/// the map along and the last one takes it away: what is declared then is the annotation. Labels likewise.
fn places(edit: &Edit) -> Vec<Pointer> {
    let entries = match (edit.path.steps(), &edit.before, &edit.after) {
        ([metadata, field], Some(Value::Object(map)), None)
        | ([metadata, field], None, Some(Value::Object(map)))
            if metadata == "metadata" && matches!(field.as_str(), "annotations" | "labels") =>
        {
            map.keys().map(|key| edit.path.child(key)).collect()
        }
        _ => Vec::new(),
    };
    if entries.is_empty() {
        vec![edit.path.clone()]
    } else {
        entries
    }
}

/// Refuses a declared path that could only ever reach what no fixer may change, or that takes in the whole object.
pub fn check_declared(pattern: &Pattern) -> Result<(), ScopeError> {
    match pattern.steps() {
        [first] if first == "metadata" || first == "*" => {
            Err(ScopeError::Immutable(pattern.to_string()))
        }
        [_, second, entry] if names_finalizers(pattern.steps()) => match entry.as_str() {
            "*" => Ok(()),
            _ => Err(ScopeError::Immutable(format!("/metadata/{second}/{entry}"))),
        },
        steps => immutable(steps).map_or(Ok(()), |place| Err(ScopeError::Immutable(place))),
    }
}

/// `/metadata/finalizers/*`, or, in an undo, an entry or the whole list.
fn names_finalizers(steps: &[String]) -> bool {
    steps.starts_with(&["metadata".into(), "finalizers".into()])
}

/// Identity, owners, server-written fields, and finalizers where they are not declared.
fn immutable(steps: &[String]) -> Option<String> {
    if steps.is_empty() {
        return Some("the whole object".into());
    }
    let steps: Vec<&str> = steps.iter().map(String::as_str).collect();
    let forbidden = match steps.as_slice() {
        ["apiVersion" | "kind" | "status", ..] | ["metadata"] => true,
        ["metadata", field, ..] => !matches!(*field, "annotations" | "labels"),
        _ => false,
    };
    forbidden.then(|| {
        format!(
            "/{}",
            steps.iter().take(2).copied().collect::<Vec<_>>().join("/")
        )
    })
}

#[cfg(test)]
mod tests;
