//! Whether the Service of an APIService is there. That it was not handed over is not enough to say that it is gone: the
//! Services of its namespace may not have been read.

use nks_fixer::{Input, Object};

/// What is known of a Service.
#[derive(Clone, Copy)]
pub(crate) enum Known<'a> {
    /// It is there.
    There(u32, &'a Object),
    /// Its namespace was looked at, and it is not there.
    Gone,
    /// Its namespace was not looked at.
    Unread,
}

/// Looks for the Service of that namespace and name.
pub(crate) fn find<'a>(input: &'a Input, (namespace, name): (&str, &str)) -> Known<'a> {
    let found =
        services(input).find(|(_, service)| service.namespace == namespace && service.name == name);
    match found {
        Some((index, service)) => Known::There(index, service),
        None if was_read(input, namespace) => Known::Gone,
        None => Known::Unread,
    }
}

/// One Service of a namespace shows that it was read. Two namespaces show that all were: a run is about all of them or
/// about one. And in a namespace that is not there, there is nothing to read.
fn was_read(input: &Input, namespace: &str) -> bool {
    let mut elsewhere = None;
    for (_, service) in services(input) {
        let own = service.namespace.as_str();
        if own == namespace || elsewhere.is_some_and(|other| other != own) {
            return true;
        }
        elsewhere = Some(own);
    }
    let mut namespaces = input
        .objects
        .iter()
        .filter(|object| object.kind == "Namespace")
        .peekable();
    namespaces.peek().is_some() && namespaces.all(|one| one.name != namespace)
}

fn services(input: &Input) -> impl Iterator<Item = (u32, &Object)> {
    input
        .indexed()
        .filter(|(_, object)| object.kind == "Service")
}

/// Whether a namespace is being deleted.
pub(crate) fn is_terminating(input: &Input, namespace: &str) -> bool {
    input.objects.iter().any(|object| {
        object.kind == "Namespace" && object.name == namespace && object.is_being_deleted()
    })
}
