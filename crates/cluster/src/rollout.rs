//! Whether a rollout is complete, decided exactly as `kubectl rollout status` decides.
//!
//! Rules and words from kubectl, `pkg/polymorphichelpers/rollout_status.go`, version 1.36.

use nks_core::kinds;
use nks_core::message::clean;
use serde_json::Value;

/// How a workload stands, with a sentence that says so.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Rollout {
    /// The new state is in place everywhere.
    Complete(String),
    /// On the way.
    Progressing(String),
    /// It will not get there, or that cannot be told.
    Failed(String),
    /// Not a Deployment, DaemonSet or StatefulSet: nothing to wait for.
    NotAWorkload,
}

/// Judges an object as it was read.
pub fn rollout(object: &Value) -> Rollout {
    let text = |pointer| object.pointer(pointer).and_then(Value::as_str);
    if text("/apiVersion").map(kinds::group) != Some("apps") {
        return Rollout::NotAWorkload;
    }
    let workload = Workload(object);
    match text("/kind") {
        Some("Deployment") => workload.deployment(),
        Some("DaemonSet") => workload.daemon_set(),
        Some("StatefulSet") => workload.stateful_set(),
        _ => Rollout::NotAWorkload,
    }
}

struct Workload<'a>(&'a Value);

impl Workload<'_> {
    fn text(&self, pointer: &str) -> &str {
        self.0
            .pointer(pointer)
            .and_then(Value::as_str)
            .unwrap_or_default()
    }

    fn number(&self, pointer: &str) -> Option<i64> {
        self.0.pointer(pointer).and_then(Value::as_i64)
    }

    fn status(&self, field: &str) -> i64 {
        self.number(&format!("/status/{field}")).unwrap_or(0)
    }

    fn name(&self) -> String {
        clean(self.text("/metadata/name"))
    }

    /// Whether the controller has looked at the newest spec; before that its status is about the old one.
    fn is_observed(&self) -> bool {
        self.number("/metadata/generation").unwrap_or(0) <= self.status("observedGeneration")
    }

    fn deployment(&self) -> Rollout {
        let name = self.name();
        if !self.is_observed() {
            return progressing("Waiting for deployment spec update to be observed...");
        }
        if self.is_past_its_deadline() {
            return Rollout::Failed(format!(
                "deployment \"{name}\" exceeded its progress deadline"
            ));
        }
        let (updated, all) = (self.status("updatedReplicas"), self.status("replicas"));
        let available = self.status("availableReplicas");
        let waiting = format!("Waiting for deployment \"{name}\" rollout to finish:");
        if let Some(wanted) = self.number("/spec/replicas")
            && updated < wanted
        {
            return progressing(format!(
                "{waiting} {updated} out of {wanted} new replicas have been updated..."
            ));
        }
        if all > updated {
            return progressing(format!(
                "{waiting} {} old replicas are pending termination...",
                all - updated
            ));
        }
        if available < updated {
            return progressing(format!(
                "{waiting} {available} of {updated} updated replicas are available..."
            ));
        }
        Rollout::Complete(format!("deployment \"{name}\" successfully rolled out"))
    }

    fn is_past_its_deadline(&self) -> bool {
        let conditions = self
            .0
            .pointer("/status/conditions")
            .and_then(Value::as_array);
        let field = |condition: &Value, name: &str, wanted: &str| {
            condition.get(name).and_then(Value::as_str) == Some(wanted)
        };
        conditions.into_iter().flatten().any(|condition| {
            field(condition, "type", "Progressing")
                && field(condition, "reason", "ProgressDeadlineExceeded")
        })
    }

    fn daemon_set(&self) -> Rollout {
        if let Some(failed) = self.only_rolling_update() {
            return failed;
        }
        if !self.is_observed() {
            return progressing("Waiting for daemon set spec update to be observed...");
        }
        let name = self.name();
        let desired = self.status("desiredNumberScheduled");
        let updated = self.status("updatedNumberScheduled");
        let available = self.status("numberAvailable");
        let waiting = format!("Waiting for daemon set \"{name}\" rollout to finish:");
        if updated < desired {
            return progressing(format!(
                "{waiting} {updated} out of {desired} new pods have been updated..."
            ));
        }
        if available < desired {
            return progressing(format!(
                "{waiting} {available} of {desired} updated pods are available..."
            ));
        }
        Rollout::Complete(format!("daemon set \"{name}\" successfully rolled out"))
    }

    fn stateful_set(&self) -> Rollout {
        if let Some(failed) = self.only_rolling_update() {
            return failed;
        }
        if self.status("observedGeneration") == 0 || !self.is_observed() {
            return progressing("Waiting for statefulset spec update to be observed...");
        }
        let wanted = self.number("/spec/replicas");
        let (ready, updated) = (self.status("readyReplicas"), self.status("updatedReplicas"));
        if let Some(wanted) = wanted
            && ready < wanted
        {
            return progressing(format!(
                "Waiting for {} pods to be ready...",
                wanted - ready
            ));
        }
        let rolling = self.0.pointer("/spec/updateStrategy/rollingUpdate");
        if rolling.is_some_and(|rolling| !rolling.is_null()) {
            let partition = self.number("/spec/updateStrategy/rollingUpdate/partition");
            if let (Some(wanted), Some(partition)) = (wanted, partition)
                && updated < wanted - partition
            {
                return progressing(format!(
                    "Waiting for partitioned roll out to finish: {updated} out of {} new pods have been updated...",
                    wanted - partition
                ));
            }
            return Rollout::Complete(format!(
                "partitioned roll out complete: {updated} new pods have been updated..."
            ));
        }
        let revision = self.text("/status/updateRevision");
        let current = self.text("/status/currentRevision");
        if revision != current {
            return progressing(format!(
                "waiting for statefulset rolling update to complete {updated} pods at revision {}...",
                clean(revision)
            ));
        }
        Rollout::Complete(format!(
            "statefulset rolling update complete {} pods at revision {}...",
            self.status("currentReplicas"),
            clean(current)
        ))
    }

    fn only_rolling_update(&self) -> Option<Rollout> {
        (self.text("/spec/updateStrategy/type") != "RollingUpdate").then(|| {
            Rollout::Failed(
                "rollout status is only available for RollingUpdate strategy type".into(),
            )
        })
    }
}

fn progressing(sentence: impl Into<String>) -> Rollout {
    Rollout::Progressing(sentence.into())
}

#[cfg(test)]
mod tests;
