//! Secrets that are created with the values of secret settings.

use serde_json::json;

use super::*;
use crate::object::Object;
use crate::record::{Intent, Record};
use crate::report::{Change, Step};
use crate::settle::{Settled, settle};
use crate::{diff, token};

const VALUE: &str =
    r#"{"auths": {"https://index.docker.io/v1/": {"username": "me", "password": "hunter2"}}}"#;
const TOKEN: &str = "nks-secret-setting-login";

const MANIFEST: &str = r#"
apiVersion: fixer.nks/v1
kind: Fixer
metadata: {name: acme/test}
spec:
  version: 1.0.0
  about: {title: {en: t, ko: t}, cause: {en: c, ko: c}}
  secrets: keys
  reads:
  - {apiVersion: v1, kind: Secret, namespaces: [shop], names: [hub], fields: [/data, /type]}
  - {apiVersion: v1, kind: ConfigMap, namespaces: [shop], fields: [/data]}
  writes:
  - {apiVersion: v1, kind: Secret, verbs: [create], paths: [/data, /type], max: 1}
  - {apiVersion: v1, kind: ConfigMap, verbs: [create], paths: [/data], max: 1}
  settings: {type: object, properties: {login: {type: string, format: secret}}}
  messages: {m: {en: m, ko: m}}
"#;

fn secret() -> Value {
    json!({"apiVersion": "v1", "kind": "Secret", "type": "kubernetes.io/dockerconfigjson",
        "metadata": {"name": "hub", "namespace": "shop", "labels": {"a": "b"}}, "data": {".dockerconfigjson": TOKEN}})
}

fn given(value: &str) -> Credentials {
    let mut given = Credentials::default();
    given.insert("login", value.into());
    given
}

fn planned_with(value: &Value, given: &Credentials) -> Result<Plan, String> {
    let step = Step {
        message: "m".into(),
        args: Vec::new(),
        findings: Vec::new(),
        change: Change::Create(value.to_string()),
        risk: Risk::Safe,
        needs: Vec::new(),
        wait: false,
        expect: Vec::new(),
    };
    let report = Report {
        findings: Vec::new(),
        steps: vec![step],
    };
    let manifest = Manifest::from_yaml(MANIFEST).unwrap();
    plan(&manifest, &[], &report, given, "2026-01-01T00:00:00Z")
        .map_err(|problem| problem.to_string())
}

fn planned(value: &Value) -> Result<ObjectPatch, String> {
    let plan = planned_with(value, &given(VALUE))?;
    Ok(plan.patches().next().unwrap().1.clone())
}

#[test]
fn only_what_is_sent_holds_the_value() {
    let mut texts = secret();
    texts["stringData"] = texts["data"].take();
    texts.as_object_mut().unwrap().remove("data");
    for written in [secret(), texts] {
        let patch = planned(&written).unwrap();
        let sent = patch.sent();
        assert_eq!(sent["data"][".dockerconfigjson"], secret::encode(VALUE));
        assert!(sent.get("stringData").is_none());
        assert_eq!(patch.way_back(), WayBack::Deletion);
        assert!(!patch.is_guarded());
        let shown = diff::unified(&patch.id, &patch.before, &patch.after);
        assert!(shown.contains(r#"+  .dockerconfigjson: "***""#), "{shown}");
        let everything = format!(
            "{patch:?}{shown}{}",
            serde_json::to_string(&patch.edits).unwrap()
        );
        for needle in ["hunter2", secret::encode(VALUE).as_str().unwrap()] {
            assert!(!everything.contains(needle), "{everything}");
        }
    }
}

#[test]
fn a_token_in_any_other_place_is_refused() {
    let longer = format!("{TOKEN} ");
    for (place, key, value) in [
        ("/metadata/labels", "a", TOKEN),
        ("/metadata/labels", TOKEN, "a"),
        ("/metadata", "name", TOKEN),
        ("", "type", TOKEN),
        ("/data", TOKEN, TOKEN),
        ("/data", ".dockerconfigjson", &longer),
        ("/data", ".dockerconfigjson", "nks-secret-setting-other"),
        ("/data", "more", "bmtzLXNlY3JldC1zZXR0aW5nLWxvZ2lu"),
        ("/metadata", "annotations", TOKEN),
    ] {
        let mut odd = secret();
        let parent = odd.pointer_mut(place).unwrap();
        parent[key] = value.into();
        let said = planned(&odd).unwrap_err();
        let expected = [
            "token out of its place",
            "only values of secret settings",
            "reads no Secret",
        ];
        assert!(
            expected.iter().any(|one| said.contains(one)),
            "{place} {key}: {said}"
        );
    }
    let mut other = secret();
    other["kind"] = "ConfigMap".into();
    other.as_object_mut().unwrap().remove("type");
    assert!(
        planned(&other)
            .unwrap_err()
            .contains("token out of its place")
    );
}

#[test]
fn a_new_secret_is_one_that_the_fixer_reads_with_values_that_were_given() {
    let mut other = secret();
    other["metadata"]["name"] = "other".into();
    assert!(
        planned(&other)
            .unwrap_err()
            .contains("reads no Secret of that name")
    );
    let nothing = planned_with(&secret(), &Credentials::default()).unwrap_err();
    assert!(
        nothing.contains("only values of secret settings that were given"),
        "{nothing}"
    );
    let mut odd = secret();
    odd["immutable"] = true.into();
    assert!(planned(&odd).unwrap_err().contains("/immutable is outside"));
    for data in [
        json!([TOKEN]),
        json!(TOKEN),
        json!({"a": [TOKEN]}),
        json!({"a": null}),
    ] {
        odd = secret();
        odd["data"] = data;
        assert!(planned(&odd).is_err(), "{odd}");
    }
}

#[test]
fn pull_credentials_that_could_not_be_used_are_refused_without_a_word_of_them() {
    for value in ["hunter2", r#"{"auths": {"quay.io": {"auth": "hunter2"}}}"#] {
        let said = planned_with(&secret(), &given(value)).unwrap_err();
        assert!(said.contains("the setting `login` "), "{said}");
        assert!(!said.contains("hunter2"), "{said}");
    }
    let mut opaque = secret();
    opaque["type"] = "Opaque".into();
    assert!(planned_with(&opaque, &given("hunter2")).is_ok());
}

/// The Secret as the server stores it, with another value where one is given.
fn stored(value: &str) -> Object {
    let mut stored = planned(&secret()).unwrap().sent();
    stored["data"][".dockerconfigjson"] = secret::encode(value);
    stored["metadata"]["uid"] = "u".into();
    stored["metadata"]["resourceVersion"] = "9".into();
    stored["metadata"]["managedFields"] = json!([{"manager": "kubectl-nks"}]);
    Object::new(stored, "").unwrap()
}

#[test]
fn the_journal_knows_the_value_by_its_digest_only() {
    let patch = planned(&secret()).unwrap();
    let intent = Intent {
        step: 0,
        at: "t".into(),
        act: patch.act(),
        object: patch.id.clone(),
        uid: String::new(),
        resource_version: String::new(),
        edits: scope::sealed(&patch.edits, &patch.before).unwrap(),
    };
    let settled = |now: &Object| settle(&intent, "kubectl-nks", Some(now));
    assert_eq!(settled(&stored(VALUE)), Settled::Applied);
    assert_eq!(settled(&stored("other")), Settled::Unknown);
    assert_eq!(settle(&intent, "kubectl-nks", None), Settled::NotApplied);
    let ack = Record::ack(&intent, "t".into(), Some(&stored(VALUE)));
    let kept = [Record::Intent(intent), ack].map(|record| serde_json::to_string(&record).unwrap());
    let kept = kept.concat();
    assert!(kept.contains(&token::digest(VALUE)), "{kept}");
    for needle in ["hunter2", secret::encode(VALUE).as_str().unwrap(), TOKEN] {
        assert!(!kept.contains(needle), "{kept}");
    }
}
