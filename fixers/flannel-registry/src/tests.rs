//! The rules that matter, one by one. Whole clusters are in `cases`.

use nks_fixer::{Change, Fixer, Image, Input, Outcome, Report};
use nks_golden::Golden;
use serde_json::{Value, json};

use crate::image::Part;
use crate::search::{Found, search};
use crate::{FlannelRegistry, image, reason};

nks_golden::tests!(FlannelRegistry);

const OLD: &str = "quay.io/coreos/flannel:v0.14.0";
const CNI: &str = "quay.io/coreos/flannel-cni:v0.3.0";

/// A DaemonSet with one container for each image, the last of which is no init container.
fn daemon_set(name: &str, images: &[&str]) -> Value {
    let container =
        |(position, image): (usize, &&str)| json!({"name": position.to_string(), "image": image});
    let mut init: Vec<Value> = images.iter().enumerate().map(container).collect();
    let main = init.pop();
    json!({"apiVersion": "apps/v1", "kind": "DaemonSet",
        "metadata": {"name": name, "namespace": "kube-system", "uid": name},
        "spec": {"template": {"spec": {"hostNetwork": true, "initContainers": init, "containers": [main]}}},
        "status": {"desiredNumberScheduled": 3}})
}

/// A pod of it on node `n` that has pulled the first `pulled` images and cannot pull the next.
fn pod(of: &Value, pulled: usize) -> Value {
    let template = &of["spec"]["template"]["spec"];
    let status = |container: &Value| {
        let position: usize = container["name"].as_str().unwrap().parse().unwrap();
        let (id, state) = match position.cmp(&pulled) {
            std::cmp::Ordering::Less => ("sha256:1", json!({"terminated": {"exitCode": 0}})),
            std::cmp::Ordering::Equal => (
                "",
                json!({"waiting": {"reason": "ErrImagePull", "message": "no: gone"}}),
            ),
            std::cmp::Ordering::Greater => ("", json!({"waiting": {"reason": "PodInitializing"}})),
        };
        json!({"name": container["name"], "imageID": id, "state": state})
    };
    let statuses =
        |list: &Value| -> Vec<Value> { list.as_array().unwrap().iter().map(status).collect() };
    json!({"apiVersion": "v1", "kind": "Pod",
        "metadata": {"name": "p", "namespace": "kube-system", "uid": "p",
            "ownerReferences": [{"kind": "DaemonSet", "uid": of["metadata"]["uid"], "controller": true}]},
        "spec": {"nodeName": "n", "containers": template["containers"], "initContainers": template["initContainers"]},
        "status": {"initContainerStatuses": statuses(&template["initContainers"]),
            "containerStatuses": statuses(&template["containers"])}})
}

fn node(name: &str, ready: &str, message: &str) -> Value {
    json!({"apiVersion": "v1", "kind": "Node", "metadata": {"name": name, "uid": name}, "spec": {},
        "status": {"conditions": [{"type": "DiskPressure", "status": if ready == "Unknown" { ready } else { "False" }},
            {"type": "Ready", "status": ready, "message": message}]}})
}

fn no_network() -> Value {
    node(
        "n",
        "False",
        "NetworkReady=false reason:NetworkPluginNotReady message:x",
    )
}

fn answer(image: &str, verdict: &str) -> Value {
    json!({"apiVersion": "probe.nks/v1", "kind": "ImageProbe", "metadata": {"name": image, "namespace": "kube-system"},
        "image": image, "node": "n", "verdict": verdict, "message": "why"})
}

fn report(objects: impl IntoIterator<Item = Value>) -> Report {
    match FlannelRegistry::analyze(&Input::of_values(objects)) {
        Ok(Outcome::Done(report)) => report,
        other => panic!("{other:?}"),
    }
}

fn said(report: &Report) -> Vec<&str> {
    let findings = report.findings.iter();
    findings.map(|finding| finding.message.as_str()).collect()
}

/// Node and image of each question.
fn questions(report: &Report) -> Vec<(u32, &str)> {
    let question = |change| match change {
        &Change::ProbeImage {
            node, ref image, ..
        } => Some((node, image.as_str())),
        _ => None,
    };
    let steps = report.steps.iter();
    steps.filter_map(|step| question(&step.change)).collect()
}

#[test]
fn only_two_repositories_are_meant() {
    let part = |reference: &str| image::part(&Image::parse(reference).unwrap());
    for flannel in [
        OLD,
        "quay.io/coreos/flannel",
        "quay.io/coreos/flannel@sha256:00",
    ] {
        assert_eq!(part(flannel), Some(Part::Flannel), "{flannel}");
    }
    assert_eq!(part(CNI), Some(Part::FlannelCni));
    for other in [
        "quay.io/coreos/flannel-git:v0.14.0",
        "quay.io/acme/flannel:v0.14.0",
        "quay.io/coreos/flannel/x:v0.14.0",
        "quay.io:443/coreos/flannel:v0.14.0",
        "r.example.com/quay.io/coreos/flannel:v0.14.0",
        "coreos/flannel:v0.14.0",
    ] {
        assert_eq!(part(other), None, "{other}");
    }
}

#[test]
fn a_version_is_the_tag_without_the_processor() {
    let long = ["v0.14.0-", &"a".repeat(128)].concat();
    for (tag, version, minor) in [
        ("v0.12.0-amd64", Some("v0.12.0"), Some("0.12")),
        ("v0.14.0", Some("v0.14.0"), Some("0.14")),
        ("0.15.1", Some("0.15.1"), Some("0.15")),
        ("v0.14.0-rc1", Some("v0.14.0-rc1"), Some("0.14")),
        ("v0.12.0-arm64", Some("v0.12.0-arm64"), Some("0.12")),
        ("latest", None, None),
        ("v0.14", None, None),
        ("v1.14.0", None, None),
        ("v00.14.0", None, None),
        ("v0.14.0 x", None, None),
        (&long, None, None),
    ] {
        let image = Image::parse(&["quay.io/coreos/flannel:", tag].concat()).unwrap();
        assert_eq!(image::version(&image), version, "{tag}");
        assert_eq!(image::minor(&image).as_deref(), minor, "{tag}");
    }
}

#[test]
fn the_setting_takes_what_the_manifest_lets_it_ask_for() {
    let golden = Golden::open(env!("CARGO_MANIFEST_DIR"));
    for usable in [
        "registry.example.com/network/flannel:v0.14.0",
        "registry.example.com:5000/flannel:0.14.0",
        "8f1c2d3e-kr1-registry.container.nhncloud.com/mirror/flannel:v0.14.0-nks1",
        "private-8f1c2d3e-kr1-registry.container.nhncloud.com/a/b/c_d/flannel:v0.14.1",
        "docker.io/rancher/mirrored-coreos-flannel:v0.14.0",
        "docker.io/flannel:v0.14.0",
    ] {
        assert!(image::chosen(usable).is_some(), "{usable}");
        let mut case = golden.case("setting-asked-for").clone();
        case.settings = json!({"image": usable});
        let plan = golden.plan(&case, &golden.report(&case, FlannelRegistry::analyze));
        assert!(plan.probes().is_some(), "{usable}");
    }
    let long = ["r.example.com/", &"a".repeat(255), "/flannel:v0.14.0"].concat();
    for unusable in [
        "",
        "flannel",
        "flannel/flannel:v0.14.0",
        "localhost:5000/flannel:v0.14.0",
        "r.example.com:port/flannel:v0.14.0",
        "r.example.com:/flannel:v0.14.0",
        "https://r.example.com/flannel:v0.14.0",
        "user@r.example.com/flannel:v0.14.0",
        "R.example.com/flannel:v0.14.0",
        "r..example.com/flannel:v0.14.0",
        "r.example.com//flannel:v0.14.0",
        "r.example.com/Flannel:v0.14.0",
        "r.example.com/flannel-cni:v0.14.0",
        "r.example.com/flannel-cni-plugin:v0.14.0",
        "r.example.com/flannel",
        "r.example.com/flannel:latest",
        "r.example.com/flannel:v1.0.0",
        "r.example.com/flannel:v0.14.0@sha256:00",
        OLD,
        &long,
    ] {
        assert!(image::chosen(unusable).is_none(), "{unusable}");
    }
}

#[test]
fn what_is_preferred_is_asked_for_before_another_is_taken() {
    let references = ["a", "b", "c"].map(str::to_owned);
    let found = |answers: &[(&str, &str)]| {
        let answers = answers
            .iter()
            .map(|(image, verdict)| answer(image, verdict));
        search(&Input::of_values(answers), "kube-system", &references)
    };
    let ask =
        |references: &[&str]| Found::Ask(references.iter().map(|it| it.to_string()).collect());
    let here = |reference: &str| Found::Here(reference.into());
    assert_eq!(found(&[]), ask(&["a", "b", "c"]));
    assert_eq!(found(&[("b", "pulled")]), ask(&["a", "c"]));
    assert_eq!(found(&[("a", "pulled")]), here("a"));
    assert_eq!(
        found(&[("a", "unknown"), ("b", "failed"), ("c", "pulled")]),
        here("c")
    );
    assert_eq!(found(&[("a", "failed"), ("b", "failed")]), ask(&["c"]));
    assert_eq!(
        found(&[("a", "failed"), ("b", "failed"), ("c", "failed")]),
        Found::Nowhere
    );
    assert_eq!(
        found(&[("a", "failed"), ("b", "unknown"), ("c", "failed")]),
        Found::Unclear
    );
}

#[test]
fn a_node_without_network_is_asked_as_long_as_it_responds() {
    let set = daemon_set("d", &[OLD]);
    let asked = |set: &Value, failing: Value| {
        let other = node("other", "True", "");
        let report = report([set.clone(), pod(set, 0), other, failing]);
        questions(&report).first().map(|(node, _)| *node)
    };
    let (other, failing) = (Some(2), Some(3));
    assert_eq!(asked(&set, no_network()), failing);
    assert_eq!(asked(&set, node("n", "True", "")), failing);
    assert_eq!(
        asked(&set, node("n", "Unknown", "stopped posting node status")),
        other
    );
    assert_eq!(
        asked(&set, node("n", "False", "container runtime is down")),
        other
    );
    let mut cordoned = no_network();
    cordoned["spec"]["unschedulable"] = true.into();
    assert_eq!(asked(&set, cordoned), other);
    let mut unknown = no_network();
    unknown["status"] = json!({});
    assert_eq!(asked(&set, unknown), other);
    // Without a network no pod starts there but those of the host's.
    let mut own_network = set.clone();
    own_network["spec"]["template"]["spec"]["hostNetwork"] = false.into();
    assert_eq!(asked(&own_network, no_network()), other);
}

#[test]
fn the_node_and_what_waits_there_show_it_too() {
    let set = daemon_set("d", &[OLD]);
    let waiting = |name: &str, node: &str| {
        json!({"apiVersion": "v1", "kind": "Pod", "metadata": {"name": name, "namespace": "x", "uid": name},
            "spec": {"nodeName": node}})
    };
    let objects = [
        set.clone(),
        pod(&set, 0),
        waiting("a", "n"),
        waiting("b", "m"),
        no_network(),
    ];
    assert_eq!(report(objects).findings[0].related, [1, 4, 2]);
    let ready = [
        set.clone(),
        pod(&set, 0),
        waiting("a", "n"),
        node("n", "True", ""),
    ];
    assert_eq!(report(ready).findings[0].related, [1]);
}

#[test]
fn a_daemon_set_is_moved_as_a_whole_or_not_at_all() {
    let set = daemon_set(
        "d",
        &[
            "quay.io/coreos/flannel:v0.14.0-amd64",
            "quay.io/coreos/flannel:v0.12.0",
        ],
    );
    let objects = |twelve: &str| {
        let homes = |version| image::homes(version).into_iter();
        let fourteen = homes("v0.14.0").map(|image| answer(&image, "pulled"));
        let twelve: Vec<_> = homes("v0.12.0")
            .map(|image| answer(&image, twelve))
            .collect();
        let cluster = [set.clone(), pod(&set, 0), no_network()];
        cluster.into_iter().chain(fourteen).chain(twelve)
    };
    assert_eq!(said(&report(objects("failed"))), ["nowhere"]);
    assert_eq!(said(&report(objects("unknown"))), ["could-not-tell"]);
    let moved = report(objects("pulled"));
    let expected: Vec<_> = moved.steps[0]
        .expect
        .iter()
        .map(|it| it.equals.as_str())
        .collect();
    assert_eq!(
        expected,
        [
            r#""ghcr.io/flannel-io/flannel:v0.14.0""#,
            r#""ghcr.io/flannel-io/flannel:v0.12.0""#
        ]
    );
}

#[test]
fn no_plan_asks_for_more_than_may_be_asked_for() {
    let sets = ["v0.12.0", "v0.13.0", "v0.14.0", "v0.15.1"]
        .map(|version| daemon_set(version, &[&["quay.io/coreos/flannel:", version].concat()]));
    let pods: Vec<Value> = sets.iter().map(|set| pod(set, 0)).collect();
    let report = report(sets.into_iter().chain(pods).chain([no_network()]));
    assert_eq!(said(&report), ["unpullable"; 4]);
    assert_eq!(questions(&report).len(), 10);
}

#[test]
fn flannel_waits_for_flannel_cni_wherever_that_stands() {
    for (images, pulled, expected) in [
        ([CNI, OLD, OLD], 0, "flannel-cni-unpullable"),
        ([OLD, CNI, OLD], 0, "flannel-cni-unpullable"),
        ([CNI, OLD, OLD], 1, "unpullable"),
    ] {
        let set = daemon_set("d", &images);
        let report = report([set.clone(), pod(&set, pulled), no_network()]);
        assert_eq!(said(&report), [expected], "{images:?} {pulled}");
        assert_eq!(questions(&report).is_empty(), expected != "unpullable");
    }
}

#[test]
fn a_private_registry_is_not_nks_own() {
    let active =
        |image: &str| image::nks_registry_is_active(&Input::of_values([daemon_set("d", &[image])]));
    assert!(active(
        "dfe965c3-kr1-registry.container.nhncloud.com/container_service/kube-proxy:v1.23.3"
    ));
    assert!(active(
        "private-6e7f43c6-kr2-registry.container.cloud.toast.com/container_service/pause:3.9"
    ));
    assert!(!active(
        "dfe965c3-kr1-registry.container.nhncloud.com/shop/flannel:v0.14.0"
    ));
    assert!(!active(
        "registry.container.nhncloud.com.example.com/container_service/pause:3.9"
    ));
}

#[test]
fn reasons_are_short() {
    let gone = "failed to resolve reference \"r/x:1\": r/x:1: not found";
    assert_eq!(reason::of_refusal(gone), "not found");
    assert_eq!(
        reason::of_refusal("dial tcp 203.0.113.2:443: i/o timeout"),
        "i/o timeout"
    );
    assert_eq!(reason::of_refusal("gone"), "gone");
    assert_eq!(
        reason::of_silence("Evicted: low on resource: memory"),
        "Evicted: low on resource: memory"
    );
    assert_eq!(reason::of_silence(&"가".repeat(500)).chars().count(), 120);
}
