//! The volumes that are billed for, and the claims that are bound to one.

use std::collections::BTreeMap;

use nks_fixer::{Input, Object};

use serde_json::Value;

use crate::Idle;

const DRIVER: &str = "cinder.csi.openstack.org";

/// What a volume keeps from its time with a claim: the provisioner made it for one, or the controller bound it to one.
const TRACES: [&str; 2] = [
    "pv.kubernetes.io/provisioned-by",
    "pv.kubernetes.io/bound-by-controller",
];

/// Seconds that a new claim has to be used by something.
const SETTLED: i64 = 24 * 60 * 60;

const GIB: u64 = 1 << 30;

/// The billed volumes by name.
pub(crate) type Volumes<'a> = BTreeMap<&'a str, Volume<'a>>;

/// A volume that is billed for.
pub(crate) struct Volume<'a> {
    index: u32,
    object: &'a Object,
    bytes: u64,
}

/// What becomes of a volume, from what is least wanted on.
#[derive(PartialEq, Eq, PartialOrd, Ord)]
enum Phase {
    /// Its claim is gone.
    Released,
    /// It waits for a claim.
    Available,
    /// It has a claim, or something is wrong with it.
    Other,
}

/// A claim that is bound to a billed volume.
pub(crate) struct Claim<'a> {
    pub(crate) object: &'a Object,
    pub(crate) idle: Idle,
}

/// The volumes of Cinder, also those of the driver that Kubernetes has replaced.
pub(crate) fn billed(input: &Input) -> Volumes<'_> {
    let is_billed = |object: &Object| {
        object.kind == "PersistentVolume"
            && (object.text("/spec/csi/driver") == Some(DRIVER)
                || object.text("/spec/cinder/volumeID").is_some())
            && !object.is_being_deleted()
    };
    input
        .indexed()
        .filter(|(_, object)| is_billed(object))
        .map(|(index, object)| {
            let capacity = object.value.pointer("/spec/capacity/storage");
            let bytes = capacity.and_then(bytes).unwrap_or(0);
            (
                object.name.as_str(),
                Volume {
                    index,
                    object,
                    bytes,
                },
            )
        })
        .collect()
}

/// The volumes without a claim for which `test` holds, and whose data nothing else stands for.
pub(crate) fn idle(volumes: &Volumes, test: impl Fn(&Volume) -> bool) -> Vec<Idle> {
    volumes
        .values()
        .filter(|volume| test(volume) && !volumes.values().any(|other| other.replaces(volume)))
        .map(Volume::idle)
        .collect()
}

impl Volume<'_> {
    /// Whether its claim is gone and it is kept. What is not to be kept is being deleted by the driver.
    pub(crate) fn is_retained(&self) -> bool {
        let policy = self.object.text("/spec/persistentVolumeReclaimPolicy");
        self.phase() == Phase::Released && policy == Some("Retain")
    }

    /// Whether it had a claim and could be given to another. One that never had any may be meant for a claim to come.
    pub(crate) fn lost_its_claim(&self) -> bool {
        let has = |annotation: &&str| self.object.annotation(annotation).is_some();
        self.phase() == Phase::Available && TRACES.iter().any(has)
    }

    /// Whether both are the same volume of the cloud, which goes on in this one. Whoever wants back the data of a released
    /// volume makes a second PersistentVolume of it, and the first one stays behind.
    fn replaces(&self, other: &Volume) -> bool {
        self.id().is_some()
            && self.id() == other.id()
            && (self.phase(), &other.object.name) > (other.phase(), &self.object.name)
    }

    /// `pvc-0b1c… (shop/data-db-0)`: the volume and the claim that it belonged to.
    fn idle(&self) -> Idle {
        let claim = |field: &str| self.object.text(&["/spec/claimRef/", field].concat());
        let name = match (claim("namespace"), claim("name")) {
            (Some(namespace), Some(claim)) => {
                [&self.object.name, " (", namespace, "/", claim, ")"].concat()
            }
            _ => self.object.name.clone(),
        };
        Idle {
            index: self.index,
            name,
            bytes: self.bytes,
        }
    }

    fn phase(&self) -> Phase {
        match self.object.text("/status/phase") {
            Some("Released") => Phase::Released,
            Some("Available") => Phase::Available,
            _ => Phase::Other,
        }
    }

    /// Its ID in the cloud.
    fn id(&self) -> Option<&str> {
        self.object
            .text("/spec/csi/volumeHandle")
            .or_else(|| self.object.text("/spec/cinder/volumeID"))
    }
}

/// The claims that have been bound to one of `volumes` for more than a moment.
pub(crate) fn bound_claims<'a>(input: &'a Input, volumes: &Volumes) -> Vec<Claim<'a>> {
    let now = input.context.now_unix;
    let is_settled = |object: &Object| {
        object.text("/status/phase") == Some("Bound")
            && object
                .created()
                .is_none_or(|created| now - created > SETTLED)
            && !object.is_being_deleted()
    };
    input
        .indexed()
        .filter(|(_, object)| object.kind == "PersistentVolumeClaim" && is_settled(object))
        .filter_map(|(index, object)| {
            let volume = volumes.get(object.text("/spec/volumeName")?)?;
            let idle = Idle {
                index,
                name: [object.namespace.as_str(), object.name.as_str()].join("/"),
                bytes: volume.bytes,
            };
            Some(Claim { object, idle })
        })
        .collect()
}

/// Bytes in GiB, to a tenth where they are no whole number.
pub(crate) fn gib(bytes: u64) -> String {
    let tenths = (bytes / GIB) * 10 + (bytes % GIB * 10 + GIB / 2) / GIB;
    match tenths % 10 {
        0 => (tenths / 10).to_string(),
        rest => [(tenths / 10).to_string(), rest.to_string()].join("."),
    }
}

/// A capacity in bytes, rounded up.
fn bytes(capacity: &Value) -> Option<u64> {
    nks_fixer::quantity::milli(capacity)?
        .div_ceil(1_000)
        .try_into()
        .ok()
}
