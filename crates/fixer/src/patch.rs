//! JSON patches (RFC 6902) that say what they expect to find.

use serde_json::{Map, Value};

/// A JSON patch. Each change first tests the value that it replaces, so that it never overwrites another's edit.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Patch {
    operations: Vec<Value>,
}

impl Patch {
    /// Replaces `old` at `pointer` by `new`.
    #[must_use]
    pub fn replace(self, pointer: &str, old: impl Into<Value>, new: impl Into<Value>) -> Self {
        self.operation("test", pointer, Some(old.into())).operation(
            "replace",
            pointer,
            Some(new.into()),
        )
    }

    /// Adds `new` at `pointer`, where nothing was; `-` as the last part of the pointer appends to a list.
    #[must_use]
    pub fn add(self, pointer: &str, new: impl Into<Value>) -> Self {
        self.operation("add", pointer, Some(new.into()))
    }

    /// Removes `old` at `pointer`.
    #[must_use]
    pub fn remove(self, pointer: &str, old: impl Into<Value>) -> Self {
        self.operation("test", pointer, Some(old.into()))
            .operation("remove", pointer, None)
    }

    /// Goes on only when `pointer` holds `value`.
    #[must_use]
    pub fn test(self, pointer: &str, value: impl Into<Value>) -> Self {
        self.operation("test", pointer, Some(value.into()))
    }

    /// Whether it changes nothing.
    pub fn is_empty(&self) -> bool {
        self.operations.is_empty()
    }

    /// The patch as JSON text.
    pub fn into_json(self) -> String {
        to_text(Value::Array(self.operations))
    }

    fn operation(mut self, name: &str, pointer: &str, value: Option<Value>) -> Self {
        let mut operation = Map::new();
        operation.insert("op".to_owned(), name.into());
        operation.insert("path".to_owned(), pointer.into());
        if let Some(value) = value {
            operation.insert("value".to_owned(), value);
        }
        self.operations.push(Value::Object(operation));
        self
    }
}

/// A value as JSON text.
pub(crate) fn to_text(value: Value) -> String {
    // Not `to_string` of the value, which brings the indenting writer into every component as well.
    serde_json::to_string(&value).unwrap_or_default()
}

/// A key as one part of a JSON pointer: `nks/registry` becomes `nks~1registry` (RFC 6901).
pub fn escape(key: &str) -> String {
    key.replace('~', "~0").replace('/', "~1")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_change_tests_what_it_replaces() {
        let patch = Patch::default()
            .replace("/a", "x", "y")
            .remove("/b", 1)
            .add("/c/-", true);
        assert_eq!(
            patch.into_json(),
            r#"[{"op":"test","path":"/a","value":"x"},{"op":"replace","path":"/a","value":"y"},"#
                .to_owned()
                + r#"{"op":"test","path":"/b","value":1},{"op":"remove","path":"/b"},{"op":"add","path":"/c/-","value":true}]"#
        );
        assert!(Patch::default().is_empty());
    }

    #[test]
    fn keys_are_escaped_in_the_right_order() {
        assert_eq!(escape("a~/b"), "a~0~1b");
    }
}
