//! Whether calico-kube-controllers runs, where, and from which image.

use nks_fixer::{Container, Image, Input, Pod, Workload};

use crate::calico::workload;
use crate::nodes::{self, Nodes};

/// The Deployment `calico-kube-controllers`.
pub(crate) struct Controllers<'a> {
    pub(crate) workload: Workload<'a>,
    pub(crate) container: Option<Container<'a>>,
    pub(crate) image: Option<Image>,
    /// Its pods, without those that are on their way out or are done.
    pods: Vec<Pod<'a>>,
}

/// Whether they run.
pub(crate) enum State<'a> {
    /// On these nodes; on none that is known where its pods were not found.
    Running(Vec<&'a str>),
    /// It is meant to have no pod.
    ScaledToZero,
    /// Its pod is on a node that Kubernetes has no more.
    OnGoneNode(Pod<'a>, &'a str),
    /// An image is missing, and this is what kubectl shows.
    WithoutImage(Pod<'a>, &'a str),
    /// For another reason, which kubectl shows as this.
    Down(&'a str),
}

impl<'a> Controllers<'a> {
    pub(crate) fn of(input: &'a Input) -> Option<Self> {
        let workload = workload(input, "Deployment", "calico-kube-controllers")?;
        let container = workload
            .containers()
            .into_iter()
            .find(|container| !container.init && container.name == "calico-kube-controllers");
        let image = container
            .as_ref()
            .and_then(|container| Image::parse(container.image));
        let pods = input.pods().filter(|pod| {
            pod.label("k8s-app") == Some("calico-kube-controllers")
                && pod.namespace == "kube-system"
                && !pod.is_being_deleted()
                && !matches!(pod.phase(), "Succeeded" | "Failed")
        });
        Some(Self {
            workload,
            container,
            image,
            pods: pods.collect(),
        })
    }

    pub(crate) fn pods(&self) -> impl Iterator<Item = u32> {
        self.pods.iter().map(|pod| pod.index)
    }

    pub(crate) fn state(&self, nodes: &Nodes) -> State<'a> {
        if self.workload.desired() == 0 {
            return State::ScaledToZero;
        }
        let ready = self.pods.iter().filter(|pod| nodes::is_ready(pod));
        let (here, gone): (Vec<&Pod>, Vec<&Pod>) =
            ready.partition(|pod| pod.node_name().is_none_or(|name| nodes.may_have(name)));
        if !here.is_empty() {
            return State::Running(here.iter().filter_map(|pod| pod.node_name()).collect());
        }
        let gone = gone.first().and_then(|pod| Some((**pod, pod.node_name()?)));
        if let Some((pod, node)) = gone {
            return State::OnGoneNode(pod, node);
        }
        match self.pods.first() {
            Some(pod) => why(pod),
            None if self.has_ready_replicas() => State::Running(Vec::new()),
            None => State::Down("0 pods"),
        }
    }

    /// What the Deployment itself tells, for clusters whose pods carry other labels.
    fn has_ready_replicas(&self) -> bool {
        let ready = self.workload.value.pointer("/status/readyReplicas");
        ready.and_then(|ready| ready.as_u64()).unwrap_or(0) > 0
    }
}

fn why<'a>(pod: &Pod<'a>) -> State<'a> {
    let waiting = pod.statuses().find_map(|status| status.waiting);
    match waiting {
        Some(waiting) if waiting.is_pull_failure() => State::WithoutImage(*pod, waiting.reason),
        Some(waiting) => State::Down(waiting.reason),
        None if pod.phase() == "Running" => State::Down("not Ready"),
        None => State::Down(pod.phase()),
    }
}
