//! The objects that one finding is about.

use nks_fixer::{Finding, Object};

/// One of them.
pub(crate) struct Found {
    index: u32,
    text: String,
}

/// More would fill the screen; the finding names all of them by index.
const MOST_NAMED: usize = 10;

impl Found {
    /// An object, named as kubectl users write it: `shop/web`, or `worker-0` where there is no namespace.
    pub(crate) fn new(index: u32, object: &Object) -> Self {
        let text = if object.namespace.is_empty() {
            object.name.clone()
        } else {
            [object.namespace.as_str(), object.name.as_str()].join("/")
        };
        Self { index, text }
    }

    /// The same with something said of it: `shop/web (maxUnavailable=0)`.
    pub(crate) fn with(index: u32, object: &Object, said: &str) -> Self {
        let named = Self::new(index, object);
        Self {
            index,
            text: [named.text.as_str(), " (", said, ")"].concat(),
        }
    }
}

/// The finding about all of `found`, with their number as `count` and their names as `objects`.
pub(crate) fn about(finding: Finding, found: &[Found]) -> Finding {
    let finding = finding
        .seen_on(found.iter().skip(1).map(|one| one.index))
        .arg("count", found.len().to_string())
        .arg("objects", listed(found.iter().map(|one| one.text.as_str())));
    match found.first() {
        Some(first) => finding.on(first.index),
        None => finding,
    }
}

/// The first ten, and how many more there are.
pub(crate) fn listed<'a>(names: impl Iterator<Item = &'a str>) -> String {
    let names: Vec<&str> = names.collect();
    let shown: Vec<&str> = names.iter().take(MOST_NAMED).copied().collect();
    let more = names.len() - shown.len();
    let mut text = shown.join(", ");
    if more > 0 {
        text.push_str(", … (+");
        text.push_str(&more.to_string());
        text.push(')');
    }
    text
}
