//! The step that names other images in a workload.

use crate::image::Image;
use crate::image_user::ImageUser;
use crate::naming;
use crate::patch::Patch;
use crate::step::{Risk, Step};
use crate::template::Template;

impl<'a> ImageUser<'a> {
    /// What makes its pods, with the template; `None` where that is not known.
    pub fn template(&self) -> Option<Template<'a>> {
        Template::of(self.index, self.object)
    }

    /// The step that gives each of its containers the image that `renamed` says. It waits for the pods where they are replaced
    /// by themselves.
    pub fn rename(&self, message: &str, renamed: impl Fn(&Image) -> String) -> Step {
        let edits = self.containers.iter().map(|(container, image)| {
            (
                container.pointer_to("image"),
                container.image,
                renamed(image),
            )
        });
        let edits: Vec<(String, &str, String)> = edits.collect();
        let mut patch = Patch::default();
        for (pointer, old, new) in &edits {
            patch = patch.replace(pointer, *old, new.as_str());
        }
        let mut step = Step::patch(message, self.index, patch);
        for (pointer, _, new) in edits {
            step = step.expect(self.index, pointer, new);
        }
        if self.object.kind != "CronJob" {
            step = step.risk(Risk::Disruptive);
        }
        let replaces = self
            .template()
            .is_some_and(|template| template.replaces_pods());
        if replaces && self.stuck_pods().is_none() {
            step = step.wait();
        }
        step
    }

    /// The pods that cannot pull an image and have to be deleted before they get another one.
    pub fn stuck_pods(&self) -> Option<String> {
        let keeps = self
            .template()
            .is_some_and(|template| template.keeps_waiting_pods());
        let names = self.failing.iter().map(|pod| pod.object.name.as_str());
        (keeps && !self.failing.is_empty()).then(|| naming::list(names))
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use crate::{Input, Risk, image_users};

    /// The step for a workload with a pod that waits, and the pods that are stuck.
    fn step(api: &str, kind: &str, mut spec: Value) -> (Risk, bool, usize, Option<String>) {
        let containers = json!([{"name": "a", "image": "x/a:1"}, {"name": "b", "image": "y:1"}, {"name": "c", "image": "x/c:1"}]);
        let template = json!({"spec": {"containers": containers}});
        match kind {
            "CronJob" => spec["jobTemplate"] = json!({"spec": {"template": template}}),
            _ => spec["template"] = template,
        }
        let owner = json!([{"uid": "u", "controller": true}]);
        let input = Input::of_values([
            json!({"apiVersion": api, "kind": kind, "metadata": {"name": "w", "uid": "u"}, "spec": spec}),
            json!({"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "w-0", "uid": "p", "ownerReferences": owner},
                "spec": {"containers": [{"name": "a", "image": "x/a:1"}]},
                "status": {"containerStatuses": [{"name": "a", "state": {"waiting": {"reason": "ErrImagePull"}}}]}}),
        ]);
        let users = image_users(&input, |image| image.path.starts_with("x/"));
        let step = users[0].rename("m", |image| image.to_string().replace("x/", "z/"));
        assert_eq!(step.expect[1].equals, r#""docker.io/z/c:1""#);
        (
            step.risk,
            step.wait,
            step.expect.len(),
            users[0].stuck_pods(),
        )
    }

    #[test]
    fn pods_that_are_replaced_are_waited_for() {
        let safe = |waits| (Risk::Safe, waits, 2, None);
        let stuck = |risk| (risk, false, 2, Some("w-0".to_owned()));
        assert_eq!(
            step("apps/v1", "Deployment", json!({})),
            (Risk::Disruptive, true, 2, None)
        );
        assert_eq!(
            step("apps/v1", "Deployment", json!({"paused": true})),
            (Risk::Disruptive, false, 2, None)
        );
        assert_eq!(
            step("apps/v1", "StatefulSet", json!({})),
            stuck(Risk::Disruptive)
        );
        assert_eq!(step("batch/v1", "CronJob", json!({})), safe(false));
    }
}
