//! Who owns whom, by uid, among the objects supplied.

use std::collections::BTreeMap;

use serde_json::Value;

use crate::input::{Input, Object};

/// The owners of the objects in one [`Input`]. Built once, since each look-up by uid would otherwise read every object.
#[derive(Clone, Debug)]
pub struct Owners<'a> {
    input: &'a Input,
    by_uid: BTreeMap<&'a str, u32>,
}

/// Pod → ReplicaSet → Deployment → operator needs three; more is a loop or a forgery.
const MOST_OWNERS: usize = 8;

impl<'a> Owners<'a> {
    /// Reads the owners of everything in `input`.
    pub fn of(input: &'a Input) -> Self {
        let mut by_uid = BTreeMap::new();
        for (index, object) in input.indexed().filter(|(_, object)| !object.uid.is_empty()) {
            by_uid.insert(object.uid.as_str(), index);
        }
        Self { input, by_uid }
    }

    /// Index of the object's controller; `None` where it has none or it was not supplied.
    pub fn controller(&self, object: &Object) -> Option<u32> {
        let uid = object.controller()?.get("uid").and_then(Value::as_str)?;
        self.by_uid.get(uid).copied()
    }

    /// Index of the last owner that was supplied: for a Pod of a Deployment, the Deployment. The index itself where
    /// nothing supplied owns the object.
    pub fn top(&self, index: u32) -> u32 {
        self.chain(index).pop().unwrap_or(index)
    }

    /// The index itself, and the indexes of the owners that were supplied, the last one last.
    pub fn chain(&self, index: u32) -> Vec<u32> {
        let mut chain = vec![index];
        let mut at = index;
        for _ in 0..MOST_OWNERS {
            let object = self.input.objects.get(at as usize);
            match object.and_then(|object| self.controller(object)) {
                Some(owner) => at = owner,
                None => break,
            }
            chain.push(at);
        }
        chain
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_pod_is_traced_to_its_deployment_by_uid() {
        let owned = |kind: &str, uid: &str, owner: &str| {
            json!({"kind": kind, "metadata": {"name": kind, "uid": uid,
                "ownerReferences": [{"controller": true, "uid": owner, "name": "same", "kind": "any"}]}})
        };
        let input = Input::of_values([
            json!({"kind": "Deployment", "metadata": {"name": "d", "uid": "d"}}),
            owned("ReplicaSet", "r", "d"),
            owned("Pod", "p", "r"),
            owned("Pod", "q", "not-supplied"),
            owned("Pod", "s", "s"),
        ]);
        let owners = Owners::of(&input);
        assert_eq!(
            (owners.top(2), owners.top(1), owners.top(0), owners.top(3)),
            (0, 0, 0, 3)
        );
        assert_eq!(
            owners.top(4),
            4,
            "an object that owns itself ends the search"
        );
        assert_eq!(owners.top(99), 99);
        assert_eq!(owners.chain(2), [2, 1, 0]);
    }
}
