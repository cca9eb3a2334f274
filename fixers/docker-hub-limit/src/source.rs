//! Where a pod gets its pull Secrets from: the ServiceAccount's list holds only for pods that list none of their own, and
//! it is copied into a pod when that is made.

use nks_fixer::{Object, Pod};
use serde_json::Value;

use crate::Scene;

/// What has to list a Secret, so that the next pod has it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Source {
    /// The ServiceAccount with that index.
    Account(u32),
    /// The template of the Deployment, StatefulSet or DaemonSet with that index.
    Template(u32),
    /// The template of the Job with that index, which nobody can change.
    Job(u32),
    /// Nobody makes the pod again.
    Nobody,
    /// A file on the node, which cannot name a Secret.
    Node,
    /// Something that is not known.
    Unknown,
}

/// Where the list of a workload's template is.
pub(crate) const TEMPLATE: &str = "/spec/template/spec/imagePullSecrets";
/// Where that of a CronJob is.
pub(crate) const CRON_JOB: &str = "/spec/jobTemplate/spec/template/spec/imagePullSecrets";
/// Where that of a ServiceAccount is.
pub(crate) const ACCOUNT: &str = "/imagePullSecrets";

/// Where a pod's list comes from.
pub(crate) fn of(scene: &Scene, pod: &Pod) -> Source {
    let (input, owners) = (scene.input, &scene.owners);
    if pod.annotation("kubernetes.io/config.mirror").is_some() {
        return Source::Node;
    }
    if pod.controller().is_none() {
        return Source::Nobody;
    }
    let maker = owners.controller(pod.object);
    let maker = maker.map(|index| match &input.objects[index as usize] {
        set if set.kind == "ReplicaSet" => owners.controller(set).unwrap_or(index),
        _ => index,
    });
    let account = pod.text("/spec/serviceAccountName").unwrap_or("default");
    let account = scene.named("ServiceAccount", &pod.namespace, account);
    let by_account = account.map_or(Source::Unknown, Source::Account);
    let Some((index, maker)) = maker.map(|index| (index, &input.objects[index as usize])) else {
        return Source::Unknown;
    };
    let own = !names(maker, TEMPLATE).is_empty();
    match maker.kind.as_str() {
        "Deployment" | "StatefulSet" | "DaemonSet" if own => Source::Template(index),
        "Job" if own => Source::Job(index),
        "Deployment" | "StatefulSet" | "DaemonSet" | "Job" => by_account,
        // Whose it is is not known, and so nobody can say whether its template would stay as it is.
        "ReplicaSet" if !own => by_account,
        // Others may take a pod that is deleted for one that has failed.
        _ => Source::Unknown,
    }
}

/// The Secrets that a list names.
pub(crate) fn names<'a>(object: &'a Object, list: &str) -> Vec<&'a str> {
    let entries = object.value.pointer(list).and_then(Value::as_array);
    let name = |entry: &'a Value| entry.get("name")?.as_str();
    entries.into_iter().flatten().filter_map(name).collect()
}
