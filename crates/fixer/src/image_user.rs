//! Who uses certain images, and which of their pods cannot pull them.

use std::collections::BTreeMap;

use serde_json::Value;

use crate::image::Image;
use crate::input::{Input, Object};
use crate::naming;
use crate::owner::Owners;
use crate::pod::{Pod, Waiting};
use crate::refusal;
use crate::template::Template;
use crate::workload::Container;

/// Where an image has to be changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Maker {
    /// In a DaemonSet, Deployment, StatefulSet or CronJob.
    Workload,
    /// In a Job, whose template cannot be changed.
    Job,
    /// In a pod without a controller. Of those only the failing are looked at: to find the others, every pod would have
    /// to be read.
    Nobody,
    /// In whatever made the pods: a controller that was not supplied, or has no template that is known here.
    Other,
}

/// One who uses the images, with the containers that do.
#[derive(Clone, Debug)]
pub struct ImageUser<'a> {
    /// Where the images have to be changed.
    pub maker: Maker,
    /// Index of the workload, the Job or the pod; of [`Maker::Other`] the first of its pods.
    pub index: u32,
    /// The object with that index.
    pub object: &'a Object,
    /// Its name as kubectl prints it; of [`Maker::Other`] the controller's.
    pub name: String,
    /// The containers with such an image, init containers first.
    pub containers: Vec<(Container<'a>, Image)>,
    /// The pods that cannot pull such an image.
    pub failing: Vec<Pod<'a>>,
}

/// Everybody whose pods use an image for which `wanted` holds; those with pods that cannot pull one come first.
///
/// Left out are what is over or being deleted, and the Jobs of a CronJob that uses such an image itself. Of
/// [`Maker::Nobody`] and [`Maker::Other`] only those are seen of which a pod fails. Needs the containers of everything with a template, Pods with
/// their statuses, `/status/conditions` of Jobs, and ReplicaSets to trace pods to their Deployments.
pub fn image_users(input: &Input, wanted: impl Fn(&Image) -> bool) -> Vec<ImageUser<'_>> {
    let owners = Owners::of(input);
    let mut users = with_templates(input, &owners, &wanted);
    let mut others: BTreeMap<(&str, String), ImageUser> = BTreeMap::new();
    for pod in input.pods().filter(|pod| !is_over(pod.object)) {
        let containers = of_interest(pod.containers(), &wanted);
        if containers.is_empty() {
            continue;
        }
        let failing = failing(&pod, &containers);
        let chain = owners.chain(pod.index);
        if let Some(user) = chain.iter().find(|index| users.contains_key(index)) {
            let user = users.get_mut(user);
            // A pod of an older template says nothing about the images of today.
            if let Some(user) = user.filter(|user| user.has_one_of(&failing)) {
                user.failing.push(pod);
            }
        } else if is_bare(&pod) && !failing.is_empty() {
            let mut user = ImageUser::new(Maker::Nobody, pod.index, pod.object, containers);
            user.failing.push(pod);
            users.insert(pod.index, user);
        } else if !failing.is_empty() && !chain.iter().any(|index| has_template(input, *index)) {
            let name = maker_of(input, *chain.last().unwrap_or(&pod.index));
            let key = (pod.object.namespace.as_str(), name.clone());
            let user = others.entry(key).or_insert_with(|| ImageUser {
                name,
                ..ImageUser::new(Maker::Other, pod.index, pod.object, containers)
            });
            user.failing.push(pod);
        }
    }
    let mut users: Vec<ImageUser> = users.into_values().chain(others.into_values()).collect();
    users.sort_by_key(|user| user.failing.is_empty());
    users
}

fn with_templates<'a>(
    input: &'a Input,
    owners: &Owners,
    wanted: &impl Fn(&Image) -> bool,
) -> BTreeMap<u32, ImageUser<'a>> {
    let mut users = BTreeMap::new();
    for template in input
        .templates()
        .filter(|template| !is_over(template.object))
    {
        let containers = of_interest(template.containers(), wanted);
        let maker = if template.is_mutable() {
            Maker::Workload
        } else {
            Maker::Job
        };
        if !containers.is_empty() {
            let user = ImageUser::new(maker, template.index, template.object, containers);
            users.insert(template.index, user);
        }
    }
    let all: Vec<u32> = users.keys().copied().collect();
    users.retain(|index, _| {
        let top = owners.top(*index);
        top == *index || all.binary_search(&top).is_err()
    });
    users
}

fn of_interest<'a>(
    containers: Vec<Container<'a>>,
    wanted: &impl Fn(&Image) -> bool,
) -> Vec<(Container<'a>, Image)> {
    let with_image = |container: Container<'a>| {
        let image = Image::parse(container.image).filter(|image| wanted(image))?;
        Some((container, image))
    };
    containers.into_iter().filter_map(with_image).collect()
}

/// Those of the pod's containers whose image cannot be pulled.
fn failing<'a>(pod: &Pod<'a>, containers: &[(Container<'a>, Image)]) -> Vec<Container<'a>> {
    let fails = |container: &Container| {
        pod.statuses().any(|status| {
            (status.name, status.init) == (container.name, container.init)
                && status
                    .waiting
                    .is_some_and(|waiting| waiting.is_pull_failure())
        })
    };
    let containers = containers.iter().map(|(container, _)| container);
    containers
        .filter(|container| fails(container))
        .cloned()
        .collect()
}

/// Whether nothing of it will pull an image any more.
fn is_over(object: &Object) -> bool {
    let is_end = |condition: &Value| {
        let has = |key: &str, values: &[&str]| {
            let value = condition.get(key).and_then(Value::as_str);
            value.is_some_and(|value| values.contains(&value))
        };
        has("type", &["Complete", "Failed"]) && has("status", &["True"])
    };
    let ended = match object.kind.as_str() {
        "Pod" => matches!(object.text("/status/phase"), Some("Succeeded" | "Failed")),
        "Job" => {
            let conditions = object
                .value
                .pointer("/status/conditions")
                .and_then(Value::as_array);
            conditions.is_some_and(|conditions| conditions.iter().any(is_end))
        }
        _ => false,
    };
    ended || object.is_being_deleted()
}

/// Whether nothing makes the pod. The mirror of a static pod has its origin on the node.
fn is_bare(pod: &Pod) -> bool {
    pod.controller().is_none() && pod.annotation("kubernetes.io/config.mirror").is_none()
}

fn has_template(input: &Input, index: u32) -> bool {
    let object = input.objects.get(index as usize);
    object.is_some_and(|object| Template::of(index, object).is_some())
}

/// The name of what controls an object, as kubectl prints it; of the object itself where nothing does.
fn maker_of(input: &Input, index: u32) -> String {
    let Some(object) = input.objects.get(index as usize) else {
        return String::new();
    };
    let Some(reference) = object.controller() else {
        return object.display_name();
    };
    let text = |key: &str| {
        reference
            .get(key)
            .and_then(Value::as_str)
            .unwrap_or_default()
            .to_owned()
    };
    let maker = Object {
        api_version: text("apiVersion"),
        kind: text("kind"),
        name: text("name"),
        ..Object::default()
    };
    maker.display_name()
}

impl<'a> ImageUser<'a> {
    fn new(
        maker: Maker,
        index: u32,
        object: &'a Object,
        containers: Vec<(Container<'a>, Image)>,
    ) -> Self {
        Self {
            maker,
            index,
            object,
            name: object.display_name(),
            containers,
            failing: Vec::new(),
        }
    }

    fn has_one_of(&self, failing: &[Container]) -> bool {
        let same = |own: &Container, other: &Container| {
            (own.name, own.init, own.image) == (other.name, other.init, other.image)
        };
        let mut containers = self.containers.iter();
        containers.any(|(own, _)| failing.iter().any(|other| same(own, other)))
    }

    /// The images, as they are written, each once.
    pub fn images(&self) -> String {
        naming::list(self.containers.iter().map(|(container, _)| container.image))
    }

    /// The nodes on which they cannot be pulled.
    pub fn nodes(&self) -> impl Iterator<Item = &'a str> {
        self.failing.iter().filter_map(Pod::node_name)
    }

    /// Why they cannot be pulled: a cause wherever a pod tells one, and else what kubectl shows.
    pub fn reason(&self) -> String {
        let waitings = || {
            let statuses = self.failing.iter().flat_map(Pod::statuses);
            statuses.filter_map(|status| status.waiting.filter(Waiting::is_pull_failure))
        };
        let telling = waitings().find(|waiting| waiting.message.contains("\": "));
        match telling {
            Some(waiting) => refusal::cause(waiting.message),
            None => waitings()
                .next()
                .map_or("", |waiting| waiting.reason)
                .to_owned(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn owned(by: &str) -> Value {
        json!([{"apiVersion": "example.com/v1", "kind": "Maker", "name": by, "uid": by, "controller": true}])
    }

    fn object(api: &str, kind: &str, name: &str, owner: Option<&str>) -> Value {
        let spec = json!({"containers": [{"name": "c", "image": "old.example.com/x:1"}]});
        let job = json!({"template": {"spec": spec}});
        let spec = match kind {
            "CronJob" => json!({"jobTemplate": {"spec": job}}),
            "Pod" => spec,
            _ => job,
        };
        json!({"apiVersion": api, "kind": kind, "spec": spec,
            "metadata": {"name": name, "namespace": "shop", "uid": name,
                "ownerReferences": owner.map_or(json!([]), owned)}})
    }

    fn pod(name: &str, owner: Option<&str>, message: &str) -> Value {
        let mut pod = object("v1", "Pod", name, owner);
        let waiting = json!({"reason": "ErrImagePull", "message": message});
        pod["status"] =
            json!({"containerStatuses": [{"name": "c", "state": {"waiting": waiting}}]});
        pod
    }

    fn users(objects: &[Value]) -> Vec<(Maker, String, usize)> {
        let input = Input::of_values(objects.to_vec());
        let users = image_users(&input, |image| image.host == "old.example.com");
        let told = users
            .into_iter()
            .map(|user| (user.maker, user.name, user.failing.len()));
        told.collect()
    }

    #[test]
    fn a_pod_counts_for_whoever_uses_the_image() {
        let said = users(&[
            object("apps/v1", "DaemonSet", "idle", None),
            object("apps/v1", "Deployment", "web", None),
            object("apps/v1", "ReplicaSet", "web-1", Some("web")),
            pod("web-1-a", Some("web-1"), ""),
            object("batch/v1", "CronJob", "nightly", None),
            object("batch/v1", "Job", "nightly-1", Some("nightly")),
            pod("nightly-1-a", Some("nightly-1"), ""),
            object("batch/v1", "Job", "import", None),
            pod("a", Some("game"), ""),
            pod("b", Some("game"), ""),
            object("v1", "Pod", "running", Some("game")),
            object("v1", "Pod", "tool", None),
        ]);
        let expected = [
            (Maker::Workload, "deployment.apps/web", 1),
            (Maker::Workload, "cronjob.batch/nightly", 1),
            (Maker::Other, "maker.example.com/game", 2),
            (Maker::Workload, "daemonset.apps/idle", 0),
            (Maker::Job, "job.batch/import", 0),
        ];
        assert_eq!(
            said,
            expected.map(|(maker, name, pods)| (maker, name.to_owned(), pods))
        );
    }

    #[test]
    fn what_is_over_or_older_does_not_count() {
        let mut job = object("batch/v1", "Job", "done", None);
        job["status"] = json!({"conditions": [{"type": "Complete", "status": "True"}]});
        let mut tool = object("v1", "Pod", "tool", None);
        tool["status"] = json!({"phase": "Succeeded"});
        let mut web = object("apps/v1", "Deployment", "web", None);
        web["spec"]["template"]["spec"]["containers"][0]["image"] = "new.example.com/x:1".into();
        let replica_set = object("apps/v1", "ReplicaSet", "web-1", Some("web"));
        assert_eq!(
            users(&[
                job,
                tool,
                web,
                replica_set,
                pod("web-1-a", Some("web-1"), "")
            ]),
            []
        );
    }

    #[test]
    fn the_job_of_a_cron_job_that_was_changed_stays_behind() {
        let mut nightly = object("batch/v1", "CronJob", "nightly", None);
        let image = nightly.pointer_mut("/spec/jobTemplate/spec/template/spec/containers/0/image");
        *image.unwrap() = "new.example.com/x:1".into();
        let said = users(&[
            nightly,
            object("batch/v1", "Job", "nightly-1", Some("nightly")),
            pod("nightly-1-a", Some("nightly-1"), ""),
        ]);
        assert_eq!(said, [(Maker::Job, "job.batch/nightly-1".to_owned(), 1)]);
    }

    #[test]
    fn the_cause_is_preferred_to_a_back_off() {
        let told = r#"failed to resolve reference "old.example.com/x:1": not found"#;
        let input = Input::of_values([
            pod("a", Some("game"), "Back-off pulling image"),
            pod("b", Some("game"), told),
        ]);
        let users = image_users(&input, |_| true);
        assert_eq!(users[0].reason(), "not found");
        assert_eq!(users[0].images(), "old.example.com/x:1");
    }
}
