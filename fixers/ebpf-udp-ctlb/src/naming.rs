//! Objects named for a person, as they would name them to kubectl.

use nks_fixer::Object;

/// How many objects a message names; of the others it tells how many there are.
pub(crate) const MOST: usize = 5;

/// `daemonset.apps/log-agent -n logging`
pub(crate) fn of(object: &Object) -> String {
    let name = object.display_name();
    if object.namespace.is_empty() {
        name
    } else {
        [name.as_str(), object.namespace.as_str()].join(" -n ")
    }
}

/// The first few, and how many more there are: `daemonset.apps/a -n x, deployment.apps/b -n y, … (+3)`.
pub(crate) fn list<'a>(objects: impl Iterator<Item = &'a Object>) -> String {
    let mut objects = objects;
    let mut names: Vec<String> = objects.by_ref().take(MOST).map(of).collect();
    let more = objects.count();
    if more > 0 {
        names.push(["… (+", &more.to_string(), ")"].concat());
    }
    names.join(", ")
}
