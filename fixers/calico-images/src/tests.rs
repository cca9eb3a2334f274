//! The rules that matter, one by one. Whole clusters are in `cases`.

use nks_fixer::{Change, Fixer, Image, Input, Outcome, Report};
use serde_json::{Value, json};

use crate::{CalicoImages, origin};

nks_golden::tests!(CalicoImages);

const NODE: &str = "calico-node:v3.24.1";
const CNI: &str = "calico-cni:v3.24.1";
const DENIED: &str = "pull access denied, repository does not exist or may require authorization";

/// A DaemonSet `calico-node` with two init containers.
fn daemon_set(install: &str, mount: &str, main: &str) -> Value {
    json!({"apiVersion": "apps/v1", "kind": "DaemonSet",
        "metadata": {"name": "calico-node", "namespace": "kube-system", "uid": "ds"},
        "spec": {"template": {"spec": {
            "initContainers": [{"name": "install-cni", "image": install}, {"name": "mount-bpffs", "image": mount}],
            "containers": [{"name": "calico-node", "image": main}]}}},
        "status": {"desiredNumberScheduled": 3}})
}

/// A pod made from the template of `owner`, with the given state for each container; what has none has not started.
fn pod(name: &str, owner: &Value, states: &[(&str, Value)]) -> Value {
    let template = owner
        .pointer("/spec/template/spec")
        .cloned()
        .unwrap_or_default();
    let statuses = |field: &str| -> Vec<Value> {
        let list = template
            .get(field)
            .and_then(Value::as_array)
            .cloned()
            .unwrap_or_default();
        let status = |container: &Value| {
            let state = states
                .iter()
                .find(|(name, _)| container["name"] == *name)
                .map(|(_, state)| state.clone());
            let state = state.unwrap_or_else(|| json!({"waiting": {"reason": "PodInitializing"}}));
            json!({"name": container["name"], "imageID": "", "state": state})
        };
        list.iter().map(status).collect()
    };
    json!({"apiVersion": "v1", "kind": "Pod",
        "metadata": {"name": name, "namespace": "kube-system", "uid": name,
            "ownerReferences": [{"kind": owner["kind"], "uid": owner["metadata"]["uid"], "controller": true}]},
        "spec": {"nodeName": (format!("on-{name}")), "containers": template["containers"],
            "initContainers": template.get("initContainers").cloned().unwrap_or_else(|| json!([]))},
        "status": {"initContainerStatuses": statuses("initContainers"), "containerStatuses": statuses("containers")}})
}

/// A Deployment of one container, its ReplicaSet, and a pod that cannot pull the image.
fn failing_deployment(name: &str, image: &str) -> [Value; 3] {
    let deployment = json!({"apiVersion": "apps/v1", "kind": "Deployment",
        "metadata": {"name": name, "namespace": "kube-system", "uid": name},
        "spec": {"replicas": 1, "template": {"spec": {"containers": [{"name": name, "image": image}]}}}});
    let replica_set_uid = format!("{name}-rs");
    let replica_set = json!({"apiVersion": "apps/v1", "kind": "ReplicaSet",
        "metadata": {"name": replica_set_uid, "namespace": "kube-system", "uid": replica_set_uid,
            "ownerReferences": [{"kind": "Deployment", "uid": name, "controller": true}]}});
    let mut pod = pod(
        &format!("{name}-pod"),
        &deployment,
        &[(name, failing(DENIED))],
    );
    pod["metadata"]["ownerReferences"][0]["uid"] = replica_set_uid.into();
    [deployment, replica_set, pod]
}

fn failing(message: &str) -> Value {
    json!({"waiting": {"reason": "ErrImagePull", "message": message}})
}

fn done() -> Value {
    json!({"terminated": {"exitCode": 0}})
}

fn analyze(input: &Input) -> Report {
    match CalicoImages::analyze(input) {
        Ok(Outcome::Done(report)) => report,
        other => panic!("{other:?}"),
    }
}

fn report(objects: &[Value]) -> Report {
    analyze(&Input::of_values(objects.to_vec()))
}

fn findings(report: &Report) -> Vec<&str> {
    report
        .findings
        .iter()
        .map(|finding| finding.message.as_str())
        .collect()
}

fn steps(report: &Report) -> Vec<&str> {
    report
        .steps
        .iter()
        .map(|step| step.message.as_str())
        .collect()
}

/// The images that a report sets, by pointer.
fn new_images(report: &Report) -> Vec<(String, String)> {
    let expected = report.steps.iter().flat_map(|step| &step.expect);
    expected
        .map(|expected| {
            (
                expected.pointer.clone(),
                expected.equals.trim_matches('"').to_owned(),
            )
        })
        .collect()
}

#[test]
fn a_broken_daemon_set_is_mended_between_the_manual_steps() {
    let set = daemon_set(CNI, NODE, NODE);
    let report = report(&[
        set.clone(),
        pod("a", &set, &[("install-cni", failing(DENIED))]),
    ]);
    assert_eq!(findings(&report), ["images-unpullable"]);
    assert_eq!(
        steps(&report),
        ["delete-failed-node", "use-public-images", "scale-out-again"]
    );
    let base = "/spec/template/spec";
    let expected = [
        (
            format!("{base}/initContainers/0/image"),
            "docker.io/calico/cni:v3.24.1".to_owned(),
        ),
        (
            format!("{base}/initContainers/1/image"),
            "docker.io/calico/node:v3.24.1".to_owned(),
        ),
        (
            format!("{base}/containers/0/image"),
            "docker.io/calico/node:v3.24.1".to_owned(),
        ),
    ];
    assert_eq!(new_images(&report), expected);
    let finding = &report.findings[0];
    let args: Vec<_> = finding
        .args
        .iter()
        .map(|arg| (arg.name.as_str(), arg.value.as_str()))
        .collect();
    let said = [
        ("workload", "daemonset.apps/calico-node"),
        ("images", CNI),
        ("reason", "repository does not exist"),
        ("pods", "1"),
        ("desired", "3"),
    ];
    assert_eq!(args, said);
    assert_eq!(
        (finding.target, finding.related.as_slice()),
        (Some(0), [1].as_slice())
    );
    assert_eq!(
        finding.field.as_deref(),
        Some("/spec/template/spec/initContainers/0/image")
    );
    assert_eq!(report.steps[0].args[0].value, "on-a");
    let Change::Patch { target: 0, ops } = &report.steps[1].change else {
        panic!("{:?}", report.steps[1])
    };
    assert!(ops.starts_with(
        r#"[{"op":"test","path":"/spec/template/spec/initContainers/0/image","value":"calico-cni:v3.24.1"}"#
    ));
}

#[test]
fn the_patched_workload_needs_nothing_more() {
    let set = daemon_set(
        "docker.io/calico/cni:v3.24.1",
        "docker.io/calico/node:v3.24.1",
        "calico/node:v3.24.1",
    );
    let old = pod(
        "a",
        &daemon_set(CNI, NODE, NODE),
        &[("install-cni", failing(DENIED))],
    );
    assert_eq!(
        report(&[set, old]),
        Report::default(),
        "a pod of the older template is no evidence"
    );
}

#[test]
fn workloads_are_mended_in_order_each_after_the_last() {
    let set = daemon_set(CNI, NODE, NODE);
    let mut objects = Vec::from(failing_deployment("calico-typha", "calico-typha:v3.24.1"));
    objects.extend(failing_deployment(
        "calico-kube-controllers",
        "calico-kube-controllers:v3.24.1",
    ));
    objects.extend([
        set.clone(),
        pod("a", &set, &[("install-cni", failing(DENIED))]),
    ]);
    let report = report(&objects);
    let targets: Vec<_> = report
        .findings
        .iter()
        .map(|finding| finding.args[0].value.as_str())
        .collect();
    let expected = [
        "daemonset.apps/calico-node",
        "deployment.apps/calico-kube-controllers",
        "deployment.apps/calico-typha",
    ];
    assert_eq!(targets, expected);
    let needs: Vec<_> = report.steps.iter().map(|step| step.needs.clone()).collect();
    assert_eq!(needs, [vec![], vec![], vec![1], vec![1, 2], vec![1, 2, 3]]);
    assert!(report.steps[1..4].iter().all(|step| step.wait));
}

#[test]
fn without_a_failing_daemon_set_no_node_is_deleted() {
    let report = report(&failing_deployment(
        "calico-typha",
        "registry.example.com/typha:v3.24.1",
    ));
    assert_eq!(steps(&report), ["use-public-images"]);
}

#[test]
fn what_a_failing_pod_has_pulled_is_left_alone() {
    let set = daemon_set("calico/cni:v3.24.1", NODE, NODE);
    let states = [("install-cni", done()), ("mount-bpffs", failing(DENIED))];
    let images: Vec<_> = new_images(&report(&[set.clone(), pod("a", &set, &states)]))
        .into_iter()
        .collect();
    assert_eq!(images.len(), 2);
    let set = daemon_set(CNI, NODE, "mirror.example.com/calico/node:v3.24.1");
    let states = [("install-cni", done()), ("mount-bpffs", failing(DENIED))];
    let images = new_images(&report(&[set.clone(), pod("a", &set, &states)]));
    assert_eq!(
        images.len(),
        1,
        "a container not tried yet from another place says nothing: {images:?}"
    );
}

#[test]
fn a_public_image_that_fails_is_not_a_wrong_name() {
    let message = |image: &str, reason: &str| {
        let set = daemon_set(image, "calico/node:v3.24.1", "calico/node:v3.24.1");
        let report = report(&[
            set.clone(),
            pod("a", &set, &[("install-cni", failing(reason))]),
        ]);
        assert!(report.steps.is_empty());
        report.findings[0].message.clone()
    };
    let limited = "429 Too Many Requests - Server message: toomanyrequests: You have reached your pull rate limit.";
    assert_eq!(
        message("index.docker.io/calico/cni:v3.24.1", DENIED),
        "already-public"
    );
    assert_eq!(
        message("calico/cni:v3.24.1", limited),
        "already-public-rate-limited"
    );
}

#[test]
fn a_public_and_a_wrong_name_in_one_workload_are_two_findings() {
    let set = daemon_set("calico/cni:v3.24.1", NODE, NODE);
    let first = pod("a", &set, &[("install-cni", failing("i/o timeout"))]);
    let second = pod(
        "b",
        &set,
        &[("install-cni", done()), ("mount-bpffs", failing(DENIED))],
    );
    let report = report(&[set, first, second]);
    assert_eq!(findings(&report), ["already-public", "images-unpullable"]);
    assert_eq!(
        (&report.findings[0].related, &report.findings[1].related),
        (&vec![1], &vec![2])
    );
    assert!(
        new_images(&report)
            .iter()
            .all(|(pointer, _)| !pointer.contains("initContainers/0"))
    );
}

#[test]
fn obstacles_are_said_and_nothing_is_proposed() {
    let said = |install: &str| {
        let set = daemon_set(install, NODE, NODE);
        let report = report(&[
            set.clone(),
            pod("a", &set, &[("install-cni", failing(DENIED))]),
        ]);
        assert!(report.steps.is_empty());
        report.findings[0].message.clone()
    };
    assert_eq!(said("calico-cni:v3.24.1@sha256:00"), "pinned-by-digest");
    assert_eq!(said("calico-cni"), "without-tag");
}

#[test]
fn an_active_nks_registry_leaves_everything_to_the_console() {
    let registry = "private-dfe965c3-kr1-registry.container.nhncloud.com/container_service/calico/typha:v3.28.2";
    let set = daemon_set(CNI, NODE, NODE);
    let mut objects = Vec::from(failing_deployment("calico-typha", registry));
    objects.extend([
        set.clone(),
        pod("a", &set, &[("install-cni", failing(DENIED))]),
    ]);
    let report = report(&objects);
    assert_eq!(
        findings(&report),
        ["nks-registry-active", "nks-registry-unpullable"]
    );
    assert!(report.steps.is_empty());
}

#[test]
fn pods_on_their_way_out_and_other_namespaces_do_not_count() {
    let set = daemon_set(CNI, NODE, NODE);
    let mut leaving = pod("a", &set, &[("install-cni", failing(DENIED))]);
    leaving["metadata"]["deletionTimestamp"] = "2024-11-02T05:00:00Z".into();
    assert_eq!(report(&[set.clone(), leaving]), Report::default());
    let mut elsewhere = set.clone();
    elsewhere["metadata"]["namespace"] = "monitoring".into();
    assert_eq!(
        report(&[
            elsewhere,
            pod("a", &set, &[("install-cni", failing(DENIED))])
        ]),
        Report::default()
    );
}

#[test]
fn the_settings_and_the_cluster_choose_registry_and_words() {
    let set = daemon_set(CNI, NODE, NODE);
    let mut input = Input::of_values([
        set.clone(),
        pod("a", &set, &[("install-cni", failing(DENIED))]),
    ]);
    input.context.settings = json!({"registry": "quay.io"});
    input.context.cluster = json!({"isNks": true, "kubernetesVersion": "v1.30.3"});
    let report = analyze(&input);
    assert_eq!(steps(&report)[1], "use-public-images-addon");
    assert!(
        new_images(&report)
            .iter()
            .all(|(_, image)| image.starts_with("quay.io/calico/"))
    );
}

#[test]
fn calico_is_known_by_the_last_part_of_the_name() {
    let component = |reference: &str| origin::component(&Image::parse(reference).unwrap());
    for (reference, expected) in [
        ("calico-node:v3", Some("node")),
        ("calico/node:v3", Some("node")),
        ("r.example.com/calico/v3/cni", Some("cni")),
        (
            "r.example.com/nks/calico-kube-controllers:v3",
            Some("kube-controllers"),
        ),
        ("r.example.com/nks/typha:v3", Some("typha")),
        ("node:20", None),
        ("acme/cni:v1", None),
        ("acme/calico-node-exporter:1", None),
        ("acme/calico-calico-node:1", None),
        ("calico/apiserver:v3", None),
    ] {
        assert_eq!(component(reference), expected, "{reference}");
    }
}
