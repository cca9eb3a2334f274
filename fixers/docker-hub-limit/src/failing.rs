//! The pods that Docker Hub's pull limit holds back.

use std::collections::BTreeMap;

use nks_fixer::{Input, Object, Pod};

use crate::limit::{self, Login};

/// A pod with an image that the limit holds back.
pub(crate) struct Failing<'a> {
    pub(crate) pod: Pod<'a>,
    /// The images held back, as they are spelled.
    pub(crate) images: Vec<&'a str>,
    /// Whether it was pulled with a login.
    pub(crate) login: Login,
}

/// Every such pod, in the order of the input. What is being deleted, nobody waits for.
pub(crate) fn pods(input: &Input) -> Vec<Failing<'_>> {
    let events = Events::of(input);
    let staying = input.pods().filter(|pod| !pod.is_being_deleted());
    staying
        .filter_map(|pod| Failing::of(pod, &events))
        .collect()
}

impl<'a> Failing<'a> {
    fn of(pod: Pod<'a>, events: &Events<'a>) -> Option<Self> {
        let containers = pod.containers();
        let (mut images, mut logins) = (Vec::new(), Vec::new());
        for status in pod.statuses() {
            let waiting = status.waiting.filter(limit::is_pull_failure);
            let container = containers.iter().find(|one| one.name == status.name);
            let (Some(waiting), Some(container)) = (waiting, container) else {
                continue;
            };
            let image = container.image;
            if !limit::is_on_docker_hub(image) {
                continue;
            }
            let cause = match limit::hides_the_cause(waiting.message, image) {
                true => events.failure(pod.object, status.name, image),
                false => waiting.message,
            };
            if let Some(login) = limit::met(cause, image) {
                images.push(image);
                logins.push(login);
            }
        }
        let told = |login: &&Login| **login != Login::Unknown;
        let login = logins.iter().find(told).or(logins.first())?;
        Some(Self {
            pod,
            images,
            login: *login,
        })
    }
}

/// The events of failed pulls, by the uid of their pod: a pod of a StatefulSet has the name of the one before it.
struct Events<'a>(BTreeMap<&'a str, Vec<&'a Object>>);

impl<'a> Events<'a> {
    fn of(input: &'a Input) -> Self {
        let mut events: BTreeMap<&str, Vec<&Object>> = BTreeMap::new();
        for (_, object) in input.indexed() {
            let failed = object.kind == "Event" && object.text("/reason") == Some("Failed");
            let uid = object.text("/involvedObject/uid").unwrap_or_default();
            if failed && !uid.is_empty() {
                events.entry(uid).or_default().push(object);
            }
        }
        Self(events)
    }

    /// The latest that tells why a container's image could not be pulled; empty where none does.
    fn failure(&self, pod: &Object, container: &str, image: &str) -> &'a str {
        let events = self.0.get(pod.uid.as_str()).into_iter().flatten();
        let place = ["{", container, "}"].concat();
        let about = events.filter(|event| {
            let at = event.text("/involvedObject/fieldPath").unwrap_or_default();
            let message = event.text("/message").unwrap_or_default();
            message.starts_with("Failed to pull image")
                && message.contains(image)
                && (at.is_empty() || at.ends_with(&place))
        });
        let latest = about.max_by_key(|event| {
            let last = event.text("/lastTimestamp").or(event.text("/eventTime"));
            last.and_then(nks_fixer::time::seconds)
        });
        latest
            .and_then(|event| event.text("/message"))
            .unwrap_or_default()
    }
}
