//! PersistentVolumeClaims that are not there, or to which no volume is bound.

use nks_fixer::{Object, Pod, Severity};

use crate::scene::{Scene, list, text};
use crate::symptom::Symptom;
use crate::words::shortened;

/// What a pod shows that waits for its claims; `None` where they are not what it waits for.
pub(crate) fn symptom(scene: &Scene, pod: &Pod) -> Option<Symptom> {
    let volumes = list(&pod.value, "/spec/volumes").iter();
    let names =
        volumes.filter_map(|volume| volume.pointer("/persistentVolumeClaim/claimName")?.as_str());
    for name in names {
        let found = match scene.find("PersistentVolumeClaim", &pod.namespace, name) {
            Some((index, claim)) => of_claim(scene, index, claim),
            None if is_known_missing(scene, pod, name) => Some(
                Symptom::of_pod(scene, "claim-missing", pod.index)
                    .key(&[&pod.namespace, "/", name].concat())
                    .arg("claim", name)
                    .arg("namespace", &pod.namespace),
            ),
            None => None,
        };
        if let Some(found) = found {
            return Some(found.shown_by(scene, pod.index));
        }
    }
    None
}

/// Claims may not have been read, so the scheduler has to say it too.
fn is_known_missing(scene: &Scene, pod: &Pod, name: &str) -> bool {
    let said = crate::scheduling::message(scene, pod);
    let words = ["persistentvolumeclaim \"", name, "\" not found"].concat();
    said.contains(&words)
}

/// Claims that no pod waits for, but that none could be bound to either.
pub(crate) fn unused(scene: &Scene, told: &[Symptom]) -> Vec<Symptom> {
    let claims = scene.each("PersistentVolumeClaim");
    claims
        .filter(|(index, _)| !told.iter().any(|symptom| symptom.target == *index))
        .filter_map(|(index, claim)| of_claim(scene, index, claim))
        .map(|symptom| symptom.severity(Severity::Warning))
        .collect()
}

/// What is wrong with a claim; `None` where it is bound, or only waits for its first pod.
fn of_claim(scene: &Scene, index: u32, claim: &Object) -> Option<Symptom> {
    let found = |id| {
        Symptom::new(id, index)
            .key(&index.to_string())
            .arg("claim", &claim.name)
            .arg("namespace", &claim.namespace)
    };
    match text(&claim.value, "/status/phase") {
        "Lost" => return Some(found("claim-lost")),
        "Pending" if !claim.is_being_deleted() => {}
        _ => return None,
    }
    let class = text(&claim.value, "/spec/storageClassName");
    let failed = scene.events.latest(claim, "ProvisioningFailed", "");
    let absent = failed.is_some_and(|event| {
        event.message.contains("storageclass.storage.k8s.io") && event.message.contains("not found")
    });
    if !class.is_empty() && (absent || !is_class(scene, class)) {
        // Volumes made by hand may carry the name of a class that is none, but then one would be bound.
        let key = ["class/", class].concat();
        let found = found("claim-class-missing").key(&key).arg("class", class);
        return (!scene.is_starting(claim)).then_some(found.list("claims", &scene.name(index)));
    }
    if scene.is_starting(claim) {
        return None;
    }
    if class.is_empty() {
        return Some(found("claim-without-class"));
    }
    let failed = failed?;
    Some(
        found("claim-not-provisioned")
            .arg("class", class)
            .arg("reason", &shortened(failed.message)),
    )
}

/// Whether there is such a class. Where none was read, nothing can be told.
fn is_class(scene: &Scene, name: &str) -> bool {
    let mut classes = scene.each("StorageClass").peekable();
    classes.peek().is_none() || classes.any(|(_, class)| class.name == name)
}
