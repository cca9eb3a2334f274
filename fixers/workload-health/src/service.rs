//! Services behind which there is nothing. What a selector selects is read off the EndpointSlices: the ports that they
//! name are those that some selected pod really has, and a slice without ports stands for no pod at all. So neither the
//! pods nor the endpoints have to be read.

use nks_fixer::{Object, Severity};
use serde_json::Value;

use crate::order::{Index, place};
use crate::scene::{Scene, list, number, text};
use crate::symptom::Symptom;

/// What says which Service a slice belongs to.
const SERVICE_NAME: &str = "kubernetes.io/service-name";

/// What the slices offer: at namespace and name of a Service 1 where some pod is selected and else 0, and an entry for
/// each port that some pod has.
struct Offered(Index);

impl Offered {
    fn by_slices(scene: &Scene) -> Self {
        let mut offered = Index::new();
        for (_, slice) in scene.each("EndpointSlice") {
            if let Some(service) = slice.label(SERVICE_NAME) {
                let ports = list(&slice.value, "/ports");
                let some = offered
                    .entry(place(&[&slice.namespace, service]))
                    .or_insert(0);
                *some |= u32::from(!ports.is_empty());
                for port in ports {
                    offered.insert(place(&[&slice.namespace, service, text(port, "/name")]), 1);
                }
            }
        }
        Self(offered)
    }

    /// Whether some pod is selected; `None` for a Service that has no slice.
    fn selects(&self, service: &Object) -> Option<bool> {
        let some = self.0.get(&place(&[&service.namespace, &service.name]))?;
        Some(*some == 1)
    }

    fn has(&self, service: &Object, port: &str) -> bool {
        let place = place(&[&service.namespace, &service.name, port]);
        self.0.contains_key(&place)
    }
}

pub(crate) fn symptoms(scene: &Scene) -> Vec<Symptom> {
    let offered = Offered::by_slices(scene);
    let entries = crate::ingress::backends(scene);
    let mut found = Vec::new();
    for (index, service) in scene.each("Service") {
        if is_concerned(scene, service) {
            let entered = entries.contains_key(&place(&[&service.namespace, &service.name]));
            found.extend(symptom(scene, index, &offered, entered));
        }
    }
    found
}

/// Whether the cluster looks for its pods: neither an ExternalName nor one whose endpoints somebody else writes.
fn is_concerned(scene: &Scene, service: &Object) -> bool {
    let selects = selector(service).next().is_some();
    let ports = !list(&service.value, "/spec/ports").is_empty();
    let external = text(&service.value, "/spec/type") == "ExternalName";
    selects && ports && !external && !scene.is_starting(service) && !service.is_being_deleted()
}

fn selector(service: &Object) -> impl Iterator<Item = (&str, &str)> {
    let selector = service
        .value
        .pointer("/spec/selector")
        .and_then(Value::as_object);
    let pairs = selector.into_iter().flatten();
    pairs.map(|(key, value)| (key.as_str(), value.as_str().unwrap_or_default()))
}

fn symptom(scene: &Scene, index: u32, offered: &Offered, entered: bool) -> Option<Symptom> {
    let service = scene.object(index)?;
    let selects = offered.selects(service)?;
    let ports = list(&service.value, "/spec/ports");
    let absent: Vec<&Value> = ports
        .iter()
        .filter(|port| !offered.has(service, text(port, "/name")))
        .collect();
    if absent.is_empty() {
        return None;
    }
    let selected = Selected::by(scene, service);
    // Only a name can be missing on pods: a number is taken as it is, whatever containers declare.
    let named: Vec<&str> = absent
        .iter()
        .map(|port| text(port, "/targetPort"))
        .filter(|name| !name.is_empty())
        .collect();
    let some_pod = selects || (selected.ready && named.len() == absent.len());
    let found = |id| {
        Symptom::new(id, index)
            .key(&index.to_string())
            .arg("service", &scene.name(index))
            .arg("selector", &written(service))
    };
    if some_pod && !named.is_empty() {
        let missing = found("service-port-missing").arg("ports", &named.join(", "));
        return Some(if selects {
            missing.severity(Severity::Warning)
        } else {
            missing
        });
    }
    // Pods that have no address yet are in no slice, and pods that cannot be made have a finding of their own.
    if some_pod || selected.pod || selected.wanted {
        return None;
    }
    if selected.scaled_down {
        return Some(found("service-scaled-to-zero").severity(Severity::Info));
    }
    let severity = if entered {
        Severity::Error
    } else {
        Severity::Warning
    };
    let found = |id| found(id).severity(severity);
    Some(match selected.like {
        Some(like) => {
            let found = found("service-selects-nothing-like").arg("workload", &scene.name(like));
            // Of one name, and yet apart: what was meant is plain.
            let found = found.severity(Severity::Error).related_to(like);
            found.arg("labels", &labels_as_written(scene, like))
        }
        // Pods that no workload here has made may be selected and lack the names.
        None if named.len() == absent.len() => {
            found("service-leads-nowhere").arg("ports", &named.join(", "))
        }
        None => found("service-selects-nothing"),
    })
}

/// What a selector comes to among the workloads, and among the pods that are not Ready.
#[derive(Default)]
struct Selected {
    /// A pod that is not Ready is selected.
    pod: bool,
    /// A workload whose pods would be selected wants some.
    wanted: bool,
    /// One such workload has Ready pods.
    ready: bool,
    /// One such workload wants none.
    scaled_down: bool,
    /// No such workload, but one of the Service's own name.
    like: Option<u32>,
}

impl Selected {
    fn by(scene: &Scene, service: &Object) -> Self {
        let mut selected = Self::default();
        let here = |object: &Object| object.namespace == service.namespace;
        let pods = scene.pods.iter();
        selected.pod = pods
            .filter(|pod| here(pod.object))
            .any(|pod| selects(service, pod.value.pointer("/metadata/labels")));
        for kind in ["Deployment", "StatefulSet", "DaemonSet"] {
            for (index, workload) in scene.each(kind).filter(|(_, object)| here(object)) {
                let count = |pointer: &str| number(&workload.value, pointer);
                let daemon = kind == "DaemonSet";
                let wanted = if daemon {
                    count("/status/desiredNumberScheduled").unwrap_or(0)
                } else {
                    count("/spec/replicas").unwrap_or(1)
                };
                let ready = count(if daemon {
                    "/status/numberReady"
                } else {
                    "/status/readyReplicas"
                });
                if selects(
                    service,
                    workload.value.pointer("/spec/template/metadata/labels"),
                ) {
                    selected.wanted |= wanted > 0;
                    selected.scaled_down |= wanted == 0;
                    selected.ready |= ready.unwrap_or(0) > 0;
                } else if workload.name == service.name && wanted > 0 {
                    selected.like = Some(index);
                }
            }
        }
        selected
    }
}

fn selects(service: &Object, labels: Option<&Value>) -> bool {
    let value = |key: &str| labels?.get(key)?.as_str();
    selector(service).all(|(key, wanted)| value(key) == Some(wanted))
}

fn written(service: &Object) -> String {
    let pairs: Vec<String> = selector(service)
        .map(|(key, value)| [key, "=", value].concat())
        .collect();
    pairs.join(",")
}

fn labels_as_written(scene: &Scene, workload: u32) -> String {
    let labels = scene
        .object(workload)
        .and_then(|object| object.value.pointer("/spec/template/metadata/labels"));
    let labels = labels.and_then(Value::as_object).into_iter().flatten();
    let pairs: Vec<String> = labels
        .map(|(key, value)| [key, "=", value.as_str().unwrap_or_default()].concat())
        .collect();
    pairs.join(",")
}
