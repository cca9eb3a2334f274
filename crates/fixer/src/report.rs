//! What a fixer answers.
//!
//! The shapes are those of `wit/v1/fixer.wit`, field by field. As JSON they are what the host reads and what a golden
//! `report.json` holds, so that a native run and a WebAssembly run can be compared byte for byte.

use serde::{Deserialize, Serialize};

use crate::step::Step;

/// How bad a finding is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Severity {
    /// Worth knowing.
    Info,
    /// Will become a problem, or is one for somebody.
    Warning,
    /// Something does not work.
    Error,
}

/// A named value for a message.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Arg {
    /// The placeholder that it fills.
    pub name: String,
    /// The text; the host cleans it before it shows it.
    pub value: String,
}

impl Arg {
    pub(crate) fn new(name: &str, value: impl Into<String>) -> Self {
        Self {
            name: name.to_owned(),
            value: value.into(),
        }
    }
}

/// Something that the fixer noticed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Finding {
    /// A message id of the manifest.
    pub message: String,
    /// How bad it is.
    pub severity: Severity,
    /// Index of the object that it is about.
    pub target: Option<u32>,
    /// JSON pointer into the target.
    pub field: Option<String>,
    /// Indexes of further objects that show it.
    pub related: Vec<u32>,
    /// Values for the message.
    pub args: Vec<Arg>,
}

impl Finding {
    /// Something does not work.
    pub fn error(message: &str) -> Self {
        Self::new(message, Severity::Error)
    }

    /// Something will become a problem.
    pub fn warning(message: &str) -> Self {
        Self::new(message, Severity::Warning)
    }

    /// Something is worth knowing.
    pub fn info(message: &str) -> Self {
        Self::new(message, Severity::Info)
    }

    fn new(message: &str, severity: Severity) -> Self {
        Self {
            message: message.to_owned(),
            severity,
            target: None,
            field: None,
            related: Vec::new(),
            args: Vec::new(),
        }
    }

    /// Names the object that it is about, by its index.
    #[must_use]
    pub fn on(mut self, target: u32) -> Self {
        self.target = Some(target);
        self
    }

    /// Names the place in the object, by its JSON pointer.
    #[must_use]
    pub fn at(mut self, field: impl Into<String>) -> Self {
        self.field = Some(field.into());
        self
    }

    /// Names further objects that show it, by their indexes.
    #[must_use]
    pub fn seen_on(mut self, related: impl IntoIterator<Item = u32>) -> Self {
        self.related.extend(related);
        self
    }

    /// Fills a placeholder of the message.
    #[must_use]
    pub fn arg(mut self, name: &str, value: impl Into<String>) -> Self {
        self.args.push(Arg::new(name, value));
        self
    }
}

/// A whole answer: what was noticed, and what would mend it, in order.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Report {
    /// What was noticed.
    pub findings: Vec<Finding>,
    /// What would mend it, in order.
    pub steps: Vec<Step>,
}

impl Report {
    /// Adds a finding and gives its index, for [`Step::mends`].
    pub fn finding(&mut self, finding: Finding) -> u32 {
        self.findings.push(finding);
        self.findings.len() as u32 - 1
    }

    /// Adds a step and gives its index, for [`Step::needs`].
    pub fn step(&mut self, step: Step) -> u32 {
        self.steps.push(step);
        self.steps.len() as u32 - 1
    }
}

/// A further read, only inside the rules of the manifest.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Query {
    /// Index of the rule in `spec.reads`.
    pub rule: u32,
    /// Only this namespace.
    pub namespace: Option<String>,
    /// Only the object of this name.
    pub name: Option<String>,
    /// Values for reads that take some.
    pub args: Vec<Arg>,
}

/// The answer of one call.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Outcome {
    /// The report.
    Done(Report),
    /// Read these, then call again; at most three rounds.
    Need(Vec<Query>),
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Change, Patch, Risk};
    use serde_json::json;

    #[test]
    fn the_json_is_the_agreed_one() {
        let change = |change: Change| serde_json::to_value(change).unwrap();
        assert_eq!(
            change(Change::Patch {
                target: 0,
                ops: "[]".into()
            }),
            json!({"patch": {"target": 0, "ops": "[]"}})
        );
        assert_eq!(change(Change::Create("{}".into())), json!({"create": "{}"}));
        assert_eq!(change(Change::Delete(3)), json!({"delete": 3}));
        let probe = Change::ProbeImage {
            node: 1,
            image: "x".into(),
            like: 2,
        };
        assert_eq!(
            change(probe),
            json!({"probeImage": {"node": 1, "image": "x", "like": 2}})
        );
        let run = Change::RunOnNode {
            target: 1,
            script: "s".into(),
            args: vec![Arg::new("a", "b")],
        };
        assert_eq!(
            change(run),
            json!({"runOnNode": {"target": 1, "script": "s", "args": [{"name": "a", "value": "b"}]}})
        );
        assert_eq!(change(Change::Manual), json!("manual"));
        let need = Outcome::Need(vec![Query {
            rule: 0,
            namespace: None,
            name: Some("n".into()),
            args: Vec::new(),
        }]);
        let expected = json!({"need": [{"rule": 0, "namespace": null, "name": "n", "args": []}]});
        assert_eq!(serde_json::to_value(need).unwrap(), expected);
    }

    #[test]
    fn builders_fill_every_field() {
        let mut report = Report::default();
        let finding = report.finding(
            Finding::error("broken")
                .on(2)
                .at("/a")
                .seen_on([4, 5])
                .arg("k", "v"),
        );
        let manual = report.step(Step::manual("call"));
        let patch = Patch::default().replace("/a", "x", "y");
        let step = Step::patch("mend", 2, patch)
            .mends(finding)
            .risk(Risk::Disruptive)
            .needs([manual])
            .wait();
        report.step(step.expect(2, "/a", "y"));
        let ops =
            r#"[{"op":"test","path":"/a","value":"x"},{"op":"replace","path":"/a","value":"y"}]"#;
        assert_eq!(
            serde_json::to_value(Outcome::Done(report)).unwrap(),
            json!({"done": {
                "findings": [{"message": "broken", "severity": "error", "target": 2, "field": "/a", "related": [4, 5],
                    "args": [{"name": "k", "value": "v"}]}],
                "steps": [
                    {"message": "call", "args": [], "findings": [], "change": "manual", "risk": "safe", "needs": [],
                        "wait": false, "expect": []},
                    {"message": "mend", "args": [], "findings": [0], "change": {"patch": {"target": 2, "ops": ops}},
                        "risk": "disruptive", "needs": [0], "wait": true,
                        "expect": [{"target": 2, "pointer": "/a", "equals": "\"y\""}]}]}})
        );
    }
}
