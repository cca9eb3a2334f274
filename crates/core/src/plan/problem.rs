//! Why a step of a fixer is not carried out.

use serde_json::Value;

use crate::credential::CredentialError;
use crate::finalizer::FinalizerError;
use crate::json::JsonError;
use crate::object::ObjectId;
use crate::pointer::Pointer;
use crate::scope::ScopeError;
use crate::secret::SecretError;

/// Why a fixer's steps are not carried out.
#[derive(Debug, thiserror::Error)]
#[error("step {step}: {problem}")]
pub struct PlanError {
    /// The step, counted from 1.
    pub step: usize,
    /// What is wrong with it.
    pub problem: Problem,
}

/// What can be wrong with a step.
#[derive(Debug, thiserror::Error)]
pub enum Problem {
    /// A kind of change that this version does not carry out.
    #[error("`{0}` is not carried out by this version")]
    NotCarriedOut(&'static str),
    /// The manifest does not declare this write.
    #[error("the manifest declares no {verb} of {object}")]
    Undeclared {
        /// `patch`, `create`, `delete` or `restart`
        verb: &'static str,
        /// Which object.
        object: ObjectId,
    },
    /// A kind that is not changed, or not created and deleted, by fixers of this version.
    #[error("{0} is of a kind that this version never changes")]
    Never(ObjectId),
    /// What it would create is no object that can be handled.
    #[error("what it would create is not usable: {0}")]
    Creation(String),
    /// What it would create is there.
    #[error("it would create {0}, which is there already")]
    Exists(ObjectId),
    /// An image that may not be asked for, or not in this way.
    #[error("it asks for the image {image}, which {problem}")]
    Image {
        /// The reference.
        image: String,
        /// What is wrong with it.
        problem: &'static str,
    },
    /// More objects of a kind than declared.
    #[error("the manifest allows {max} objects of kind {kind}")]
    TooMany {
        /// The kind.
        kind: String,
        /// What the manifest allows.
        max: u32,
    },
    /// A second step for the same object.
    #[error("{0} is changed by two steps; one has to hold both")]
    Twice(ObjectId),
    /// The patch is not JSON or no RFC 6902 document.
    #[error("its patch is not usable: {0}")]
    Patch(#[from] JsonError),
    /// An operation other than test, add, replace and remove.
    #[error("its patch uses `{0}`; only test, add, replace and remove are accepted")]
    Operation(&'static str),
    /// The patch does not fit the object.
    #[error("its patch does not apply: {0}")]
    Apply(String),
    /// A place outside the declared paths.
    #[error("{0}")]
    Scope(#[from] ScopeError),
    /// Finalizers that have to stay, or something else than a removal.
    #[error("{0}")]
    Finalizers(#[from] FinalizerError),
    /// A value of a Secret is not where it was.
    #[error("{0}")]
    Secret(#[from] SecretError),
    /// A change of a Secret that would have to be written to the journal with its values.
    #[error("the change of the Secret cannot be recorded without its values")]
    Sealing,
    /// A token of a Secret outside of that Secret's texts.
    #[error("it carries a secret's token out of its place")]
    Token,
    /// A value of a new Secret that is no secret setting, or no use.
    #[error("{0}")]
    Value(#[from] CredentialError),
    /// A Secret of a name that the manifest does not read: it could be any.
    #[error("it would create {0}, and reads no Secret of that name")]
    Unread(ObjectId),
    /// A value that would have to be written to the journal, and must not be.
    #[error("{0} holds a credential, which this version does not change")]
    Credential(Pointer),
    /// An expectation that is not a pointer or not JSON.
    #[error("its expectation is not usable: {0}")]
    Expectation(String),
    /// An expectation that the patch itself does not meet.
    #[error("it expects {pointer} to be {value}, which its patch does not bring about")]
    Unmet {
        /// Where.
        pointer: Pointer,
        /// What was expected.
        value: Value,
    },
}
