//! Asking a node for an image: a pod is made, looked at until it says something, and removed, whatever it said.

use std::time::Duration;

use nks_core::credential::Credentials;
use nks_core::image_probe::{self, Verdict};
use nks_core::object::Object;
use nks_core::plan::ObjectPatch;
use serde_json::Value;

use super::wait::Look;
use super::{Run, StepState};
use crate::cluster::Cluster;
use crate::error::Target;
use crate::request::{Call, collection};

impl Run<'_> {
    pub(super) async fn probe(&mut self, position: usize, pod: &ObjectPatch) -> StepState {
        let made = match self.write(position, pod).await {
            StepState::Done {
                object: Some(object),
            } => object,
            StepState::Done { object: None } | StepState::NoChange => {
                return StepState::Failed("a pod of that name is there already".into());
            }
            other => return other,
        };
        let verdict = self.verdict(position, &made).await;
        // Its making was one write and its end is another, each with its lines in the journal.
        match self.write(self.steps + position, &removal(&made)).await {
            StepState::Done { .. } | StepState::NoChange => {
                StepState::Probed { pod: made, verdict }
            }
            StepState::Unknown(reason) => StepState::Unknown(reason),
            StepState::Failed(reason) => StepState::RolloutFailed(left(&reason)),
            StepState::Conflict { drift } => StepState::RolloutFailed(left(&drift.to_string())),
            other => other,
        }
    }

    async fn verdict(&self, position: usize, made: &Object) -> Verdict {
        let judge = |found: Option<Object>| match found.filter(|found| found.uid == made.uid) {
            None => Look::Failed("the pod that asked was deleted".to_owned()),
            Some(found) => match image_probe::judge(&found.value) {
                Some(verdict) => Look::Over(verdict),
                None => Look::NotYet("Waiting for the image to be pulled...".to_owned()),
            },
        };
        let patience = Duration::from_secs(image_probe::SECONDS);
        let limit = Some(self.limit().map_or(patience, |limit| limit.min(patience)));
        let seen = self
            .look_until((position, "image"), (&made.id, limit), judge)
            .await;
        match seen {
            Ok(Verdict::Pulled) => Verdict::Pulled,
            Ok(Verdict::Failed(why)) => {
                // Other warnings are not about the image: many a node has one about its name servers for every pod.
                let told = self.cluster.warned(made, ",reason=Failed").await;
                let told = told.into_iter().chain([why]);
                Verdict::Failed(longest(told).unwrap_or_default())
            }
            Ok(Verdict::Unknown(why)) | Err(why) => {
                Verdict::Unknown(self.cluster.warned(made, "").await.unwrap_or(why))
            }
        }
    }
}

impl Cluster {
    /// What the longest warning about a pod says, of those that `only` selects and where there is one: a status may say no
    /// more than that a pull is put off.
    async fn warned(&self, pod: &Object, only: &str) -> Option<String> {
        let namespace = Some(pod.id.namespace.as_str());
        let target = Target {
            verb: "list",
            resource: "events".into(),
            namespace: namespace.map(str::to_owned),
        };
        let of_pod = format!("involvedObject.uid={},type=Warning{only}", pod.uid);
        let call = Call::get(collection("v1", "events", namespace), target);
        let answer = self.call_read(&call.query("fieldSelector", of_pod)).await;
        let answer = answer.ok()?;
        let events = answer.get("items")?.as_array()?.iter();
        let messages = events.filter_map(|event| event.get("message")?.as_str());
        longest(messages.map(image_probe::said))
    }
}

/// The kubelet reports a failed pull twice: with its cause, and as `Error: ErrImagePull`.
fn longest(messages: impl Iterator<Item = String>) -> Option<String> {
    messages
        .filter(|said| !said.is_empty())
        .max_by_key(|said| said.chars().count())
}

/// The end of the pod. Nobody makes it again.
fn removal(pod: &Object) -> ObjectPatch {
    ObjectPatch {
        id: pod.id.clone(),
        uid: pod.uid.clone(),
        resource_version: pod.resource_version.clone(),
        before: pod.value.clone(),
        after: Value::Null,
        edits: Vec::new(),
        declared: Vec::new(),
        managed_by: None,
        credentials: Credentials::default(),
    }
}

fn left(reason: &str) -> String {
    format!("the pod that asked could not be removed: {reason}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_event_with_the_cause_is_told() {
        let events = [
            "Error: ErrImagePull",
            "Failed to pull image \"a\": not found",
            "Error: ImagePullBackOff",
            "",
        ];
        assert_eq!(
            longest(events.map(str::to_owned).into_iter()).as_deref(),
            Some("Failed to pull image \"a\": not found")
        );
        assert_eq!(longest(std::iter::empty()), None);
    }
}
