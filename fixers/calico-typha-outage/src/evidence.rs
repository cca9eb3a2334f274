//! Which pods show the outage: of typha and kube-controllers those that wait for an image, of calico-node those that run
//! and are not Ready.

use nks_fixer::{Image, Input, Object, Pod, Waiting};
use serde_json::Value;

use crate::calico::Calico;
use crate::{origin, reason};

/// No typha is left for calico-node, for want of its image.
pub(crate) struct Outage<'a> {
    pub(crate) calico: Calico<'a>,
    /// The pods of typha.
    pub(crate) typha: Vec<Unpulled<'a>>,
    /// The pods of calico-kube-controllers that share its fate; often none.
    pub(crate) controllers: Vec<Unpulled<'a>>,
    /// The pods of calico-node that suffer.
    pub(crate) unready: Vec<Unready<'a>>,
    /// Why the images could not be pulled, in few words.
    pub(crate) reason: &'a str,
}

/// A pod that waits for an image.
pub(crate) struct Unpulled<'a> {
    pub(crate) pod: Pod<'a>,
    /// As written.
    pub(crate) image: &'a str,
    waiting: Waiting<'a>,
}

impl Unpulled<'_> {
    fn is_beside(&self, other: &Self) -> bool {
        match (Image::parse(self.image), Image::parse(other.image)) {
            (Some(image), Some(other)) => image.is_beside(&other),
            _ => false,
        }
    }
}

/// A pod of calico-node that runs and is not Ready.
pub(crate) struct Unready<'a> {
    pub(crate) pod: Pod<'a>,
    /// The event that says why, where there still is one.
    pub(crate) event: Option<u32>,
}

impl<'a> Outage<'a> {
    pub(crate) fn of(input: &'a Input) -> Option<Self> {
        let calico = Calico::of(input)?;
        let typha = unpulled(input, "calico-typha");
        let unready = unready(input);
        if typha.is_empty() || unready.is_empty() || is_served(input, calico.typha.object) {
            return None;
        }
        let controllers = unpulled(input, "calico-kube-controllers");
        // What keeps an image of the same place away tells of typha's too.
        let beside = controllers.iter().filter(|one| one.is_beside(&typha[0]));
        let reason = why(input, typha.iter().chain(beside));
        Some(Self {
            calico,
            typha,
            controllers,
            unready,
            reason,
        })
    }

    /// The pods that wait for an image.
    pub(crate) fn unpulled(&self) -> impl Iterator<Item = &Unpulled<'a>> + Clone {
        self.typha.iter().chain(&self.controllers)
    }

    /// The images that they wait for.
    pub(crate) fn images(&self) -> impl Iterator<Item = &'a str> {
        self.unpulled().map(|one| one.image)
    }

    /// Whether NKS's own registry serves Calico here.
    pub(crate) fn uses_nks_registry(&self) -> bool {
        let mut containers = self.calico.containers();
        containers.any(|container| origin::is_nks_registry(container.image))
    }
}

/// The pods of a Deployment that wait for an image, by the Deployment's name.
fn unpulled<'a>(input: &'a Input, name: &str) -> Vec<Unpulled<'a>> {
    let mut found = Vec::new();
    for pod in pods(input, name) {
        let waiting = pod.statuses().find_map(|status| {
            let waiting = status.waiting.filter(Waiting::is_pull_failure)?;
            Some((status.name, waiting))
        });
        let Some((container, waiting)) = waiting else {
            continue;
        };
        let containers = pod.containers();
        let container = containers.iter().find(|one| one.name == container);
        found.push(Unpulled {
            pod,
            image: container.map_or("", |container| container.image),
            waiting,
        });
    }
    found
}

/// Why, in few words: a cause that the kubelet's status or its events give, and else what kubectl shows.
fn why<'a: 'b, 'b>(
    input: &'a Input,
    unpulled: impl Iterator<Item = &'b Unpulled<'a>> + Clone,
) -> &'a str {
    let said = unpulled.clone().map(|one| one.waiting.message);
    // What is tried again has lost its cause; the event of the attempt still has it.
    let noted = unpulled.clone().flat_map(|one| {
        events(input, &one.pod, "Failed").filter_map(|(_, event)| event.text("/message"))
    });
    let mut unpulled = unpulled;
    let shown = unpulled.next().map_or("", |one| one.waiting.reason);
    reason::cause(said.chain(noted)).unwrap_or(shown)
}

/// Whether some pod of typha serves calico-node.
fn is_served(input: &Input, typha: &Object) -> bool {
    let counted = typha.value.pointer("/status/readyReplicas");
    counted.and_then(Value::as_u64).unwrap_or(0) > 0
        || pods(input, "calico-typha").any(|pod| is_ready(&pod))
}

/// The pods of calico-node that run and are not Ready, for want of typha as far as is known, with the events that say so.
fn unready<'a>(input: &'a Input) -> Vec<Unready<'a>> {
    pods(input, "calico-node")
        .filter(|pod| pod.phase() == "Running" && !is_ready(pod))
        .filter(|pod| !pod.statuses().any(|status| status.waiting.is_some()))
        .filter_map(|pod| {
            let probe = last_probe(input, &pod);
            let for_typha = probe.is_none_or(|(_, message)| is_for_typha(message));
            let event = probe.map(|(index, _)| index);
            for_typha.then_some(Unready { pod, event })
        })
        .collect()
}

/// BIRD runs already where it only waits for its peers, which is not typha's affair.
fn is_for_typha(message: &str) -> bool {
    message.contains("felix is not ready") || !message.contains("BGP not established")
}

fn last_probe<'a>(input: &'a Input, pod: &Pod<'a>) -> Option<(u32, &'a str)> {
    let probes = events(input, pod, "Unhealthy").filter_map(|(index, event)| {
        let message = event.text("/message")?;
        let readiness = message.contains("Readiness probe failed");
        readiness.then_some((time(event), index, message))
    });
    let (_, index, message) = probes.max_by_key(|(time, ..)| *time)?;
    Some((index, message))
}

fn events<'a>(
    input: &'a Input,
    pod: &Pod<'a>,
    reason: &'static str,
) -> impl Iterator<Item = (u32, &'a Object)> {
    let pod = pod.object;
    input.indexed().filter(move |(_, object)| {
        object.kind == "Event"
            && object.text("/reason") == Some(reason)
            && object.text("/involvedObject/uid") == Some(pod.uid.as_str())
    })
}

/// When an event was last seen, to the second, in a form that sorts.
fn time(event: &Object) -> &str {
    let times = ["/series/lastObservedTime", "/lastTimestamp", "/eventTime"];
    let time = times
        .into_iter()
        .filter_map(|pointer| event.value.pointer(pointer))
        .find_map(Value::as_str);
    time.and_then(|time| time.get(..19)).unwrap_or_default()
}

/// The pods of a workload that are neither on their way out nor done.
fn pods<'a>(input: &'a Input, name: &str) -> impl Iterator<Item = Pod<'a>> {
    input.pods().filter(move |pod| {
        pod.label("k8s-app") == Some(name)
            && pod.namespace == "kube-system"
            && !pod.is_being_deleted()
            && !matches!(pod.phase(), "Succeeded" | "Failed")
    })
}

fn is_ready(pod: &Pod) -> bool {
    let conditions = pod
        .value
        .pointer("/status/conditions")
        .and_then(Value::as_array);
    let has = |condition: &Value, key: &str, expected: &str| {
        condition.get(key).and_then(Value::as_str) == Some(expected)
    };
    pod.phase() == "Running"
        && conditions
            .into_iter()
            .flatten()
            .any(|condition| has(condition, "type", "Ready") && has(condition, "status", "True"))
}
