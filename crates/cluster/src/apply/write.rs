//! One write: at most one effect, and every ambiguity visible.

use std::time::Duration;

use nks_core::object::Object;
use nks_core::plan::{Act, ObjectPatch};
use nks_core::record::{Intent, Record};
use nks_core::scope;
use nks_core::settle::{Settled, settle};

use super::{Run, StepState, unwritten};
use crate::error::RequestError;
use crate::patch::{Drift, Fresh, Writing, written};
use crate::preview::MAX_MOVES;
use crate::request::pause;
use crate::time;

/// When an unconfirmed write is looked for. A write that the server is still working on may land after the first look,
/// so "not there" is believed only when it is still not there a little later.
const LOOKS: [Duration; 3] = [
    Duration::ZERO,
    Duration::from_millis(500),
    Duration::from_secs(1),
];

/// What one try came to.
enum Tried {
    /// This is the outcome.
    Over(StepState),
    /// The server refused for a reason that may have passed after the pause.
    Again(RequestError, Duration),
}

impl Run<'_> {
    /// Writes one patch. `Done` holds the object as the server returned it, or as it was found after a lost answer, and
    /// none where it was deleted.
    pub(super) async fn write(&mut self, step: usize, patch: &ObjectPatch) -> StepState {
        let mut refused: Option<RequestError> = None;
        for attempt in 0..=MAX_MOVES {
            let fresh = match self.cluster.look(patch).await {
                Ok(Fresh::Same(fresh)) => fresh,
                Ok(Fresh::Holds(_)) => return StepState::NoChange,
                Ok(Fresh::Drifted(drift)) => return StepState::Conflict { drift },
                Err(error) => return StepState::Failed(format!("not written: {error}")),
            };
            // The same refusal of an unchanged object is the server's last word.
            if let Some(RequestError::Invalid(message)) = refused.take() {
                return StepState::Failed(message);
            }
            match self.attempt(step, patch, fresh.as_deref(), attempt).await {
                Tried::Over(state) => return state,
                Tried::Again(error, pause) => {
                    tokio::time::sleep(pause).await;
                    refused = Some(error);
                }
            }
        }
        match refused {
            Some(error @ RequestError::TooManyRequests { .. }) => {
                StepState::Failed(error.to_string())
            }
            _ => StepState::Conflict { drift: Drift::Busy },
        }
    }

    async fn attempt(
        &mut self,
        step: usize,
        patch: &ObjectPatch,
        fresh: Option<&Object>,
        attempt: u32,
    ) -> Tried {
        let writing = Writing {
            field_manager: &self.options.field_manager,
            dry_run: false,
        };
        let call = match self.cluster.write_call(patch, fresh, &writing).await {
            Ok(call) => call,
            Err(error) => return failed(format!("not written: {error}")),
        };
        let Some(edits) = scope::sealed(&patch.edits, &patch.before) else {
            return failed("not written: it cannot be recorded without a secret's values".into());
        };
        let intent = Intent {
            step,
            at: time::now(),
            act: patch.act(),
            object: patch.id.clone(),
            uid: fresh.map(|fresh| fresh.uid.clone()).unwrap_or_default(),
            resource_version: fresh
                .map(|fresh| fresh.resource_version.clone())
                .unwrap_or_default(),
            edits,
        };
        if let Err(error) = (self.record)(Record::Intent(intent.clone())) {
            return failed(format!(
                "not written: the journal could not be written: {error}"
            ));
        }
        let answer = self.cluster.call(&call).await;
        match answer.and_then(|answer| written(patch, answer)) {
            Ok(object) => Tried::Over(self.acknowledge(&intent, object)),
            Err(error) if error.is_refusal() => self.refused(&intent, error, attempt),
            Err(error) => Tried::Over(self.settle(&intent, &error).await),
        }
    }

    fn acknowledge(&mut self, intent: &Intent, object: Option<Object>) -> StepState {
        let ack = Record::ack(intent, time::now(), object.as_ref());
        match (self.record)(ack) {
            Ok(()) => StepState::Done {
                object: object.map(Box::new),
            },
            Err(error) => StepState::Unknown(unwritten(&error)),
        }
    }

    fn refused(&mut self, intent: &Intent, error: RequestError, attempt: u32) -> Tried {
        let reason = error.to_string();
        if let Err(state) = self.keep_refusal(intent.step, &reason) {
            return Tried::Over(state);
        }
        match &error {
            RequestError::Conflict { .. } | RequestError::Invalid(_) => {
                Tried::Again(error, Duration::ZERO)
            }
            RequestError::TooManyRequests { .. } => match pause(&error, attempt) {
                Some(pause) => Tried::Again(error, pause),
                None => failed(reason),
            },
            RequestError::NotFound { .. } => match intent.act {
                Act::Patch => Tried::Over(StepState::Conflict { drift: Drift::Gone }),
                // Somebody else was faster. On record it is not our deletion, so an undo does not make it again.
                Act::Delete => Tried::Over(StepState::NoChange),
                // It is the namespace that is not there.
                Act::Create => failed(reason),
            },
            _ => failed(reason),
        }
    }

    /// Finds out what became of a write that brought no clear answer.
    async fn settle(&mut self, intent: &Intent, error: &RequestError) -> StepState {
        let step = intent.step;
        for (index, pause) in LOOKS.into_iter().enumerate() {
            tokio::time::sleep(pause).await;
            let now = match self.cluster.get(&intent.object).await {
                Ok(now) => now,
                Err(later) => {
                    return self.unknown(step, format!("{error}; then: {later}"));
                }
            };
            match settle(intent, &self.options.field_manager, now.as_ref()) {
                Settled::Applied => {
                    let left = now.filter(|_| intent.act != Act::Delete);
                    return self.acknowledge(intent, left);
                }
                // A version that moved on can no longer be the precondition of a late write.
                Settled::NotApplied
                    if index + 1 == LOOKS.len()
                        || now
                            .is_some_and(|now| now.resource_version != intent.resource_version) =>
                {
                    let reason = format!("not applied: {error}");
                    return match self.keep_refusal(step, &reason) {
                        Ok(()) => StepState::Failed(reason),
                        Err(state) => state,
                    };
                }
                Settled::NotApplied => {}
                Settled::Unknown => break,
            }
        }
        self.unknown(step, error.to_string())
    }

    fn keep_refusal(&mut self, step: usize, reason: &str) -> Result<(), StepState> {
        let record = Record::Refused {
            step,
            at: time::now(),
            reason: reason.to_owned(),
        };
        (self.record)(record).map_err(|error| {
            StepState::Failed(format!(
                "{reason}; and the journal could not be written: {error}"
            ))
        })
    }

    fn unknown(&mut self, step: usize, reason: String) -> StepState {
        let record = Record::Unknown {
            step,
            at: time::now(),
            reason: reason.clone(),
        };
        // The intent stays unsettled in the journal either way, which says the same.
        match (self.record)(record) {
            Ok(()) => StepState::Unknown(reason),
            Err(error) => StepState::Unknown(format!(
                "{reason}; and the journal could not be written: {error}"
            )),
        }
    }
}

fn failed(reason: String) -> Tried {
    Tried::Over(StepState::Failed(reason))
}
