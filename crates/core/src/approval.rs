//! Consent, in the types: nothing is applied that is not [`Approved`], and nothing is approved without [`Consent`].

use serde_json::Value;

use crate::object::ObjectId;
use crate::plan::Plan;

/// Somebody said yes to this very plan. There are two ways to get one, and no default.
#[derive(Debug)]
pub struct Consent(());

impl Consent {
    /// From the answer to the question that follows the diff.
    pub fn from_answer(yes: bool) -> Option<Self> {
        yes.then_some(Self(()))
    }

    /// From `--yes`.
    pub fn from_flag(yes: bool) -> Option<Self> {
        yes.then_some(Self(()))
    }
}

/// Somebody said yes to the change of one object that decides what others may do. `--yes` gives none.
#[derive(Debug)]
pub struct GuardedConsent(ObjectId);

impl GuardedConsent {
    /// From the answer to the question about this object.
    pub fn from_answer(object: &ObjectId, yes: bool) -> Option<Self> {
        yes.then(|| Self(object.clone()))
    }
}

/// A plan that was previewed on the server, shown, and agreed to.
#[derive(Debug)]
pub struct Approved {
    plan: Plan,
}

impl Approved {
    /// Takes the consents with it: one yes is good for one run.
    ///
    /// # Errors
    /// The first guarded object that nobody said yes to by itself.
    pub fn new(
        plan: Plan,
        _consent: Consent,
        guarded: &[GuardedConsent],
    ) -> Result<Self, ObjectId> {
        let agreed = |id: &ObjectId| guarded.iter().any(|consent| consent.0 == *id);
        let missing = plan.guarded().find(|patch| !agreed(&patch.id));
        match missing.map(|patch| patch.id.clone()) {
            Some(missing) => Err(missing),
            None => Ok(Self { plan }),
        }
    }

    /// What was agreed to.
    pub fn plan(&self) -> &Plan {
        &self.plan
    }
}

/// What the server's dry run returned for each patch of a plan, by step.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Preview {
    /// Step and the object as the server would store it.
    pub after: Vec<(usize, Value)>,
}
