use serde_json::json;

use super::*;
use crate::report::{self, Change, Expectation, Step};

const MANIFEST: &str = r#"
apiVersion: fixer.nks/v1
kind: Fixer
metadata: {name: acme/test}
spec:
  version: 1.0.0
  about: {title: {en: t, ko: t}, cause: {en: c, ko: c}}
  reads:
  - {apiVersion: v1, kind: ConfigMap, namespaces: [shop], fields: [/data]}
  - {apiVersion: v1, kind: Pod, fields: [/spec]}
  - {apiVersion: v1, kind: Secret, namespaces: [shop], names: [keys], fields: [/data]}
  - {apiVersion: v1, kind: PersistentVolumeClaim, fields: [/spec]}
  - {apiVersion: v1, kind: Namespace, fields: [/spec]}
  - {apiVersion: rbac.authorization.k8s.io/v1, kind: ClusterRole, fields: [/rules]}
  - {apiVersion: apiextensions.k8s.io/v1, kind: CustomResourceDefinition, fields: [/spec]}
  - {apiVersion: apiregistration.k8s.io/v1, kind: APIService, fields: [/spec]}
  writes:
  - {apiVersion: v1, kind: ConfigMap, verbs: [create, delete], paths: [/data/a, "/data/list/*/x", /metadata/annotations/team, "/metadata/finalizers/*"], max: 2}
  - {apiVersion: v1, kind: Pod, verbs: [delete], max: 9}
  - {apiVersion: v1, kind: Secret, verbs: [create, delete], paths: [/data], max: 9}
  - {apiVersion: v1, kind: PersistentVolumeClaim, verbs: [create, delete], paths: [/spec], max: 9}
  - {apiVersion: v1, kind: Namespace, verbs: [create, delete], paths: [/spec], max: 9}
  - {apiVersion: rbac.authorization.k8s.io/v1, kind: ClusterRole, verbs: [create], paths: [/rules], max: 9}
  - {apiVersion: apiextensions.k8s.io/v1, kind: CustomResourceDefinition, verbs: [create, delete], paths: [/spec], max: 9}
  - {apiVersion: apiregistration.k8s.io/v1, kind: APIService, verbs: [create, patch, delete], paths: [/spec], max: 9}
  secrets: tokens
  messages: {m: {en: m, ko: m}}
"#;

fn object(kind: &str, name: &str) -> Value {
    json!({"apiVersion": "v1", "kind": kind, "metadata": {"name": name, "namespace": "shop"}})
}

/// By position: two ConfigMaps, a Pod of a controller and a bare one with a credential, what is never deleted, and an APIService.
fn objects() -> Vec<Object> {
    let mut held = object("Pod", "held");
    held["metadata"]["ownerReferences"] =
        json!([{"apiVersion": "apps/v1", "kind": "ReplicaSet", "name": "r", "controller": true}]);
    held["metadata"]["labels"] = json!({"app.kubernetes.io/managed-by": "Helm"});
    let mut bare = object("Pod", "bare");
    let env = json!([{"name": "PASSWORD", "value": "abc"}]);
    bare["spec"]["containers"] = json!([{"name": "c", "env": env}]);
    held["spec"] = bare["spec"].clone();
    let mut definition = object("CustomResourceDefinition", "c");
    definition["apiVersion"] = "apiextensions.k8s.io/v1".into();
    let api_service = |name: &str, service: Value| {
        json!({"apiVersion": "apiregistration.k8s.io/v1", "kind": "APIService", "metadata": {"name": name},
            "spec": {"group": "example.com", "version": "v1", "service": service}})
    };
    let values = vec![
        object("ConfigMap", "old"),
        object("ConfigMap", "older"),
        held,
        bare,
        object("Secret", "keys"),
        object("PersistentVolumeClaim", "disk"),
        object("Namespace", "shop"),
        definition,
        api_service("v1.apps", Value::Null),
        api_service(
            "v1.example.com",
            json!({"namespace": "shop", "name": "api"}),
        ),
    ];
    let whole = |mut value: Value| {
        value["metadata"]["uid"] = "u".into();
        value["metadata"]["resourceVersion"] = "7".into();
        Object::new(value, "").unwrap()
    };
    values.into_iter().map(whole).collect()
}

fn step(change: Change) -> Step {
    Step {
        message: "m".into(),
        args: Vec::new(),
        findings: Vec::new(),
        change,
        risk: Risk::Safe,
        needs: Vec::new(),
        wait: false,
        expect: Vec::new(),
    }
}

fn creating(value: &Value) -> Vec<Step> {
    vec![step(Change::Create(value.to_string()))]
}

fn deleting(target: u32) -> Vec<Step> {
    vec![step(Change::Delete(target))]
}

fn planned(steps: Vec<Step>) -> Result<Plan, String> {
    let (manifest, objects) = (Manifest::from_yaml(MANIFEST).unwrap(), objects());
    let report = Report {
        findings: Vec::new(),
        steps,
    };
    report::check(&report, &manifest, objects.len()).unwrap();
    let objects: Vec<&Object> = objects.iter().collect();
    plan(
        &manifest,
        &objects,
        &report,
        &Credentials::default(),
        "2026-01-01T00:00:00Z",
    )
    .map_err(|problem| problem.to_string())
}

#[track_caller]
fn refused(steps: Vec<Step>, expected: &str) {
    let said = planned(steps).err().unwrap_or_default();
    assert!(said.contains(expected), "`{said}`, not `{expected}`");
}

/// A ConfigMap that may be created, with one place set otherwise.
fn settings_with(place: &str, value: Value) -> Value {
    let mut settings = object("ConfigMap", "new");
    settings["metadata"]["labels"] = json!({"any": "label"});
    settings["metadata"]["annotations"] = json!({"team": "a"});
    settings["data"] = json!({"a": "1", "list": [{"x": "2"}]});
    let (parent, last) = place.rsplit_once('/').unwrap_or(("", place));
    let parent = settings.pointer_mut(parent).unwrap();
    parent
        .as_object_mut()
        .unwrap()
        .insert(last.to_owned(), value);
    settings
}

#[test]
fn a_creation_holds_the_whole_object() {
    let sent = settings_with("/data/a", json!("1"));
    let plan = planned(creating(&sent)).unwrap();
    let (_, patch) = plan.patches().next().unwrap();
    assert_eq!((patch.act(), &patch.after), (Act::Create, &sent));
    assert!(patch.before.is_null() && patch.uid.is_empty());
    assert_eq!(patch.edits, whole::creation(&sent, &sent));
    assert_eq!(patch.way_back(), WayBack::Deletion);
    assert_eq!(plan.steps[0].risk, Risk::Safe);
    assert_eq!(plan.guarded().count(), 0);
}

#[test]
fn a_creation_sets_nothing_beyond_the_declared_paths() {
    for (place, expected) in [
        ("/data/b", "/data/b is outside the declared paths"),
        ("/binaryData", "/binaryData is outside"),
        ("/data/list", "/data/list is outside"),
        (
            "/metadata/annotations/other",
            "/metadata/annotations/other is outside",
        ),
        ("/metadata/generateName", "/metadata/generateName may never"),
        (
            "/metadata/ownerReferences",
            "/metadata/ownerReferences may never",
        ),
        ("/metadata/uid", "/metadata/uid may never"),
        (
            "/metadata/resourceVersion",
            "/metadata/resourceVersion may never",
        ),
        ("/status", "/status may never"),
        ("/metadata/finalizers", "finalizers may only be removed"),
    ] {
        let value = match place {
            "/metadata/finalizers" => json!(["a"]),
            _ => json!("x"),
        };
        refused(creating(&settings_with(place, value)), expected);
    }
    // An empty list is a place as well.
    refused(
        creating(&settings_with("/immutable", json!([]))),
        "/immutable is outside",
    );
}

#[test]
fn a_creation_says_where_it_goes_and_what_it_is() {
    let mut nowhere = settings_with("/data/a", json!("1"));
    nowhere["metadata"]["namespace"] = Value::Null;
    refused(creating(&nowhere), "it names no namespace");
    nowhere["metadata"]["namespace"] = "elsewhere".into();
    refused(
        creating(&nowhere),
        "the manifest declares no create of configmap/new -n elsewhere",
    );
    nowhere["metadata"]["name"] = "../x".into();
    refused(creating(&nowhere), "is not a name");
    refused(
        creating(&json!({"kind": "ConfigMap"})),
        "has no `apiVersion`",
    );
    let generated = json!({"apiVersion": "v1", "kind": "Pod", "metadata": {"generateName": "x-", "namespace": "shop"}});
    refused(creating(&generated), "has no `metadata.name`");
    refused(creating(&json!([])), "has no `apiVersion`");
    refused(
        creating(&object("Pod", "new")),
        "declares no create of pod/new",
    );
    let mut role = object("ClusterRole", "r");
    role["apiVersion"] = "rbac.authorization.k8s.io/v1".into();
    refused(creating(&role), "its kind has no namespace");
    let twice = r#"{"apiVersion": "v1", "kind": "Pod", "kind": "ConfigMap"}"#;
    refused(vec![step(Change::Create(twice.into()))], "not usable");
    refused(
        creating(&object("ConfigMap", "old")),
        "configmap/old -n shop, which is there already",
    );
}

#[test]
fn a_creation_carries_no_token_and_no_credential() {
    for place in [
        "/data/a",
        "/metadata/labels/x",
        "/metadata/annotations/team",
    ] {
        let sent = settings_with(place, json!("nks-secret-0"));
        refused(creating(&sent), "token out of its place");
    }
    let sent = settings_with("/data/a", json!({"name": "API_TOKEN", "value": "abc"}));
    refused(creating(&sent), "holds a credential");
}

#[test]
fn some_kinds_are_neither_created_nor_deleted() {
    for kind in ["Secret", "PersistentVolumeClaim", "Namespace"] {
        refused(
            creating(&object(kind, "new")),
            match kind {
                "Namespace" => "its kind has no namespace",
                "Secret" => "reads no Secret of that name",
                _ => "never changes",
            },
        );
    }
    let mut snapshot = object("VolumeSnapshot", "new");
    snapshot["apiVersion"] = "snapshot.storage.k8s.io/v1".into();
    refused(creating(&snapshot), "never changes");
    let namespace = json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "new"}});
    refused(creating(&namespace), "never changes");
    for target in 4..9 {
        refused(deleting(target), "never changes");
    }
}

#[test]
fn what_is_deleted_was_shown_and_gets_a_question_of_its_own() {
    let plan = planned(deleting(0)).unwrap();
    let (_, patch) = plan.patches().next().unwrap();
    assert_eq!((patch.act(), &*patch.uid), (Act::Delete, "u"));
    assert_eq!(patch.way_back(), WayBack::NewObject);
    assert_eq!(patch.edits[0].before, Some(object("ConfigMap", "old")));
    assert_eq!(plan.steps[0].risk, Risk::Destructive);
    assert_eq!(plan.guarded().count(), 1);
    refused(
        deleting(3),
        "/spec/containers/0/env/0/value holds a credential",
    );
}

#[test]
fn an_api_service_of_another_server_is_deleted_and_nothing_else() {
    let plan = planned(deleting(9)).unwrap();
    assert_eq!(plan.steps[0].risk, Risk::Destructive);
    assert_eq!(plan.guarded().count(), 1);
    let mut new = objects()[9].value.clone();
    new["metadata"] = json!({"name": "v2.example.com"});
    refused(creating(&new), "never changes");
    let patch = Change::Patch {
        target: 9,
        ops: "[]".into(),
    };
    refused(vec![step(patch)], "never changes");
}

#[test]
fn a_pod_of_a_controller_comes_and_goes() {
    let plan = planned(deleting(2)).unwrap();
    let (_, patch) = plan.patches().next().unwrap();
    assert_eq!(patch.way_back(), WayBack::Remade);
    assert!(patch.edits.is_empty() && patch.managed_by.is_none());
    assert_eq!(plan.steps[0].risk, Risk::Disruptive);
    assert_eq!(plan.guarded().count(), 0);
}

#[test]
fn what_decides_what_others_may_do_is_created_only_with_a_yes_of_its_own() {
    let role = json!({"apiVersion": "rbac.authorization.k8s.io/v1", "kind": "ClusterRole", "metadata": {"name": "r"},
        "rules": [{"verbs": ["get"]}]});
    let plan = planned(creating(&role)).unwrap();
    assert_eq!(plan.guarded().count(), 1);
    assert_eq!(plan.steps[0].risk, Risk::Disruptive);
}

#[test]
fn creations_and_deletions_are_counted_and_are_the_only_step_of_their_object() {
    let create = |name: &str| step(Change::Create(object("ConfigMap", name).to_string()));
    let delete = |target| step(Change::Delete(target));
    let all = planned(vec![create("a"), create("b"), delete(0), delete(1)]);
    assert_eq!(all.unwrap().patches().count(), 4);
    refused(
        vec![create("a"), create("b"), create("c")],
        "allows 2 objects of kind ConfigMap",
    );
    refused(vec![create("a"), create("a")], "changed by two steps");
    refused(vec![delete(0), delete(0)], "changed by two steps");
}

#[test]
fn nothing_is_expected_of_what_is_deleted() {
    let mut steps = deleting(0);
    steps[0].expect.push(Expectation {
        target: 0,
        pointer: String::new(),
        equals: "null".into(),
    });
    refused(steps, "that its step creates or deletes");
}

#[test]
fn the_server_adds_no_owner_and_no_finalizer_to_what_is_created() {
    let sent = settings_with("/data/a", json!("1"));
    let plan = planned(creating(&sent)).unwrap();
    let (_, patch) = plan.patches().next().unwrap();
    let mut returned = sent.clone();
    returned["metadata"]["uid"] = "u".into();
    returned["immutable"] = false.into();
    assert_eq!(check_preview(patch, &returned), Ok(()));
    for field in ["ownerReferences", "finalizers"] {
        let mut widened = returned.clone();
        widened["metadata"][field] = json!(["x"]);
        let said = check_preview(patch, &widened).unwrap_err().to_string();
        assert_eq!(
            said,
            format!("/metadata/{field} is outside the declared paths")
        );
    }
}
