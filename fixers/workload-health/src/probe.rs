//! Probes that fail, and what their failure says about them.

use nks_fixer::Pod;
use serde_json::Value;

use crate::crash::of_container;
use crate::event::{Event, RECENT};
use crate::scene::STARTING;
use crate::scene::{Scene, condition_text, list, number};
use crate::status::{self, Status};
use crate::symptom::Symptom;
use crate::words::{between, holds, shortened};

/// What a pod shows that runs and does not become Ready for a while; `None` while it still may.
pub(crate) fn symptom(scene: &Scene, pod: &Pod) -> Option<Symptom> {
    if pod.phase() != "Running" || not_ready_for(scene, pod) < STARTING {
        return None;
    }
    let waits = status::of(pod).filter(|status| !status.ready && status.running_since.is_some());
    waits.into_iter().find_map(|status| {
        let event = failure(scene, pod, &status, |_| true)?;
        Some(judged(scene, pod, &status, event))
    })
}

/// What a container shows that its liveness or startup probe stops again and again.
pub(crate) fn liveness(scene: &Scene, pod: &Pod, status: &Status) -> Option<Symptom> {
    let kills = |message: &str| message.starts_with("Liveness") || message.starts_with("Startup");
    let event = failure(scene, pod, status, kills)?;
    Some(judged(scene, pod, status, event))
}

/// Seconds since the pod was last Ready, or was made.
pub(crate) fn not_ready_for(scene: &Scene, pod: &Pod) -> i64 {
    let since = condition_text(pod.object, "Ready", "lastTransitionTime");
    scene.since(Some(since)).min(scene.age(pod.object))
}

fn failure<'a>(
    scene: &'a Scene,
    pod: &Pod<'a>,
    status: &Status,
    wanted: impl Fn(&str) -> bool,
) -> Option<Event<'a>> {
    let mut events = scene.events.about(pod.object).into_iter();
    events.find(|event| {
        event.reason == "Unhealthy"
            && (event.container.is_empty() || event.container == status.name)
            && event.age < RECENT
            && wanted(event.message)
    })
}

fn judged(scene: &Scene, pod: &Pod, status: &Status, event: Event) -> Symptom {
    let said = event.message;
    let found = |id| of_container(scene, id, pod, status).arg("probe", kind(said));
    if holds(said, &["connection refused"]) {
        let port = refused_port(said).unwrap_or_default();
        let declared = ports(status.spec);
        let wrong =
            !port.is_empty() && !declared.is_empty() && !declared.iter().any(|one| *one == port);
        return if wrong {
            found("probe-wrong-port")
                .arg("port", port)
                .arg("declared", &declared.join(", "))
        } else {
            found("probe-refused").arg("port", port)
        };
    }
    if said.contains("statuscode: 404") {
        return found("probe-not-found").arg("path", &path(status.spec, kind(said)));
    }
    if holds(
        said,
        &[
            "Client.Timeout",
            "deadline exceeded",
            "timed out",
            "i/o timeout",
        ],
    ) {
        return found("probe-timeout");
    }
    let reason = said
        .split_once("probe failed: ")
        .map_or(said, |(_, reason)| reason);
    found("probe-failed").arg("reason", &shortened(reason))
}

/// Kubernetes' word for the probe.
fn kind(message: &str) -> &'static str {
    if message.starts_with("Liveness") {
        "liveness"
    } else if message.starts_with("Startup") {
        "startup"
    } else {
        "readiness"
    }
}

/// The port of `dial tcp 10.1.2.3:8080: connect: connection refused`; an IPv6 address has colons of its own.
fn refused_port(message: &str) -> Option<&str> {
    let address = between(message, "dial tcp ", ": connect")?;
    let (_, port) = address.rsplit_once(':')?;
    port.bytes()
        .all(|byte| byte.is_ascii_digit())
        .then_some(port)
}

fn ports(container: &Value) -> Vec<String> {
    let ports = list(container, "/ports").iter();
    ports
        .filter_map(|port| number(port, "/containerPort"))
        .map(|port| port.to_string())
        .collect()
}

fn path(container: &Value, probe: &str) -> String {
    let pointer = ["/", probe, "Probe/httpGet/path"].concat();
    let path = container.pointer(&pointer).and_then(Value::as_str);
    path.unwrap_or("/").to_owned()
}

#[cfg(test)]
mod tests {
    use super::refused_port;

    #[test]
    fn the_port_is_behind_the_last_colon() {
        let refused =
            |address: &str| ["dial tcp ", address, ": connect: connection refused"].concat();
        assert_eq!(refused_port(&refused("10.1.2.3:8080")), Some("8080"));
        assert_eq!(refused_port(&refused("[fd00::3]:8080")), Some("8080"));
        assert_eq!(refused_port("connection refused"), None);
    }
}
