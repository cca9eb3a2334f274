//! The rules that matter, one by one. Whole clusters are in `cases`.

use nks_fixer::{Finding, Fixer, Input, Object, Outcome, Report, Severity};
use serde_json::{Value, json};

use crate::{UpgradePreflight, budgets, found, nodes, releases};

nks_golden::tests!(UpgradePreflight);

fn report(objects: impl IntoIterator<Item = Value>, cluster: Value) -> Report {
    let mut input = Input::of_values(objects);
    input.context.cluster = cluster;
    input.context.now_unix = nks_golden::NOW;
    match UpgradePreflight::analyze(&input).unwrap() {
        Outcome::Done(report) => report,
        Outcome::Need(queries) => panic!("{queries:?}"),
    }
}

fn nks(version: &str) -> Value {
    json!({"isNks": true, "kubernetesVersion": version})
}

fn finding<'a>(report: &'a Report, message: &str) -> Option<&'a Finding> {
    report
        .findings
        .iter()
        .find(|finding| finding.message == message)
}

fn arg<'a>(finding: &'a Finding, name: &str) -> &'a str {
    let arg = finding.args.iter().find(|arg| arg.name == name);
    arg.map_or("", |arg| arg.value.as_str())
}

#[test]
fn it_proposes_nothing() {
    let node = json!({"kind": "Node", "apiVersion": "v1", "metadata": {"name": "n"},
        "status": {"nodeInfo": {"kubeletVersion": "v1.28.3"}}});
    let report = report([node], nks("v1.29.3"));
    assert!(report.steps.is_empty());
    let behind = finding(&report, "node-groups-off-version").unwrap();
    assert_eq!((behind.severity, behind.target), (Severity::Error, Some(0)));
}

#[test]
fn a_day_counts_from_the_epoch() {
    for (date, day) in [
        ("1970-01-01", 0),
        ("1970-03-01", 59),
        ("2000-02-29", 11_016),
        ("2000-12-31", 11_322),
        ("2026-09-21", nks_golden::NOW / 86_400),
    ] {
        assert_eq!(releases::day(date), Some(day), "{date}");
    }
    assert_eq!(releases::day("2026-05"), None);
}

#[test]
fn support_lasts_through_its_last_day() {
    let ended = |date: &str, hours: i64| {
        let mut input = Input::of_values([]);
        input.context.cluster = nks("v1.31.4");
        input.context.now_unix = releases::day(date).unwrap() * 86_400 + hours * 3_600;
        let Ok(Outcome::Done(report)) = UpgradePreflight::analyze(&input) else {
            panic!("needs no second round")
        };
        let days = finding(&report, "support-ends-soon").map(|soon| arg(soon, "days").to_owned());
        (finding(&report, "support-ended").is_some(), days)
    };
    assert_eq!(ended("2026-08-31", 23), (false, Some("0".into())));
    assert_eq!(ended("2026-09-01", 0), (true, None));
    assert_eq!(ended("2026-07-02", 0), (false, Some("60".into())));
    assert_eq!(ended("2026-07-01", 23), (false, None));
}

#[test]
fn upgrades_outlast_support_from_1_33_on() {
    let mut input = Input::of_values([]);
    input.context.cluster = nks("v1.33.4");
    input.context.now_unix = releases::day("2027-02-01").unwrap() * 86_400;
    let Ok(Outcome::Done(report)) = UpgradePreflight::analyze(&input) else {
        panic!("needs no second round")
    };
    let ended = finding(&report, "support-ended").unwrap();
    assert_eq!(ended.severity, Severity::Warning);
    assert_eq!(
        (arg(ended, "date"), arg(ended, "upgrades")),
        ("2027-01-31", "2027-11-30")
    );
}

#[test]
fn what_a_vendor_appends_is_no_other_version() {
    assert_eq!(nodes::numbers("v1.29.3-nks1"), "1.29.3");
    assert_eq!(nodes::numbers("v1.29.3+k3s1"), "1.29.3");
    assert!(nodes::same_minor("v1.29.3", "v1.29.6-nks1"));
    assert!(nodes::same_minor("v1.26.3", "1.26"));
    assert!(!nodes::same_minor("v1.2.3", "v1.29.3"));
}

#[test]
fn ten_are_named_and_the_others_counted() {
    let names: Vec<String> = (0..12).map(|number| number.to_string()).collect();
    let listed = |count: usize| found::listed(names.iter().take(count).map(String::as_str));
    assert_eq!(listed(10), "0, 1, 2, 3, 4, 5, 6, 7, 8, 9");
    assert_eq!(listed(12), "0, 1, 2, 3, 4, 5, 6, 7, 8, 9, … (+2)");
}

#[test]
fn a_selector_selects_as_kubernetes_does() {
    let pod = Object::of_value(
        json!({"kind": "Pod", "metadata": {"labels": {"app": "web", "tier": "front"}}}),
    );
    let selects = |selector: Value| budgets::selects(Some(&selector), &pod);
    let expression = |key: &str, operator: &str, values: &[&str]| {
        selects(json!({"matchExpressions": [{"key": key, "operator": operator, "values": values}]}))
    };
    assert!(!budgets::selects(None, &pod) && !selects(Value::Null));
    assert!(selects(json!({})));
    assert!(selects(json!({"matchLabels": {"app": "web"}})));
    assert!(!selects(
        json!({"matchLabels": {"app": "web", "zone": "a"}})
    ));
    assert!(expression("tier", "In", &["back", "front"]));
    assert!(!expression("zone", "In", &["a"]));
    assert!(expression("zone", "NotIn", &["a"]));
    assert!(!expression("app", "NotIn", &["web"]));
    assert!(expression("app", "Exists", &[]) && !expression("zone", "Exists", &[]));
    assert!(expression("zone", "DoesNotExist", &[]));
    assert!(
        !expression("app", "Gt", &["1"]),
        "not an operator of label selectors"
    );
}

#[test]
fn an_unreadable_list_of_pods_hides_no_budget() {
    let budget = |failed: bool| {
        json!({"apiVersion": "policy/v1", "kind": "PodDisruptionBudget", "metadata": {"name": "b", "namespace": "shop"},
            "spec": {"maxUnavailable": 0, "selector": {"matchLabels": {"app": "b"}}},
            "status": {"disruptionsAllowed": 0, "expectedPods": 2, "desiredHealthy": 2,
                "conditions": if failed { json!([{"reason": "SyncFailed"}]) } else { json!([]) }}})
    };
    let found = report([budget(false)], nks("v1.33.4"));
    assert!(finding(&found, "budgets-never-allow").is_some());
    let found = report([budget(true)], nks("v1.33.4"));
    assert!(finding(&found, "budgets-not-computed").is_some());
}

#[test]
fn only_the_last_note_of_a_writer_counts() {
    let note = |manager: &str, version: &str, time: &str| json!({"manager": manager, "operation": "Update", "apiVersion": version, "time": time});
    let used = |notes: &[Value]| {
        let job = json!({"apiVersion": "batch/v1", "kind": "CronJob",
            "metadata": {"name": "c", "namespace": "n", "managedFields": notes}});
        let report = report([job], nks("v1.24.3"));
        finding(&report, "api-removed-next").map(|found| arg(found, "objects").to_owned())
    };
    let old = note("helm", "batch/v1beta1", "2022-01-01T00:00:00Z");
    assert_eq!(
        used(std::slice::from_ref(&old)).as_deref(),
        Some("n/c (helm)")
    );
    assert_eq!(
        used(&[
            old.clone(),
            note("helm", "batch/v1", "2023-01-01T00:00:00Z")
        ]),
        None
    );
    let earlier = note("helm", "batch/v1", "2021-01-01T00:00:00Z");
    assert!(
        used(&[old.clone(), earlier]).is_some(),
        "it went back to the old version"
    );
    let another = note("kubectl-edit", "batch/v1", "2023-01-01T00:00:00Z");
    assert!(
        used(&[old, another]).is_some(),
        "what helm applies is still old"
    );
    assert_eq!(
        used(&[note(
            "kube-controller-manager",
            "batch/v1beta1",
            "2022-01-01T00:00:00Z"
        )]),
        None
    );
}

#[test]
fn a_static_pod_is_not_bare() {
    let pod = |metadata: Value| {
        let report = report(
            [json!({"apiVersion": "v1", "kind": "Pod", "metadata": metadata})],
            nks("v1.33.4"),
        );
        finding(&report, "bare-pods").is_some()
    };
    assert!(pod(json!({"name": "p", "namespace": "n"})));
    assert!(pod(
        json!({"name": "p", "ownerReferences": [{"kind": "Thing", "name": "t", "uid": "t"}]})
    ));
    assert!(!pod(
        json!({"name": "p", "annotations": {"kubernetes.io/config.mirror": "1"}})
    ));
    assert!(!pod(
        json!({"name": "p", "ownerReferences": [{"kind": "Job", "uid": "j", "controller": true}]})
    ));
    assert!(!pod(
        json!({"name": "p", "deletionTimestamp": "2026-09-20T01:00:00Z"})
    ));
}
