//! What pods really cannot pull.

use std::collections::BTreeMap;

use nks_fixer::{Container, Image, Input, Owners, Pod, Waiting, Workload};

use crate::origin;

/// A workload of which some pod cannot pull a Calico image.
pub(crate) struct Fault<'a> {
    pub(crate) workload: Workload<'a>,
    /// The containers at fault, in the order of the template.
    pub(crate) broken: Vec<Broken<'a>>,
    /// The pods that show it.
    pub(crate) pods: Vec<Pod<'a>>,
}

/// A container of the workload's template with an image that cannot be had.
#[derive(Clone)]
pub(crate) struct Broken<'a> {
    pub(crate) container: Container<'a>,
    pub(crate) image: Image,
    /// Calico's name for the image.
    pub(crate) component: &'static str,
    /// What the kubelets say. Empty for a container whose turn has not come, and whose image is in the same place as one
    /// that cannot be pulled: a pod never gets past its first failing init container.
    pub(crate) waitings: Vec<Waiting<'a>>,
}

/// The faults of `workloads`, in their order.
pub(crate) fn faults<'a>(input: &'a Input, workloads: &[Workload<'a>]) -> Vec<Fault<'a>> {
    let pods = failing_pods(input);
    workloads
        .iter()
        .filter_map(|&workload| fault(workload, pods.get(&workload.index)?))
        .collect()
}

/// The pods that wait for an image, by the index of the workload that owns them. Pods on their way out do not count.
fn failing_pods(input: &Input) -> BTreeMap<u32, Vec<Pod<'_>>> {
    let owners = Owners::of(input);
    let mut by_workload: BTreeMap<u32, Vec<Pod>> = BTreeMap::new();
    for pod in input.pods() {
        let waits_for_image = pod.statuses().any(|status| {
            status
                .waiting
                .is_some_and(|waiting| waiting.is_pull_failure())
        });
        if waits_for_image && !pod.is_being_deleted() {
            by_workload
                .entry(owners.top(pod.index))
                .or_default()
                .push(pod);
        }
    }
    by_workload
}

fn fault<'a>(workload: Workload<'a>, pods: &[Pod<'a>]) -> Option<Fault<'a>> {
    let observed: Vec<(Broken, Observed)> = workload
        .containers()
        .into_iter()
        .filter_map(|container| {
            let image = Image::parse(container.image)?;
            let component = origin::component(&image)?;
            let observed = observe(&container, pods);
            Some((
                Broken {
                    container,
                    image,
                    component,
                    waitings: observed.waitings.clone(),
                },
                observed,
            ))
        })
        .collect();
    let failed: Vec<Broken> = observed
        .iter()
        .filter(|(_, observed)| observed.failed())
        .map(|(broken, _)| broken.clone())
        .collect();
    let broken = observed
        .into_iter()
        .filter(|(broken, observed)| {
            let beside_failed = || {
                failed
                    .iter()
                    .any(|failed| failed.image.is_beside(&broken.image))
            };
            observed.failed() || (observed.untried() && beside_failed())
        })
        .map(|(broken, _)| broken)
        .collect();
    let pods = pods
        .iter()
        .copied()
        .filter(|pod| failed.iter().any(|broken| fails(&broken.container, pod)))
        .collect();
    (!failed.is_empty()).then_some(Fault {
        workload,
        broken,
        pods,
    })
}

/// What the failing pods say about one container of the template.
#[derive(Default)]
struct Observed<'a> {
    waitings: Vec<Waiting<'a>>,
    /// Some failing pod has the image.
    pulled: bool,
    /// Some failing pod has not got as far as pulling it.
    unstarted: bool,
}

impl Observed<'_> {
    fn failed(&self) -> bool {
        !self.waitings.is_empty()
    }

    fn untried(&self) -> bool {
        self.unstarted && !self.pulled && !self.failed()
    }
}

fn observe<'a>(container: &Container, pods: &[Pod<'a>]) -> Observed<'a> {
    let mut observed = Observed::default();
    for pod in pods.iter().filter(|pod| has_same_image(container, pod)) {
        let status = pod
            .statuses()
            .find(|status| status.name == container.name && status.init == container.init);
        match status {
            Some(status) => match status.waiting.filter(Waiting::is_pull_failure) {
                Some(waiting) => observed.waitings.push(waiting),
                None if status.pulled => observed.pulled = true,
                None => observed.unstarted = true,
            },
            None => observed.unstarted = true,
        }
    }
    observed
}

/// Whether the pod was made from the template as it is now, as far as this container goes. A pod of an older template says
/// nothing about the new image.
fn has_same_image(container: &Container, pod: &Pod) -> bool {
    pod.containers().iter().any(|own| {
        own.name == container.name && own.init == container.init && own.image == container.image
    })
}

fn fails(container: &Container, pod: &Pod) -> bool {
    !observe(container, std::slice::from_ref(pod))
        .waitings
        .is_empty()
}

impl<'a> Fault<'a> {
    /// Takes the fault apart: the containers for which `test` holds, and the others. Each part keeps the pods that show it.
    pub(crate) fn split(self, test: impl Fn(&Broken) -> bool) -> (Self, Self) {
        let Self {
            workload,
            broken,
            pods,
        } = self;
        let (first, second): (Vec<_>, Vec<_>) = broken.into_iter().partition(|broken| test(broken));
        let part = |broken: Vec<Broken<'a>>| {
            let shows = |pod: &Pod| broken.iter().any(|broken| fails(&broken.container, pod));
            let pods = pods.iter().copied().filter(shows).collect();
            Self {
                workload,
                broken,
                pods,
            }
        };
        (part(first), part(second))
    }

    /// The containers whose image some pod tried to pull.
    pub(crate) fn tried(&self) -> impl Iterator<Item = &Broken<'a>> + Clone {
        self.broken
            .iter()
            .filter(|broken| !broken.waitings.is_empty())
    }

    /// Whether some pod tried to pull one of the images.
    pub(crate) fn was_tried(&self) -> bool {
        self.tried().next().is_some()
    }

    /// What the kubelets say, container by container.
    pub(crate) fn waitings(&self) -> impl Iterator<Item = Waiting<'a>> + Clone {
        self.tried()
            .flat_map(|broken| broken.waitings.iter().copied())
    }

    /// The images that cannot be pulled, as they are written, each once.
    pub(crate) fn images(&self) -> String {
        listed(self.tried().map(|broken| broken.container.image))
    }

    /// The nodes on which they cannot be pulled, each once.
    pub(crate) fn nodes(&self) -> String {
        let mut names: Vec<&str> = Vec::new();
        for name in self.pods.iter().filter_map(Pod::node_name) {
            if let Err(place) = names.binary_search(&name) {
                names.insert(place, name);
            }
        }
        names.join(", ")
    }
}

fn listed<'a>(names: impl Iterator<Item = &'a str>) -> String {
    let mut list: Vec<&str> = Vec::new();
    for name in names {
        if !list.contains(&name) {
            list.push(name);
        }
    }
    list.join(", ")
}
