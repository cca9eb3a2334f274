//! What the API asks of an object and a case, which holds what its fixer looks at, leaves out.

use serde_json::{Map, Value, json};

/// Chosen by the server, whatever is put in.
const CHOSEN: [&str; 8] = [
    "creationTimestamp",
    "deletionGracePeriodSeconds",
    "deletionTimestamp",
    "generation",
    "managedFields",
    "resourceVersion",
    "selfLink",
    "uid",
];

/// No case looks for it.
const IMAGE: &str = "nks.invalid/filled";

const LONG_AGO: &str = "2024-01-01T00:00:00Z";

/// Those of [`CHOSEN`] that a case says and that can be put into the store. `resourceVersion` is where an object is in
/// it, and nothing says when an object was changed.
pub(crate) fn chosen(object: &Value) -> Value {
    let metadata = object["metadata"].as_object().cloned().unwrap_or_default();
    let kept = metadata.into_iter().filter(|(field, _)| {
        CHOSEN.contains(&field.as_str()) && !matches!(&**field, "resourceVersion" | "selfLink")
    });
    Value::Object(kept.collect())
}

/// The object as it can be put in, without its status.
pub(crate) fn filled(object: &Value) -> Value {
    let mut object = object.clone();
    if let Some(fields) = object.as_object_mut() {
        fields.remove("status");
    }
    if let Some(metadata) = object["metadata"].as_object_mut() {
        metadata.retain(|field, _| !CHOSEN.contains(&field.as_str()));
    }
    let kind = object["kind"].as_str().unwrap_or_default().to_owned();
    match &*kind {
        "Pod" => fill_pod(&mut object),
        "DaemonSet" | "Deployment" | "ReplicaSet" | "StatefulSet" => fill_workload(&mut object),
        "Event" => fill_event(&mut object),
        // Other volumes may be used on any node.
        "PersistentVolume" if object["spec"]["local"].is_null() => {}
        // Rules alone are enough.
        "Ingress" if object["spec"]["rules"].is_array() => {}
        kind => merge(&mut object, needed(kind)),
    }
    object
}

/// The status as it can be put in.
pub(crate) fn filled_status(object: &Value) -> Option<Value> {
    let mut status = object.get("status").filter(|it| it.is_object()).cloned()?;
    if object["kind"] == "PodDisruptionBudget" {
        let conditions = status.get_mut("conditions").and_then(Value::as_array_mut);
        for condition in conditions.into_iter().flatten() {
            merge(
                condition,
                json!({"lastTransitionTime": LONG_AGO, "reason": "Filled"}),
            );
        }
    }
    if object["kind"] == "Job" {
        fill_job_status(&mut status);
    }
    Some(status)
}

/// A Job that has ended says since when it had to, and how long it took.
fn fill_job_status(status: &mut Value) {
    let conditions = status["conditions"].as_array().cloned().unwrap_or_default();
    let has = |ended: &str| {
        conditions
            .iter()
            .any(|it| it["type"] == ended && it["status"] == "True")
    };
    let (before, times) = match (has("Complete"), has("Failed")) {
        (true, _) => (
            "SuccessCriteriaMet",
            json!({"startTime": LONG_AGO, "completionTime": LONG_AGO}),
        ),
        (false, true) => ("FailureTarget", json!({"startTime": LONG_AGO})),
        (false, false) => return,
    };
    merge(status, times);
    let before = json!({"type": before, "status": "True"});
    status["conditions"] = json!([&[before], conditions.as_slice()].concat());
}

/// Lets a Node that runs the cluster's own version run that of the server.
pub(crate) fn run_version(node: &mut Value, cluster: &Value, server: &str) {
    let info = node
        .pointer_mut("/status/nodeInfo")
        .and_then(Value::as_object_mut);
    for (_, version) in info.into_iter().flatten() {
        if version == cluster && version.is_string() {
            *version = json!(server);
        }
    }
}

/// Takes away what the server chooses for a Service where nobody does.
pub(crate) fn leave_to_server(service: &mut Value) {
    let spec = map(&mut service["spec"]);
    for field in ["clusterIP", "clusterIPs"] {
        spec.remove(field);
    }
    let ports = spec.get_mut("ports").and_then(Value::as_array_mut);
    for port in ports.into_iter().flatten() {
        map(port).remove("nodePort");
    }
}

/// What the API asks of a kind, whatever it is for.
fn needed(kind: &str) -> Value {
    match kind {
        "APIService" => json!({"spec": {"groupPriorityMinimum": 100, "versionPriority": 100}}),
        "CSIStorageCapacity" => json!({"storageClassName": "filled"}),
        "CronJob" => {
            json!({"spec": {"schedule": "0 0 * * *", "jobTemplate": {"spec": {"template": {"spec":
            {"containers": [{"name": "filled", "image": IMAGE}], "restartPolicy": "Never"}}}}}})
        }
        "CustomResourceDefinition" => {
            json!({"spec": {"versions": [{"name": "v1", "served": true, "storage": true,
            "schema": {"openAPIV3Schema": {"type": "object"}}}]}})
        }
        "Job" => {
            json!({"spec": {"template": {"spec":
            {"containers": [{"name": "filled", "image": IMAGE}], "restartPolicy": "Never"}}}})
        }
        "PersistentVolumeClaim" => {
            json!({"spec": {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "1Gi"}}}})
        }
        "FlowSchema" => json!({"spec": {"priorityLevelConfiguration": {"name": "global-default"}}}),
        "HorizontalPodAutoscaler" => json!({"spec": {"maxReplicas": 1,
            "scaleTargetRef": {"apiVersion": "apps/v1", "kind": "Deployment", "name": "filled"}}}),
        "Ingress" => {
            json!({"spec": {"defaultBackend": {"service": {"name": "filled", "port": {"number": 80}}}}})
        }
        "PersistentVolume" => {
            json!({"spec": {"nodeAffinity": {"required": {"nodeSelectorTerms": [{"matchExpressions":
            [{"key": "kubernetes.io/os", "operator": "Exists"}]}]}}}})
        }
        "PriorityLevelConfiguration" => {
            json!({"spec": {"type": "Limited", "limited": {"limitResponse": {"type": "Reject"}}}})
        }
        _ => Value::Null,
    }
}

/// Puts what is needed where nothing is.
fn merge(value: &mut Value, needed: Value) {
    match needed {
        Value::Object(needed) => {
            let value = map(value);
            for (field, needed) in needed {
                match value.get_mut(&field) {
                    Some(there) if there.is_object() => merge(there, needed),
                    Some(there) if !there.is_null() => {}
                    _ => {
                        value.insert(field, needed);
                    }
                }
            }
        }
        Value::Null => {}
        needed if value.is_null() => *value = needed,
        _ => {}
    }
}

/// An Event of the newer form says who reports it, and what was done.
fn fill_event(event: &mut Value) {
    if event["eventTime"].is_string() {
        let source = event["source"]["component"].as_str().unwrap_or("filled");
        let needed = json!({"action": "Filled", "reportingComponent": source, "reportingInstance": "filled"});
        merge(event, needed);
    }
}

fn fill_workload(object: &mut Value) {
    let spec = map(&mut object["spec"]);
    let labels = spec
        .get("template")
        .and_then(|template| template.pointer("/metadata/labels"))
        .cloned();
    let selector = spec
        .get("selector")
        .and_then(|selector| selector.get("matchLabels"))
        .cloned();
    let labels = match (labels, selector) {
        (Some(labels), _) | (None, Some(labels)) => labels,
        (None, None) => json!({"nks-replay": "filled"}),
    };
    spec.entry("selector")
        .or_insert_with(|| json!({"matchLabels": labels}));
    let template = map(spec.entry("template").or_insert(json!({})));
    map(template.entry("metadata").or_insert(json!({})))
        .entry("labels")
        .or_insert(labels);
    fill_spec(template.entry("spec").or_insert(json!({})));
    if object["kind"] == "StatefulSet" {
        fill_claims(&mut object["spec"]);
    }
}

/// A StatefulSet mounts what it makes claims of.
fn fill_claims(spec: &mut Value) {
    let pod = &spec["template"]["spec"];
    let list = |value: &Value| value.as_array().cloned().unwrap_or_default();
    let mut named: Vec<Value> = list(&pod["volumes"])
        .iter()
        .map(|it| it["name"].clone())
        .collect();
    let mut claims = list(&spec["volumeClaimTemplates"]);
    named.extend(claims.iter().map(|it| it["metadata"]["name"].clone()));
    for mount in list(&pod["containers"])
        .iter()
        .flat_map(|it| list(&it["volumeMounts"]))
    {
        if !named.contains(&mount["name"]) {
            named.push(mount["name"].clone());
            claims.push(json!({"metadata": {"name": mount["name"]}, "spec": {"accessModes": ["ReadWriteOnce"],
                "resources": {"requests": {"storage": "1Gi"}}}}));
        }
    }
    if !claims.is_empty() {
        spec["volumeClaimTemplates"] = json!(claims);
    }
}

fn fill_pod(pod: &mut Value) {
    fill_spec(&mut pod["spec"]);
    // The mirror of a static pod is always on a node, which owns it.
    let mirror = "/metadata/annotations/kubernetes.io~1config.mirror";
    if pod.pointer(mirror).is_some() {
        let owner = pod.pointer("/metadata/ownerReferences/0/name").cloned();
        merge(
            pod,
            json!({"spec": {"nodeName": owner.unwrap_or(json!("filled"))}}),
        );
    }
}

fn fill_spec(spec: &mut Value) {
    let spec = map(spec);
    let volumes = spec.get("volumes").and_then(Value::as_array);
    let sources = volumes
        .into_iter()
        .flatten()
        .filter_map(|it| it["projected"]["sources"].as_array());
    if sources
        .flatten()
        .any(|source| source["serviceAccountToken"].is_object())
    {
        spec.entry("serviceAccountName").or_insert(json!("default"));
    }
    let containers = spec.entry("containers").or_insert(json!([]));
    if containers.as_array().is_some_and(Vec::is_empty) {
        *containers = json!([{"name": "filled", "image": IMAGE}]);
    }
    for list in ["containers", "initContainers"] {
        let containers = spec.get_mut(list).and_then(Value::as_array_mut);
        for (index, container) in containers.into_iter().flatten().enumerate() {
            let container = map(container);
            container
                .entry("name")
                .or_insert_with(|| json!(format!("filled-{index}")));
            container.entry("image").or_insert(json!(IMAGE));
        }
    }
}

/// The map that a value is, made one if it is none.
fn map(value: &mut Value) -> &mut Map<String, Value> {
    if !value.is_object() {
        *value = json!({});
    }
    value.as_object_mut().expect("it was made a map")
}
