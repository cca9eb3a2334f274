//! PersistentVolumes and their claims.

use std::collections::BTreeMap;

use nks_fixer::{Input, Object};
use serde_json::Value;

pub(crate) struct Volumes<'a> {
    volumes: BTreeMap<&'a str, &'a Object>,
    /// By namespace and name.
    claims: BTreeMap<(&'a str, &'a str), (u32, &'a Object)>,
}

/// On how many nodes a volume can be used.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Reach {
    /// The volume was not read, or is gone.
    Unknown,
    OneNode,
    SeveralNodes,
}

impl<'a> Volumes<'a> {
    pub(crate) fn of(input: &'a Input) -> Self {
        let (mut volumes, mut claims) = (BTreeMap::new(), BTreeMap::new());
        for (index, object) in input.indexed() {
            match object.kind.as_str() {
                "PersistentVolume" => {
                    volumes.insert(object.name.as_str(), object);
                }
                "PersistentVolumeClaim" => {
                    let name = (object.namespace.as_str(), object.name.as_str());
                    claims.insert(name, (index, object));
                }
                _ => {}
            }
        }
        Self { volumes, claims }
    }

    pub(crate) fn reach(&self, volume: &str) -> Reach {
        let Some(volume) = self.volumes.get(volume) else {
            return Reach::Unknown;
        };
        let modes = volume.value.pointer("/spec/accessModes");
        let mut modes = modes.and_then(Value::as_array).into_iter().flatten();
        let is_shared = |mode: &Value| {
            let mode = mode.as_str();
            matches!(mode, Some("ReadWriteMany" | "ReadOnlyMany"))
        };
        if modes.any(is_shared) {
            Reach::SeveralNodes
        } else {
            Reach::OneNode
        }
    }

    /// Index of the claim that a volume is bound to.
    pub(crate) fn claim(&self, volume: &str) -> Option<u32> {
        let claim = self.claims.get(&self.claim_name(volume)?);
        claim.map(|(index, _)| *index)
    }

    /// `pvc-7c1e (shop/data-db-0)`, as far as that is known.
    pub(crate) fn display(&self, volume: &str) -> String {
        match self.claim_name(volume) {
            Some((namespace, name)) => [volume, " (", namespace, "/", name, ")"].concat(),
            None => volume.to_owned(),
        }
    }

    /// The volumes that a pod's claims are bound to.
    pub(crate) fn of_pod(&self, pod: &Object) -> impl Iterator<Item = &'a str> {
        let volumes = pod.value.pointer("/spec/volumes").and_then(Value::as_array);
        let claims = volumes
            .into_iter()
            .flatten()
            .filter_map(|volume| volume.pointer("/persistentVolumeClaim/claimName")?.as_str());
        claims.filter_map(|claim| {
            let (_, claim) = self.claims.get(&(pod.namespace.as_str(), claim))?;
            claim.text("/spec/volumeName")
        })
    }

    fn claim_name(&self, volume: &str) -> Option<(&'a str, &'a str)> {
        let volume = self.volumes.get(volume)?;
        let namespace = volume.text("/spec/claimRef/namespace")?;
        Some((namespace, volume.text("/spec/claimRef/name")?))
    }
}
