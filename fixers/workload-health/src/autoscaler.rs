//! HorizontalPodAutoscalers that cannot scale.

use nks_fixer::Object;

use crate::scene::{Scene, condition, condition_text, text};
use crate::symptom::Symptom;
use crate::words::{between, holds, shortened};

/// Seconds that metrics may take to come after a workload is new, or was scaled up from nothing.
const WARMING_UP: i64 = 300;

pub(crate) fn symptoms(scene: &Scene) -> Vec<Symptom> {
    let all = scene.each("HorizontalPodAutoscaler");
    all.filter(|(_, autoscaler)| !autoscaler.is_being_deleted())
        .filter_map(|(index, autoscaler)| symptom(scene, index, autoscaler))
        .collect()
}

fn symptom(scene: &Scene, index: u32, autoscaler: &Object) -> Option<Symptom> {
    let failed = |kind| {
        let since = condition_text(autoscaler, kind, "lastTransitionTime");
        condition(autoscaler, kind) == "False" && scene.since(Some(since)) > WARMING_UP
    };
    let kind = text(&autoscaler.value, "/spec/scaleTargetRef/kind");
    let name = text(&autoscaler.value, "/spec/scaleTargetRef/name");
    let aim = [kind, "/", name].concat();
    let found = |id: &'static str| {
        let found = Symptom::new(id, index).key(&index.to_string());
        found
            .arg("workload", &aim)
            .list("autoscalers", &scene.name(index))
    };
    if failed("AbleToScale") {
        let reason = condition_text(autoscaler, "AbleToScale", "reason");
        let message = condition_text(autoscaler, "AbleToScale", "message");
        return match reason {
            "FailedGetScale" if message.contains("not found") => {
                Some(found("autoscaler-target-missing"))
            }
            // A pause between two changes is no failure.
            "FailedGetScale" | "FailedUpdateScale" => {
                Some(found("autoscaler-cannot-scale").arg("reason", &shortened(message)))
            }
            _ => None,
        };
    }
    // Nothing to measure where the workload is scaled to zero.
    if !failed("ScalingActive")
        || condition_text(autoscaler, "ScalingActive", "reason") == "ScalingDisabled"
    {
        return None;
    }
    let message = condition_text(autoscaler, "ScalingActive", "message");
    if let Some(resource) = between(message, "missing request for ", " ") {
        let container = between(message, "in container ", " ").unwrap_or_default();
        let found = found("autoscaler-without-requests")
            .arg("resource", resource)
            .arg("container", container);
        return Some(match scene.find(kind, &autoscaler.namespace, name) {
            Some((workload, _)) => found.on(workload).related_to(index),
            None => found,
        });
    }
    let no_server = [
        "could not find the requested resource",
        "currently unable to handle the request",
    ];
    if message.contains("resource metrics API") && holds(message, &no_server) {
        return Some(found("autoscaler-without-metrics-server").key(""));
    }
    Some(found("autoscaler-without-metrics").arg("reason", &shortened(message)))
}
