//! Runs that do not go to their end: what was done is said, can be undone, and is on record.

use std::process::{Child, Stdio};
use std::time::Duration;

use nks_bed::Bed;

use crate::support::{User, expect};
use crate::{WORKLOADS, bed, images, is_untouched, operator};

/// A Deployment whose rollout never completes while it is paused.
const PAUSED: &str = "deployment/calico-kube-controllers";

fn patch(bed: &Bed, workload: &str, patch: &str) {
    let patch = format!("--patch={patch}");
    bed.kubectl(&["patch", workload, "--namespace=kube-system", &patch])
        .expect("the workload is patched");
}

fn is_mended(bed: &Bed, workload: &str) -> bool {
    images(bed, workload)
        .iter()
        .all(|image| image.starts_with("docker.io/"))
}

fn spawn(user: &User, arguments: &[&str]) -> Child {
    let mut command = user.command("kubectl-nks", arguments);
    command.stdout(Stdio::piped()).stderr(Stdio::piped());
    command.spawn().expect("it starts")
}

fn wait_until_mended(bed: &Bed, workload: &str) {
    bed.wait_for("the change is made", Duration::from_secs(60), || {
        Ok(is_mended(bed, workload))
    })
    .expect("the change is made");
}

#[test]
fn a_rollout_that_does_not_finish_ends_with_4_and_can_be_undone() {
    let bed = bed();
    bed.scenario("calico-images").unwrap();
    patch(&bed, PAUSED, r#"{"spec":{"paused":true}}"#);
    let user = operator(&bed);
    let fix = ["fix", "calico-images", "calico-kube-controllers", "--yes"];
    let ran = user.nks(&[&fix[..], &["--timeout=1500ms"]].concat());
    expect(&ran, 4);
    assert!(
        ran.stdout.contains("not complete in time"),
        "{}",
        ran.stdout
    );
    let undo = format!("kubectl nks undo {}", user.entry());
    assert!(ran.stderr.contains(&undo), "{}", ran.stderr);
    expect(&user.nks(&["undo", &user.entry(), "--yes"]), 0);
    assert!(is_untouched(&bed));
    let ran = user.nks(&[&fix[..], &["--wait=false"]].concat());
    expect(&ran, 0);
    for said in ["calico-kube-controllers patched\n", "without waiting"] {
        assert!(ran.stdout.contains(said), "{}", ran.stdout);
    }
}

#[test]
fn ctrl_c_while_a_rollout_is_waited_for_says_what_was_done() {
    let bed = bed();
    bed.scenario("calico-images").unwrap();
    patch(&bed, PAUSED, r#"{"spec":{"paused":true}}"#);
    let user = operator(&bed);
    let child = spawn(
        &user,
        &["fix", "calico-images", "calico-kube-controllers", "--yes"],
    );
    wait_until_mended(&bed, PAUSED);
    let pid = child.id().to_string();
    let kill = std::process::Command::new("kill")
        .args(["-INT", &pid])
        .status();
    assert!(kill.unwrap().success());
    let output = child.wait_with_output().unwrap();
    let (stdout, stderr) = (
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr),
    );
    assert_eq!(output.status.code(), Some(130), "{stdout}\n{stderr}");
    assert!(stdout.contains("calico-kube-controllers"), "{stdout}");
    assert!(
        stderr.contains(&format!("kubectl nks undo {}", user.entry())),
        "{stderr}"
    );
    expect(&user.nks(&["resume"]), 0);
}

#[test]
fn a_conflict_after_the_first_change_says_what_was_done() {
    let bed = bed();
    bed.scenario("calico-images").unwrap();
    // Its rollout waits until somebody else has written the next workload.
    patch(&bed, PAUSED, r#"{"spec":{"paused":true}}"#);
    let user = operator(&bed);
    let fix = [
        "fix",
        "calico-images",
        "calico-kube-controllers",
        "calico-typha",
    ];
    let fix = [&fix[..], &["--yes", "--timeout=2m"]].concat();
    let child = spawn(&user, &fix);
    wait_until_mended(&bed, PAUSED);
    let annotation = r#"{"metadata":{"annotations":{"somebody":"else"}}}"#;
    patch(&bed, WORKLOADS[2], annotation);
    patch(&bed, PAUSED, r#"{"spec":{"paused":false}}"#);
    let output = child.wait_with_output().unwrap();
    let stdout = String::from_utf8_lossy(&output.stdout);
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(4), "{stdout}\n{stderr}");
    let patched = "deployment.apps/calico-kube-controllers patched\n";
    assert!(stdout.contains(patched), "{stdout}");
    let undo = format!("kubectl nks undo {}", user.entry());
    for command in [&*undo, "kubectl nks fix calico-images"] {
        assert!(stderr.contains(command), "{command}: {stderr}");
    }
    assert!(!is_mended(&bed, WORKLOADS[2]));
    let again = [
        "fix",
        "calico-images",
        "calico-typha",
        "--yes",
        "--timeout=2m",
    ];
    expect(&user.nks(&again), 0);
}

#[test]
fn a_reader_that_goes_away_leaves_no_entry_open() {
    let bed = bed();
    bed.scenario("calico-images").unwrap();
    let user = operator(&bed);
    let fix = [
        "fix",
        "calico-images",
        "calico-typha",
        "--yes",
        "--timeout",
        "2m",
    ];
    let mut child = spawn(&user, &fix);
    wait_until_mended(&bed, WORKLOADS[2]);
    drop(child.stdout.take());
    let output = child.wait_with_output().unwrap();
    assert_eq!(output.status.code(), Some(0), "{output:?}");
    let ran = user.nks(&["resume"]);
    expect(&ran, 0);
    assert!(ran.stderr.contains("No entry is open"), "{}", ran.stderr);
    // Gone before the plan was read whole: that is no consent.
    let mut child = spawn(&user, &["fix", "calico-images", "--yes"]);
    drop(child.stdout.take());
    let output = child.wait_with_output().unwrap();
    assert_eq!(output.status.code(), Some(1), "{output:?}");
    assert!(!is_mended(&bed, WORKLOADS[0]));
}

#[test]
fn what_helm_manages_is_changed_only_when_asked_for() {
    let bed = bed();
    bed.scenario("calico-images").unwrap();
    let label = r#"{"metadata":{"labels":{"app.kubernetes.io/managed-by":"Helm"}}}"#;
    patch(&bed, WORKLOADS[2], label);
    let user = operator(&bed);
    let fix = [
        "fix",
        "calico-images",
        "calico-typha",
        "--yes",
        "--timeout=2m",
    ];
    let ran = user.nks(&fix);
    expect(&ran, 2);
    assert!(ran.stderr.contains("managed by Helm"), "{}", ran.stderr);
    assert!(is_untouched(&bed) && user.journals().is_empty());
    let ran = user.nks(
        &[
            &fix[..],
            &["--even-if-managed", "--field-manager=me-myself"],
        ]
        .concat(),
    );
    expect(&ran, 0);
    let show = [
        "get",
        WORKLOADS[2],
        "--namespace=kube-system",
        "--show-managed-fields",
        "--output=yaml",
    ];
    let object = bed.kubectl(&show).unwrap();
    assert!(object.contains("manager: me-myself"), "{object}");
}
