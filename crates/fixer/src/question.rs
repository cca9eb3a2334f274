//! What nodes are asked: whether they can pull an image.

use serde_json::Value;

use crate::input::Input;
use crate::step::Step;

/// How many images one plan may ask for (nks-core, `image_probe::MAX`).
const MOST: usize = 10;

/// The questions of one plan: each image once in a namespace, and never more than the host carries out.
#[derive(Clone, Debug)]
pub struct Questions<'a> {
    input: &'a Input,
    list: Vec<Question<'a>>,
    room: usize,
}

#[derive(Clone, Debug)]
struct Question<'a> {
    namespace: &'a str,
    image: String,
    node: u32,
    like: u32,
    /// The findings that the answer is for.
    findings: Vec<u32>,
}

impl<'a> Questions<'a> {
    /// No question yet. What was answered already counts: another ten in the same run would have no end.
    pub fn of(input: &'a Input) -> Self {
        let answered = input
            .objects
            .iter()
            .filter(|object| object.kind == "ImageProbe");
        Self {
            input,
            list: Vec::new(),
            room: MOST.saturating_sub(answered.count()),
        }
    }

    /// Whether the workload with index `like` may ask for `images`, besides what is asked already.
    pub fn have_room(&self, like: u32, images: &[&str]) -> bool {
        let namespace = self.namespace(like);
        let new = images
            .iter()
            .filter(|image| self.position(namespace, image).is_none());
        self.list.len() + new.count() <= self.room
    }

    /// Asks the Node with index `node` for `image` as the workload with index `like`, for a finding. What another workload of
    /// the namespace has asked for already is asked once, for both.
    pub fn ask(&mut self, image: &str, (node, like): (u32, u32), finding: u32) {
        let namespace = self.namespace(like);
        if let Some(position) = self.position(namespace, image) {
            if let Some(question) = self.list.get_mut(position) {
                question.findings.push(finding);
            }
            return;
        }
        self.list.push(Question {
            namespace,
            image: image.to_owned(),
            node,
            like,
            findings: vec![finding],
        });
    }

    /// Index of the workload as which a node is asked for `image` in `namespace`, or was: with its pull secrets. `None` where
    /// it is not asked for, or the workload is not supplied.
    pub fn like(&self, namespace: &str, image: &str) -> Option<u32> {
        match self
            .position(namespace, image)
            .and_then(|position| self.list.get(position))
        {
            Some(question) => Some(question.like),
            None => self.input.image_probe_like(namespace, image),
        }
    }

    /// The steps, with the arguments `image`, `node` and `workload`.
    pub fn into_steps(self, message: &str) -> Vec<Step> {
        let input = self.input;
        let name = |index: u32| input.objects.get(index as usize);
        let step = |question: Question| {
            let node = name(question.node).map_or("", |node| node.name.as_str());
            let workload = name(question.like).map(|like| like.display_name());
            let asked = (question.node, question.like);
            let step = Step::probe_image(message, asked, question.image.as_str())
                .arg("image", question.image)
                .arg("node", node)
                .arg("workload", workload.unwrap_or_default());
            question.findings.into_iter().fold(step, Step::mends)
        };
        self.list.into_iter().map(step).collect()
    }

    fn namespace(&self, like: u32) -> &'a str {
        let like = self.input.objects.get(like as usize);
        like.map_or("", |like| like.namespace.as_str())
    }

    fn position(&self, namespace: &str, image: &str) -> Option<usize> {
        let mut list = self.list.iter();
        list.position(|question| question.namespace == namespace && question.image == image)
    }
}

impl Input {
    /// Index of the Node to ask for an image: the first of the `preferred` that is Ready and takes pods, or else the first of
    /// all; `None` where there is none. Needs `/status/conditions` and `/spec/unschedulable` of the Nodes.
    pub fn node_to_ask<'n>(&self, preferred: impl Iterator<Item = &'n str>) -> Option<u32> {
        let able = || {
            self.indexed()
                .filter(|(_, node)| takes_pods(&node.kind, &node.value))
        };
        let named = |name: &str| able().find(|(_, node)| node.name == name);
        let mut preferred = preferred;
        let found = preferred.find_map(named).or_else(|| able().next());
        found.map(|(index, _)| index)
    }
}

fn takes_pods(kind: &str, node: &Value) -> bool {
    let is_ready = |condition: &Value| {
        condition.get("type").is_some_and(|it| it == "Ready")
            && condition.get("status").is_some_and(|it| it == "True")
    };
    let conditions = node.pointer("/status/conditions").and_then(Value::as_array);
    let cordoned = node.pointer("/spec/unschedulable").and_then(Value::as_bool);
    kind == "Node"
        && cordoned != Some(true)
        && conditions.is_some_and(|all| all.iter().any(is_ready))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::Change;

    fn node(name: &str, ready: &str, cordoned: bool) -> Value {
        json!({"apiVersion": "v1", "kind": "Node", "metadata": {"name": name}, "spec": {"unschedulable": cordoned},
            "status": {"conditions": [{"type": "Ready", "status": ready}]}})
    }

    fn workload(name: &str, namespace: &str) -> Value {
        json!({"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": name, "namespace": namespace}})
    }

    #[test]
    fn an_image_is_asked_for_once_in_a_namespace() {
        let input = Input::of_values([
            node("n", "True", false),
            workload("a", "shop"),
            workload("b", "shop"),
            workload("a", "bank"),
        ]);
        let mut questions = Questions::of(&input);
        for (finding, like) in [(0, 1), (1, 2), (2, 3)] {
            questions.ask("x:1", (0, like), finding);
        }
        assert_eq!(questions.like("shop", "x:1"), Some(1));
        assert_eq!(questions.like("shop", "x:2"), None);
        let steps = questions.into_steps("ask");
        let asked: Vec<_> = steps
            .iter()
            .map(|step| (&step.change, step.findings.as_slice()))
            .collect();
        let probe = |like| Change::ProbeImage {
            node: 0,
            image: "x:1".into(),
            like,
        };
        assert_eq!(
            asked,
            [(&probe(1), [0, 1].as_slice()), (&probe(3), [2].as_slice())]
        );
        let args = steps[0].args.iter().map(|arg| arg.value.as_str());
        assert_eq!(args.collect::<Vec<_>>(), ["x:1", "n", "deployment.apps/a"]);
    }

    #[test]
    fn there_is_room_for_ten_with_what_was_answered() {
        let answer = json!({"apiVersion": "probe.nks/v1", "kind": "ImageProbe", "metadata": {"name": "p", "namespace": "bank"}});
        let input = Input::of_values([node("n", "True", false), workload("a", "shop"), answer]);
        let mut questions = Questions::of(&input);
        for number in 0..8 {
            questions.ask(&["x:", &number.to_string()].concat(), (0, 1), 0);
        }
        assert!(questions.have_room(1, &["y:1", "x:0"]));
        assert!(!questions.have_room(1, &["y:1", "y:2"]));
    }

    #[test]
    fn a_node_that_takes_no_pods_is_not_asked() {
        let input = Input::of_values([
            node("cordoned", "True", true),
            node("down", "Unknown", false),
            node("first", "True", false),
            node("second", "True", false),
        ]);
        let ask = |names: &[&str]| input.node_to_ask(names.iter().copied());
        assert_eq!(ask(&["cordoned", "second"]), Some(3));
        assert_eq!(ask(&["down"]), Some(2));
        assert_eq!(ask(&[]), Some(2));
        let input = Input::of_values([node("down", "False", false)]);
        assert_eq!(input.node_to_ask([].into_iter()), None);
    }
}
