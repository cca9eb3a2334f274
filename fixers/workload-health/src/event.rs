//! Warning events, by the object that they are about.

use nks_fixer::{Input, Object};

use crate::order::{Index, place};

/// Seconds that a failure is taken to go on after it was last told: kubelets repeat themselves every five minutes at the
/// latest.
pub(crate) const RECENT: i64 = 900;

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
    /// Seconds since it was last seen; long where it does not say.
    pub(crate) age: i64,
    /// The uid of what it is about.
    uid: &'a str,
}

/// All Warning events, the latest of each object first.
pub(crate) struct Events<'a> {
    groups: Vec<Vec<Event<'a>>>,
    by_object: Index,
}

impl<'a> Events<'a> {
    pub(crate) fn of(input: &'a Input) -> Self {
        let mut groups: Vec<Vec<Event>> = Vec::new();
        let mut by_object = Index::new();
        for (index, object) in input.indexed() {
            if object.kind == "Event" && object.text("/type") == Some("Warning") {
                let next = groups.len() as u32;
                let group = *by_object.entry(involved(object)).or_insert(next);
                if group == next {
                    groups.push(Vec::new());
                }
                if let Some(group) = groups.get_mut(group as usize) {
                    let event = Event::of(input.context.now_unix, index, object);
                    let at = group.iter().position(|other| other.age > event.age);
                    group.insert(at.unwrap_or(group.len()), event);
                }
            }
        }
        Self { groups, by_object }
    }

    /// The events about `object`, the latest first. A pod of a StatefulSet has the name of the one before it, so those
    /// of another uid do not count; a Node's are known by name, since kubelets do not know its uid.
    pub(crate) fn about(&self, object: &Object) -> Vec<Event<'a>> {
        let place = place(&[&object.kind, &object.namespace, &object.name]);
        let group = self.by_object.get(&place);
        let mut events = Vec::new();
        for event in group.map_or(&[][..], |&group| self.group(group)) {
            if object.kind == "Node" || event.uid.is_empty() || event.uid == object.uid {
                events.push(*event);
            }
        }
        events
    }

    /// The latest event of that reason about `object` whose message holds `piece`.
    pub(crate) fn latest(&self, object: &Object, reason: &str, piece: &str) -> Option<Event<'a>> {
        let mut events = self.about(object).into_iter();
        events.find(|event| event.reason == reason && event.message.contains(piece))
    }

    fn group(&self, group: u32) -> &[Event<'a>] {
        let events = self.groups.get(group as usize);
        events.map_or(&[], Vec::as_slice)
    }

    /// Every event.
    pub(crate) fn all(&self) -> impl Iterator<Item = Event<'a>> + '_ {
        self.groups.iter().flatten().copied()
    }
}

fn involved(object: &Object) -> String {
    let text = |pointer: &str| object.text(pointer).unwrap_or_default();
    place(&[
        text("/involvedObject/kind"),
        text("/involvedObject/namespace"),
        text("/involvedObject/name"),
    ])
}

impl<'a> Event<'a> {
    fn of(now: i64, index: u32, object: &'a Object) -> Self {
        let text = |pointer: &str| object.text(pointer).unwrap_or_default();
        let times = [
            "/series/lastObservedTime",
            "/lastTimestamp",
            "/eventTime",
            "/metadata/creationTimestamp",
        ];
        let seen = times
            .iter()
            .find_map(|time| nks_fixer::time::seconds(object.text(time)?));
        let path = text("/involvedObject/fieldPath");
        let container = path
            .split_once('{')
            .map_or("", |(_, rest)| rest.trim_end_matches('}'));
        Self {
            index,
            reason: text("/reason"),
            message: text("/message"),
            container,
            age: seen.map_or(i64::MAX, |seen| now - seen),
            uid: text("/involvedObject/uid"),
        }
    }
}
