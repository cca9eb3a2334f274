//! The question, on a pseudo-terminal: yes, no, Ctrl-C, nobody there, and an object that changes while it is asked.

use std::process::Stdio;

use rexpect::session::{PtySession, spawn_command};

use crate::support::{User, expect};
use crate::{WORKLOADS, bed, images, is_untouched, operator};

/// How long a screen may take, in milliseconds.
const PATIENCE: u64 = 150_000;
/// What every question ends with.
const QUESTION: &str = "[y/N] ";

fn ask(user: &User) -> PtySession {
    let mut command = user.command("kubectl-nks", &["fix", "calico-images", "--timeout", "2m"]);
    // The session gives it the pseudo-terminal to inherit.
    command.env("TERM", "xterm").stdin(Stdio::inherit());
    let mut session = spawn_command(command, Some(PATIENCE)).expect("a pseudo-terminal");
    let before = session.exp_string(QUESTION).expect("the question is asked");
    assert!(
        before.contains("+        image: docker.io/calico/node:v3.24.1"),
        "the difference comes first: {before}"
    );
    session
}

fn ended(mut session: PtySession) -> (String, String) {
    let rest = session.exp_eof().expect("it ends");
    let status = session.process().wait().expect("it has a status");
    (rest, format!("{status:?}"))
}

/// rexpect does not export the type of the status, only its text: `Exited(Pid(7), 0)`.
fn assert_exit(status: &str, code: i32, rest: &str) {
    assert!(
        status.starts_with("Exited") && status.ends_with(&format!(", {code})")),
        "{status}\n{rest}"
    );
}

#[test]
fn yes_mends_it() {
    let bed = bed();
    bed.scenario("calico-images").unwrap();
    let user = operator(&bed);
    let mut session = ask(&user);
    session.send_line("y").unwrap();
    let (rest, status) = ended(session);
    assert_exit(&status, 0, &rest);
    assert!(rest.contains("Checked again"), "{rest}");
}

#[test]
fn no_and_a_bare_return_change_nothing() {
    let bed = bed();
    bed.scenario("calico-images").unwrap();
    let user = operator(&bed);
    for answer in ["n", ""] {
        let mut session = ask(&user);
        session.send_line(answer).unwrap();
        let (rest, status) = ended(session);
        assert_exit(&status, 1, &rest);
        assert!(rest.contains("nothing was changed"), "{rest}");
    }
    assert!(is_untouched(&bed));
    assert!(user.journals().is_empty());
    let lease = bed
        .kubectl(&[
            "get",
            "lease/kubectl-nks",
            "--namespace",
            "kube-system",
            "--ignore-not-found",
        ])
        .unwrap();
    assert_eq!(lease, "", "the lease is given back");
}

#[test]
fn ctrl_c_changes_nothing_and_ends_with_130() {
    let bed = bed();
    bed.scenario("calico-images").unwrap();
    let user = operator(&bed);
    let mut session = ask(&user);
    session.send_control('c').unwrap();
    let (rest, status) = ended(session);
    assert_exit(&status, 130, &rest);
    assert!(rest.contains("nothing was changed"), "{rest}");
    assert!(is_untouched(&bed));
}

#[test]
fn without_a_terminal_nothing_is_written() {
    let bed = bed();
    bed.scenario("calico-images").unwrap();
    let user = operator(&bed);
    let ran = user.nks(&["fix", "calico-images"]);
    expect(&ran, 1);
    assert!(
        ran.stdout.contains("docker.io/calico/node:v3.24.1"),
        "the diff is shown: {}",
        ran.stdout
    );
    assert!(ran.stderr.contains("--yes"), "{}", ran.stderr);
    assert!(is_untouched(&bed));
}

#[test]
fn an_object_that_changed_meanwhile_is_planned_again_and_not_overwritten() {
    let bed = bed();
    bed.scenario("calico-images").unwrap();
    let user = operator(&bed);
    let mut session = ask(&user);
    bed.kubectl(&[
        "annotate",
        "daemonset/calico-node",
        "--namespace",
        "kube-system",
        "somebody=else",
    ])
    .unwrap();
    session.send_line("y").unwrap();
    session
        .exp_string("nothing was overwritten")
        .expect("the conflict is said");
    session.exp_string(QUESTION).expect("it asks again");
    assert!(is_untouched(&bed));
    session.send_line("y").unwrap();
    let (rest, status) = ended(session);
    assert_exit(&status, 0, &rest);
    let object = bed
        .kubectl(&[
            "get",
            WORKLOADS[0],
            "--namespace",
            "kube-system",
            "--output",
            "yaml",
        ])
        .unwrap();
    assert!(
        object.contains("somebody: else"),
        "the other change is still there: {object}"
    );
    assert!(
        images(&bed, WORKLOADS[0])
            .iter()
            .all(|image| image.starts_with("docker.io/"))
    );
}
