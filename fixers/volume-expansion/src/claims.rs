//! The claims of a class that want to grow.
//!
//! A larger size that the API server refused leaves no trace in the claim. It is seen where a controller asked for it, such
//! as the operator of a database, and an event on the controller's own object quotes the refusal.

use nks_fixer::{Finding, Input, Object};
use serde_json::Value;

/// How many claims a message names.
const MOST_NAMES: usize = 10;

/// Older clusters say the class of a claim in an annotation, which then counts.
const CLASS_ANNOTATION: &str = "volume.beta.kubernetes.io/storage-class";

const REQUESTED: &str = "/spec/resources/requests/storage";
const CAPACITY: &str = "/status/capacity/storage";

/// The claims of one class that want to grow.
#[derive(Default)]
pub(crate) struct Claims {
    /// The API server refused a larger size.
    pub(crate) refused: Vec<Claim>,
    /// A larger size is in the claim, and the driver could not give it.
    pub(crate) failed: Vec<Claim>,
    /// A larger size is in the claim, and the volume is not as large; nothing says why.
    pub(crate) unfinished: Vec<Claim>,
}

/// A claim that wants to grow.
#[derive(Clone)]
pub(crate) struct Claim {
    index: u32,
    /// `shop/data-db-0`, with the sizes where both are known: `shop/data-db-0 (10Gi → 20Gi)`.
    name: String,
    /// The event that shows it.
    event: Option<u32>,
}

impl Claims {
    /// All of them, in the order of the objects.
    pub(crate) fn all(&self) -> Vec<Claim> {
        let mut all = [&*self.refused, &*self.failed, &*self.unfinished].concat();
        all.sort_by_key(|claim| claim.index);
        all
    }
}

/// The warnings that speak of claims that could not grow.
pub(crate) fn events(input: &Input) -> Vec<(u32, &Object)> {
    let speaks = |event: &Object| {
        event.kind == "Event"
            && event.text("/type") == Some("Warning")
            && (is_failure(event) || is_refusal(event))
    };
    input.indexed().filter(|(_, event)| speaks(event)).collect()
}

/// The claims of the class of that name.
pub(crate) fn of_class(input: &Input, events: &[(u32, &Object)], class: &str) -> Claims {
    let mut claims = Claims::default();
    let of_class = |object: &Object| {
        object.kind == "PersistentVolumeClaim"
            && self::class(object) == Some(class)
            && !object.is_being_deleted()
    };
    for (index, claim) in input.indexed().filter(|(_, object)| of_class(object)) {
        let event = |test: fn(&Object, &Object) -> bool| {
            let found = events.iter().find(|(_, event)| test(event, claim));
            found.map(|(event, _)| *event)
        };
        let name = [claim.namespace.as_str(), claim.name.as_str()].join("/");
        if is_unfinished(claim) {
            let sizes = [size(claim, CAPACITY), size(claim, REQUESTED)].join(" → ");
            let name = [&name, " (", &sizes, ")"].concat();
            let event = event(is_failure_of);
            let list = match event {
                Some(_) => &mut claims.failed,
                None => &mut claims.unfinished,
            };
            list.push(Claim { index, name, event });
        } else if let Some(event) = event(is_refusal_of) {
            let event = Some(event);
            claims.refused.push(Claim { index, name, event });
        }
    }
    claims
}

/// Names the claims in a finding, and the events that show it.
pub(crate) fn name(finding: Finding, claims: &[Claim]) -> Finding {
    let names: Vec<&str> = claims.iter().map(|claim| claim.name.as_str()).collect();
    let mut text = names[..names.len().min(MOST_NAMES)].join(", ");
    if names.len() > MOST_NAMES {
        text.push_str(", …");
    }
    finding
        .seen_on(claims.iter().map(|claim| claim.index))
        .seen_on(claims.iter().filter_map(|claim| claim.event))
        .arg("count", names.len().to_string())
        .arg("claims", text)
}

fn class(claim: &Object) -> Option<&str> {
    claim
        .annotation(CLASS_ANNOTATION)
        .or_else(|| claim.text("/spec/storageClassName"))
}

/// Whether the claim asks for more than it has. What only waits for a pod to grow the file system has its volume already.
fn is_unfinished(claim: &Object) -> bool {
    let milli = |pointer: &str| nks_fixer::quantity::milli(claim.value.pointer(pointer)?);
    match (milli(REQUESTED), milli(CAPACITY)) {
        (Some(requested), Some(capacity)) => requested > capacity && !waits_for_pod(claim),
        _ => false,
    }
}

fn waits_for_pod(claim: &Object) -> bool {
    let conditions = claim.value.pointer("/status/conditions");
    conditions
        .and_then(Value::as_array)
        .into_iter()
        .flatten()
        .any(|condition| {
            condition.get("type").and_then(Value::as_str) == Some("FileSystemResizePending")
                && condition.get("status").and_then(Value::as_str) == Some("True")
        })
}

fn size(claim: &Object, pointer: &str) -> String {
    match claim.value.pointer(pointer) {
        Some(Value::String(text)) => text.clone(),
        Some(Value::Number(number)) => number.to_string(),
        _ => String::new(),
    }
}

/// Whether a driver's resizer could not expand a claim. The kubelet has an event of the same name about pods: it could not
/// grow the file system, which is not the class's doing.
fn is_failure(event: &Object) -> bool {
    event.text("/reason") == Some("VolumeResizeFailed")
        && event.text("/involvedObject/kind") == Some("PersistentVolumeClaim")
}

fn is_failure_of(event: &Object, claim: &Object) -> bool {
    is_failure(event)
        && event.text("/involvedObject/name") == Some(&claim.name)
        && event.namespace == claim.namespace
}

/// Whether the event quotes the API server: `persistentvolumeclaims "data-db-0" is forbidden: only dynamically provisioned
/// pvc can be resized and the storageclass that provisions the pvc must support resize`.
fn is_refusal(event: &Object) -> bool {
    let message = event.text("/message").unwrap_or_default();
    message.contains("must support resize")
}

fn is_refusal_of(event: &Object, claim: &Object) -> bool {
    let refused = ["\"", &claim.name, "\" is forbidden"].concat();
    let message = event.text("/message").unwrap_or_default();
    is_refusal(event) && message.contains(&refused) && event.namespace == claim.namespace
}
