//! The rules that matter, one by one. Whole clusters are in `cases`.

use nks_fixer::{Fixer, Input, Outcome, Report, Severity};
use serde_json::{Value, json};

use crate::scheduling::{Cause, verdict};
use crate::{WorkloadHealth, logs};

nks_golden::tests!(WorkloadHealth);

const NOW: i64 = 1_790_000_000;
const OLD: &str = "2026-09-01T00:00:00Z";

fn outcome(objects: Vec<Value>, round: u32) -> Outcome {
    let mut input = Input::of_values(objects);
    input.context.now_unix = NOW;
    input.context.round = round;
    WorkloadHealth::analyze(&input).unwrap()
}

fn report(objects: Vec<Value>) -> Report {
    match outcome(objects, 1) {
        Outcome::Done(report) => report,
        other => panic!("{other:?}"),
    }
}

/// A pod without an owner, of one container that crashes.
fn crashing(name: &str) -> Value {
    json!({"apiVersion": "v1", "kind": "Pod",
        "metadata": {"name": name, "namespace": "shop", "uid": name, "creationTimestamp": OLD},
        "spec": {"nodeName": "n", "restartPolicy": "Always", "containers": [{"name": "app"}]},
        "status": {"phase": "Running", "containerStatuses": [{"name": "app", "restartCount": 9,
            "state": {"waiting": {"reason": "CrashLoopBackOff"}},
            "lastState": {"terminated": {"exitCode": 2, "reason": "Error"}}}]}})
}

fn log(pod: &str, line: &str) -> Value {
    json!({"apiVersion": "probe.nks/v1", "kind": "ContainerLog", "metadata": {"name": pod, "namespace": "shop"},
        "container": "app", "previous": true, "lines": [line, "  "]})
}

fn messages(report: &Report) -> Vec<&str> {
    let findings = report.findings.iter();
    findings.map(|finding| finding.message.as_str()).collect()
}

#[test]
fn the_logs_of_five_crashing_containers_are_asked_for_once() {
    let pods: Vec<Value> = ('a'..='g')
        .map(|name| crashing(&name.to_string()))
        .collect();
    let Outcome::Need(queries) = outcome(pods.clone(), 0) else {
        panic!("nothing is asked for")
    };
    assert_eq!(queries.len(), 5);
    let first = &queries[0];
    let asked = (
        first.rule,
        first.namespace.as_deref(),
        first.name.as_deref(),
    );
    assert_eq!(asked, (logs::RULE, Some("shop"), Some("a")));
    assert_eq!(
        (&*first.args[0].name, &*first.args[0].value),
        ("container", "app")
    );

    let mut answered = pods.clone();
    answered.push(log("a", "FATAL: no database"));
    let report = report(answered);
    assert_eq!(report.findings.len(), 7);
    assert_eq!(messages(&report)[..2], ["crash-loop-line", "crash-loop"]);
    let line = report.findings[0]
        .args
        .iter()
        .find(|arg| arg.name == "line");
    assert_eq!(line.unwrap().value, "FATAL: no database");
}

#[test]
fn a_log_that_was_supplied_is_not_asked_for() {
    let done = outcome(vec![crashing("a"), log("a", "")], 0);
    let Outcome::Done(report) = done else {
        panic!("{done:?}")
    };
    assert_eq!(messages(&report), ["crash-loop"]);
}

#[test]
fn the_rule_of_logs_is_the_manifests() {
    let golden = nks_golden::Golden::open(env!("CARGO_MANIFEST_DIR"));
    let rule = &golden.manifest.spec.reads[logs::RULE as usize];
    assert_eq!(rule.kind, "ContainerLog");
    assert!(rule.filter.is_some());
}

#[test]
fn near_misses_give_no_error() {
    let golden = nks_golden::Golden::open(env!("CARGO_MANIFEST_DIR"));
    let mut seen = 0;
    for case in &golden.cases {
        let text = std::fs::read_to_string(case.folder.join("in.yaml")).unwrap();
        if text.starts_with("# Near miss") {
            seen += 1;
            let report = golden.report(case, WorkloadHealth::analyze);
            let found: Vec<_> = report
                .findings
                .iter()
                .map(|finding| &finding.message)
                .collect();
            let expected = ["service-scaled-to-zero", "node-cordoned", "secret-missing"];
            let told = format!("{:?}", report.findings);
            assert!(!told.contains("severity: Error"), "{}: {told}", case.name);
            assert!(
                found.iter().all(|id| expected.contains(&id.as_str())),
                "{}: {found:?}",
                case.name
            );
        }
    }
    assert!(seen >= 14, "{seen} near misses");
}

/// One ordinary workload: its Deployment, ReplicaSet, a Ready pod, one that is just starting, its Service and slice.
fn ordinary(number: usize) -> Vec<Value> {
    let name = ["app-", &number.to_string()].concat();
    let labels = json!({"app": name});
    let meta = |kind: &str, name: &str, owner: &str, made: &str| {
        json!({"name": name, "namespace": "shop", "uid": ([kind, name].concat()), "labels": labels, "creationTimestamp": made,
            "ownerReferences": [{"uid": owner, "kind": "any", "name": "any", "controller": true}]})
    };
    let (deployment, set) = (["D", &name].concat(), ["R", &name].concat());
    let pod = |suffix: &str, made: &str, ready: bool| {
        let state = if ready {
            json!({"running": {"startedAt": made}})
        } else {
            json!({"waiting": {"reason": "ContainerCreating"}})
        };
        json!({"apiVersion": "v1", "kind": "Pod", "metadata": meta("P", &[&*name, suffix].concat(), &set, made),
            "spec": {"nodeName": "n", "restartPolicy": "Always", "containers": [{"name": "app", "image": "x:1"}]},
            "status": {"phase": (if ready { "Running" } else { "Pending" }),
                "conditions": [{"type": "Ready", "status": (if ready { "True" } else { "False" }), "lastTransitionTime": made}],
                "containerStatuses": [{"name": "app", "image": "x:1", "ready": ready, "restartCount": 0, "state": state}]}})
    };
    vec![
        json!({"apiVersion": "apps/v1", "kind": "Deployment", "metadata": meta("D", &name, "", OLD),
            "spec": {"replicas": 2, "template": {"metadata": {"labels": labels}}}, "status": {"readyReplicas": 1}}),
        json!({"apiVersion": "apps/v1", "kind": "ReplicaSet", "metadata": meta("R", &name, &deployment, OLD),
            "spec": {"replicas": 2}, "status": {"replicas": 2}}),
        pod("-a", OLD, true),
        pod("-b", "2026-09-21T14:12:30Z", false),
        json!({"apiVersion": "v1", "kind": "Service", "metadata": meta("S", &name, "", OLD),
            "spec": {"type": "ClusterIP", "selector": labels, "ports": [{"name": "http", "port": 80, "targetPort": "web"}]}}),
        json!({"apiVersion": "discovery.k8s.io/v1", "kind": "EndpointSlice",
            "metadata": {"name": name, "namespace": "shop", "labels": {"kubernetes.io/service-name": name}},
            "ports": [{"name": "http", "port": 8080}]}),
    ]
}

#[test]
fn two_hundred_ordinary_workloads_give_nothing() {
    let objects: Vec<Value> = (0..200).flat_map(ordinary).collect();
    assert_eq!(report(objects), Report::default());
}

#[test]
fn the_order_of_objects_changes_no_word() {
    let golden = nks_golden::Golden::open(env!("CARGO_MANIFEST_DIR"));
    for case in &golden.cases {
        let said = |input: &Input| match WorkloadHealth::analyze(input).unwrap() {
            Outcome::Done(report) => {
                let findings = report.findings.into_iter();
                let told = findings
                    .map(|finding| (finding.message, finding.severity, finding.related.len()));
                told.collect::<Vec<_>>()
            }
            other => panic!("{other:?}"),
        };
        let input = golden.input(case);
        let mut turned = input.clone();
        turned.objects.reverse();
        assert_eq!(said(&input), said(&turned), "{}", case.name);
    }
}

#[test]
fn the_worst_comes_first_and_everything_that_shows_it_is_named() {
    let lost = json!({"apiVersion": "v1", "kind": "Node", "metadata": {"name": "n", "uid": "n", "creationTimestamp": OLD},
        "spec": {"unschedulable": true},
        "status": {"conditions": [{"type": "Ready", "status": "Unknown", "reason": "NodeStatusUnknown"}]}});
    let pods: Vec<Value> = ["a", "b", "c"].into_iter().map(crashing).collect();
    let mut objects = pods.clone();
    objects.push(lost);
    let report = report(objects);
    assert_eq!(messages(&report), ["node-silent", "node-cordoned"]);
    assert_eq!(report.findings[0].related, [0, 1, 2]);
    assert_eq!(report.findings[1].severity, Severity::Info);
}

#[test]
fn verdicts_of_old_and_new_schedulers_are_counted() {
    let old = "0/5 nodes are available: 2 node(s) had taint {a: b}, that the pod didn't tolerate, 3 Insufficient cpu.";
    let found = verdict(old).unwrap();
    assert_eq!(found.nodes, 5);
    assert_eq!(found.causes, [(2, Cause::Taint), (3, Cause::Resources)]);
    assert_eq!(found.lacking(), ["cpu"]);
    let new = "0/4 nodes are available: 1 node(s) had untolerated taint {node-role.kubernetes.io/control-plane: }, 3 node(s) were unschedulable. preemption: 0/4 nodes are available: 4 Preemption is not helpful for scheduling.";
    let found = verdict(new).unwrap();
    assert_eq!(
        found.causes,
        [(1, Cause::ControlPlane), (3, Cause::Cordoned)]
    );
    assert_eq!(found.dominant(false), Cause::Cordoned);
    let daemon = verdict("0/3 nodes are available: 1 Too many pods, 2 node(s) didn't match Pod's node affinity/selector.").unwrap();
    assert_eq!(
        (daemon.dominant(true), daemon.dominant(false)),
        (Cause::PodLimit, Cause::Selector)
    );
    assert_eq!(verdict("skip schedule deleting pod"), None);
}
