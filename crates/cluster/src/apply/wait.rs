//! Waiting for a rollout by looking again and again.
//!
//! Looking is preferred to a watch: it needs no right beyond `get`, survives any gap, and each answer stands alone.

use std::time::{Duration, Instant};

use nks_core::object::Object;
use nks_core::plan::ObjectPatch;

use super::{Progress, Run};
use crate::error::RequestError;
use crate::rollout::{Rollout, rollout};

const FIRST_PAUSE: Duration = Duration::from_millis(300);
const LONGEST_PAUSE: Duration = Duration::from_secs(2);
/// How often `stop` is asked during a pause.
const STOP_TICK: Duration = Duration::from_millis(200);

impl Run<'_> {
    /// The object once its rollout is complete, or why that is not to be seen.
    pub(super) async fn wait(&self, step: usize, patch: &ObjectPatch) -> Result<Object, String> {
        // No deadline for zero, nor for one beyond what the clock can name.
        let limit = Some(self.options.timeout).filter(|limit| !limit.is_zero());
        let deadline = limit.and_then(|limit| Instant::now().checked_add(limit));
        let (mut pause, mut last) = (FIRST_PAUSE, String::new());
        loop {
            if (self.stop)() {
                return Err(interrupted(&last));
            }
            let detail = match self.cluster.get_once(&patch.id).await {
                Ok(found) => {
                    let object = same_incarnation(patch, found)?;
                    match rollout(&object.value) {
                        Rollout::Complete(_) | Rollout::NotAWorkload => return Ok(object),
                        Rollout::Failed(reason) => return Err(reason),
                        Rollout::Progressing(detail) => detail,
                    }
                }
                Err(error) if is_passing(&error) => error.to_string(),
                Err(error) => return Err(format!("the rollout cannot be followed: {error}")),
            };
            if detail != last {
                (self.progress)(Progress::Waiting {
                    step,
                    detail: detail.clone(),
                });
                last = detail;
            }
            if deadline.is_some_and(|deadline| Instant::now() >= deadline) {
                return Err(format!("not complete in time: {last}"));
            }
            let left = deadline.map(|deadline| deadline.saturating_duration_since(Instant::now()));
            self.sleep(pause.min(left.unwrap_or(pause))).await;
            pause = (pause * 3 / 2).min(LONGEST_PAUSE);
        }
    }

    /// The object as it is now, without waiting for anything.
    pub(super) async fn glance(&self, patch: &ObjectPatch) -> Result<Object, String> {
        match self.cluster.get(&patch.id).await {
            Ok(found) => same_incarnation(patch, found),
            Err(error) => Err(format!("the outcome cannot be checked: {error}")),
        }
    }

    /// Sleeps, but not through a stop.
    async fn sleep(&self, pause: Duration) {
        let until = Instant::now() + pause;
        while !(self.stop)() {
            let left = until.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return;
            }
            tokio::time::sleep(left.min(STOP_TICK)).await;
        }
    }
}

fn same_incarnation(patch: &ObjectPatch, found: Option<Object>) -> Result<Object, String> {
    match found {
        None => Err("the object was deleted".into()),
        Some(object) if object.uid != patch.uid => {
            Err("the object was deleted and created again".into())
        }
        Some(object) => Ok(object),
    }
}

/// Whether a failed look may be followed by a good one.
fn is_passing(error: &RequestError) -> bool {
    error.is_transient() || *error == RequestError::Malformed
}

fn interrupted(last: &str) -> String {
    if last.is_empty() {
        "interrupted while waiting for the rollout".into()
    } else {
        format!("interrupted while waiting for the rollout: {last}")
    }
}
