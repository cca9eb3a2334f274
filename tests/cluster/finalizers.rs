//! `stuck-finalizers` on a real API server: what may go goes, and everything else stays.

use std::process::Stdio;

use nks_bed::Bed;
use rexpect::session::spawn_command;

use crate::support::expect;
use crate::{bed, changed, everything, operator_of};

const FIXER: &str = "stuck-finalizers";
const UNGUARDED: [&str; 3] = [
    "configmap/coredns",
    "deployment.apps/coredns",
    "serviceaccount/coredns",
];

fn finalizers(bed: &Bed, kind: &str, name: &str) -> Vec<String> {
    let object = bed
        .kubectl_json(&["get", kind, name, "--namespace", "kube-system"])
        .expect("it is there");
    let list = object["metadata"]["finalizers"].as_array().cloned();
    list.unwrap_or_default()
        .iter()
        .map(|name| name.as_str().unwrap_or_default().to_owned())
        .collect()
}

#[test]
fn what_may_go_goes_and_comes_back() {
    let bed = bed();
    bed.scenario(FIXER).unwrap();
    let user = operator_of(&bed, &[FIXER]);
    let found = user.nks(&["diagnose", FIXER]);
    expect(&found, 1);
    for said in [
        "configmap/coredns -n kube-system",
        "deployment.apps/coredns -n kube-system",
        "serviceaccount/coredns -n kube-system",
        "clusterrole.rbac.authorization.k8s.io/calico-kube-controllers",
        "service.kubernetes.io/load-balancer-cleanup",
        "orphan",
    ] {
        assert!(found.stdout.contains(said), "{said}: {}", found.stdout);
    }
    assert!(!found.stdout.contains("shop-settings"), "{}", found.stdout);

    let before = everything(&bed);
    let mut arguments = vec!["fix", FIXER];
    arguments.extend(UNGUARDED);
    arguments.push("--yes");
    let fixed = user.nks(&arguments);
    expect(&fixed, 0);
    assert_eq!(finalizers(&bed, "configmap", "coredns"), ["orphan"]);
    for kind in ["deployment", "serviceaccount"] {
        assert_eq!(finalizers(&bed, kind, "coredns"), [""; 0], "{kind}");
    }
    let after = everything(&bed);
    let changed = changed(&before, &after);
    assert_eq!(changed.len(), UNGUARDED.len(), "{changed:?}");

    let again = user.nks(&arguments[..3]);
    expect(&again, 0);
    assert!(
        again.stderr.contains("Nothing here can be changed"),
        "{}",
        again.stderr
    );
    expect(&user.nks(&["undo", &user.entry(), "--yes"]), 0);
    assert_eq!(everything(&bed), before, "undo puts everything back");
}

#[test]
fn what_decides_rights_has_a_question_of_its_own() {
    let bed = bed();
    bed.scenario(FIXER).unwrap();
    let user = operator_of(&bed, &[FIXER]);
    let before = everything(&bed);
    let ran = user.nks(&["fix", FIXER, "--yes"]);
    expect(&ran, 1);
    assert!(
        ran.stderr
            .contains("clusterrole.rbac.authorization.k8s.io/calico-kube-controllers decides"),
        "{}",
        ran.stderr
    );
    assert_eq!(everything(&bed), before, "--yes does not answer it");
    assert!(user.journals().is_empty());

    let mut command = user.command("kubectl-nks", &["fix", FIXER, "calico-kube-controllers"]);
    command.env("TERM", "xterm").stdin(Stdio::inherit());
    let mut session = spawn_command(command, Some(60_000)).unwrap();
    session.exp_string("Apply 1 change").unwrap();
    session.exp_string("[y/N] ").unwrap();
    session.send_line("y").unwrap();
    session.exp_string("Change it too? [y/N] ").unwrap();
    session.send_line("y").unwrap();
    session
        .exp_string("calico-kube-controllers patched")
        .unwrap();
    session.exp_eof().unwrap();
    let role = bed
        .kubectl_json(&["get", "clusterrole", "calico-kube-controllers"])
        .unwrap();
    assert!(role["metadata"]["finalizers"].is_null(), "{role}");
}

#[test]
fn what_is_being_deleted_is_gone_and_that_was_said() {
    let bed = bed();
    bed.scenario(FIXER).unwrap();
    let user = operator_of(&bed, &[FIXER]);
    bed.kubectl(&[
        "delete",
        "serviceaccount/coredns",
        "--namespace",
        "kube-system",
        "--wait=false",
    ])
    .unwrap();
    let found = user.nks(&["diagnose", FIXER]);
    expect(&found, 1);
    assert!(
        found.stdout.contains("is being deleted"),
        "{}",
        found.stdout
    );
    let fixed = user.nks(&["fix", FIXER, "serviceaccount/coredns", "--yes"]);
    expect(&fixed, 0);
    assert!(
        fixed.stdout.contains("cannot be undone"),
        "{}",
        fixed.stdout
    );
    let left = bed
        .kubectl(&[
            "get",
            "serviceaccount/coredns",
            "--namespace",
            "kube-system",
            "--ignore-not-found",
        ])
        .unwrap();
    assert_eq!(left, "");
    let undone = user.nks(&["undo", &user.entry(), "--yes"]);
    expect(&undone, 2);
    assert!(undone.stderr.contains("no longer"), "{}", undone.stderr);
}
