//! A cluster in which nothing is wrong, with 200 ordinary workloads in 20 namespaces: no fixer calls anything of it an
//! error, and none plans anything. What the fixers look for has many spellings that are in order; this is where they are.

mod around;
mod pods;
mod team;

use std::time::Duration;

use nks_bed::Bed;
use serde_json::{Value, json};

use crate::support::{Ran, User, expect};
use crate::{bed, fixers, operator_of_all};
use team::Team;

const TEAMS: usize = 20;
const WORKLOADS_EACH: usize = 10;

/// So long the controllers take for all of it, and for its end.
const PATIENCE: Duration = Duration::from_secs(300);

/// What is no namespace's own; it is cleared by this label.
const LABEL: &str = "clean-cluster";

/// The kinds that fixers read, but Secrets.
const READ: &str = "namespaces,nodes,pods,events.v1.,services,endpointslices,configmaps,serviceaccounts,\
    persistentvolumes,persistentvolumeclaims,storageclasses,volumeattachments,csidrivers,deployments,replicasets,\
    statefulsets,daemonsets,jobs,cronjobs,horizontalpodautoscalers,ingresses,ingressclasses,poddisruptionbudgets,\
    apiservices,clusterroles,clusterrolebindings,roles,rolebindings";

#[test]
fn nothing_is_wrong_with_two_hundred_ordinary_workloads() {
    let bed = bed();
    // Calico, as NKS deploys it, when nothing is wrong with it.
    bed.scenario("healthy").expect("the cluster answers");
    let teams: Vec<Team> = (0..TEAMS).map(Team::new).collect();
    create(&bed, &teams);
    bed.wait_for("all of it is ready", PATIENCE, || is_settled(&bed, &teams))
        .expect("the cluster answers");
    let user = operator_of_all(&bed);
    // Those that are asked on request only have to be named.
    let named = fixers();
    let names: Vec<&str> = named.iter().map(String::as_str).collect();
    let diagnose = [
        &["diagnose"],
        &names[..],
        &["-o", "json", "--fail-on=error"],
    ]
    .concat();
    let diagnosed = user.nks(&diagnose);
    let planned: Vec<(&str, Ran)> = names
        .iter()
        .map(|name| (*name, user.nks(&["fix", name, "--dry-run"])))
        .collect();
    let later = diagnose_a_day_later(&bed, &diagnose);
    // Before anything is asserted: the next test is to find its bed as it was.
    clear(&bed);
    assert_healthy(&diagnosed);
    expect(&diagnosed, 0);
    assert_answered(&diagnosed, names.len());
    assert_healthy(&later);
    for (name, ran) in planned {
        let nothing = ran.code == 0 && !ran.stdout.contains("--- live/");
        assert!(nothing, "{name}: {ran:#?}");
    }
}

/// Puts everything in, in one go: what an object refers to may come after it, as in every cluster.
fn create(bed: &Bed, teams: &[Team]) {
    let mut objects = around::cluster(teams);
    let mut workloads = 0;
    for team in teams {
        let own = team.workloads();
        workloads += own.len();
        objects.extend(around::namespace(team));
        objects.extend(own);
    }
    assert_eq!(workloads, TEAMS * WORKLOADS_EACH);
    let list = json!({"apiVersion": "v1", "kind": "List", "items": objects});
    let folder = tempfile::tempdir().expect("a folder is made");
    let path = folder.path().join("clean.json");
    std::fs::write(&path, list.to_string()).expect("a file is written");
    bed.kubectl(&["create", "-f", &path.to_string_lossy()])
        .expect("everything is taken");
    // What the cloud and the ingress controller write, which the bed has not.
    let written = r#"--patch={"status":{"loadBalancer":{"ingress":[{"ip":"133.186.10.20"}]}}}"#;
    for (kind, team) in teams.iter().flat_map(Team::entrances) {
        let namespace = format!("--namespace={}", team.namespace);
        let patch = ["patch", kind, "web", &namespace, "--subresource=status"];
        bed.kubectl(&[&patch[..], &["--type=merge", written]].concat())
            .expect("an address is given");
    }
}

/// Whether every workload is ready, every Job has ended, and every claim is bound.
fn is_settled(bed: &Bed, teams: &[Team]) -> anyhow::Result<bool> {
    let list = |kinds| bed.kubectl_json(&["get", kinds, "--all-namespaces"]);
    let count = |list: &Value, is: &dyn Fn(&Value) -> bool| {
        let items = list["items"].as_array().into_iter().flatten();
        items.filter(|item| is(item)).count()
    };
    let bound = count(&list("persistentvolumeclaims")?, &|claim| {
        claim["status"]["phase"] == "Bound"
    });
    let done = count(&list("jobs")?, &|job| job["status"]["succeeded"] == 1);
    Ok(bound == teams.len() && done == teams.len() && bed.is_all_ready()?)
}

fn clear(bed: &Bed) {
    let selector = format!("--selector={LABEL}");
    bed.kubectl(&["delete", "namespaces", &selector, "--wait=false"])
        .expect("the namespaces go");
    bed.wait_for("the namespaces are gone", PATIENCE, || {
        let left = bed.kubectl(&["get", "namespaces", &selector, "--output=name"])?;
        Ok(left.is_empty())
    })
    .expect("the cluster answers");
    let kinds = "persistentvolumes,storageclasses,ingressclasses,priorityclasses,clusterroles,clusterrolebindings";
    bed.kubectl(&["delete", kinds, &selector])
        .expect("the rest goes");
    bed.kubectl(&["delete", "namespace", "shop", "--wait=true"])
        .expect("the scenario's namespace goes");
}

/// What is young is let start, and looked at less closely: here everything is as it is, but a day old. Not everything that
/// fixers read is in the file, so the exit code says nothing.
fn diagnose_a_day_later(bed: &Bed, diagnose: &[&str]) -> Ran {
    let mut list = bed
        .kubectl_json(&["get", READ, "--all-namespaces"])
        .expect("the cluster answers");
    age(&mut list);
    let folder = tempfile::tempdir().expect("a folder is made");
    let path = folder.path().join("cluster.json");
    std::fs::write(&path, list.to_string()).expect("a file is written");
    let from = ["--from", &path.to_string_lossy()];
    User::new().nks(&[diagnose, &from].concat())
}

/// Puts every time in an object back by a day.
fn age(value: &mut Value) {
    match value {
        Value::Object(map) => map.values_mut().for_each(age),
        Value::Array(list) => list.iter_mut().for_each(age),
        Value::String(text) => {
            if let Ok(time) = text.parse::<jiff::Timestamp>() {
                *text = (time - jiff::SignedDuration::from_hours(24)).to_string();
            }
        }
        _ => {}
    }
}

/// Nothing is called an error or would be changed.
fn assert_healthy(ran: &Ran) {
    let found = diagnosis(ran);
    let findings = found["findings"].as_array().cloned().unwrap_or_default();
    let told: Vec<String> = findings.iter().map(told).collect();
    let told = told.join("\n");
    let bad = |finding: &Value| finding["severity"] == "error" || finding["mendable"] == true;
    assert!(!findings.iter().any(bad), "{told}");
}

/// Everything was read, and every fixer has answered.
fn assert_answered(ran: &Ran, asked: usize) {
    let found = diagnosis(ran);
    assert_eq!(found["unread"], json!([]));
    let fixers = found["fixers"].as_array().cloned().unwrap_or_default();
    let complete = fixers.iter().filter(|one| one["complete"] == true);
    assert_eq!(complete.count(), asked, "{fixers:#?}");
}

fn diagnosis(ran: &Ran) -> Value {
    serde_json::from_str(&ran.stdout).unwrap_or_else(|_| panic!("{ran:#?}"))
}

/// A finding in one line.
fn told(finding: &Value) -> String {
    let text = |field: &str| finding[field].as_str().unwrap_or_default().to_owned();
    [text("severity"), text("fixer"), text("id"), text("message")].join(" ")
}
