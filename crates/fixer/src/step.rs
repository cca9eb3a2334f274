//! What a fixer proposes to do.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::patch::{Patch, to_text};
use crate::report::Arg;

/// What carrying a step out may cost. The host never believes less than its own estimate.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Risk {
    /// Nothing restarts.
    Safe,
    /// Something restarts or is briefly away.
    Disruptive,
    /// Something is lost that cannot be brought back.
    Destructive,
}

/// One thing to do.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Change {
    /// Changes an object in place.
    #[serde(rename_all = "camelCase")]
    Patch {
        /// Index of the object.
        target: u32,
        /// An RFC 6902 patch as JSON text; see [`Patch`].
        ops: String,
    },
    /// Makes the object that this JSON text describes.
    Create(String),
    /// Deletes an object.
    Delete(u32),
    /// Restarts a workload's rollout.
    Restart(u32),
    /// Asks whether a node can pull an image.
    #[serde(rename_all = "camelCase")]
    ProbeImage {
        /// Index of the Node.
        node: u32,
        /// The image.
        image: String,
        /// Index of the workload that wants it.
        like: u32,
    },
    /// Runs a script of the manifest on a Node.
    #[serde(rename_all = "camelCase")]
    RunOnNode {
        /// Index of the Node.
        target: u32,
        /// The script's name in the manifest.
        script: String,
        /// Its arguments.
        args: Vec<Arg>,
    },
    /// Cordons a Node and moves its pods away.
    Drain(u32),
    /// Reboots a Node.
    Reboot(u32),
    /// Lifts the cordon of an earlier [`Change::Drain`].
    Uncordon(u32),
    /// A person must do what the message says.
    Manual,
}

/// What must hold after a step.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Expectation {
    /// Index of the object.
    pub target: u32,
    /// JSON pointer into it.
    pub pointer: String,
    /// The value there, as JSON text.
    pub equals: String,
}

/// One step of a repair.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Step {
    /// A message id of the manifest.
    pub message: String,
    /// Values for the message.
    pub args: Vec<Arg>,
    /// Indexes of the findings that it mends.
    pub findings: Vec<u32>,
    /// What to do.
    pub change: Change,
    /// What it may cost.
    pub risk: Risk,
    /// Indexes of earlier steps that must have succeeded.
    pub needs: Vec<u32>,
    /// Wait for the rollout, the pod or the node before the next step.
    pub wait: bool,
    /// What must hold afterwards.
    pub expect: Vec<Expectation>,
}

impl Step {
    /// A step that makes `change`, of [`Risk::Safe`] until said otherwise.
    pub fn new(message: &str, change: Change) -> Self {
        Self {
            message: message.to_owned(),
            args: Vec::new(),
            findings: Vec::new(),
            change,
            risk: Risk::Safe,
            needs: Vec::new(),
            wait: false,
            expect: Vec::new(),
        }
    }

    /// A step that patches the object with index `target`.
    pub fn patch(message: &str, target: u32, patch: Patch) -> Self {
        Self::new(
            message,
            Change::Patch {
                target,
                ops: patch.into_json(),
            },
        )
    }

    /// A step that makes `object`, which names its namespace itself. Everything in it but its name, namespace and labels
    /// lies below the paths that the manifest declares for `create`.
    pub fn create(message: &str, object: impl Into<Value>) -> Self {
        Self::new(message, Change::Create(to_text(object.into())))
    }

    /// A step that deletes the object with index `target`.
    pub fn delete(message: &str, target: u32) -> Self {
        Self::new(message, Change::Delete(target))
    }

    /// A step that asks the Node with index `node` whether it can pull `image`, as the pods of the workload with index
    /// `like` would. The answer is in [`Input::image_probe`](crate::Input::image_probe) of the next run, and what else has
    /// to be done is planned then.
    pub fn probe_image(message: &str, (node, like): (u32, u32), image: impl Into<String>) -> Self {
        let image = image.into();
        Self::new(message, Change::ProbeImage { node, image, like })
    }

    /// A step that a person must take.
    pub fn manual(message: &str) -> Self {
        Self::new(message, Change::Manual)
    }

    /// Fills a placeholder of the message.
    #[must_use]
    pub fn arg(mut self, name: &str, value: impl Into<String>) -> Self {
        self.args.push(Arg::new(name, value));
        self
    }

    /// Names a finding that it mends, by the index that [`Report::finding`](crate::Report::finding) gave.
    #[must_use]
    pub fn mends(mut self, finding: u32) -> Self {
        self.findings.push(finding);
        self
    }

    /// Says what it may cost.
    #[must_use]
    pub fn risk(mut self, risk: Risk) -> Self {
        self.risk = risk;
        self
    }

    /// Names the steps that must have succeeded before, by the indexes that [`Report::step`](crate::Report::step) gave.
    #[must_use]
    pub fn needs(mut self, steps: impl IntoIterator<Item = u32>) -> Self {
        self.needs.extend(steps);
        self
    }

    /// Waits for the rollout, the pod or the node before the next step.
    #[must_use]
    pub fn wait(mut self) -> Self {
        self.wait = true;
        self
    }

    /// Says what must be at `pointer` of the object with index `target` afterwards.
    #[must_use]
    pub fn expect(
        mut self,
        target: u32,
        pointer: impl Into<String>,
        value: impl Into<Value>,
    ) -> Self {
        let equals = to_text(value.into());
        self.expect.push(Expectation {
            target,
            pointer: pointer.into(),
            equals,
        });
        self
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_creation_carries_its_object_as_text_and_a_deletion_an_index() {
        let object = json!({"kind": "ConfigMap"});
        let step = Step::create("made", object);
        assert_eq!(
            step.change,
            Change::Create(r#"{"kind":"ConfigMap"}"#.into())
        );
        assert_eq!(Step::delete("gone", 2).change, Change::Delete(2));
    }
}
