//! The rules that matter, one by one, on objects made here. Whole clusters are in `cases`.

use nks_fixer::{Change, Fixer, Input, Outcome, Report};
use nks_golden::Golden;
use serde_json::{Value, json};

use crate::StuckFinalizers;

nks_golden::tests!(StuckFinalizers);

fn analyze(input: &Input) -> Report {
    match StuckFinalizers::analyze(input) {
        Ok(Outcome::Done(report)) => report,
        other => panic!("{other:?}"),
    }
}

fn report(objects: &[Value]) -> Report {
    analyze(&Input::of_values(objects.to_vec()))
}

/// `calico-config` with the given list of finalizers.
fn config_map(finalizers: Value) -> Value {
    json!({"apiVersion": "v1", "kind": "ConfigMap",
        "metadata": {"name": "calico-config", "namespace": "kube-system", "finalizers": finalizers}})
}

fn deleted(mut object: Value) -> Value {
    object["metadata"]["deletionTimestamp"] = "2026-09-21T04:20:09Z".into();
    object
}

fn lower(value: impl std::fmt::Debug) -> String {
    format!("{value:?}").to_lowercase()
}

/// One line for each finding: `warning finalizers-set configmap/calico-config: a, b`.
fn findings(report: &Report) -> Vec<String> {
    let line = |finding: &nks_fixer::Finding| {
        let [object, finalizers] = finding.args.as_slice() else {
            panic!("{finding:?}")
        };
        format!(
            "{} {} {}: {}",
            lower(finding.severity),
            finding.message,
            object.value,
            finalizers.value
        )
    };
    report.findings.iter().map(line).collect()
}

#[test]
fn finding_and_step_are_about_the_same_object_and_name_the_same_entries() {
    let other = json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "x", "namespace": "kube-system"}});
    let report = report(&[other, config_map(json!(["a", "orphan", "b"]))]);
    let finding = &report.findings[0];
    assert_eq!(
        (finding.target, finding.field.as_deref()),
        (Some(1), Some("/metadata/finalizers"))
    );
    assert!(finding.related.is_empty());
    let step = &report.steps[0];
    assert_eq!(step.args, finding.args);
    assert_eq!(step.args[1].value, "a, b");
    assert_eq!(step.findings, [0]);
    assert!(step.needs.is_empty() && !step.wait);
    assert!(matches!(step.change, Change::Patch { target: 1, .. }));
    let expected: Vec<_> = step
        .expect
        .iter()
        .map(|expected| {
            (
                expected.target,
                expected.pointer.as_str(),
                expected.equals.as_str(),
            )
        })
        .collect();
    assert_eq!(expected, [(1, "/metadata/finalizers", r#"["orphan"]"#)]);
}

#[test]
fn nothing_is_expected_of_what_the_server_leaves_out_or_lets_go() {
    for object in [
        config_map(json!(["a"])),
        deleted(config_map(json!(["a"]))),
        deleted(config_map(json!(["a", "orphan"]))),
    ] {
        assert!(report(&[object]).steps[0].expect.is_empty());
    }
}

#[test]
fn a_list_that_is_missing_empty_or_odd_holds_nothing_up() {
    for list in [
        json!(null),
        json!([]),
        json!("a"),
        json!({"0": "a"}),
        json!([1, null]),
    ] {
        assert_eq!(report(&[config_map(list)]), Report::default());
    }
    let mut without = config_map(json!(null));
    without["metadata"]
        .as_object_mut()
        .unwrap()
        .remove("finalizers");
    assert_eq!(report(&[without]), Report::default());
}

#[test]
fn every_guarded_name_is_reported_and_none_is_removed() {
    for name in [
        "kubernetes.io/pvc-protection",
        "kubernetes.io/pv-protection",
        "kubernetes",
        "foregroundDeletion",
        "orphan",
        "service.kubernetes.io/load-balancer-cleanup",
        "external-attacher/cinder-csi-openstack-org",
        "external-attacher/another-driver",
        "external-provisioner.volume.kubernetes.io/finalizer",
        "snapshot.storage.kubernetes.io/volumesnapshot-as-source-protection",
        "customresourcecleanup.apiextensions.k8s.io",
        "batch.kubernetes.io/job-tracking",
        "tigera.io/cni-protector",
    ] {
        for object in [
            config_map(json!([name])),
            deleted(config_map(json!([name]))),
        ] {
            let report = report(&[object]);
            assert_eq!(
                (report.findings.len(), report.steps.len()),
                (1, 0),
                "{name}"
            );
        }
    }
}

#[test]
fn a_name_that_only_resembles_a_guarded_one_is_removed() {
    for name in [
        "kubernetes.io/pvc-protection-2",
        "kubernetes.io",
        "example.com/orphan",
        "external-attacher.example.com/x",
        "tigera.io/other",
    ] {
        assert_eq!(
            report(&[config_map(json!([name]))]).steps.len(),
            1,
            "{name}"
        );
    }
}

#[test]
fn the_answer_does_not_depend_on_the_order_of_the_objects() {
    let named = |kind: &str, api: &str, namespace: &str, name: &str| {
        json!({"apiVersion": api, "kind": kind,
            "metadata": {"name": name, "namespace": namespace, "finalizers": ["a"]}})
    };
    let mut objects = vec![
        named("Service", "v1", "kube-system", "kube-dns"),
        named("ConfigMap", "v1", "kube-system", "coredns"),
        named("Deployment", "apps/v1", "kube-system", "coredns"),
        named(
            "ClusterRole",
            "rbac.authorization.k8s.io/v1",
            "",
            "calico-node",
        ),
        named("DaemonSet", "apps/v1", "kube-system", "npd"),
        named("DaemonSet", "apps/v1", "kube-system", "calico-node"),
    ];
    let forwards = findings(&report(&objects));
    objects.reverse();
    assert_eq!(forwards, findings(&report(&objects)));
    let order: Vec<&str> = forwards
        .iter()
        .map(|line| line.split(' ').nth(2).unwrap().trim_end_matches(':'))
        .collect();
    assert_eq!(
        order,
        [
            "daemonset.apps/calico-node",
            "daemonset.apps/npd",
            "deployment.apps/coredns",
            "clusterrole.rbac.authorization.k8s.io/calico-node",
            "configmap/coredns",
            "service/kube-dns",
        ]
    );
}

/// The fixer relies on its own list, not on the host having left other namespaces out.
#[test]
fn unfiltered_objects_give_the_same() {
    let golden = Golden::open(env!("CARGO_MANIFEST_DIR"));
    for case in &golden.cases {
        let everything = Input::of_values(case.objects.iter().map(|object| object.value.clone()));
        let filtered = analyze(&golden.input(case));
        assert_eq!(
            findings(&analyze(&everything)),
            findings(&filtered),
            "{}",
            case.name
        );
    }
}
