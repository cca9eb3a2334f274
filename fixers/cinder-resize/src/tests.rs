//! The rules that matter, one by one. Whole clusters are in `cases`.

use nks_core::secret;
use nks_fixer::{Change, Fixer, Input, Outcome, Report};
use nks_golden::Golden;
use serde_json::{Value, json};

use crate::config::{Verdict, examine};
use crate::{CinderResize, age, volumes};

nks_golden::tests!(CinderResize);

fn analyze(input: &Input) -> Report {
    match CinderResize::analyze(input) {
        Ok(Outcome::Done(report)) => report,
        other => panic!("{other:?}"),
    }
}

fn lower(value: impl std::fmt::Debug) -> String {
    format!("{value:?}").to_lowercase()
}

/// One line for each finding, with its last part the place in the Secret or the workload: `warning option-off cloud.conf`.
fn findings(report: &Report) -> Vec<String> {
    let line = |finding: &nks_fixer::Finding| {
        let value = |name: &str| {
            let arg = finding.args.iter().find(|arg| arg.name == name);
            arg.map(|arg| arg.value.as_str())
        };
        let about = value("key").or(value("workload")).unwrap_or_default();
        let line = format!("{} {} {about}", lower(finding.severity), finding.message);
        line.trim_end().to_owned()
    };
    report.findings.iter().map(line).collect()
}

/// One line for each step: `restart-plugin daemonset.apps/csi-cinder-nodeplugin needs [0]`.
fn steps(report: &Report) -> Vec<String> {
    let line = |step: &nks_fixer::Step| {
        let what = match step.message.as_str() {
            "restart-plugin" => step.args[0].value.as_str(),
            "check-volumes" => step.args[0].value.as_str(),
            _ => step.args[1].value.as_str(),
        };
        format!("{} {what} needs {:?}", step.message, step.needs)
    };
    report.steps.iter().map(line).collect()
}

/// The new text of an option that has to change.
fn new(text: &str) -> String {
    match examine(text) {
        Verdict::Off { new } | Verdict::Missing { new } => new,
        other => panic!("{text}: {other:?}"),
    }
}

#[test]
fn an_edit_adds_or_changes_one_line_and_keeps_every_other_byte() {
    for (old, expected) in [
        (
            "[Global]\na=nks-secret-0\n",
            "[Global]\na=nks-secret-0\n\n[BlockStorage]\nrescan-on-resize = true\n",
        ),
        (
            "[Global]\r\na=nks-secret-0",
            "[Global]\r\na=nks-secret-0\r\n\r\n[BlockStorage]\r\nrescan-on-resize = true\r\n",
        ),
        (
            "[Global]\na=nks-secret-0\n \t",
            "[Global]\na=nks-secret-0\n \t\n[BlockStorage]\nrescan-on-resize = true\n",
        ),
        (
            "[Global]",
            "[Global]\n\n[BlockStorage]\nrescan-on-resize = true\n",
        ),
        (
            "\t[ blockSTORAGE ] nks-secret-0\r\nx=nks-secret-1\n",
            "\t[ blockSTORAGE ] nks-secret-0\r\nrescan-on-resize = true\r\nx=nks-secret-1\n",
        ),
        (
            "[Global]\r\n[BlockStorage]",
            "[Global]\r\n[BlockStorage]\r\nrescan-on-resize = true\r\n",
        ),
        (
            "[BlockStorage]\n  Rescan-On-Resize\t=  \"Off\" \r\n\n",
            "[BlockStorage]\n  Rescan-On-Resize\t=  true \r\n\n",
        ),
        (
            "[BlockStorage]\nrescan-on-resize=true\n[BlockStorage]\nrescan-on-resize=0",
            "[BlockStorage]\nrescan-on-resize=true\n[BlockStorage]\nrescan-on-resize=true",
        ),
        (
            "[BlockStorage]\n#rescan-on-resize=true\n[Other]\nrescan-on-resize=true\n",
            "[BlockStorage]\nrescan-on-resize = true\n#rescan-on-resize=true\n[Other]\nrescan-on-resize=true\n",
        ),
        (
            "[BlockStorage \"x\"]\nrescan-on-resize=true\n",
            "[BlockStorage \"x\"]\nrescan-on-resize=true\n\n[BlockStorage]\nrescan-on-resize = true\n",
        ),
    ] {
        assert_eq!(new(old), expected);
        assert_eq!(examine(&new(old)), Verdict::On, "{expected}");
    }
}

#[test]
fn an_option_that_is_true_is_left_alone() {
    for line in [
        "rescan-on-resize = true",
        "rescan-on-resize=TRUE",
        "RESCAN-ON-RESIZE = \"yes\"",
        " rescan-on-resize ",
        "rescan-on-resize=1\r",
        "rescan-on-resize=on\nother=nks-secret-0",
        "rescan-on-resize=nks-secret-0\nrescan-on-resize=true",
    ] {
        let text = ["[blockstorage]\n", line, "\n"].concat();
        assert_eq!(examine(&text), Verdict::On, "{line}");
    }
}

#[test]
fn what_cannot_be_read_is_not_guessed() {
    for value in ["nks-secret-0", "", "true\\", "\"true", "2"] {
        let text = ["[BlockStorage]\nrescan-on-resize = ", value, "\n"].concat();
        assert_eq!(examine(&text), Verdict::Unreadable, "{value}");
    }
    for text in ["", "nks-secret-0", "***"] {
        assert_eq!(examine(text), Verdict::NotIni, "{text}");
    }
}

fn secret(fields: Value) -> nks_fixer::Object {
    nks_fixer::Object::of_value(json!({"kind": "Secret", "metadata": fields}))
}

#[test]
fn the_last_change_is_that_of_the_data() {
    let entry = |time: &str, fields: Value| json!({"time": time, "fieldsV1": fields});
    let written = secret(
        json!({"creationTimestamp": "2024-01-01T00:00:00Z", "managedFields": [
        entry("2024-02-01T00:00:00Z", json!({"f:data": {}})),
        entry("2024-03-01T00:00:00Z", json!({"f:data": {}, "f:type": {}})),
        entry("2024-04-01T00:00:00Z", json!({"f:metadata": {}}))]}),
    );
    let change = nks_fixer::time::seconds("2024-03-01T00:00:00Z");
    assert!(change.is_some());
    assert_eq!(age::last_change(&written), change);
    let made = secret(json!({"creationTimestamp": "2024-01-01T00:00:00Z"}));
    assert_eq!(
        age::last_change(&made),
        nks_fixer::time::seconds("2024-01-01T00:00:00Z")
    );
    assert_eq!(age::last_change(&secret(json!({}))), None);
}

#[test]
fn a_restart_that_kubectl_asked_for_elsewhere_is_known() {
    let restarted = |time: &str| {
        let mut objects = running(json!({"creationTimestamp": "2024-07-01T00:00:00Z"}));
        objects[1]["spec"]["template"]["metadata"] =
            json!({"annotations": {"kubectl.kubernetes.io/restartedAt": time}});
        findings(&analyze(&Input::of_values(objects)))
    };
    assert_eq!(
        restarted("2024-07-01T09:00:00+09:00"),
        ["warning restart-unfinished daemonset.apps/any"]
    );
    assert_eq!(
        restarted("2024-07-01T08:59:59+09:00"),
        ["warning restart-needed daemonset.apps/any"]
    );
}

#[test]
fn a_secret_that_the_driver_does_not_use_is_not_changed() {
    let reported = |data: &str, template: Value| {
        let mut objects = running(json!({"creationTimestamp": "2024-07-01T00:00:00Z"}));
        objects[0]["data"]["cloud-config"] = data.into();
        objects[1]["spec"]["template"]["spec"] = template;
        let report = analyze(&Input::of_values(objects));
        (findings(&report), report.steps.len())
    };
    let container = |more: Value| json!({"containers": [{"name": "cinder-csi-plugin", "image": "x", "env": more}]});
    let unused = (vec!["warning secret-unused".to_owned()], 0);
    assert_eq!(reported("[Global]\n", container(json!([]))), unused);
    assert_eq!(
        reported("[BlockStorage]\nrescan-on-resize\n", container(json!([]))),
        unused
    );
    let from = json!([{"name": "X", "valueFrom": {"secretKeyRef": {"name": "cinder-csi-cloud-config", "key": "cloud-config"}}}]);
    assert_eq!(reported("[Global]\n", container(from)).1, 2);
}

/// The option is true, and the Secret's times are `metadata`; the node plugin has one pod of 2024-06.
fn running(metadata: Value) -> Vec<Value> {
    let mut secret = json!({"apiVersion": "v1", "kind": "Secret", "metadata": metadata,
        "data": {"cloud-config": "[BlockStorage]\nrescan-on-resize=true\n"}});
    secret["metadata"]["name"] = "cinder-csi-cloud-config".into();
    secret["metadata"]["namespace"] = "kube-system".into();
    let set = json!({"apiVersion": "apps/v1", "kind": "DaemonSet",
        "metadata": {"name": "any", "namespace": "kube-system", "uid": "set"},
        "spec": {"template": {"spec": {"containers": [{"name": "cinder-csi-plugin", "image": "x"}],
            "volumes": [{"name": "c", "secret": {"secretName": "cinder-csi-cloud-config"}}]}}}});
    let pod = json!({"apiVersion": "v1", "kind": "Pod",
        "metadata": {"name": "p", "namespace": "kube-system", "uid": "p",
            "ownerReferences": [{"kind": "DaemonSet", "uid": "set", "controller": true}]},
        "status": {"startTime": "2024-06-01T00:00:00Z"}});
    vec![secret, set, pod]
}

#[test]
fn a_restart_is_proposed_only_where_the_pods_are_known_to_be_older() {
    let report = |objects: Vec<Value>| analyze(&Input::of_values(objects));
    let made = |time: &str| json!({"creationTimestamp": time});
    let older = report(running(made("2024-06-01T00:00:01Z")));
    assert_eq!(
        steps(&older),
        ["restart-plugin daemonset.apps/any needs []"]
    );
    assert_eq!(older.findings[0].related, [2]);
    assert!(older.steps[0].wait && matches!(older.steps[0].change, Change::Restart(1)));
    for metadata in [made("2024-06-01T00:00:00Z"), json!({})] {
        assert_eq!(report(running(metadata)), Report::default());
    }
    let mut not_started = running(made("2024-07-01T00:00:00Z"));
    not_started[2]["status"] = json!({"phase": "Pending"});
    assert_eq!(report(not_started), Report::default());
}

#[test]
fn a_workload_is_the_driver_by_a_container_in_its_namespace() {
    let named = |container: Value, namespace: &str| {
        let mut objects = running(json!({}));
        objects[0]["data"]["cloud-config"] = "[Global]\n".into();
        objects[1]["metadata"]["namespace"] = namespace.into();
        let volumes = objects[1]["spec"]["template"]["spec"]["volumes"].clone();
        objects[1]["spec"]["template"]["spec"] = container;
        objects[1]["spec"]["template"]["spec"]["volumes"] = volumes;
        findings(&analyze(&Input::of_values(objects)))
    };
    let image = json!({"containers": [{"name": "x", "image": "r.example.com/a/cinder-csi-plugin@sha256:00"}]});
    assert_eq!(
        named(image.clone(), "kube-system"),
        ["warning option-missing cloud-config"]
    );
    let not_found = ["info plugin-not-found"];
    assert_eq!(named(image, "storage"), not_found);
    let init = json!({"initContainers": [{"name": "cinder-csi-plugin", "image": "x"}]});
    assert_eq!(named(init, "kube-system"), not_found);
    let other = json!({"containers": [{"name": "x", "image": "a/cinder-csi-plugin-tests:1"}]});
    assert_eq!(named(other, "kube-system"), not_found);
}

#[test]
fn a_claim_is_named_only_when_its_size_was_written_again() {
    let claim = |entries: Value| {
        let claim = json!({"apiVersion": "v1", "kind": "PersistentVolumeClaim",
            "metadata": {"name": "c", "namespace": "n", "creationTimestamp": "2024-01-01T00:00:00Z",
                "annotations": {"volume.kubernetes.io/storage-provisioner": "cinder.csi.openstack.org"},
                "managedFields": entries},
            "spec": {}, "status": {"phase": "Bound"}});
        volumes::expanded(&Input::of_values([claim]))
    };
    let size = |time: &str| json!({"time": time, "fieldsV1": {"f:spec": {"f:resources": {}}}});
    let label = |time: &str| json!({"time": time, "fieldsV1": {"f:metadata": {"f:labels": {}}}});
    let (first, second) = ("2024-01-01T00:00:00Z", "2024-01-02T00:00:00Z");
    assert_eq!(claim(json!([size(first), size(second)])), ["n/c"]);
    assert_eq!(claim(json!([label(first), size(second)])), ["n/c"]);
    assert_eq!(
        claim(json!([label(first), size("2024-01-01T00:01:01Z")])),
        ["n/c"]
    );
    for entries in [
        json!([size(second)]),
        json!([size(second), label("2024-01-03T00:00:00Z")]),
        json!([size(first), label(second)]),
        json!([label(first), size("2024-01-01T00:01:00Z")]),
        json!([{"fieldsV1": {"f:spec": {"f:resources": {}}}}]),
        json!(null),
    ] {
        assert!(claim(entries.clone()).is_empty(), "{entries}");
    }
}

/// The lines of a text that are neither empty nor the option's nor the section's.
fn other_lines(text: &str) -> Vec<&str> {
    let is_other = |line: &&str| {
        let is_option = line.to_lowercase().contains("rescan-on-resize");
        !is_option && !line.is_empty() && *line != "[BlockStorage]"
    };
    text.lines().filter(is_other).collect()
}

/// With the values back in their places, only the option's line differs, and the section's where there was none.
#[test]
fn an_edited_secret_differs_by_the_option_alone() {
    let golden = Golden::open(env!("CARGO_MANIFEST_DIR"));
    let mut edited = 0;
    for case in &golden.cases {
        let plan = golden.plan(case, &golden.report(case, CinderResize::analyze));
        for (_, patch) in plan.patches().filter(|(_, one)| one.id.kind == "Secret") {
            for (key, before) in patch.before["data"].as_object().unwrap() {
                let before = secret::decode(before).unwrap();
                let after = secret::decode(&patch.after["data"][key]).unwrap();
                assert_eq!(other_lines(&before), other_lines(&after), "{}", case.name);
                if before.contains("\r\n") {
                    let ends = |end: &str| after.matches(end).count();
                    assert_eq!(ends("\n"), ends("\r\n"), "{}", case.name);
                }
                edited += usize::from(before != after);
            }
        }
    }
    assert!(edited >= 12, "{edited}");
}

#[test]
fn no_more_volumes_are_named_than_a_person_reads() {
    let golden = Golden::open(env!("CARGO_MANIFEST_DIR"));
    let report = analyze(&golden.input(golden.case("many-volumes")));
    let volumes = &report.steps[3].args[1].value;
    assert!(volumes.starts_with("finance/data-ledger-0, finance/data-ledger-1, "));
    assert!(
        volumes.ends_with(", …") && volumes.matches('/').count() == 10,
        "{volumes}"
    );
}
