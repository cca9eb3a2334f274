//! ConfigMaps and Secrets, and keys of them, that are named and not there; and other reasons why a container cannot be
//! made.

use nks_fixer::{Object, Pod, Severity};
use serde_json::Value;

use crate::event::RECENT;
use crate::scene::{Scene, list, text};
use crate::status::Status;
use crate::symptom::Symptom;
use crate::words::{between, quoted, shortened};

/// What a container shows that cannot be made; `None` for every other.
pub(crate) fn symptom(scene: &Scene, pod: &Pod, status: &Status) -> Option<Symptom> {
    let (reason, message) = status.waiting?;
    if reason != "CreateContainerConfigError" {
        return None;
    }
    let found = missing(scene, pod, message).unwrap_or_else(|| {
        Symptom::of_pod(scene, "container-config-invalid", pod.index)
            .arg("container", status.name)
            .arg("reason", &shortened(message))
    });
    Some(found)
}

/// What a pod shows whose volumes cannot be set up; `None` while they still may be.
pub(crate) fn mount_symptom(scene: &Scene, pod: &Pod) -> Option<Symptom> {
    let told = scene.events.about(pod.object).into_iter();
    let mut mounts = told.filter(|event| event.reason == "FailedMount" && event.age < RECENT);
    if let Some(found) = mounts.find_map(|event| missing(scene, pod, event.message)) {
        return Some(found);
    }
    if scene.is_starting(pod) {
        return None;
    }
    let latest = |reason, piece| {
        let event = scene.events.latest(pod.object, reason, piece);
        event.filter(|event| event.age < RECENT)
    };
    let found = |id, message: &str, reason: &str| {
        let volume = between(message, "for volume \"", "\"").unwrap_or_default();
        let found = Symptom::of_pod(scene, id, pod.index);
        Some(
            found
                .arg("volume", volume)
                .arg("reason", &shortened(reason)),
        )
    };
    if let Some(event) = latest("FailedAttachVolume", "") {
        return found("volume-attach-failed", event.message, event.message);
    }
    let mount = latest("FailedMount", ".SetUp failed for volume");
    if let Some(event) = mount.or_else(|| latest("FailedMount", "MountDevice failed")) {
        let reason = event.message.split_once("\" : ");
        let reason = reason.map_or(event.message, |(_, reason)| reason);
        return found("volume-mount-failed", event.message, reason);
    }
    let event = latest("FailedMount", "")?;
    found("volume-mount-timeout", event.message, event.message)
}

/// The ConfigMap or Secret, or key of one, that is not there according to `message`.
fn missing(scene: &Scene, pod: &Pod, message: &str) -> Option<Symptom> {
    let volume = between(message, "for volume \"", "\"").unwrap_or_default();
    let absent = [
        ("secret-missing", "secret "),
        ("configmap-missing", "configmap "),
    ];
    for (id, kind) in absent {
        if let Some(name) = quoted(message, kind)
            && message.contains("\" not found")
        {
            return Some(of_namespace(scene, pod, id, name));
        }
    }
    // couldn't find key password in Secret shop/db
    for (id, kind) in [
        ("secret-key-missing", " in Secret "),
        ("configmap-key-missing", " in ConfigMap "),
    ] {
        if let Some(key) = between(message, "find key ", kind) {
            let (_, place) = message.split_once(kind)?;
            let name = place.rsplit('/').next().unwrap_or(place);
            return Some(key_of(scene, pod, id, (key, name.trim())));
        }
    }
    // references non-existent secret key: tls.crt
    for (id, words, kind) in [
        ("secret-key-missing", "non-existent secret key: ", "secret"),
        (
            "configmap-key-missing",
            "non-existent config key: ",
            "configMap",
        ),
    ] {
        if let Some((_, key)) = message.split_once(words) {
            let name = source(pod.object, volume, kind, key.trim()).unwrap_or(volume);
            return Some(key_of(scene, pod, id, (key.trim(), name)));
        }
    }
    None
}

fn key_of(scene: &Scene, pod: &Pod, id: &'static str, (key, name): (&str, &str)) -> Symptom {
    of_namespace(scene, pod, id, name).list("keys", key)
}

/// Folded by what is missing. While a pod is starting, who makes it may be at work, so that is no error yet.
fn of_namespace(scene: &Scene, pod: &Pod, id: &'static str, name: &str) -> Symptom {
    let starting = scene.is_starting(pod);
    let severity = if starting {
        Severity::Warning
    } else {
        Severity::Error
    };
    Symptom::of_pod(scene, id, pod.index)
        .severity(severity)
        .key(&[&pod.namespace, "/", name].concat())
        .arg("name", name)
        .arg("namespace", &pod.namespace)
}

/// The name of the ConfigMap or Secret that a volume takes the key from.
fn source<'a>(pod: &'a Object, volume: &str, kind: &str, key: &str) -> Option<&'a str> {
    let volumes = list(&pod.value, "/spec/volumes");
    let volume = volumes.iter().find(|one| text(one, "/name") == volume)?;
    let name = |source: &'a Value| -> Option<&'a str> {
        let source = source.get(kind)?;
        let field = if source.get("secretName").is_some() {
            "secretName"
        } else {
            "name"
        };
        source.get(field)?.as_str()
    };
    let takes_key = |source: &&Value| {
        let items = source
            .get(kind)
            .map_or(&[][..], |source| list(source, "/items"));
        items.iter().any(|item| text(item, "/key") == key)
    };
    let projected = || list(volume, "/projected/sources").iter();
    name(volume)
        .or_else(|| name(projected().find(takes_key)?))
        .or_else(|| projected().find_map(name))
}
