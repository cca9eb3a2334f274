//! Scenarios: folders of objects that put one fault into the cluster.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use serde_json::Value;

use crate::bed::Bed;
use crate::kubectl::{items, text};

/// How long a scenario may take to reach its state.
const PATIENCE: Duration = Duration::from_secs(90);

/// One line of a scenario's `expected` file: some pod of this workload waits for this reason.
struct Waiting {
    namespace: String,
    workload: String,
    reason: String,
}

impl Bed {
    /// Puts the scenario called `name` into the cluster and waits until it shows.
    ///
    /// A scenario is a folder below `tests/bed/scenarios` with manifests. If the folder has a file `expected`, each of
    /// its lines names a namespace, a workload and a reason, and the scenario shows when a container of a pod of that
    /// workload waits for that reason. Without the file it shows when every workload and pod in the cluster is ready.
    ///
    /// # Errors
    /// When there is no such scenario, a manifest is refused, or the state is not reached within 90 seconds.
    pub fn scenario(&self, name: &str) -> Result<()> {
        let folder = folder(name)?;
        self.apply_path(&folder)?;
        let expected = expected(&folder)?;
        self.wait_for(&format!("scenario {name}"), PATIENCE, || {
            if expected.is_empty() {
                return self.is_all_ready();
            }
            let pods = items(self.kubectl_json(&["get", "pods", "--all-namespaces"])?);
            Ok(expected
                .iter()
                .all(|it| pods.iter().any(|pod| it.shows_in(pod))))
        })
    }

    /// Whether every Deployment, DaemonSet, StatefulSet and pod in the cluster is ready (or, for a pod, has succeeded).
    ///
    /// # Errors
    /// When they cannot be listed.
    pub fn is_all_ready(&self) -> Result<bool> {
        let kinds = "deployments,daemonsets,statefulsets,pods";
        Ok(
            items(self.kubectl_json(&["get", kinds, "--all-namespaces"])?)
                .iter()
                .all(is_ready),
        )
    }
}

fn folder(name: &str) -> Result<PathBuf> {
    let scenarios = Path::new(env!("CARGO_MANIFEST_DIR")).join("scenarios");
    let folder = scenarios.join(name);
    if !name.is_empty() && !name.contains(['/', '.']) && folder.is_dir() {
        return Ok(folder);
    }
    let mut names: Vec<String> = fs::read_dir(&scenarios)?
        .filter_map(|entry| Some(entry.ok()?.file_name().to_string_lossy().into_owned()))
        .collect();
    names.sort();
    anyhow::bail!(
        "there is no scenario `{name}`; there are: {}",
        names.join(", ")
    )
}

fn expected(folder: &Path) -> Result<Vec<Waiting>> {
    let path = folder.join("expected");
    if !path.exists() {
        return Ok(Vec::new());
    }
    let lines = fs::read_to_string(&path).with_context(|| format!("read {}", path.display()))?;
    let lines = lines
        .lines()
        .filter(|line| !line.is_empty() && !line.starts_with('#'));
    lines
        .map(|line| {
            let words: Vec<&str> = line.split_whitespace().collect();
            ensure!(
                words.len() == 3,
                "{}: not `namespace workload reason`: {line}",
                path.display()
            );
            let [namespace, workload, reason] = [words[0], words[1], words[2]].map(str::to_owned);
            Ok(Waiting {
                namespace,
                workload,
                reason,
            })
        })
        .collect()
}

impl Waiting {
    /// Pods are told by their names, which begin with the workload's.
    fn shows_in(&self, pod: &Value) -> bool {
        let name = text(pod, "/metadata/name");
        text(pod, "/metadata/namespace") == self.namespace
            && name
                .strip_prefix(self.workload.as_str())
                .is_some_and(|rest| rest.starts_with('-'))
            && statuses(pod).any(|status| text(status, "/state/waiting/reason") == self.reason)
    }
}

fn statuses(pod: &Value) -> impl Iterator<Item = &Value> {
    ["/status/initContainerStatuses", "/status/containerStatuses"]
        .into_iter()
        .filter_map(|pointer| pod.pointer(pointer).and_then(Value::as_array))
        .flatten()
}

fn is_ready(object: &Value) -> bool {
    let number = |pointer: &str| object.pointer(pointer).and_then(Value::as_i64);
    // A controller that has not looked at the newest spec says nothing about it.
    let observed = number("/metadata/generation") == number("/status/observedGeneration");
    match text(object, "/kind") {
        "DaemonSet" => {
            let desired = number("/status/desiredNumberScheduled");
            observed && desired.is_some() && desired == number("/status/numberReady")
        }
        "Deployment" | "StatefulSet" => {
            observed
                && number("/spec/replicas") == Some(number("/status/readyReplicas").unwrap_or(0))
        }
        _ => {
            let ready = |condition: &Value| {
                text(condition, "/type") == "Ready" && text(condition, "/status") == "True"
            };
            let conditions = object
                .pointer("/status/conditions")
                .and_then(Value::as_array);
            text(object, "/status/phase") == "Succeeded"
                || conditions.is_some_and(|all| all.iter().any(ready))
        }
    }
}
