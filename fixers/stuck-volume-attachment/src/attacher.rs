//! Whether csi-attacher runs, without which no volume is detached.
//!
//! It runs in the driver's controller. NKS names that `csi-cinder-controllerplugin`, the guide turns the words round, and
//! it is a StatefulSet or a Deployment; the driver's container is in it whatever its name.

use nks_fixer::{Finding, Input, Workload};
use serde_json::Value;

const NAMES: [&str; 4] = [
    "csi-cinder-controllerplugin",
    "csi-cinder-controller",
    "cinder-csi-controllerplugin",
    "cinder-csi-controller",
];
const CONTAINER: &str = "cinder-csi-plugin";

/// What is to be said of it; `None` where it runs.
pub(crate) fn finding(input: &Input) -> Option<Finding> {
    let controllers: Vec<Workload> = input.workloads().filter(is_controller).collect();
    if controllers.iter().any(is_running) {
        return None;
    }
    Some(match controllers.first() {
        Some(controller) => Finding::error("attacher-not-running")
            .on(controller.index)
            .arg("workload", controller.display_name()),
        None => Finding::warning("attacher-not-found"),
    })
}

fn is_controller(workload: &Workload) -> bool {
    let named = NAMES.contains(&workload.name.as_str());
    let mut containers = workload.containers().into_iter();
    workload.kind != "DaemonSet"
        && (named || containers.any(|container| container.name == CONTAINER))
}

fn is_running(workload: &Workload) -> bool {
    let ready = workload.value.pointer("/status/readyReplicas");
    ready.and_then(Value::as_i64) > Some(0)
}
