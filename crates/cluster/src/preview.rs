//! The server's own word on what a plan would do: each patch as a dry run, defaulting and webhooks included.

use nks_core::approval::Preview;
use nks_core::object::ObjectId;
use nks_core::plan::{Act, ObjectPatch, Plan, check_preview};
use nks_core::scope::ScopeError;
use serde_json::Value;

use crate::cluster::Cluster;
use crate::error::RequestError;
use crate::patch::{Drift, Fresh, Writing, written};

/// How often a patch is tried again after its object's version moved on.
pub(crate) const MAX_MOVES: u32 = 3;

/// Why a plan cannot be shown as the server would carry it out. Nothing was changed.
#[derive(Debug, thiserror::Error)]
#[error("step {}, {object}: {problem}", step + 1)]
pub struct PreviewError {
    /// The step, counted from 0.
    pub step: usize,
    /// The object of the step.
    pub object: ObjectId,
    /// What is wrong.
    pub problem: PreviewProblem,
}

/// What can be wrong with a step in the dry run.
#[derive(Debug, thiserror::Error)]
pub enum PreviewProblem {
    /// The object is not the one that was read: read and plan again.
    #[error("{0}")]
    Conflict(Drift),
    /// The server would change more than was declared, most likely by an admission webhook.
    #[error("the server would change more than the plan does: {0}")]
    Scope(#[from] ScopeError),
    /// The server refused, or gave no usable answer.
    #[error("{0}")]
    Request(#[from] RequestError),
}

impl Cluster {
    /// Asks for each patch of `plan`, in order, what the server would make of it, and holds that against what the patch
    /// may change. A step that is already in place comes back as the object is, and a deletion as null.
    pub async fn preview(&self, plan: &Plan, field_manager: &str) -> Result<Preview, PreviewError> {
        let mut preview = Preview::default();
        for (step, patch) in plan.patches() {
            let after = self
                .dry_run(patch, field_manager)
                .await
                .map_err(|problem| PreviewError {
                    step,
                    object: patch.id.clone(),
                    problem,
                })?;
            preview.after.push((step, after));
        }
        Ok(preview)
    }

    async fn dry_run(
        &self,
        patch: &ObjectPatch,
        field_manager: &str,
    ) -> Result<Value, PreviewProblem> {
        let writing = Writing {
            field_manager,
            dry_run: true,
        };
        let mut refused = None;
        for _ in 0..=MAX_MOVES {
            let fresh = match self.look(patch).await? {
                Fresh::Same(fresh) => fresh,
                Fresh::Holds(None) => return Err(PreviewProblem::Conflict(Drift::Gone)),
                Fresh::Holds(Some(_)) if patch.act() == Act::Delete => return Ok(Value::Null),
                Fresh::Holds(Some(object)) => return Ok(object.value),
                Fresh::Drifted(drift) => return Err(PreviewProblem::Conflict(drift)),
            };
            // The same refusal of an unchanged object is the server's last word.
            if let Some(RequestError::Invalid(message)) = refused.take() {
                return Err(RequestError::Invalid(message).into());
            }
            let call = self.write_call(patch, fresh.as_deref(), &writing).await?;
            // A dry run changes nothing, so it may be asked again.
            match self.call_read(&call).await {
                Ok(answer) => {
                    let Some(after) = written(patch, answer)? else {
                        return Ok(Value::Null);
                    };
                    check_preview(patch, &after.value)?;
                    return Ok(after.value);
                }
                Err(error @ (RequestError::Conflict { .. } | RequestError::Invalid(_))) => {
                    refused = Some(error);
                }
                Err(RequestError::NotFound { .. }) if patch.act() != Act::Create => {
                    return Err(PreviewProblem::Conflict(Drift::Gone));
                }
                Err(error) => return Err(error.into()),
            }
        }
        Err(PreviewProblem::Conflict(Drift::Busy))
    }
}
