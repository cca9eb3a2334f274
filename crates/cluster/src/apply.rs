//! Carrying an approved plan out, step by step (safety.md, "Protocol").
//!
//! Nothing here decides what to do: a step holds the exact patch. What is decided is when to stop. The order of a step is
//! look, write the intent down, send, write the answer down, wait, check; wherever the future is dropped in between, the
//! journal says enough to settle the step later. There is no early return: every step has its line in the report.

mod probe;
mod wait;
mod write;

use std::io;
use std::time::Duration;

use nks_core::approval::Approved;
use nks_core::finalizer;
use nks_core::image_probe::Verdict;
use nks_core::object::Object;
use nks_core::plan::{Act, Action, Expected, ObjectPatch, PlannedStep};
use nks_core::record::Record;

use crate::cluster::Cluster;
use crate::patch::Drift;
use crate::time;

/// How a plan is carried out.
#[derive(Clone, Debug)]
pub struct ApplyOptions {
    /// Written into managedFields; the same one that the preview used.
    pub field_manager: String,
    /// Whether to wait for rollouts, where a step says so.
    pub wait: bool,
    /// For each rollout; zero waits for ever, as `kubectl rollout status` does.
    pub timeout: Duration,
}

/// What is being done. Steps are counted from 0.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Progress {
    /// A patch is about to be sent.
    Patching {
        /// The step.
        step: usize,
    },
    /// A rollout is waited for.
    Waiting {
        /// The step.
        step: usize,
        /// How the rollout stands, in kubectl's words.
        detail: String,
    },
    /// The step is over and succeeded.
    Done {
        /// The step.
        step: usize,
    },
}

/// What became of each step of a plan.
#[derive(Clone, Debug, PartialEq)]
pub struct ApplyReport {
    /// One for each step of the plan, in order.
    pub steps: Vec<StepState>,
}

/// What became of one step.
#[derive(Clone, Debug, PartialEq)]
pub enum StepState {
    /// Applied, and as far as it was waited for, complete.
    Done {
        /// The object afterwards; none where it was deleted.
        object: Option<Box<Object>>,
    },
    /// Everything was in place already; nothing was sent.
    NoChange,
    /// A person must do it; nothing was sent.
    Manual,
    /// A node was asked for an image, and the pod that asked it is gone again.
    Probed {
        /// The pod as it was made.
        pod: Box<Object>,
        /// What the node says.
        verdict: Verdict,
    },
    /// The object is not the one that the plan was made for; nothing was changed.
    Conflict {
        /// How it differs.
        drift: Drift,
    },
    /// Nothing was changed, and why.
    Failed(String),
    /// Applied, but the rollout failed, was not complete in time, was not waited for to the end, or did not bring about
    /// what was expected.
    RolloutFailed(String),
    /// Whether it was applied could not be found out, or could not be written down.
    Unknown(String),
    /// An earlier step did not succeed, or the run was stopped.
    NotTried,
}

impl StepState {
    /// Whether steps that need this one may follow.
    pub fn is_success(&self) -> bool {
        matches!(
            self,
            Self::Done { .. } | Self::NoChange | Self::Probed { .. }
        )
    }

    /// Whether nothing else is tried after it.
    fn ends_the_run(&self) -> bool {
        !(self.is_success() || matches!(self, Self::Manual | Self::NotTried))
    }
}

/// Keeps a record durably before it returns.
pub type Keep<'a> = dyn FnMut(Record) -> io::Result<()> + 'a;

/// What one step needs while it runs.
struct Run<'a> {
    cluster: &'a Cluster,
    options: &'a ApplyOptions,
    record: &'a mut Keep<'a>,
    progress: &'a dyn Fn(Progress),
    stop: &'a dyn Fn() -> bool,
    /// How many steps the plan has.
    steps: usize,
}

impl Cluster {
    /// Carries out what was approved. `record` has to make each record durable before it returns: a write whose intent
    /// could not be recorded is not sent. `stop` is asked between steps and while waiting; a write that is on its way is
    /// never given up, other than by dropping the future.
    pub async fn apply<'a>(
        &'a self,
        approved: &Approved,
        options: &'a ApplyOptions,
        record: &'a mut Keep<'a>,
        progress: &'a dyn Fn(Progress),
        stop: &'a dyn Fn() -> bool,
    ) -> ApplyReport {
        let mut run = Run {
            cluster: self,
            options,
            record,
            progress,
            stop,
            steps: approved.plan().steps.len(),
        };
        let mut steps: Vec<StepState> = Vec::new();
        for (position, step) in approved.plan().steps.iter().enumerate() {
            let ready = step
                .needs
                .iter()
                .all(|&needed| steps.get(needed).is_some_and(StepState::is_success));
            let ended = steps.iter().any(StepState::ends_the_run);
            let state = if ended || !ready || stop() {
                StepState::NotTried
            } else {
                run.step(position, step).await
            };
            if state.is_success() {
                progress(Progress::Done { step: position });
            }
            steps.push(state);
        }
        ApplyReport { steps }
    }
}

impl Run<'_> {
    async fn step(&mut self, position: usize, step: &PlannedStep) -> StepState {
        let patch = match &step.action {
            Action::Manual => return StepState::Manual,
            Action::Patch(patch) | Action::ProbeImage(patch) => patch,
        };
        (self.progress)(Progress::Patching { step: position });
        if let Action::ProbeImage(pod) = &step.action {
            return self.probe(position, pod).await;
        }
        match self.write(position, patch).await {
            StepState::Done { object } => self.verify(position, step, (patch, object)).await,
            other => other,
        }
    }

    /// Waits where the step says so, looks once more, and holds the object against what was expected.
    async fn verify(
        &mut self,
        position: usize,
        step: &PlannedStep,
        (patch, applied): (&ObjectPatch, Option<Box<Object>>),
    ) -> StepState {
        // It was only waiting for this, and is not there to be looked at any more.
        let vanished = finalizer::vanishes(&patch.after);
        // Not waited for, so nothing can be said of the outcome; it is applied.
        let unseen = step.wait && !self.options.wait;
        if vanished || unseen || (patch.act() == Act::Delete && !step.wait) {
            return StepState::Done { object: applied };
        }
        let seen = match &applied {
            None => self.wait_until_gone(position, patch).await.map(|()| None),
            Some(object) if step.wait => self.wait(position, object).await.map(Some),
            Some(object) => self.glance(object).await.map(Some),
        };
        let object = match seen {
            Ok(object) => object,
            Err(reason) => return StepState::RolloutFailed(reason),
        };
        let holds = |expected: &&Expected| {
            let object = object.as_ref().map(|object| &object.value);
            object.and_then(|object| expected.pointer.get(object)) == Some(&expected.value)
        };
        if let Some(expected) = step.expect.iter().find(|expected| !holds(expected)) {
            return StepState::RolloutFailed(format!(
                "{} is not what was written; something else has changed it",
                expected.pointer
            ));
        }
        let verified = Record::Verified {
            step: position,
            at: time::now(),
        };
        match (self.record)(verified) {
            Ok(()) => StepState::Done {
                object: object.map(Box::new),
            },
            Err(error) => StepState::Unknown(unwritten(&error)),
        }
    }
}

/// The write is done, and only the journal does not know.
fn unwritten(error: &io::Error) -> String {
    format!("applied, but the journal could not be written: {error}")
}
