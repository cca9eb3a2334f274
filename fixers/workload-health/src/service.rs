//! Services behind which there is nothing. What a selector selects is read off the EndpointSlices: the ports that they
//! name are those that some selected pod really has, and a slice without ports stands for no pod at all. So neither the
//! pods nor the endpoints have to be read.

use nks_fixer::{Object, Severity};
use serde_json::Value;

use crate::order::{Index, place};
use crate::scene::{Scene, list, text};
use crate::selection::{Candidates, Selected, labels, written};
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
    let candidates = Candidates::of(scene);
    let entries = crate::ingress::backends(scene);
    let mut found = Vec::new();
    for (index, service) in scene.each("Service") {
        if is_concerned(scene, service) {
            let entered = entries.contains_key(&place(&[&service.namespace, &service.name]));
            let ports = absent_ports(service, &offered);
            if let Some(selects) = offered.selects(service).filter(|_| !ports.is_empty()) {
                let selected = candidates.selected_by(service);
                let service = (index, service, &*ports);
                found.extend(symptom(scene, service, (selects, entered), &selected));
            }
        }
    }
    found
}

/// Whether the cluster looks for its pods: neither an ExternalName nor one whose endpoints somebody else writes.
fn is_concerned(scene: &Scene, service: &Object) -> bool {
    let selector = labels(service, "/spec/selector");
    let selects = selector.is_some_and(|labels| !labels.is_empty());
    let ports = !list(&service.value, "/spec/ports").is_empty();
    let external = text(&service.value, "/spec/type") == "ExternalName";
    selects && ports && !external && !scene.is_starting(service) && !service.is_being_deleted()
}

/// The ports of a Service that no slice offers.
fn absent_ports<'a>(service: &'a Object, offered: &Offered) -> Vec<&'a Value> {
    let ports = list(&service.value, "/spec/ports").iter();
    let absent = ports.filter(|port| !offered.has(service, text(port, "/name")));
    absent.collect()
}

/// What is wrong with a Service some of whose ports lead nowhere. `selects`: it does select pods; `entered`: an Ingress
/// leads to it.
fn symptom(
    scene: &Scene,
    (index, service, absent): (u32, &Object, &[&Value]),
    (selects, entered): (bool, bool),
    selected: &Selected,
) -> Option<Symptom> {
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
            .arg("selector", &written(service, "/spec/selector"))
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
            let object = scene.object(like)?;
            found.arg("labels", &written(object, "/spec/template/metadata/labels"))
        }
        // Pods that no workload here has made may be selected and lack the names.
        None if named.len() == absent.len() => {
            found("service-leads-nowhere").arg("ports", &named.join(", "))
        }
        None => found("service-selects-nothing"),
    })
}
