//! Which DaemonSets take Flannel from quay.io, and what their pods cannot pull of it.
//!
//! They are known by the image alone: `kube-flannel-ds-amd64` up to Flannel 0.12, `kube-flannel-ds` since, and whatever
//! else somebody called them.

use std::collections::BTreeMap;

use nks_fixer::{Container, Image, Input, Owners, Pod, Waiting, Workload, naming};

use crate::image::{self, Part};

/// A DaemonSet that takes images from quay.io.
pub(crate) struct Flannel<'a> {
    pub(crate) workload: Workload<'a>,
    /// Its containers with such an image, in the order of the template.
    pub(crate) containers: Vec<Taken<'a>>,
    /// Its pods that cannot pull one of them.
    pub(crate) pods: Vec<Pod<'a>>,
}

/// A container of the template with an image of quay.io.
pub(crate) struct Taken<'a> {
    pub(crate) container: Container<'a>,
    pub(crate) image: Image,
    pub(crate) part: Part,
    /// What the kubelets say that tried to pull it.
    pub(crate) waitings: Vec<Waiting<'a>>,
    /// Some failing pod has not got the image, whether or not its turn has come.
    pub(crate) is_missing: bool,
}

/// Every DaemonSet that takes images from quay.io and is meant for some node, or fails on one.
pub(crate) fn flannels(input: &Input) -> Vec<Flannel<'_>> {
    let pods = failing_pods(input);
    let daemon_sets = input.workloads().filter(|workload| {
        let watched = matches!(workload.namespace.as_str(), "kube-system" | "kube-flannel");
        watched && workload.kind == "DaemonSet"
    });
    let all = daemon_sets.map(|workload| {
        let pods = pods.get(&workload.index).map_or(&[][..], Vec::as_slice);
        flannel(workload, pods)
    });
    // The older manifests bring a DaemonSet for each kind of processor; those that fit no node are no matter.
    let concerns = |one: &Flannel| one.workload.desired() > 0 || !one.pods.is_empty();
    all.filter(|one| !one.containers.is_empty() && concerns(one))
        .collect()
}

/// The pods that wait for an image, by the index of the workload that owns them. Pods on their way out do not count.
fn failing_pods(input: &Input) -> BTreeMap<u32, Vec<Pod<'_>>> {
    let owners = Owners::of(input);
    let mut by_workload: BTreeMap<u32, Vec<Pod>> = BTreeMap::new();
    for pod in input.pods().filter(|pod| !pod.is_being_deleted()) {
        let waits = |waiting: Option<Waiting>| waiting.is_some_and(|it| it.is_pull_failure());
        if pod.statuses().any(|status| waits(status.waiting)) {
            by_workload
                .entry(owners.top(pod.index))
                .or_default()
                .push(pod);
        }
    }
    by_workload
}

fn flannel<'a>(workload: Workload<'a>, pods: &[Pod<'a>]) -> Flannel<'a> {
    let named: Vec<(Container, Image, Part)> = workload
        .containers()
        .into_iter()
        .filter_map(|container| {
            let image = Image::parse(container.image)?;
            let part = image::part(&image)?;
            Some((container, image, part))
        })
        .collect();
    let fails = |pod: &&Pod<'a>| {
        named
            .iter()
            .any(|(container, ..)| pull_failure(container, pod).is_some())
    };
    let pods: Vec<Pod> = pods.iter().filter(fails).copied().collect();
    let taken = |(container, image, part): (Container<'a>, Image, Part)| Taken {
        waitings: pods
            .iter()
            .filter_map(|pod| pull_failure(&container, pod))
            .collect(),
        is_missing: pods.iter().any(|pod| !has_pulled(&container, pod)),
        container,
        image,
        part,
    };
    let containers = named.iter().cloned().map(taken).collect();
    Flannel {
        workload,
        containers,
        pods,
    }
}

/// Why the pod cannot pull the image that the template names now. A pod of an older template says nothing of it.
fn pull_failure<'a>(container: &Container, pod: &Pod<'a>) -> Option<Waiting<'a>> {
    let own = pod.containers();
    let is_same = own.iter().any(|own| {
        own.name == container.name && own.init == container.init && own.image == container.image
    });
    let mut statuses = pod.statuses().filter(|_| is_same);
    let status = statuses.find(|it| it.name == container.name && it.init == container.init)?;
    status.waiting.filter(Waiting::is_pull_failure)
}

fn has_pulled(container: &Container, pod: &Pod) -> bool {
    pod.statuses()
        .any(|it| it.name == container.name && it.init == container.init && it.pulled)
}

impl<'a> Flannel<'a> {
    /// The containers with Flannel itself, or with its plug-ins.
    pub(crate) fn of(&self, part: Part) -> impl Iterator<Item = &Taken<'a>> {
        self.containers.iter().filter(move |it| it.part == part)
    }

    /// The containers whose image some pod tried to pull and could not.
    pub(crate) fn failing(&self) -> impl Iterator<Item = &Taken<'a>> + Clone {
        self.containers.iter().filter(|it| !it.waitings.is_empty())
    }

    /// The nodes where it fails, each once.
    pub(crate) fn nodes(&self) -> Vec<&'a str> {
        let mut names: Vec<&str> = self.pods.iter().filter_map(Pod::node_name).collect();
        names.sort_unstable();
        names.dedup();
        names
    }
}

/// The images of some containers as they are written, each once.
pub(crate) fn images<'a, 'b: 'a>(containers: impl Iterator<Item = &'a Taken<'b>>) -> String {
    naming::list(containers.map(|it| it.container.image))
}
