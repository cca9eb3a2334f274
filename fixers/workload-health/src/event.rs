//! Warning events, by the object that they are about.

use std::collections::BTreeMap;

use nks_fixer::{Input, Object};

use crate::clock;

/// One Warning event.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Event<'a> {
    /// Its index among the objects supplied.
    pub(crate) index: u32,
    /// `FailedMount`
    pub(crate) reason: &'a str,
    /// In the component's words.
    pub(crate) message: &'a str,
    /// The container that it is about; empty where it is about no container.
    pub(crate) container: &'a str,
    /// When it was last seen; 0 where it does not say.
    pub(crate) seen: i64,
    /// The uid of what it is about.
    uid: &'a str,
}

type Place<'a> = (&'a str, &'a str, &'a str);

/// All Warning events, the latest of each object first.
pub(crate) struct Events<'a> {
    by_object: BTreeMap<Place<'a>, Vec<Event<'a>>>,
}

impl<'a> Events<'a> {
    pub(crate) fn of(input: &'a Input) -> Self {
        let mut by_object: BTreeMap<Place, Vec<Event>> = BTreeMap::new();
        for (index, object) in input.indexed() {
            if object.kind == "Event" && object.text("/type") == Some("Warning") {
                by_object
                    .entry(place(object))
                    .or_default()
                    .push(Event::of(index, object));
            }
        }
        for events in by_object.values_mut() {
            events.sort_by_key(|event| (-event.seen, event.index));
        }
        Self { by_object }
    }

    /// The events about `object`, the latest first. A pod of a StatefulSet has the name of the one before it, so those
    /// of another uid do not count; a Node's are known by name, since kubelets do not know its uid.
    pub(crate) fn about(&self, object: &'a Object) -> impl Iterator<Item = Event<'a>> + '_ {
        let place = (&*object.kind, &*object.namespace, &*object.name);
        let events = self.by_object.get(&place).into_iter().flatten().copied();
        events.filter(move |event| {
            object.kind == "Node" || event.uid.is_empty() || event.uid == object.uid
        })
    }

    /// Every event.
    pub(crate) fn all(&self) -> impl Iterator<Item = Event<'a>> + '_ {
        self.by_object.values().flatten().copied()
    }
}

fn place(object: &Object) -> Place<'_> {
    let text = |pointer: &str| object.text(pointer).unwrap_or_default();
    (
        text("/involvedObject/kind"),
        text("/involvedObject/namespace"),
        text("/involvedObject/name"),
    )
}

impl<'a> Event<'a> {
    fn of(index: u32, object: &'a Object) -> Self {
        let text = |pointer: &str| object.text(pointer).unwrap_or_default();
        let times = [
            "/series/lastObservedTime",
            "/lastTimestamp",
            "/eventTime",
            "/metadata/creationTimestamp",
        ];
        let seen = times
            .iter()
            .find_map(|time| clock::unix(object.text(time)?));
        let path = text("/involvedObject/fieldPath");
        let container = path
            .split_once('{')
            .map_or("", |(_, rest)| rest.trim_end_matches('}'));
        Self {
            index,
            reason: text("/reason"),
            message: text("/message"),
            container,
            seen: seen.unwrap_or(0),
            uid: text("/involvedObject/uid"),
        }
    }
}
