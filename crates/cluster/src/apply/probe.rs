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
        let longest = Duration::from_secs(image_probe::SECONDS);
        let limit = Some(self.limit().map_or(longest, |limit| limit.min(longest)));
        let seen = self
            .look_until((position, "image"), (&made.id, limit), judge)
            .await;
        match seen {
            Ok(Verdict::Pulled) => Verdict::Pulled,
            Ok(Verdict::Failed(why)) => {
                Verdict::Failed(self.cluster.warned(made).await.unwrap_or(why))
            }
            Ok(Verdict::Unknown(why)) | Err(why) => {
                Verdict::Unknown(self.cluster.warned(made).await.unwrap_or(why))
            }
        }
    }
}

impl Cluster {
    /// What the last warning about a pod says, where there is one: a status may say no more than that a pull is put off.
    async fn warned(&self, pod: &Object) -> Option<String> {
        let namespace = Some(pod.id.namespace.as_str());
        let target = Target {
            verb: "list",
            resource: "events".into(),
            namespace: namespace.map(str::to_owned),
        };
        let of_pod = format!("involvedObject.uid={},type=Warning", pod.uid);
        let call = Call::get(collection("v1", "events", namespace), target);
        let answer = self.call_read(&call.query("fieldSelector", of_pod)).await;
        longest(answer.ok()?.get("items")?.as_array()?)
    }
}

/// The kubelet reports a failed pull twice: with its cause, and as `Error: ErrImagePull`.
fn longest(events: &[Value]) -> Option<String> {
    let messages = events
        .iter()
        .filter_map(|event| event.get("message")?.as_str());
    let said = messages.map(image_probe::said);
    said.filter(|said| !said.is_empty())
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
    use serde_json::json;

    #[test]
    fn the_event_with_the_cause_is_told() {
        let event = |message: &str| json!({"message": message});
        let events = [
            event("Error: ErrImagePull"),
            event("Failed to pull image \"a\": not found"),
            event("Error: ImagePullBackOff"),
        ];
        assert_eq!(
            longest(&events).as_deref(),
            Some("Failed to pull image \"a\": not found")
        );
        assert_eq!(longest(&[]), None);
    }
}
