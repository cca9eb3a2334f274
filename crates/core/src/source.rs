//! Objects from files: YAML or JSON, several documents, Lists within.

use std::borrow::Cow;

use serde_json::Value;

use crate::json::Exact;
use crate::object::{Object, ObjectError};
use crate::yaml::{self, YamlError};

/// The largest file taken, in bytes.
pub const MAX_BYTES: usize = 256 * 1024 * 1024;

/// Why a text holds no objects.
#[derive(Debug, thiserror::Error)]
pub enum SourceError {
    /// Larger than [`MAX_BYTES`].
    #[error("{0} bytes, {MAX_BYTES} are the most")]
    TooLarge(usize),
    /// Not JSON.
    #[error("{0}")]
    Syntax(String),
    /// Not YAML.
    #[error(transparent)]
    Yaml(#[from] YamlError),
    /// A document that is not a Kubernetes object.
    #[error("document {number}: {source}")]
    Document {
        /// Counted from 1, empty ones left out.
        number: usize,
        /// What is wrong.
        source: ObjectError,
    },
}

/// Reads every object in `text`. Lists are taken apart; empty documents are passed over.
pub fn parse(text: &str, default_namespace: &str) -> Result<Vec<Object>, SourceError> {
    if text.len() > MAX_BYTES {
        return Err(SourceError::TooLarge(text.len()));
    }
    let text = &without_logs(text.trim_start_matches('\u{feff}'));
    let documents: Vec<Value> = if text.trim_start().starts_with(['{', '[']) {
        let stream = serde_json::Deserializer::from_str(text).into_iter();
        match stream.collect::<Result<Vec<Exact>, _>>() {
            Ok(documents) => documents.into_iter().map(|Exact(value)| value).collect(),
            // To YAML, these bare words are text.
            Err(problem) if is_at_no_number(text, &problem) => {
                return Err(SourceError::Syntax(format!("no number: {problem}")));
            }
            // YAML's flow style also starts with a brace, so the YAML reader has the last word.
            Err(problem) => {
                yaml::parse_all(text).map_err(|_| SourceError::Syntax(problem.to_string()))?
            }
        }
    } else {
        yaml::parse_all(text)?
    };
    let mut objects = Vec::new();
    for (index, document) in documents.into_iter().enumerate() {
        flatten(document, default_namespace, &mut objects).map_err(|source| {
            SourceError::Document {
                number: index + 1,
                source,
            }
        })?;
    }
    Ok(objects)
}

/// Whether JSON ended at `NaN` or an infinity, which JavaScript and Python write where JSON has no number.
fn is_at_no_number(text: &str, problem: &serde_json::Error) -> bool {
    let line = text.split('\n').nth(problem.line().saturating_sub(1));
    line.and_then(|line| line.get(problem.column().saturating_sub(1)..))
        .is_some_and(|rest| rest.starts_with("NaN") || rest.starts_with("Infinity"))
}

/// `kubectl cluster-info dump` writes the logs of containers between its objects, between two lines of this form.
fn without_logs(text: &str) -> Cow<'_, str> {
    if !text.contains(START) {
        return Cow::Borrowed(text);
    }
    let mut inside = false;
    let objects = text.split_inclusive('\n').filter(|line| {
        let ends = inside && ends_logs(line);
        inside = (inside || line.starts_with(START)) && !ends;
        !inside && !ends
    });
    Cow::Owned(objects.collect())
}

const START: &str = "==== START logs for container ";
const END: &str = "==== END logs for container ";

/// The last line of a log need not have an end of its own.
fn ends_logs(line: &str) -> bool {
    line.contains(END) && line.trim_end().ends_with("====")
}

/// Whether a dump ends within the logs of a container: what it had after them is missing.
pub fn is_cut(text: &str) -> bool {
    let Some(last) = text.rfind(START) else {
        return false;
    };
    let starts = last == 0 || text[..last].ends_with('\n');
    starts && !text[last..].lines().any(ends_logs)
}

fn flatten(
    document: Value,
    default_namespace: &str,
    objects: &mut Vec<Object>,
) -> Result<(), ObjectError> {
    match document {
        Value::Null => Ok(()),
        Value::Array(entries) => entries
            .into_iter()
            .try_for_each(|entry| flatten(entry, default_namespace, objects)),
        Value::Object(mut map) => {
            let kind = map
                .get("kind")
                .and_then(Value::as_str)
                .unwrap_or_default()
                .to_owned();
            let Some(item_kind) = kind
                .strip_suffix("List")
                .filter(|_| map.contains_key("items"))
            else {
                objects.push(Object::new(Value::Object(map), default_namespace)?);
                return Ok(());
            };
            let api_version = map.get("apiVersion").cloned();
            let items = match map.remove("items") {
                Some(Value::Array(items)) => items,
                None | Some(Value::Null) => return Ok(()),
                Some(_) => return Err(ObjectError::wrong(&kind, "items", "a list")),
            };
            for mut item in items {
                // A typed list (`PodList`) leaves kind and apiVersion out of its items; `List` keeps them.
                if !item_kind.is_empty()
                    && let Value::Object(fields) = &mut item
                {
                    fields
                        .entry("kind")
                        .or_insert_with(|| Value::from(item_kind));
                    if let Some(api_version) = &api_version {
                        fields
                            .entry("apiVersion")
                            .or_insert_with(|| api_version.clone());
                    }
                }
                flatten(item, default_namespace, objects)?;
            }
            Ok(())
        }
        _ => Err(ObjectError::Missing("kind")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(text: &str) -> Vec<String> {
        parse(text, "d")
            .unwrap()
            .iter()
            .map(|object| object.id.to_string())
            .collect()
    }

    #[test]
    fn documents_lists_and_typed_lists_all_give_objects() {
        assert_eq!(
            names(
                "---\nkind: Pod\napiVersion: v1\nmetadata: {name: a}\n---\n---\nkind: Node\napiVersion: v1\nmetadata: {name: n}\n"
            ),
            ["pod/a -n d", "node/n"]
        );
        assert_eq!(
            names(
                r#"{"kind":"List","apiVersion":"v1","items":[{"kind":"Pod","apiVersion":"v1","metadata":{"name":"a","namespace":"x"}}]}"#
            ),
            ["pod/a -n x"]
        );
        assert_eq!(
            names(r#"{"kind":"PodList","apiVersion":"v1","items":[{"metadata":{"name":"a"}}]}"#),
            ["pod/a -n d"]
        );
        assert_eq!(
            names("\u{feff}kind: Pod\r\napiVersion: v1\r\nmetadata: {name: a}\r\n"),
            ["pod/a -n d"]
        );
        assert!(names("").is_empty());
    }

    #[test]
    fn what_is_not_an_object_is_said() {
        let said = |text: &str| parse(text, "d").unwrap_err().to_string();
        assert_eq!(
            said(
                "---\nkind: Node\napiVersion: v1\nmetadata: {name: n}\n---\n---\nkind: Pod\napiVersion: v1\n"
            ),
            "document 2: an object has no `metadata.name`"
        );
        assert!(
            said("{\"kind\": ").contains("EOF"),
            "{}",
            said("{\"kind\": ")
        );
        assert!(!said("a: [1, 2").is_empty());
        assert!(
            said("kind: Pod\nkind: Node\n").contains("duplicate"),
            "{}",
            said("kind: Pod\nkind: Node\n")
        );
    }
    #[test]
    fn a_list_without_a_list_is_an_error() {
        for items in ["{a: 1}", "text", "5", "true"] {
            for kind in ["List", "PodList"] {
                let text = format!("apiVersion: v1\nkind: {kind}\nitems: {items}\n");
                assert_eq!(
                    parse(&text, "d").unwrap_err().to_string(),
                    format!("document 1: {kind}: `items` is not a list")
                );
            }
        }
        assert!(names("apiVersion: v1\nkind: PodList\nitems: null\n").is_empty());
        assert!(names("apiVersion: v1\nkind: PodList\nitems: []\n").is_empty());
        assert!(parse("apiVersion: v1\nkind: PodList\nitems: [5]\n", "d").is_err());
    }

    #[test]
    fn logs_are_passed_over_and_a_cut_in_them_is_seen() {
        let node =
            "{\"kind\": \"Node\", \"apiVersion\": \"v1\", \"metadata\": {\"name\": \"n\"}}\n";
        let start = "==== START logs for container c of pod n/p ====\n";
        let end = "==== END logs for container c of pod n/p ====\n";
        for log in ["", "a line\n", "no line end", "{\n"] {
            let text = format!("{node}{start}{log}{end}{}", node.replace("\"n\"", "\"o\""));
            assert_eq!(names(&text), ["node/n", "node/o"], "{log}");
            assert!(!is_cut(&text));
            let cut = format!("{text}{start}{log}");
            assert_eq!(names(&cut), ["node/n", "node/o"], "{log}");
            assert!(is_cut(&cut));
        }
        assert!(!is_cut(node));
    }

    #[test]
    fn nothing_is_changed_in_silence() {
        for (text, expected) in [
            (r#"{"a": 1, "a": 2}"#, "duplicate key `a` at line 1"),
            (r#"{"a": {"b": 1, "b": 1}}"#, "duplicate key `b`"),
            (r#"[{"a": [{"b": 1, "b": 1}]}]"#, "duplicate key `b`"),
            ("a: 1\na: 2\n", "duplicate"),
            ("{a: 1, a: 2}", "key must be a string"),
            (r#"{"a": NaN}"#, "no number"),
            ("{\n \"a\": [1,\n -Infinity]}", "no number"),
            ("a: .nan\n", "not finite"),
            ("a: -.inf\n", "not finite"),
            (r#"{"a": 18446744073709551616}"#, "64 bits do not hold"),
            (r#"{"a": -9223372036854775809}"#, "64 bits do not hold"),
            ("a: 123456789012345678901234567890\n", "64 bits do not hold"),
            ("a: !custom x\n", "a tag that is not one of YAML's own"),
            ("a: !custom {b: c}\n", "a tag that is not one of YAML's own"),
        ] {
            let said = parse(text, "d").unwrap_err().to_string();
            assert!(said.contains(expected), "{text}: {said}");
        }
        let kept = r#"{"a": 18446744073709551615, "b": -9223372036854775808, "c": 1.5e3, "d": "NaN", "e": [null, true]}"#;
        let Exact(value) = serde_json::from_str(kept).unwrap();
        assert_eq!(value, serde_json::from_str::<Value>(kept).unwrap());
    }
}
