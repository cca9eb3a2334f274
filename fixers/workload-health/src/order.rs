//! Finding and ordering, with one kind of map for all of it: each further kind would cost several kilobytes of the
//! component.

use std::collections::BTreeMap;

/// Numbers by [`place`].
pub(crate) type Index = BTreeMap<String, u32>;

/// Several texts as one key. No name of Kubernetes holds a line end, so keys sort as their parts do.
pub(crate) fn place(parts: &[&str]) -> String {
    parts.join("\n")
}

/// A number as text that sorts as numbers do.
pub(crate) fn digits(number: usize) -> String {
    const ZEROS: &str = "0000000000";
    let text = number.to_string();
    [ZEROS.get(text.len()..).unwrap_or_default(), &text].concat()
}

/// Adds a number to a sorted list, once.
pub(crate) fn add(list: &mut Vec<u32>, number: u32) {
    if let Err(at) = list.binary_search(&number) {
        list.insert(at, number);
    }
}
