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
  - {apiVersion: apps/v1, kind: Deployment, fields: [/spec]}
  - {apiVersion: apps/v1, kind: DaemonSet, fields: [/spec]}
  - {apiVersion: v1, kind: ConfigMap, fields: [/data]}
  - {apiVersion: v1, kind: Namespace, fields: [/spec]}
  - {apiVersion: v1, kind: Secret, namespaces: [shop], names: [keys], fields: [/data]}
  writes:
  - apiVersion: apps/v1
    kind: Deployment
    namespaces: [shop]
    verbs: [patch]
    paths: [/spec/replicas, "/spec/template/spec/containers/*/image", /metadata/annotations/team]
    max: 2
  - {apiVersion: apps/v1, kind: DaemonSet, verbs: [restart], max: 1}
  - {apiVersion: v1, kind: ConfigMap, verbs: [patch], paths: [/data, "/metadata/finalizers/*"], max: 9}
  - {apiVersion: v1, kind: Namespace, verbs: [patch], paths: [/metadata/labels/x], max: 9}
  - {apiVersion: v1, kind: Secret, verbs: [patch], paths: [/data/config, /metadata/annotations/team], max: 9}
  secrets: tokens
  messages: {m: {en: m, ko: m}}
"#;

const WEB: u32 = 0;
const SECOND: u32 = 1;
const THIRD: u32 = 2;
const ELSEWHERE: u32 = 3;
const AGENT: u32 = 4;
const SETTINGS: u32 = 5;
const NAMESPACE: u32 = 6;
const SECRET: u32 = 7;
const DEFINITION: u32 = 8;
const SERVICE: u32 = 9;

fn objects() -> Vec<Object> {
    let deployment = |namespace: &str, name: &str| {
        json!({"apiVersion": "apps/v1", "kind": "Deployment",
            "metadata": {"name": name, "namespace": namespace, "uid": "u", "resourceVersion": "7",
                "generateName": "web-", "annotations": {"team": "a"},
                "ownerReferences": [{"kind": "Shop", "name": "s", "uid": "o"}]},
            "spec": {"replicas": 2, "template": {"spec": {"containers": [{"name": "a", "image": "x:old"}]}}}})
    };
    let mut agent = deployment("shop", "agent");
    agent["kind"] = "DaemonSet".into();
    let named = |api_version: &str, kind: &str, name: &str| json!({"apiVersion": api_version, "kind": kind, "metadata": {"name": name}});
    let mut settings = named("v1", "ConfigMap", "settings");
    settings["data"] = json!({"a": "1"});
    settings["metadata"]["deletionTimestamp"] = "2026-01-01T00:00:00Z".into();
    settings["metadata"]["finalizers"] = json!(["acme/held"]);
    let mut secret = named("v1", "Secret", "keys");
    secret["data"] = json!({"config": secret::encode("[a]\nb = c\n")});
    let values = vec![
        deployment("shop", "web"),
        deployment("shop", "second"),
        deployment("shop", "third"),
        deployment("elsewhere", "web"),
        agent,
        settings,
        named("v1", "Namespace", "shop"),
        secret,
        named("apiextensions.k8s.io/v1", "CustomResourceDefinition", "c"),
        named("apiregistration.k8s.io/v1", "APIService", "a"),
    ];
    let object = |value| Object::new(value, "shop").unwrap();
    values.into_iter().map(object).collect()
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

fn patch(target: u32, ops: &str) -> Step {
    let ops = ops.to_owned();
    step(Change::Patch { target, ops })
}

/// One operation on the first Deployment.
fn operation(op: &str, path: &str, value: &str) -> Vec<Step> {
    vec![patch(
        WEB,
        &format!(r#"[{{"op":"{op}","path":"{path}","value":{value}}}]"#),
    )]
}

fn scaled(target: u32) -> Step {
    patch(
        target,
        r#"[{"op":"replace","path":"/spec/replicas","value":3}]"#,
    )
}

fn expecting(pointer: &str, equals: &str) -> Vec<Step> {
    let mut step = scaled(WEB);
    step.expect.push(Expectation {
        target: WEB,
        pointer: pointer.into(),
        equals: equals.into(),
    });
    vec![step]
}

/// The plan of steps that pass as a report, or why there is none.
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
fn refused(cases: Vec<(Vec<Step>, &str)>) {
    for (steps, expected) in cases {
        let shown = format!("{steps:?}");
        let said = planned(steps).err().unwrap_or_default();
        assert!(said.contains(expected), "{shown}: `{said}`");
    }
}

#[test]
fn a_token_is_found_however_it_is_spelled() {
    let expected = "step 1: it carries a secret's token out of its place";
    let image = "/spec/template/spec/containers/0/image";
    refused(vec![
        (operation("replace", image, r#""nks-secret-0""#), expected),
        (
            operation("replace", image, r#""x nks\u002dsecret-0""#),
            expected,
        ),
        (
            operation("replace", image, r#"["a", {"nks-secr\u0065t-0": 1}]"#),
            expected,
        ),
        (
            operation("add", "/metadata/annotations/nks\\u002dsecret-0", "\"\""),
            expected,
        ),
        // A Secret has places other than its texts.
        (
            vec![patch(
                SECRET,
                r#"[{"op":"add","path":"/metadata/annotations","value":{"team":"nks-secret-0"}}]"#,
            )],
            expected,
        ),
    ]);
}

#[test]
fn only_what_is_declared_is_written() {
    let restart = |target| step(Change::Restart(target));
    refused(vec![
        (
            vec![scaled(ELSEWHERE)],
            "step 1: the manifest declares no patch of deployment.apps/web -n elsewhere",
        ),
        (
            vec![scaled(AGENT)],
            "the manifest declares no patch of daemonset.apps/agent -n shop",
        ),
        (
            vec![scaled(WEB), restart(SECOND)],
            "step 2: the manifest declares no restart of deployment.apps/second -n shop",
        ),
        (
            vec![scaled(WEB), scaled(SECOND), scaled(THIRD)],
            "step 3: the manifest allows 2 objects of kind Deployment",
        ),
        (
            vec![scaled(WEB), scaled(WEB)],
            "step 2: deployment.apps/web -n shop is changed by two steps",
        ),
        (
            vec![restart(AGENT), restart(AGENT)],
            "step 2: daemonset.apps/agent -n shop is changed by two steps",
        ),
    ]);
    for kind in [NAMESPACE, DEFINITION, SERVICE] {
        let expected = "is of a kind that this version never changes";
        refused(vec![(vec![patch(kind, "[]")], expected)]);
    }
    let plan = planned(vec![scaled(WEB), scaled(SECOND), restart(AGENT)]).unwrap();
    assert_eq!(plan.patches().count(), 3);
}

#[test]
fn what_this_version_does_not_carry_out_is_named() {
    let (script, args) = (String::new(), Vec::new());
    for change in [
        Change::RunOnNode {
            target: WEB,
            script,
            args,
        },
        Change::Drain(WEB),
        Change::Reboot(WEB),
        Change::Uncordon(WEB),
    ] {
        let word = change.word();
        assert_eq!(
            planned(vec![step(change)]),
            Err(format!(
                "step 1: `{word}` is not carried out by this version"
            ))
        );
    }
}

#[test]
fn a_patch_tests_adds_replaces_and_removes() {
    let only = |op: &str| {
        format!("its patch uses `{op}`; only test, add, replace and remove are accepted")
    };
    let from = |op: &str| {
        let ops = format!(r#"[{{"op":"{op}","from":"/spec/replicas","path":"/spec/replicas"}}]"#);
        vec![patch(WEB, &ops)]
    };
    let image = "/spec/template/spec/containers/0/image";
    let twice = r#"[{"op":"replace","path":"/spec/replicas","path":"/spec/paused","value":1}]"#;
    let two_ops = r#"[{"op":"test","op":"remove","path":"/spec/replicas","value":2}]"#;
    let unusable = "its patch is not usable: ";
    refused(vec![
        (from("move"), &only("move")),
        (from("copy"), &only("copy")),
        (vec![patch(WEB, twice)], "duplicate field `path`"),
        (vec![patch(WEB, two_ops)], "duplicate field `op`"),
        (vec![patch(WEB, "{}")], unusable),
        (vec![patch(WEB, "[] []")], unusable),
        (operation("merge", "/spec/replicas", "1"), unusable),
        (operation("replace", image, "NaN"), unusable),
        (operation("replace", image, "1e999"), unusable),
        (operation("test", "/spec/replicas", "3"), "does not apply"),
        (operation("replace", "/spec/paused", "1"), "does not apply"),
    ]);
    // The last of two keys in a value counts, and the effect is what is checked.
    let value = r#"{"image":"x:new","image":"x:old","name":"a"}"#;
    let plan = planned(operation(
        "replace",
        "/spec/template/spec/containers/0",
        value,
    ))
    .unwrap();
    assert!(plan.patches().all(|(_, patch)| patch.edits.is_empty()));
}

#[test]
fn a_pointer_reaches_what_it_says_and_no_more() {
    let containers = |rest: &str| format!("/spec/template/spec/containers/{rest}");
    for (op, path, expected) in [
        ("add", "/-", "/- is outside"),
        ("add", "/spec~1replicas", "/spec~1replicas is outside"),
        ("add", "/spec/~01replicas", "/spec/~01replicas is outside"),
        ("add", "/spec/~2", "its patch is not usable"),
        ("add", &containers("-"), "containers/1 is outside"),
        ("add", &containers("2"), "does not apply"),
        ("replace", &containers("00/image"), "does not apply"),
        ("replace", "", "the whole object may never be changed"),
    ] {
        refused(vec![(operation(op, path, "1"), expected)]);
    }
    let emptied = "/apiVersion may never be changed by a fixer";
    refused(vec![(operation("replace", "", "{}"), emptied)]);
}

#[test]
fn metadata_is_not_a_fixers_but_for_what_is_declared() {
    for (op, field, value, expected) in [
        ("add", "labels", "{}", "labels is outside"),
        (
            "add",
            "annotations/kubectl.kubernetes.io~1restartedAt",
            "1",
            "io~1restartedAt is outside",
        ),
        (
            "replace",
            "annotations",
            r#"{"team":"a","x":"1"}"#,
            "annotations/x is outside",
        ),
        (
            "replace",
            "ownerReferences/0/uid",
            "1",
            "ownerReferences may never",
        ),
        (
            "remove",
            "ownerReferences",
            "1",
            "ownerReferences may never",
        ),
        ("remove", "generateName", "1", "generateName may never"),
        (
            "replace",
            "resourceVersion",
            "1",
            "resourceVersion may never",
        ),
        ("replace", "namespace", "1", "namespace may never"),
        ("replace", "name", "1", "name may never"),
    ] {
        let path = format!("/metadata/{field}");
        refused(vec![(operation(op, &path, value), expected)]);
    }
    assert!(planned(operation("replace", "/metadata/annotations/team", "1")).is_ok());
}

#[test]
fn an_expectation_is_one_that_the_patch_brings_about() {
    let mut foreign = scaled(WEB);
    foreign.expect.push(Expectation {
        target: SECOND,
        pointer: "/spec/replicas".into(),
        equals: "2".into(),
    });
    refused(vec![
        (
            expecting("/spec/replicas", "5"),
            "it expects /spec/replicas to be 5, which its patch does not bring about",
        ),
        (
            expecting("/spec/paused", "null"),
            "it expects /spec/paused to be null",
        ),
        (
            vec![foreign],
            "its expectation is not usable: it is about another object than its step",
        ),
        (
            expecting("spec", "3"),
            "its expectation is not usable: `spec` is not a JSON pointer",
        ),
        (
            expecting("/spec/replicas", "NaN"),
            "its expectation is not usable: ",
        ),
    ]);
    let plan = planned(expecting("/spec/replicas", "3")).unwrap();
    assert_eq!(plan.steps[0].expect[0].value, json!(3));
}

#[test]
fn a_fixer_may_call_a_step_worse_than_it_is_and_not_better() {
    let image = "/spec/template/spec/containers/0/image";
    let freed = patch(
        SETTINGS,
        r#"[{"op":"remove","path":"/metadata/finalizers"}]"#,
    );
    let fewer = operation("replace", "/spec/replicas", "0");
    for (steps, least) in [
        (vec![scaled(WEB)], Risk::Safe),
        (fewer, Risk::Disruptive),
        (operation("replace", image, r#""x:new""#), Risk::Disruptive),
        (vec![step(Change::Restart(AGENT))], Risk::Disruptive),
        (vec![freed], Risk::Destructive),
    ] {
        for said in [Risk::Safe, Risk::Disruptive, Risk::Destructive] {
            let mut steps = steps.clone();
            steps[0].risk = said;
            let shown = format!("{steps:?}");
            assert_eq!(
                planned(steps).unwrap().steps[0].risk,
                said.max(least),
                "{shown}"
            );
        }
    }
}
