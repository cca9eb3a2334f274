//! The claims that name no StorageClass and wait.

use nks_fixer::{Finding, Input, Object, naming};
use serde_json::Value;

/// Before there was a field for it, a claim named its class in an annotation. An empty one asks for no class at all.
const CLASS_ANNOTATION: &str = "volume.beta.kubernetes.io/storage-class";

/// A younger claim may yet be bound to a volume made by hand, in seconds.
const STARTING: i64 = 60;

/// A claim that waits.
#[derive(Clone, Copy)]
pub(crate) struct Claim<'a> {
    index: u32,
    object: &'a Object,
}

/// The claims that wait for a default class.
pub(crate) struct Waiting<'a> {
    input: &'a Input,
    /// Those that a class of Cinder volumes can serve.
    pub(crate) for_cinder: Vec<Claim<'a>>,
    /// Those that it cannot: a Cinder volume is attached to one node, and is not chosen by labels.
    pub(crate) for_others: Vec<Claim<'a>>,
}

impl<'a> Waiting<'a> {
    pub(crate) fn of(input: &'a Input) -> Self {
        let claims = input
            .indexed()
            .filter(|(_, object)| object.kind == "PersistentVolumeClaim" && waits(input, object))
            .map(|(index, object)| Claim { index, object });
        let (for_cinder, for_others) = claims.partition(Claim::is_for_cinder);
        Self {
            input,
            for_cinder,
            for_others,
        }
    }

    /// Those that some class could serve: nothing is known of the default that there is.
    pub(crate) fn for_any_class(&self) -> Vec<Claim<'a>> {
        let all = self.for_cinder.iter().chain(&self.for_others);
        all.filter(|claim| !claim.chooses_by_labels())
            .copied()
            .collect()
    }

    /// Names `claims` in a finding, and the pods that wait for them.
    pub(crate) fn name(&self, finding: Finding, claims: &[Claim]) -> Finding {
        let names: Vec<String> = claims.iter().map(Claim::name).collect();
        let mut indexes = claims.iter().map(|claim| claim.index);
        let finding = match indexes.next() {
            Some(first) => finding.on(first),
            None => finding,
        };
        finding
            .seen_on(indexes)
            .seen_on(self.pods(claims))
            .arg("count", claims.len().to_string())
            .arg("claims", naming::list(names.iter().map(String::as_str)))
    }

    fn pods(&self, claims: &[Claim]) -> impl Iterator<Item = u32> {
        let waits = |pod: &Object| {
            claims
                .iter()
                .any(|claim| claim.object.namespace == pod.namespace && uses(pod, claim.object))
        };
        let pods = self.input.pods();
        pods.filter(move |pod| waits(pod.object))
            .map(|pod| pod.index)
    }
}

impl Claim<'_> {
    /// `shop/data-db-0`
    fn name(&self) -> String {
        [&self.object.namespace, "/", &self.object.name].concat()
    }

    fn is_for_cinder(&self) -> bool {
        let modes = self.object.value.pointer("/spec/accessModes");
        let mut modes = modes.and_then(Value::as_array).into_iter().flatten();
        let is_for_one_node = |mode: &Value| {
            let mode = mode.as_str();
            matches!(mode, Some("ReadWriteOnce" | "ReadWriteOncePod"))
        };
        modes.all(is_for_one_node) && !self.chooses_by_labels()
    }

    fn chooses_by_labels(&self) -> bool {
        let selector = self.object.value.pointer("/spec/selector");
        selector.is_some_and(|selector| !selector.is_null())
    }
}

/// Whether a claim waits because it names no class. `storageClassName: ""` names none on purpose, and a claim that names
/// its volume waits for that one.
fn waits(input: &Input, claim: &Object) -> bool {
    let says = |pointer: &str| {
        let value = claim.value.pointer(pointer);
        value.is_some_and(|value| !value.is_null())
    };
    let age = input.context.now_unix - claim.created().unwrap_or_default();
    claim.text("/status/phase") == Some("Pending")
        && !says("/spec/storageClassName")
        && !says("/spec/volumeName")
        && claim.annotation(CLASS_ANNOTATION).is_none()
        && !claim.is_being_deleted()
        && age >= STARTING
}

fn uses(pod: &Object, claim: &Object) -> bool {
    let volumes = pod.value.pointer("/spec/volumes").and_then(Value::as_array);
    let mut names = volumes
        .into_iter()
        .flatten()
        .filter_map(|volume| volume.pointer("/persistentVolumeClaim/claimName")?.as_str());
    names.any(|name| name == claim.name)
}
