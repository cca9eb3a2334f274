//! Consent, in the types: nothing is applied that is not [`Approved`], and nothing is approved without [`Consent`].

use serde_json::Value;

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

/// A plan that was previewed on the server, shown, and agreed to.
#[derive(Debug)]
pub struct Approved {
    plan: Plan,
}

impl Approved {
    /// Takes the consent with it: one yes is good for one run.
    pub fn new(plan: Plan, _consent: Consent) -> Self {
        Self { plan }
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
