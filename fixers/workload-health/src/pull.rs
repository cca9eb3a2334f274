//! Images that cannot be had: not there, not allowed, out of reach, or too many.

use nks_fixer::{Image, Pod};

use crate::scene::{Scene, list};
use crate::status::Status;
use crate::symptom::Symptom;
use crate::words::{between, holds, last_cause};

/// What stands between a node and an image.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Obstacle {
    RateLimit,
    NotFound,
    /// Docker Hub answers the same to a name that is not there and to one that needs a login.
    Denied,
    Unauthorised,
    Unreachable,
    Unknown,
}

/// What runtimes and registries say. The first that fits counts: refusals often carry several.
const SAID: [(Obstacle, &[&str]); 5] = [
    (
        Obstacle::RateLimit,
        &["toomanyrequests", "429 Too Many Requests"],
    ),
    (
        Obstacle::Denied,
        &[
            "repository does not exist or may require",
            "pull access denied",
        ],
    ),
    (
        Obstacle::Unauthorised,
        &[
            "401 Unauthorized",
            "403 Forbidden",
            "unauthorized",
            "no basic auth credentials",
            "authorization failed",
            "authentication required",
            "access denied",
            "denied:",
        ],
    ),
    (
        Obstacle::NotFound,
        &[
            "manifest unknown",
            "not found",
            "404 Not Found",
            "name unknown",
        ],
    ),
    (
        Obstacle::Unreachable,
        &[
            "no such host",
            "i/o timeout",
            "connection refused",
            "connection reset",
            "no route to host",
            "network is unreachable",
            "TLS handshake",
            "x509:",
            "deadline exceeded",
            "Client.Timeout",
            "server misbehaving",
            "502 Bad Gateway",
            "503 Service Unavailable",
            "504 Gateway",
            "http: server gave HTTP response",
        ],
    ),
];

/// What a container shows whose image cannot be had; `None` for every other.
pub(crate) fn symptom(scene: &Scene, pod: &Pod, status: &Status) -> Option<Symptom> {
    let (reason, message) = status.waiting?;
    let image = status.image;
    let symptom = |id, key: &str| {
        let symptom = Symptom::of_pod(scene, id, pod.index).list("images", image);
        symptom.key(key)
    };
    match reason {
        "InvalidImageName" => return Some(symptom("image-name-invalid", image)),
        "ErrImageNeverPull" => return Some(symptom("image-never-pulled", image)),
        "ErrImagePull" | "ImagePullBackOff" | "RegistryUnavailable" => {}
        _ => return None,
    }
    // The image's own name may hold any word.
    let cause = cause(scene, pod, status, message).replace(image, "");
    let obstacle = obstacle(&cause);
    // A registry may be out of reach for a moment; what it says of an image stays true.
    let passing = matches!(obstacle, Obstacle::Unreachable | Obstacle::Unknown);
    if passing && scene.is_starting(pod) {
        return None;
    }
    let refused = matches!(obstacle, Obstacle::Denied | Obstacle::Unauthorised);
    if let Some(secret) = missing_secret(scene, pod).filter(|_| refused) {
        let found = symptom(
            "pull-secret-missing",
            &[&pod.namespace, "/", secret].concat(),
        );
        return Some(found.arg("name", secret).arg("namespace", &pod.namespace));
    }
    let host = Image::parse(image).map_or_else(String::new, |image| image.host);
    let found = match obstacle {
        Obstacle::RateLimit => symptom("image-rate-limited", &host),
        Obstacle::NotFound => symptom("image-not-found", image),
        Obstacle::Denied => symptom("image-denied", image),
        Obstacle::Unauthorised if list(&pod.value, "/spec/imagePullSecrets").is_empty() => {
            symptom("image-unauthorised-no-secret", &host)
        }
        Obstacle::Unauthorised => symptom("image-unauthorised", &host),
        Obstacle::Unreachable => symptom("registry-unreachable", &host),
        Obstacle::Unknown if cause.is_empty() => symptom("image-unpullable-unknown", image),
        Obstacle::Unknown => symptom("image-unpullable", image),
    };
    let reason = if cause.is_empty() {
        reason.to_owned()
    } else {
        short(&cause)
    };
    Some(found.arg("registry", &host).arg("reason", &reason))
}

/// The pull Secret that the kubelet did not find: `Unable to retrieve some image pull secrets (login); attempting …`.
fn missing_secret<'a>(scene: &'a Scene, pod: &'a Pod) -> Option<&'a str> {
    let reason = "FailedToRetrieveImagePullSecret";
    let event = scene.events.latest(pod.object, reason, "")?;
    let names = between(event.message, "image pull secrets (", ")")?;
    names.split(',').next()
}

/// The kubelet's back-off hides the cause, which newer kubelets repeat behind it; else the event before it tells.
fn cause<'a>(scene: &'a Scene, pod: &'a Pod, status: &Status, message: &'a str) -> &'a str {
    if obstacle(&message.replace(status.image, "")) != Obstacle::Unknown {
        return message;
    }
    let mut events = scene.events.about(pod.object).into_iter();
    let event = events.find(|event| {
        event.reason == "Failed"
            && event.message.starts_with("Failed to pull image")
            && (event.container.is_empty() || event.container == status.name)
            && event.message.contains(status.image)
    });
    match event {
        Some(event) => event.message,
        None if message.starts_with("Back-off") => "",
        None => message,
    }
}

fn obstacle(message: &str) -> Obstacle {
    let said = SAID.iter().find(|(_, pieces)| holds(message, pieces));
    said.map_or(Obstacle::Unknown, |(obstacle, _)| *obstacle)
}

/// The words that were recognised, or else the last link of the chain.
fn short(message: &str) -> String {
    let pieces = SAID.iter().flat_map(|(_, pieces)| pieces.iter());
    let known = pieces.copied().find(|piece| message.contains(piece));
    match known {
        // These are the beginning of what is worth reading.
        None | Some("x509:" | "denied:" | "http: server gave HTTP response") => last_cause(message),
        Some("repository does not exist or may require") => "pull access denied".to_owned(),
        Some(known) => known.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn obstacles_are_told_apart() {
        for (message, expected, said) in [
            (": not found", Obstacle::NotFound, "not found"),
            (
                "manifest unknown: manifest unknown",
                Obstacle::NotFound,
                "manifest unknown",
            ),
            (
                "unauthorized: authentication required",
                Obstacle::Unauthorised,
                "unauthorized",
            ),
            (
                "429 Too Many Requests - Server message: toomanyrequests: limit",
                Obstacle::RateLimit,
                "toomanyrequests",
            ),
            (
                "dial tcp: lookup r.example.com on 10.0.0.2:53: no such host",
                Obstacle::Unreachable,
                "no such host",
            ),
            (
                "failed to do request: x509: certificate signed by unknown authority",
                Obstacle::Unreachable,
                "certificate signed by unknown authority",
            ),
            (
                "Back-off pulling image",
                Obstacle::Unknown,
                "Back-off pulling image",
            ),
        ] {
            assert!(obstacle(message) == expected, "{message}");
            assert_eq!(short(message), said);
        }
    }
}
