use nks_fixer::{Input, Object};
use serde_json::{Value, json};

use crate::discovery::{Failure, failure, short};
use crate::service::{self, Known};
use crate::{condition, namespaces};

nks_golden::tests!(crate::BrokenApiservice);

#[test]
fn a_part_of_the_api_is_named_as_a_whole_or_not_at_all() {
    let part = "metrics.k8s.io/v1beta1";
    for (text, named) in [
        ("server APIs: metrics.k8s.io/v1beta1: the server is", true),
        (
            "custom.metrics.k8s.io/v1beta1, metrics.k8s.io/v1beta1.",
            true,
        ),
        ("metrics.k8s.io/v1beta1", true),
        ("custom.metrics.k8s.io/v1beta1: stale", false),
        ("my-metrics.k8s.io/v1beta1: stale", false),
        ("metrics.k8s.io/v1beta10: stale", false),
        ("", false),
    ] {
        assert_eq!(namespaces::names(text, part), named, "{text}");
    }
}

#[test]
fn what_a_failed_request_tells() {
    let url = "https://10.254.7.20:443/apis/certificates.example.com/v1";
    for (told, expected) in [
        (
            "dial tcp 10.254.7.20:443: connect: connection refused",
            Failure::Refused,
        ),
        (
            "dial tcp 10.254.7.20:443: connect: no route to host",
            Failure::Unreachable,
        ),
        (
            "dial tcp 10.254.7.20:443: i/o timeout",
            Failure::Unreachable,
        ),
        (
            "read tcp 10.0.0.1:55112->10.254.7.20:443: i/o timeout",
            Failure::Silent,
        ),
        (
            "net/http: request canceled while waiting for connection (Client.Timeout exceeded while awaiting headers)",
            Failure::Unreachable,
        ),
        (
            "net/http: request canceled (Client.Timeout exceeded while awaiting headers)",
            Failure::Silent,
        ),
        ("context deadline exceeded", Failure::Silent),
        ("net/http: TLS handshake timeout", Failure::Silent),
        (
            "x509: certificate has expired or is not yet valid",
            Failure::Certificate,
        ),
        ("remote error: tls: bad certificate", Failure::Certificate),
        ("EOF", Failure::Other),
    ] {
        for get in [format!("Get \"{url}\""), format!("Get {url}")] {
            let message = format!("failing or missing response from {url}: {get}: {told}");
            assert_eq!(failure(&message), expected, "{message}");
            assert_eq!(short(&message), told);
        }
    }
    let status =
        |code| format!("failing or missing response from {url}: bad status from {url}: {code}");
    assert_eq!(failure(&status(401)), Failure::Unauthorised);
    assert_eq!(failure(&status(403)), Failure::Unauthorised);
    assert_eq!(failure(&status(503)), Failure::Status("503"));
    assert_eq!(
        failure(&format!("timed out waiting for {url}")),
        Failure::Silent
    );
}

fn service(namespace: &str, name: &str) -> Value {
    json!({"apiVersion": "v1", "kind": "Service", "metadata": {"name": name, "namespace": namespace}})
}

fn namespace(name: &str) -> Value {
    json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}})
}

#[test]
fn a_service_is_gone_only_where_its_namespace_was_looked_at() {
    let wanted = ("a", "server");
    for (objects, known) in [
        (vec![], "unread"),
        (vec![service("a", "server")], "there"),
        (vec![service("a", "other")], "gone"),
        (vec![service("b", "server")], "unread"),
        (
            vec![service("b", "server"), service("b", "other")],
            "unread",
        ),
        (vec![service("b", "server"), service("c", "server")], "gone"),
        (vec![namespace("a")], "unread"),
        (vec![namespace("a"), service("b", "server")], "unread"),
        (vec![namespace("b")], "gone"),
    ] {
        let input = Input::of_values(objects);
        let found = match service::find(&input, wanted) {
            Known::There(0, _) => "there",
            Known::There(..) => "another",
            Known::Gone => "gone",
            Known::Unread => "unread",
        };
        assert_eq!(found, known, "{:?}", input.objects);
    }
}

fn api_service(metadata: Value, condition: Value) -> Object {
    let mut value = json!({"apiVersion": "apiregistration.k8s.io/v1", "kind": "APIService",
        "metadata": metadata, "spec": {"service": {"namespace": "a", "name": "server"}},
        "status": {"conditions": [condition]}});
    value["metadata"]["name"] = "v1.example.com".into();
    Object::of_value(value)
}

fn maker(metadata: Value) -> Option<String> {
    let condition = json!({"type": "Available", "status": "False"});
    let input = Input {
        objects: vec![api_service(metadata, condition)],
        ..Input::default()
    };
    let broken = condition::broken(&input).next().unwrap();
    broken.maker()
}

#[test]
fn who_made_it_is_named() {
    let labels = |key: &str, value: &str| maker(json!({"labels": {key: value}}));
    let annotations = |key: &str| maker(json!({"annotations": {key: "x"}}));
    assert_eq!(maker(json!({})), None);
    for (found, expected) in [
        (labels("app.kubernetes.io/managed-by", "Helm"), "Helm"),
        (
            labels("app.kubernetes.io/managed-by", "keda-operator"),
            "keda-operator",
        ),
        (
            labels("addonmanager.kubernetes.io/mode", "Reconcile"),
            "addon-manager",
        ),
        (labels("olm.owner", "x"), "OLM"),
        (labels("helm.toolkit.fluxcd.io/name", "x"), "Flux"),
        (annotations("meta.helm.sh/release-name"), "Helm"),
        (annotations("argocd.argoproj.io/tracking-id"), "Argo CD"),
        (
            maker(json!({"ownerReferences": [{"kind": "Packages", "name": "main"}]})),
            "Packages/main",
        ),
    ] {
        assert_eq!(found.as_deref(), Some(expected));
    }
    let label = labels("addonmanager.kubernetes.io/mode", "EnsureExists");
    assert_eq!(label, None, "made once, and not again");
}

#[test]
fn neither_an_answer_nor_a_beginning_is_a_fault() {
    let count = |condition: Value| {
        let input = Input {
            objects: vec![api_service(json!({}), condition)],
            ..Input::default()
        };
        condition::broken(&input).count()
    };
    assert_eq!(count(json!({"type": "Available", "status": "True"})), 0);
    assert_eq!(count(json!({"type": "Other", "status": "False"})), 0);
    assert_eq!(count(json!({"type": "Available", "status": "Unknown"})), 1);
}
