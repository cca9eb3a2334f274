//! Whether the kubelet sets the group of the files on a volume at all.

use std::collections::BTreeMap;

use nks_fixer::{Input, Object, Pod};
use serde_json::Value;

/// A claim that a pod mounts.
#[derive(Clone, Debug)]
pub(crate) struct Claim<'a> {
    /// What the pod calls the volume.
    pub(crate) volume: &'a str,
    /// The name of the PersistentVolumeClaim.
    pub(crate) name: String,
    /// The PersistentVolume bound to it; `None` where it is not supplied.
    pub(crate) persistent_volume: Option<&'a Object>,
    /// What the kubelet does to it.
    pub(crate) treatment: Treatment<'a>,
}

/// What the kubelet does to the files of a volume when a pod sets fsGroup.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Treatment<'a> {
    /// It sets their group.
    Walked,
    /// It leaves them alone.
    LeftAlone,
    /// There is no volume to look at, or it is one that kubelets treat differently.
    UnknownVolume,
    /// There is no CSIDriver object of this name.
    UnknownDriver(&'a str),
}

/// The PersistentVolumes and CSIDrivers of the cluster.
pub(crate) struct Volumes<'a> {
    by_claim: BTreeMap<(&'a str, &'a str), &'a Object>,
    drivers: BTreeMap<&'a str, &'a Object>,
}

impl<'a> Volumes<'a> {
    pub(crate) fn of(input: &'a Input) -> Self {
        let mut volumes = Self {
            by_claim: BTreeMap::new(),
            drivers: BTreeMap::new(),
        };
        for object in &input.objects {
            match object.kind.as_str() {
                // A released volume still names its last claim, and a new claim may have the same name.
                "PersistentVolume" if object.text("/status/phase") == Some("Bound") => {
                    let namespace = object.text("/spec/claimRef/namespace").unwrap_or_default();
                    let name = object.text("/spec/claimRef/name").unwrap_or_default();
                    volumes.by_claim.insert((namespace, name), object);
                }
                "CSIDriver" => {
                    volumes.drivers.insert(&object.name, object);
                }
                _ => {}
            }
        }
        volumes
    }

    /// The claims that a pod mounts. Volumes of other kinds are made anew with the pod, and the policy does not apply to
    /// them.
    pub(crate) fn claims(&self, pod: Pod<'a>) -> Vec<Claim<'a>> {
        let volumes = pod
            .object
            .value
            .pointer("/spec/volumes")
            .and_then(Value::as_array);
        volumes
            .into_iter()
            .flatten()
            .filter_map(|volume| self.claim(pod.object, volume))
            .collect()
    }

    fn claim(&self, pod: &'a Object, volume: &'a Value) -> Option<Claim<'a>> {
        let name_in_pod = volume.get("name")?.as_str()?;
        let source = volume.get("persistentVolumeClaim");
        let name = match source {
            Some(source) => source.get("claimName")?.as_str()?.to_owned(),
            // Kubernetes names the claim of a generic ephemeral volume so.
            None if volume.get("ephemeral").is_some() => [&pod.name, "-", name_in_pod].concat(),
            None => return None,
        };
        let read_only = source
            .and_then(|source| source.get("readOnly"))
            .and_then(Value::as_bool);
        let persistent_volume = self
            .by_claim
            .get(&(pod.namespace.as_str(), name.as_str()))
            .copied();
        let treatment = match persistent_volume {
            None => Treatment::UnknownVolume,
            Some(_) if read_only == Some(true) => Treatment::LeftAlone,
            Some(persistent_volume) => self.treatment(persistent_volume),
        };
        Some(Claim {
            volume: name_in_pod,
            name,
            persistent_volume,
            treatment,
        })
    }

    /// The kubelet's own rule: `supportsFSGroup` in `pkg/volume/csi/csi_mounter.go`.
    fn treatment(&self, volume: &'a Object) -> Treatment<'a> {
        let has = |pointer: &str| volume.value.pointer(pointer).is_some();
        let never = volume.text("/spec/volumeMode") == Some("Block")
            || has("/spec/nfs")
            || has("/spec/hostPath");
        if never {
            return Treatment::LeftAlone;
        }
        let Some(driver) = volume.text("/spec/csi/driver") else {
            return Treatment::UnknownVolume;
        };
        let Some(found) = self.drivers.get(driver) else {
            return Treatment::UnknownDriver(driver);
        };
        match found.text("/spec/fsGroupPolicy") {
            Some("File") => Treatment::Walked,
            Some("None") => Treatment::LeftAlone,
            // `ReadWriteOnceWithFSType`, which is also what no policy means.
            _ if !has_file_system_type(volume) => Treatment::LeftAlone,
            _ if has_access_mode(volume, "ReadWriteOnce") => Treatment::Walked,
            // Newer kubelets treat it like ReadWriteOnce, older ones do not (kubernetes/kubernetes#127817).
            _ if has_access_mode(volume, "ReadWriteOncePod") => Treatment::UnknownVolume,
            _ => Treatment::LeftAlone,
        }
    }
}

fn has_file_system_type(volume: &Object) -> bool {
    volume
        .text("/spec/csi/fsType")
        .is_some_and(|file_system| !file_system.is_empty())
}

fn has_access_mode(volume: &Object, wanted: &str) -> bool {
    let modes = volume
        .value
        .pointer("/spec/accessModes")
        .and_then(Value::as_array);
    modes.into_iter().flatten().any(|mode| mode == wanted)
}
