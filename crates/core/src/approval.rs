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

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::message::Text;
    use crate::plan::{Action, ObjectPatch, PlannedStep};
    use crate::report::Risk;

    fn id(api_version: &str, kind: &str, name: &str) -> ObjectId {
        ObjectId {
            api_version: api_version.into(),
            kind: kind.into(),
            namespace: String::new(),
            name: name.into(),
        }
    }

    fn plan(ids: &[&ObjectId]) -> Plan {
        let step = |id: &&ObjectId| PlannedStep {
            message: Text {
                en: "m".into(),
                ko: "m".into(),
            },
            args: Vec::new(),
            action: Action::Patch(Box::new(ObjectPatch {
                id: (*id).clone(),
                uid: "u".into(),
                resource_version: "1".into(),
                before: json!({}),
                after: json!({}),
                edits: Vec::new(),
                declared: Vec::new(),
                credentials: Default::default(),
                managed_by: None,
            })),
            risk: Risk::Safe,
            needs: Vec::new(),
            wait: false,
            expect: Vec::new(),
        };
        Plan {
            steps: ids.iter().map(step).collect(),
        }
    }

    fn approved(ids: &[&ObjectId], agreed: &[&ObjectId]) -> Result<(), ObjectId> {
        let consent = Consent::from_flag(true).unwrap();
        let agreed: Vec<_> = agreed
            .iter()
            .map(|id| GuardedConsent::from_answer(id, true).unwrap())
            .collect();
        Approved::new(plan(ids), consent, &agreed).map(|_| ())
    }

    #[test]
    fn what_decides_what_others_may_do_needs_a_yes_of_its_own() {
        let settings = id("v1", "ConfigMap", "settings");
        for guarded in [
            id("rbac.authorization.k8s.io/v1", "ClusterRole", "admin"),
            id("rbac.authorization.k8s.io/v1", "RoleBinding", "admin"),
            id(
                "admissionregistration.k8s.io/v1",
                "MutatingWebhookConfiguration",
                "hook",
            ),
        ] {
            let other = id(&guarded.api_version, &guarded.kind, "other");
            let missing = || Err(guarded.clone());
            assert_eq!(approved(&[&settings, &guarded], &[]), missing());
            assert_eq!(
                approved(&[&settings, &guarded], &[&settings, &other]),
                missing()
            );
            assert_eq!(approved(&[&other, &guarded], &[&other]), missing());
            assert_eq!(approved(&[&settings, &guarded], &[&guarded]), Ok(()));
            assert_eq!(approved(&[&other, &guarded], &[&guarded, &other]), Ok(()));
        }
        assert_eq!(approved(&[&settings], &[]), Ok(()));
    }

    #[test]
    fn a_no_is_no_consent() {
        assert!(Consent::from_answer(false).is_none());
        assert!(Consent::from_flag(false).is_none());
        let role = id("rbac.authorization.k8s.io/v1", "Role", "r");
        assert!(GuardedConsent::from_answer(&role, false).is_none());
    }
}
