//! What is to come of each folder in `cases`, supplied as the host supplies it.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use nks_core::manifest::Manifest;
use nks_core::object::Object;
use nks_core::{demand, scope, source};
use nks_fixer::{Change, Context, Input, Report};
use serde_json::Value;

use super::{analyze, operations};

/// Case, findings, steps.
type Expected = (
    &'static str,
    &'static [&'static str],
    &'static [&'static str],
);

const CASES: [Expected; 38] = [
    (
        "addon-managed",
        &["warning udp-by-nat-table on calico-node"],
        &["balance-at-connect-addon on calico-node: add -, add -"],
    ),
    ("already-set", &[], &[]),
    (
        "calico-too-old",
        &["warning calico-too-old on calico-node: v3.24.1"],
        &[],
    ),
    (
        "deprecated-boolean",
        &["warning deprecated-option on calico-node: daemonset.apps/calico-node -n kube-system"],
        &[],
    ),
    (
        "digest-only",
        &[
            "warning calico-version-unknown on calico-node: docker.io/calico/node@sha256:1b16b1df538ba12dc3f97edbb85caa7050d46c148134290feba80f8236c83db9",
        ],
        &[],
    ),
    (
        "duplicates-in-between",
        &["warning udp-by-nat-table on calico-node"],
        &["balance-at-connect on calico-node: replace 0, remove 1, add -"],
    ),
    (
        "enabled-from-config-map",
        &["info ebpf-unknown on calico-node"],
        &[],
    ),
    ("enabled-twice", &["info ebpf-unknown on calico-node"], &[]),
    ("env-from", &["info ebpf-unknown on calico-node"], &[]),
    (
        "env-from-all-named",
        &["warning udp-by-nat-table on calico-node"],
        &["balance-at-connect on calico-node: replace 3, replace 4"],
    ),
    (
        "env-from-but-named",
        &[
            "info settings-unknown on calico-node: FELIX_BPFCONNECTTIMELOADBALANCING, FELIX_BPFHOSTNETWORKEDNATWITHOUTCTLB",
        ],
        &[],
    ),
    (
        "env-from-half-named",
        &["info settings-unknown on calico-node: FELIX_BPFHOSTNETWORKEDNATWITHOUTCTLB"],
        &[],
    ),
    (
        "etcd-by-its-address",
        &["warning udp-by-nat-table on calico-node"],
        &["balance-at-connect on calico-node: add -, add -"],
    ),
    ("etcd-ignores-configuration", &[], &[]),
    (
        "guide-example",
        &["warning udp-by-nat-table on calico-node"],
        &["balance-at-connect on calico-node: add -, add -"],
    ),
    (
        "half-set",
        &["warning udp-by-nat-table on calico-node"],
        &["balance-at-connect on calico-node: replace 3"],
    ),
    (
        "installed-twice",
        &["warning installed-twice on default: daemonset.apps/calico-node -n kube-system"],
        &[],
    ),
    (
        "istio-installed",
        &[
            "warning istio-installed on calico-node: deployment.apps/istiod-stable -n istio-system, namespace/cart, namespace/shop",
        ],
        &[],
    ),
    (
        "istio-sidecars",
        &["warning istio-sidecars on calico-node: pod/shop-0 -n shop, pod/shop-native-0 -n shop"],
        &[],
    ),
    (
        "istiod-without-label",
        &["warning istio-installed on calico-node: deployment.apps/istiod-stable -n istio-system"],
        &[],
    ),
    (
        "kubernetes-datastore",
        &["warning udp-by-nat-table on calico-node"],
        &["balance-at-connect on calico-node: add env"],
    ),
    (
        "many-workloads",
        &[
            "warning udp-by-nat-table on calico-node: daemonset.apps/agent-0 -n logging, daemonset.apps/agent-1 -n logging, daemonset.apps/agent-2 -n logging, deployment.apps/relay-0 -n voice, deployment.apps/relay-1 -n voice, … (+2)",
        ],
        &["balance-at-connect on calico-node: add -, add -"],
    ),
    ("no-variable", &[], &[]),
    ("none-affected", &[], &[]),
    (
        "not-istio",
        &["warning udp-by-nat-table on calico-node"],
        &["balance-at-connect on calico-node: add -, add -"],
    ),
    (
        "old-and-istio",
        &[
            "warning istio-installed on calico-node: namespace/shop",
            "warning calico-too-old on calico-node: v3.24.1",
        ],
        &[],
    ),
    (
        "old-with-boolean",
        &["warning calico-too-old on calico-node: v3.24.1"],
        &[],
    ),
    (
        "operator",
        &["warning udp-by-nat-table on default"],
        &[
            "balance-at-connect-felix on default: replace bpfConnectTimeLoadBalancing, add bpfHostNetworkedNATWithoutCTLB",
        ],
    ),
    ("operator-already-set", &[], &[]),
    (
        "operator-empty-configuration",
        &["warning felix-configuration-missing on calico-node"],
        &[],
    ),
    ("operator-iptables", &[], &[]),
    (
        "operator-no-daemon-set",
        &["warning calico-version-unknown on default: -"],
        &[],
    ),
    (
        "operator-overridden",
        &[
            "warning overridden on default: daemonset.apps/calico-node -n calico-system, felixconfiguration.crd.projectcalico.org/node.shop-default-worker-node-0",
        ],
        &[],
    ),
    (
        "operator-without-configuration",
        &["warning felix-configuration-missing on calico-node"],
        &[],
    ),
    (
        "own-tag",
        &[
            "warning calico-version-unknown on calico-node: registry.acme.example/calico/node:2026.8",
        ],
        &[],
    ),
    (
        "settings-from-config-map",
        &["warning udp-by-nat-table on calico-node"],
        &["balance-at-connect on calico-node: replace 1, replace 2"],
    ),
    (
        "spelled-in-other-cases",
        &["warning udp-by-nat-table on calico-node"],
        &["balance-at-connect on calico-node: replace 1, replace 2, remove 6, remove 5"],
    ),
    ("vxlan", &[], &[]),
];

fn folder() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn manifest() -> Manifest {
    Manifest::from_yaml(&fs::read_to_string(folder().join("fixer.yaml")).unwrap()).unwrap()
}

fn objects(case: &str) -> Vec<Object> {
    let text = fs::read_to_string(folder().join("cases").join(case).join("in.yaml")).unwrap();
    let mut objects = source::parse(&text, "default").unwrap();
    objects.sort_by(|one, other| one.id.cmp(&other.id));
    objects
}

/// The input that the host makes of the objects.
fn input(manifest: &Manifest, case: &str, objects: &[Object]) -> Input {
    let supplied = demand::supply(manifest, objects);
    let objects = supplied.into_iter().map(|one| nks_fixer::Object {
        rule: one.rule,
        api_version: one.object.id.api_version.clone(),
        kind: one.object.id.kind.clone(),
        namespace: one.object.id.namespace.clone(),
        name: one.object.id.name.clone(),
        uid: one.object.uid.clone(),
        value: one.shown,
    });
    let facts = fs::read_to_string(folder().join("cases").join(case).join("cluster.json"));
    Input {
        context: Context {
            cluster: facts.map_or(Value::Null, |text| serde_json::from_str(&text).unwrap()),
            ..Context::default()
        },
        objects: objects.collect(),
    }
}

fn lower(value: impl std::fmt::Debug) -> String {
    format!("{value:?}").to_lowercase()
}

/// One line for each finding, without the workloads where it is about `log-agent` alone:
/// `warning calico-too-old on calico-node: v3.24.1`.
fn findings(input: &Input, report: &Report) -> Vec<String> {
    let line = |finding: &nks_fixer::Finding| {
        let args: Vec<&str> = finding
            .args
            .iter()
            .map(|arg| arg.value.as_str())
            .filter(|value| *value != "daemonset.apps/log-agent -n logging")
            .collect();
        let target = finding
            .target
            .map_or("-", |target| &input.objects[target as usize].name);
        let line = [&lower(finding.severity), &finding.message, "on", target].join(" ");
        if args.is_empty() {
            line
        } else {
            [line, args.join("; ")].join(": ")
        }
    };
    report.findings.iter().map(line).collect()
}

/// One line for each step, with the last parts of the places that it changes:
/// `balance-at-connect on calico-node: replace 2, add -`.
fn steps(input: &Input, report: &Report) -> Vec<String> {
    let line = |step: &nks_fixer::Step| {
        let Change::Patch { target, .. } = step.change else {
            panic!("{step:?}")
        };
        let changes = operations(&step.change);
        let changes: Vec<String> = changes
            .iter()
            .filter(|one| one["op"] != "test")
            .map(|one| {
                let place = one["path"].as_str().unwrap().rsplit('/').next().unwrap();
                [one["op"].as_str().unwrap(), place].join(" ")
            })
            .collect();
        let target = &input.objects[target as usize].name;
        [&step.message, " on ", target, ": ", &changes.join(", ")].concat()
    };
    report.steps.iter().map(line).collect()
}

/// The objects after the report's patches, applied as they are written.
fn carried_out(input: &Input, report: &Report) -> Input {
    let mut after = input.clone();
    for step in &report.steps {
        let Change::Patch { target, ops } = &step.change else {
            panic!("{step:?}")
        };
        let ops: json_patch::Patch = serde_json::from_str(ops).unwrap();
        json_patch::patch(&mut after.objects[*target as usize].value, &ops).unwrap();
    }
    after
}

#[test]
fn every_case_gives_what_is_written_here() {
    let manifest = manifest();
    for (case, expected_findings, expected_steps) in CASES {
        let input = input(&manifest, case, &objects(case));
        let report = analyze(&input);
        assert_eq!(findings(&input, &report), expected_findings, "{case}");
        assert_eq!(steps(&input, &report), expected_steps, "{case}");
    }
}

#[test]
fn every_folder_is_in_the_table() {
    let mut folders: Vec<String> = fs::read_dir(folder().join("cases"))
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    folders.sort();
    assert_eq!(folders, CASES.map(|(case, ..)| case));
}

#[test]
fn the_result_of_a_plan_is_what_was_expected_and_finds_nothing() {
    let manifest = manifest();
    for (case, ..) in CASES {
        let input = input(&manifest, case, &objects(case));
        let report = analyze(&input);
        let after = carried_out(&input, &report);
        for expected in report.steps.iter().flat_map(|step| &step.expect) {
            let value = after.objects[expected.target as usize]
                .value
                .pointer(&expected.pointer);
            assert_eq!(value.unwrap().to_string(), expected.equals, "{case}");
        }
        if !report.steps.is_empty() {
            assert_eq!(analyze(&after), Report::default(), "{case}");
        }
    }
}

/// What the host does: it compares the two states, and holds each difference against the manifest.
#[test]
fn every_change_is_within_the_declared_paths() {
    let manifest = manifest();
    for (case, ..) in CASES {
        let input = input(&manifest, case, &objects(case));
        let after = carried_out(&input, &analyze(&input));
        for (before, after) in input.objects.iter().zip(&after.objects) {
            let edits = scope::edits(&before.value, &after.value);
            let rules = manifest.spec.writes.iter();
            let declared: Vec<_> = rules
                .filter(|rule| rule.kind == before.kind)
                .flat_map(|rule| rule.paths.clone())
                .collect();
            scope::check(&edits, &declared).unwrap();
        }
    }
}

#[test]
fn what_is_said_is_what_the_manifest_can_say() {
    let manifest = manifest();
    let mut said = BTreeSet::new();
    for (case, ..) in CASES {
        let input = input(&manifest, case, &objects(case));
        let report = analyze(&input);
        let answer = serde_json::to_value(&report).unwrap();
        let answer: nks_core::report::Report = serde_json::from_value(answer).unwrap();
        nks_core::report::check(&answer, &manifest, input.objects.len()).unwrap();
        said.extend(report.findings.into_iter().map(|finding| finding.message));
        said.extend(report.steps.into_iter().map(|step| step.message));
    }
    assert!(manifest.spec.messages.keys().eq(&said));
}

/// The host sends the difference of the two states, not the patch: also where a removed entry lets others move up.
#[test]
fn the_host_can_send_every_change() {
    let manifest = manifest();
    for (case, ..) in CASES {
        let input = input(&manifest, case, &objects(case));
        let after = carried_out(&input, &analyze(&input));
        for (before, after) in input.objects.iter().zip(after.objects) {
            let edits = scope::edits(&before.value, &after.value);
            let sent = Value::Array(scope::operations(&edits));
            let sent: json_patch::Patch = serde_json::from_value(sent).unwrap();
            let mut patched = before.value.clone();
            json_patch::patch(&mut patched, &sent).unwrap();
            assert_eq!(patched, after.value, "{case}");
        }
    }
}

/// Nothing of another workload's environment is handed over.
#[test]
fn only_calicos_own_containers_are_read() {
    let manifest = manifest();
    for (case, ..) in CASES {
        for object in input(&manifest, case, &objects(case)).objects {
            let containers = object.value.pointer("/spec/template/spec/containers");
            assert!(containers.is_none() || object.name == "calico-node");
        }
    }
}
