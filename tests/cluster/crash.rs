//! kill -9 between the intent on disk and the server's answer: `resume` finds out what happened, and says it.

use std::time::Duration;

use nks_bed::Bed;

use crate::proxy::{Lost, Proxy};
use crate::support::{User, expect};
use crate::{WORKLOADS, bed, images, is_untouched, operator, plain_kubeconfig};

/// Runs `fix` through the proxy and kills it once its first write is lost.
fn killed(bed: &Bed, user: &User, lost: Lost) {
    let proxy = Proxy::start(
        bed,
        user.kubeconfig.as_ref().expect("the operator has one"),
        lost,
    );
    let config = plain_kubeconfig(user.home.path(), &proxy.server);
    let mut child = user
        .command(
            "kubectl-nks",
            &[
                "fix",
                "calico-images",
                "--yes",
                "--kubeconfig",
                config.to_str().expect("UTF-8"),
            ],
        )
        .spawn()
        .expect("it starts");
    proxy.wait_for_the_cut();
    let text =
        std::fs::read_to_string(user.journals().pop().expect("a journal")).expect("it is readable");
    assert!(
        text.contains("\"record\":\"intent\""),
        "the intent is on disk before the write: {text}"
    );
    if lost == Lost::Answer {
        bed.wait_for("the write is carried out", Duration::from_secs(30), || {
            Ok(images(bed, WORKLOADS[0])
                .iter()
                .all(|image| image.starts_with("docker.io/")))
        })
        .expect("the server carries it out");
    }
    child.kill().expect("it is killed");
    child.wait().expect("it ends");
}

/// The dead run's lease runs out first.
fn resume(bed: &Bed, user: &User) -> crate::support::Ran {
    let mut last = None;
    bed.wait_for(
        "the lease of the dead run expires",
        Duration::from_secs(60),
        || {
            let ran = user.nks(&["resume"]);
            let held = ran.stderr.contains("another run");
            last = Some(ran);
            Ok(!held)
        },
    )
    .expect("resume gets its turn");
    last.expect("it ran")
}

#[test]
fn a_write_that_was_lost_is_found_not_applied() {
    let bed = bed();
    bed.scenario("calico-images").unwrap();
    let user = operator(&bed);
    killed(&bed, &user, Lost::Request);
    assert!(is_untouched(&bed));
    let blocked = user.nks(&["fix", "calico-images", "--yes"]);
    expect(&blocked, 2);
    let ran = resume(&bed, &user);
    expect(&ran, 0);
    assert!(
        ran.stdout
            .contains("calico-node -n kube-system is not in place"),
        "{}",
        ran.stdout
    );
    assert!(
        ran.stdout.contains("0 changes are in place"),
        "{}",
        ran.stdout
    );
    let again = user.nks(&["resume"]);
    expect(&again, 0);
    assert!(
        again.stderr.contains("No entry is open"),
        "{}",
        again.stderr
    );
    expect(
        &user.nks(&["fix", "calico-images", "--yes", "--timeout", "2m"]),
        0,
    );
}

#[test]
fn a_write_whose_answer_was_lost_is_found_applied_and_can_be_undone() {
    let bed = bed();
    bed.scenario("calico-images").unwrap();
    let user = operator(&bed);
    killed(&bed, &user, Lost::Answer);
    let entry = user.entry();
    let refused = user.nks(&["undo", &entry, "--yes"]);
    expect(&refused, 2);
    assert!(
        refused.stderr.contains("kubectl nks resume"),
        "{}",
        refused.stderr
    );
    let ran = resume(&bed, &user);
    expect(&ran, 0);
    assert!(
        ran.stdout
            .contains("calico-node -n kube-system is in place"),
        "{}",
        ran.stdout
    );
    expect(&user.nks(&["undo", &entry, "--yes"]), 0);
    assert!(is_untouched(&bed));
}
