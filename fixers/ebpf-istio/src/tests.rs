//! The rules that matter, one by one. Whole clusters are in `cases`.

use ebpf_udp_ctlb::EbpfUdpCtlb;
use nks_fixer::{Change, Fixer, Input, Outcome, Report};
use nks_golden::{Case, Golden, Native};
use serde_json::{Value, json};

use crate::EbpfIstio;
use crate::calico::Version;

nks_golden::tests!(EbpfIstio);

const HERE: &str = env!("CARGO_MANIFEST_DIR");
const OPPOSITE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../ebpf-udp-ctlb");

fn analyze(input: &Input) -> Report {
    match EbpfIstio::analyze(input) {
        Ok(Outcome::Done(report)) => report,
        other => panic!("{other:?}"),
    }
}

/// `calico-node` with this environment, and the setting that asks for a change.
fn cluster(env: Value, others: impl IntoIterator<Item = Value>) -> Input {
    let calico = json!({"apiVersion": "apps/v1", "kind": "DaemonSet",
        "metadata": {"name": "calico-node", "namespace": "kube-system"},
        "spec": {"template": {"spec": {"containers": [
            {"name": "first"},
            {"name": "calico-node", "image": "calico/node:v3.28.2", "env": env}]}}}});
    let mut input = Input::of_values([calico].into_iter().chain(others));
    input.context.settings = json!({"load-balancing": "without-ctlb"});
    input
}

fn on() -> Value {
    json!({"name": "FELIX_BPFENABLED", "value": "true"})
}

fn namespace(name: &str, labels: Value) -> Value {
    json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name, "labels": labels}})
}

fn pod(name: &str, containers: Value, init_containers: Value) -> Value {
    json!({"apiVersion": "v1", "kind": "Pod",
        "metadata": {"name": name, "namespace": "shop", "labels": {"security.istio.io/tlsMode": "istio"}},
        "spec": {"containers": containers, "initContainers": init_containers}})
}

fn messages(report: &Report) -> Vec<&str> {
    let findings = report.findings.iter();
    findings.map(|finding| finding.message.as_str()).collect()
}

#[test]
fn both_settings_are_in_one_patch() {
    let injecting = namespace("shop", json!({"istio-injection": "enabled"}));
    let report = analyze(&cluster(json!([on()]), [injecting]));
    let [step] = report.steps.as_slice() else {
        panic!("{report:?}");
    };
    let Change::Patch { target: 0, ops } = &step.change else {
        panic!("{step:?}");
    };
    let place = "/spec/template/spec/containers/1/env/-";
    assert_eq!(
        serde_json::from_str::<Value>(ops).unwrap(),
        json!([
            {"op": "add", "path": place, "value": {"name": "FELIX_BPFCONNECTTIMELOADBALANCING", "value": "Disabled"}},
            {"op": "add", "path": place, "value": {"name": "FELIX_BPFHOSTNETWORKEDNATWITHOUTCTLB", "value": "Enabled"}}])
    );
    assert!(step.wait);
    assert_eq!(step.findings, [0]);
}

#[test]
fn nothing_is_planned_unless_asked_for() {
    let injecting = namespace("shop", json!({"istio-injection": "enabled"}));
    let mut input = cluster(json!([on()]), [injecting]);
    for settings in [json!({}), json!({"load-balancing": "unchanged"})] {
        input.context.settings = settings;
        let report = analyze(&input);
        assert_eq!(messages(&report), ["injection-asked-for"]);
        assert!(report.steps.is_empty());
    }
}

#[test]
fn a_boolean_is_read_as_felix_reads_it() {
    for (value, expected) in [
        ("true", vec!["injection-asked-for"]),
        ("TRUE", vec!["injection-asked-for"]),
        ("1", vec!["injection-asked-for"]),
        ("y", vec!["injection-asked-for"]),
        ("false", vec![]),
        ("F", vec![]),
        ("", vec![]),
        ("$(BPF)", vec!["ebpf-unknown"]),
    ] {
        let env = json!([{"name": "FELIX_BPFENABLED", "value": value}]);
        let injecting = namespace("shop", json!({"istio-injection": "enabled"}));
        let report = analyze(&cluster(env, [injecting]));
        assert_eq!(messages(&report), expected, "{value}");
    }
}

#[test]
fn a_namespace_asks_by_label_or_by_revision() {
    for (labels, asks) in [
        (json!({"istio-injection": "enabled"}), true),
        (json!({"istio.io/rev": "1-24-2"}), true),
        (
            json!({"istio-injection": "enabled", "istio.io/rev": "x"}),
            true,
        ),
        (
            json!({"istio-injection": "disabled", "istio.io/rev": "x"}),
            false,
        ),
        (json!({"istio-injection": "true"}), false),
        (json!({}), false),
    ] {
        let report = analyze(&cluster(json!([on()]), [namespace("shop", labels.clone())]));
        assert_eq!(!report.findings.is_empty(), asks, "{labels}");
    }
}

#[test]
fn sidecars_are_told_from_gateways() {
    let [app, proxy] = ["app", "istio-proxy"].map(|name| json!({"name": name}));
    for (containers, init_containers, native) in [
        (json!([app, proxy]), json!([]), Some("0")),
        (json!([app]), json!([proxy]), Some("1")),
        (json!([app]), json!([]), None),
        (json!([proxy]), json!([]), None),
        (json!([{"name": "istio-proxy-tools"}]), json!([]), None),
    ] {
        let pod = pod("shop-0", containers.clone(), init_containers);
        let report = analyze(&cluster(json!([on()]), [pod]));
        let finding = report.findings.first();
        let found = finding.map(|finding| {
            let named = |name| finding.args.iter().find(|arg| arg.name == name).unwrap();
            named("native").value.as_str()
        });
        assert_eq!(found, native, "{containers}");
    }
}

#[test]
fn a_tag_tells_what_calico_can_do() {
    for (image, settings, ambient) in [
        ("calico/node:v3.24.1", false, false),
        ("calico/node:v3.26.4", false, false),
        ("calico/node:v3.27.0", true, false),
        ("calico/node:v3.28.1", true, false),
        ("calico/node:v3.28.2-nks1", true, true),
        ("calico/node:v3.28.10", true, true),
        ("calico/node:v3.29.0", true, true),
        ("calico/node:v3.100.0", true, true),
    ] {
        let version = Version::of(image);
        assert_eq!(
            (version.has_settings(), version.mends_ambient()),
            (settings, ambient),
            "{image}"
        );
    }
    for image in [
        "",
        "-",
        "calico/node",
        "calico/node:latest",
        "calico/node:v3.28",
        "calico/node:2026.8.1",
        "calico/node:v4.0.0",
        "quay.io/tigera/cnx-node:v3.30.1",
    ] {
        assert_eq!(Version::of(image), Version::Unknown, "{image}");
    }
}

/// How many changes each of the two plans in one cluster: this fixer, and `ebpf-udp-ctlb`.
fn planned(here: &Golden, opposite: &Golden, case: &Case) -> [usize; 2] {
    let steps = |golden: &Golden, native: Native| golden.report(case, native).steps.len();
    [
        steps(here, EbpfIstio::analyze),
        steps(opposite, EbpfUdpCtlb::analyze),
    ]
}

/// The two set opposite values. In no cluster do both plan a change, and neither takes back what the other has done there.
#[test]
fn the_opposite_fixer_never_plans_as_well() {
    let [here, opposite] = [HERE, OPPOSITE].map(Golden::open);
    // What `ebpf-udp-ctlb` looks for: a workload on the host network that uses the cluster's DNS.
    let affected = opposite.case("guide-example").objects.clone();
    let affected = affected
        .into_iter()
        .filter(|one| one.id.name != "calico-node");
    let affected: Vec<_> = affected.collect();
    let mut seen = [0, 0];
    for case in here.cases.iter().chain(&opposite.cases) {
        let mut case = case.clone();
        case.settings = json!({"load-balancing": "without-ctlb"});
        let ids: Vec<_> = case.objects.iter().map(|one| one.id.clone()).collect();
        let missing = affected.iter().filter(|one| !ids.contains(&one.id));
        case.objects.extend(missing.cloned());
        let [mine, its] = planned(&here, &opposite, &case);
        assert!(mine == 0 || its == 0, "{}: both plan", case.name);
        seen = [seen[0] + mine, seen[1] + its];
        for (golden, native) in [
            (&here, EbpfIstio::analyze as Native),
            (&opposite, EbpfUdpCtlb::analyze),
        ] {
            let plan = golden.plan(&case, &golden.report(&case, native));
            if plan.patches().count() > 0 {
                let after = planned(&here, &opposite, &case.carried_out(&plan));
                assert_eq!(after, [0, 0], "{}", case.name);
            }
        }
    }
    assert!(seen[0] >= 4 && seen[1] >= 4, "{seen:?}: too few to tell");
}
