//! Waiting for a rollout, or for an end, by looking again and again.
//!
//! Looking is preferred to a watch: it needs no right beyond `get`, survives any gap, and each answer stands alone.

use std::time::{Duration, Instant};

use nks_core::object::{Object, ObjectId};
use nks_core::plan::ObjectPatch;

use super::{Progress, Run};
use crate::error::RequestError;
use crate::rollout::{Rollout, rollout};

const FIRST_PAUSE: Duration = Duration::from_millis(300);
const LONGEST_PAUSE: Duration = Duration::from_secs(2);
/// How often `stop` is asked during a pause.
const STOP_TICK: Duration = Duration::from_millis(200);

/// What one look says.
pub(super) enum Look<T> {
    Over(T),
    Failed(String),
    NotYet(String),
}

impl Run<'_> {
    /// The object once its rollout is complete, or why that is not to be seen.
    pub(super) async fn wait(&self, step: usize, applied: &Object) -> Result<Object, String> {
        let judge = |found| match same_incarnation(applied, found) {
            Err(reason) => Look::Failed(reason),
            Ok(object) => match rollout(&object.value) {
                Rollout::Complete(_) | Rollout::NotAWorkload => Look::Over(object),
                Rollout::Failed(reason) => Look::Failed(reason),
                Rollout::Progressing(detail) => Look::NotYet(detail),
            },
        };
        let limit = self.limit();
        self.look_until((step, "rollout"), (&applied.id, limit), judge)
            .await
    }

    /// Returns once the object is gone, or says why that is not to be seen.
    pub(super) async fn wait_until_gone(
        &self,
        step: usize,
        patch: &ObjectPatch,
    ) -> Result<(), String> {
        let judge = |found: Option<Object>| match found.filter(|found| found.uid == patch.uid) {
            Some(_) => Look::NotYet(format!("Waiting for {} to be deleted...", patch.id.short())),
            None => Look::Over(()),
        };
        let limit = self.limit();
        self.look_until((step, "deletion"), (&patch.id, limit), judge)
            .await
    }

    /// For how long anything is waited for; none for ever.
    pub(super) fn limit(&self) -> Option<Duration> {
        Some(self.options.timeout).filter(|limit| !limit.is_zero())
    }

    /// Looks at an object until `judge` has an answer, at most for `limit`.
    pub(super) async fn look_until<T>(
        &self,
        (step, what): (usize, &str),
        (id, limit): (&ObjectId, Option<Duration>),
        judge: impl Fn(Option<Object>) -> Look<T>,
    ) -> Result<T, String> {
        // None either for one beyond what the clock can name.
        let deadline = limit.and_then(|limit| Instant::now().checked_add(limit));
        let (mut pause, mut last) = (FIRST_PAUSE, String::new());
        loop {
            if (self.stop)() {
                return Err(interrupted(what, &last));
            }
            let detail = match self.cluster.get_once(id).await.map(&judge) {
                Ok(Look::Over(outcome)) => return Ok(outcome),
                Ok(Look::Failed(reason)) => return Err(reason),
                Ok(Look::NotYet(detail)) => detail,
                Err(error) if is_passing(&error) => error.to_string(),
                Err(error) => return Err(format!("the {what} cannot be followed: {error}")),
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
    pub(super) async fn glance(&self, applied: &Object) -> Result<Object, String> {
        match self.cluster.get(&applied.id).await {
            Ok(found) => same_incarnation(applied, found),
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

fn same_incarnation(applied: &Object, found: Option<Object>) -> Result<Object, String> {
    match found {
        None => Err("the object was deleted".into()),
        Some(object) if object.uid != applied.uid => {
            Err("the object was deleted and created again".into())
        }
        Some(object) => Ok(object),
    }
}

/// Whether a failed look may be followed by a good one.
fn is_passing(error: &RequestError) -> bool {
    error.is_transient() || *error == RequestError::Malformed
}

fn interrupted(what: &str, last: &str) -> String {
    let said = format!("interrupted while waiting for the {what}");
    if last.is_empty() {
        said
    } else {
        format!("{said}: {last}")
    }
}
