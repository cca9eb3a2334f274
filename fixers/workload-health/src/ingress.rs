//! Ingresses that no controller takes, or that lead to what is not there.

use nks_fixer::{Object, Severity};
use serde_json::Value;

use crate::order::{Index, place};
use crate::scene::{Scene, list, number, text};
use crate::symptom::Symptom;

/// The annotation that came before `spec.ingressClassName`; it names no object, so nothing can be said of it.
const OLD_CLASS: &str = "kubernetes.io/ingress.class";

/// The annotation that makes a class the default.
const DEFAULT_CLASS: &str = "ingressclass.kubernetes.io/is-default-class";

pub(crate) fn symptoms(scene: &Scene) -> Vec<Symptom> {
    let mut found = Vec::new();
    for (index, ingress) in scene.each("Ingress") {
        if !scene.is_starting(ingress) && !ingress.is_being_deleted() {
            found.extend(class(scene, index, ingress));
            found.extend(backend_symptoms(scene, index, ingress));
        }
    }
    found
}

/// One that has an address was taken by a controller, whatever its class.
fn class(scene: &Scene, index: u32, ingress: &Object) -> Option<Symptom> {
    let taken = !list(&ingress.value, "/status/loadBalancer/ingress").is_empty();
    if taken || ingress.annotation(OLD_CLASS).is_some() {
        return None;
    }
    let name = text(&ingress.value, "/spec/ingressClassName");
    let mut classes = scene.each("IngressClass");
    let found = |id| {
        let found = Symptom::new(id, index).list("ingresses", &scene.name(index));
        found.key(name).arg("class", name)
    };
    if name.is_empty() {
        let is_default = |class: &Object| class.annotation(DEFAULT_CLASS) == Some("true");
        // Some controllers take what has no class too, and do not write down that they did.
        let none = !classes.any(|(_, class)| is_default(class));
        return none.then(|| found("ingress-without-class").severity(Severity::Warning));
    }
    let none = !classes.any(|(_, class)| class.name == name);
    none.then(|| found("ingress-class-missing"))
}

/// The backends of an Ingress that are Services.
fn services(ingress: &Object) -> Vec<&Value> {
    let rules = list(&ingress.value, "/spec/rules").iter();
    let paths = rules.flat_map(|rule| list(rule, "/http/paths"));
    let backends = paths.filter_map(|path| path.pointer("/backend/service"));
    let default = ingress.value.pointer("/spec/defaultBackend/service");
    let mut all: Vec<&Value> = Vec::new();
    for backend in default.into_iter().chain(backends) {
        // The AWS controller's way to name an action: there is no such Service.
        if text(backend, "/port/name") != "use-annotation" {
            all.push(backend);
        }
    }
    all
}

/// Namespace and name of every Service that some Ingress leads to.
pub(crate) fn backends(scene: &Scene) -> Index {
    let mut all = Index::new();
    for (index, ingress) in scene.each("Ingress") {
        for service in services(ingress) {
            all.insert(place(&[&ingress.namespace, text(service, "/name")]), index);
        }
    }
    all
}

fn backend_symptoms(scene: &Scene, index: u32, ingress: &Object) -> Vec<Symptom> {
    let mut found = Vec::new();
    for backend in services(ingress) {
        let name = text(backend, "/name");
        let symptom = |id| {
            let key = [&ingress.namespace, "/", name].concat();
            let found = Symptom::new(id, index).key(&key).arg("service", name);
            found
                .arg("namespace", &ingress.namespace)
                .list("ingresses", &scene.name(index))
        };
        let Some((service, object)) = scene.find("Service", &ingress.namespace, name) else {
            // Every cluster has some: where there is none, they were not read.
            if scene.each("Service").next().is_none() {
                continue;
            }
            found.push(symptom("ingress-service-missing"));
            continue;
        };
        let external = text(&object.value, "/spec/type") == "ExternalName";
        if !external && !has_port(object, backend) {
            let missing = symptom("ingress-port-missing").list("ports", &port(backend));
            found.push(missing.related_to(service));
        }
    }
    found
}

fn has_port(service: &Object, backend: &Value) -> bool {
    let (name, wanted) = (text(backend, "/port/name"), number(backend, "/port/number"));
    list(&service.value, "/spec/ports")
        .iter()
        .any(|port| match wanted {
            Some(wanted) => number(port, "/port") == Some(wanted),
            None => text(port, "/name") == name,
        })
}

fn port(backend: &Value) -> String {
    match number(backend, "/port/number") {
        Some(number) => number.to_string(),
        None => text(backend, "/port/name").to_owned(),
    }
}
