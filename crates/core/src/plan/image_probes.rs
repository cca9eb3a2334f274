//! Steps that ask a node for an image.

use regex_lite::Regex;
use serde_json::Value;

use super::planner::Planner;
use super::{ObjectPatch, Problem};
use crate::credential::Credentials;
use crate::object::Object;
use crate::{image_probe, message, probe, token, whole};

impl Planner<'_> {
    /// The pod that asks `node` for `image` as the pods of `like` would.
    pub(super) fn probe(
        &mut self,
        node: &Object,
        image: &str,
        like: &Object,
    ) -> Result<ObjectPatch, Problem> {
        let refused = |problem| Problem::Image {
            image: message::clean(image),
            problem,
        };
        if !image_probe::is_reference(image) || token::mentions(image) {
            return Err(refused("is no reference of an image"));
        }
        if !self.may_ask_for(image, like) {
            return Err(refused("the manifest does not let it ask for there"));
        }
        if (node.id.api_version.as_str(), node.id.kind.as_str()) != ("v1", "Node") {
            return Err(refused("it does not ask a Node for"));
        }
        let asks_again = |shown: &Object| {
            let is = |field: &str, what: &str| shown.value.get(field).is_some_and(|it| it == what);
            shown.id.kind == image_probe::KIND
                && shown.id.namespace == like.id.namespace
                && is("image", image)
                && is("node", &node.id.name)
        };
        if self.supplied.iter().any(|shown| asks_again(shown)) {
            return Err(refused("was answered already"));
        }
        let count = self
            .counts
            .entry(("probe-image", image_probe::KIND.to_owned()))
            .or_default();
        *count += 1;
        if *count as usize > image_probe::MAX {
            return Err(Problem::TooMany {
                kind: image_probe::KIND.into(),
                max: image_probe::MAX as u32,
            });
        }
        let pod = image_probe::pod(&node.id.name, image, like, self.now)
            .ok_or_else(|| refused("is for something that has no pods"))?;
        let pod = Object::new(pod, "").map_err(|problem| Problem::Creation(problem.to_string()))?;
        Ok(ObjectPatch {
            uid: String::new(),
            resource_version: String::new(),
            before: Value::Null,
            edits: whole::creation(&pod.value, &pod.value),
            managed_by: None,
            credentials: Credentials::default(),
            declared: Vec::new(),
            after: pod.value,
            id: pod.id,
        })
    }

    fn may_ask_for(&self, image: &str, like: &Object) -> bool {
        self.manifest.spec.reads.iter().any(|rule| {
            let filter = rule.filter.as_deref().map(Regex::new);
            rule.api_version == probe::API_VERSION
                && rule.kind == image_probe::KIND
                && (rule.namespaces.is_empty() || rule.namespaces.contains(&like.id.namespace))
                && filter.is_some_and(|filter| filter.is_ok_and(|filter| filter.is_match(image)))
        })
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use crate::credential::Credentials;
    use crate::manifest::Manifest;
    use crate::object::Object;
    use crate::plan::{self, Action, Plan, PlanError};
    use crate::report::{Change, Report, Risk, Step};

    const MANIFEST: &str = r"
apiVersion: fixer.nks/v1
kind: Fixer
metadata: {name: acme/test}
spec:
  version: 1.0.0
  about: {title: {en: a, ko: 가}, cause: {en: b, ko: 나}}
  reads:
  - {apiVersion: v1, kind: Node, fields: [/metadata]}
  - {apiVersion: apps/v1, kind: DaemonSet, namespaces: [kube-system], fields: [/spec]}
  - {apiVersion: probe.nks/v1, kind: ImageProbe, namespaces: [kube-system], filter: '^ghcr\.io/a/', fields: [/image]}
  messages: {ask: {en: a, ko: 가}}
";

    fn objects() -> Vec<Object> {
        let node = json!({"apiVersion": "v1", "kind": "Node", "metadata": {"name": "n-0"}});
        let workload = |namespace: &str| {
            json!({"apiVersion": "apps/v1", "kind": "DaemonSet",
                "metadata": {"name": "flannel", "namespace": namespace, "uid": "u"},
                "spec": {"template": {"spec": {"containers": []}}}})
        };
        let asked = json!({"apiVersion": "probe.nks/v1", "kind": "ImageProbe", "image": "ghcr.io/a/old:1", "node": "n-0",
            "metadata": {"name": "p", "namespace": "kube-system"}});
        let values = [node, workload("kube-system"), workload("shop"), asked];
        values.map(|value| Object::new(value, "").unwrap()).into()
    }

    fn plan(steps: &[(u32, &str, u32)]) -> Result<Plan, PlanError> {
        let objects = objects();
        let supplied: Vec<&Object> = objects.iter().collect();
        let step = |(node, image, like): &(u32, &str, u32)| Step {
            message: "ask".into(),
            args: Vec::new(),
            findings: Vec::new(),
            change: Change::ProbeImage {
                node: *node,
                image: (*image).to_owned(),
                like: *like,
            },
            risk: Risk::Safe,
            needs: Vec::new(),
            wait: false,
            expect: Vec::new(),
        };
        let report = Report {
            findings: Vec::new(),
            steps: steps.iter().map(step).collect(),
        };
        let manifest = Manifest::from_yaml(MANIFEST).unwrap();
        let given = Credentials::default();
        plan::plan(
            &manifest,
            &supplied,
            &report,
            &given,
            "2026-01-01T00:00:00Z",
        )
    }

    #[test]
    fn an_image_that_may_be_asked_for_is_asked_for_by_a_pod() {
        let plan = plan(&[(0, "ghcr.io/a/new:1", 1)]).unwrap();
        let Action::ProbeImage(pod) = &plan.steps[0].action else {
            panic!("{plan:?}")
        };
        assert_eq!(pod.after["spec"]["nodeName"], "n-0");
        assert_eq!(pod.id.namespace, "kube-system");
        assert_eq!(plan.probes(), Some(plan.clone()));
        assert_eq!(Plan::default().probes(), None);
    }

    #[test]
    fn whatever_else_is_asked_for_is_refused() {
        for (steps, problem) in [
            ([(0, "evil.example/a/x:1", 1)], "does not let it ask"),
            ([(0, "ghcr.io/a/x:1", 2)], "does not let it ask"),
            ([(0, "x/ghcr.io/a/x:1", 1)], "does not let it ask"),
            ([(1, "ghcr.io/a/x:1", 1)], "it does not ask a Node for"),
            ([(0, "ghcr.io/a/x:1 y", 1)], "no reference"),
            ([(0, "ghcr.io/a/nks-secret-0:1", 1)], "no reference"),
            ([(0, "ghcr.io/a/old:1", 1)], "answered already"),
        ] {
            let said = plan(&steps).unwrap_err().to_string();
            assert!(said.contains(problem), "{said}");
        }
        let images: Vec<String> = (0..11).map(|n| format!("ghcr.io/a/x:{n}")).collect();
        let many: Vec<_> = images.iter().map(|image| (0, image.as_str(), 1)).collect();
        let said = plan(&many).unwrap_err().to_string();
        assert!(said.contains("10 objects of kind ImageProbe"), "{said}");
    }
}
