//! The driver as it runs: its workloads, which text of the Secret they read, and pods that have not read it yet.

use nks_fixer::{Input, Object, Owners, Workload};
use serde_json::Value;

/// Name of the Secret.
pub(crate) const SECRET: &str = "cinder-csi-cloud-config";

const CONTAINER: &str = "cinder-csi-plugin";
const ARGUMENT: &str = "--cloud-config";
const RESTARTED_AT: &str = "kubectl.kubernetes.io/restartedAt";

/// The workloads of the driver, the node plugin first. The guide spells their names the wrong way around, so they are told
/// by the container that is the driver.
pub(crate) fn workloads(input: &Input) -> Vec<Workload<'_>> {
    let is_driver = |workload: &Workload<'_>| {
        workload.namespace == "kube-system"
            && workload.containers().iter().any(|container| {
                container.name == CONTAINER
                    || nks_fixer::Image::parse(container.image)
                        .is_some_and(|image| image.basename() == CONTAINER)
            })
    };
    let mut found: Vec<Workload<'_>> = input.workloads().filter(is_driver).collect();
    found.sort_by_key(|workload| (!is_node_plugin(workload), workload.index));
    found
}

/// The node plugin runs on every node; the controller, a StatefulSet or a Deployment, does not.
pub(crate) fn is_node_plugin(workload: &Workload<'_>) -> bool {
    workload.kind == "DaemonSet"
}

/// The key of the Secret that a workload reads, by the file named in its arguments; `None` where that cannot be told.
pub(crate) fn key_in_use(workload: &Workload<'_>) -> Option<String> {
    let pod = workload.value.pointer("/spec/template/spec")?;
    let file = pod
        .get("containers")?
        .as_array()?
        .iter()
        .find_map(configuration_file)?;
    let volumes = pod.get("volumes").and_then(Value::as_array);
    let items = volumes.into_iter().flatten().find_map(|volume| {
        let secret = volume.get("secret")?;
        let ours = secret.get("secretName").and_then(Value::as_str) == Some(SECRET);
        ours.then(|| secret.get("items").and_then(Value::as_array))?
    });
    match items {
        None => Some(file),
        Some(items) => items
            .iter()
            .find(|item| item.get("path").and_then(Value::as_str) == Some(&file))
            .and_then(|item| Some(item.get("key")?.as_str()?.to_owned())),
    }
}

/// The last part of the path behind `--cloud-config`; a variable in it is looked up in the container's environment.
fn configuration_file(container: &Value) -> Option<String> {
    let words = ["command", "args"]
        .into_iter()
        .filter_map(|field| container.get(field).and_then(Value::as_array))
        .flatten()
        .filter_map(Value::as_str)
        .collect::<Vec<_>>();
    let path = words.iter().enumerate().find_map(|(index, word)| {
        match word.strip_prefix(ARGUMENT)? {
            "" => words.get(index + 1).copied(),
            rest => rest.strip_prefix('='),
        }
    })?;
    let path = match path
        .strip_prefix("$(")
        .and_then(|rest| rest.strip_suffix(')'))
    {
        None => path,
        Some(variable) => container
            .get("env")?
            .as_array()?
            .iter()
            .find(|entry| entry.get("name").and_then(Value::as_str) == Some(variable))?
            .get("value")?
            .as_str()?,
    };
    path.rsplit('/').next().map(str::to_owned)
}

/// When the Secret's texts were last changed, as the API writes times; `None` where that cannot be told.
pub(crate) fn last_change(secret: &Object) -> Option<&str> {
    let entries = secret
        .value
        .pointer("/metadata/managedFields")
        .and_then(Value::as_array);
    let changes = entries.into_iter().flatten().filter(|entry| {
        entry
            .get("fieldsV1")
            .and_then(|fields| fields.get("f:data"))
            .is_some()
    });
    changes
        .filter_map(|entry| entry.get("time")?.as_str())
        .max()
        .or_else(|| secret.text("/metadata/creationTimestamp"))
}

/// Pods of a workload that started before `changed`, unless it was restarted since. The times of the API are UTC and of
/// one form, so that they compare as text.
pub(crate) fn older_pods(input: &Input, workload: &Workload<'_>, changed: &str) -> Vec<u32> {
    let annotations = workload
        .value
        .pointer("/spec/template/metadata/annotations");
    let restarted = annotations
        .and_then(|annotations| annotations.get(RESTARTED_AT))
        .and_then(Value::as_str);
    // kubectl writes this time in the zone of its user, which does not compare.
    if restarted.is_some_and(|at| at.ends_with('Z') && at > changed) {
        return Vec::new();
    }
    let owners = Owners::of(input);
    let pods = input
        .pods()
        .filter(|pod| owners.top(pod.index) == workload.index);
    pods.filter(|pod| {
        pod.text("/status/startTime")
            .is_some_and(|start| start < changed)
    })
    .map(|pod| pod.index)
    .collect()
}
