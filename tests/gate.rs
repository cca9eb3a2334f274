//! `diagnose` as a gate: only what is new, and without what somebody decided not to hear of.
#![expect(clippy::unwrap_used, reason = "in a test a panic is the report")]

mod support;

use support::{User, expect};

const DEMO: [&str; 3] = ["diagnose", "--from", "demo"];

fn file(user: &User, name: &str, text: &str) -> String {
    let path = user.home.path().join(name);
    std::fs::write(&path, text).unwrap();
    path.to_str().unwrap().to_owned()
}

#[test]
fn of_a_baseline_only_what_is_new_counts() {
    let user = User::new();
    for format in ["json", "yaml"] {
        let all = user.nks(&[&DEMO[..], &["-o", format]].concat()).stdout;
        let baseline = file(&user, "all", &all);
        let ran = user.nks(&[&DEMO[..], &["--baseline", &baseline]].concat());
        expect(&ran, 0);
        assert!(
            ran.stdout.contains("0 findings in 0 objects"),
            "{}",
            ran.stdout
        );
        assert!(
            ran.stdout.contains("7 findings known from the baseline"),
            "{}",
            ran.stdout
        );
    }
    let some = user.nks(&["diagnose", "calico-images", "--from", "demo", "-o", "json"]);
    let baseline = file(&user, "some", &some.stdout);
    let ran = user.nks(&[&DEMO[..], &["--baseline", &baseline, "-o", "name"]].concat());
    expect(&ran, 1);
    assert!(
        !ran.stdout.contains("daemonset.apps/calico-node"),
        "{}",
        ran.stdout
    );
    assert!(
        ran.stdout.contains("secret/cinder-csi-cloud-config"),
        "{}",
        ran.stdout
    );
    let plan = user
        .nks(&["fix", "calico-images", "--from", "demo", "-o", "json"])
        .stdout;
    let ran = user.nks(&[&DEMO[..], &["--baseline", &file(&user, "plan", &plan)]].concat());
    expect(&ran, 2);
    assert!(ran.stderr.contains("it is no diagnosis"), "{}", ran.stderr);
}

/// A file with one suppression, of the given fields.
fn suppressions(fields: &str) -> String {
    format!("apiVersion: suppressions.nks/v1\nkind: Suppressions\nitems:\n- {{{fields}}}\n")
}

#[test]
fn what_is_suppressed_is_counted_until_its_last_day() {
    let user = User::new();
    let diagnose = |fields: &str| {
        let file = file(&user, "suppressions", &suppressions(fields));
        user.nks(&[
            "diagnose",
            "calico-images",
            "--from",
            "demo",
            "--suppressions",
            &file,
        ])
    };
    let ran = diagnose("fixer: calico-images, reason: 'moving off', expires: 2999-01-31");
    expect(&ran, 0);
    assert!(
        ran.stdout.contains("2 findings suppressed, left out"),
        "{}",
        ran.stdout
    );
    let ran = diagnose(
        "fixer: calico-images, id: images-unpullable, object: calico-node, namespace: kube-system, reason: r, expires: 2999-01-31",
    );
    expect(&ran, 1);
    assert!(
        ran.stdout.contains("1 finding suppressed, left out"),
        "{}",
        ran.stdout
    );
    assert!(
        ran.stdout
            .contains("deployment.apps/calico-kube-controllers"),
        "{}",
        ran.stdout
    );
    let ran = diagnose("fixer: calico-images, reason: 'moving off', expires: 2020-01-31");
    expect(&ran, 1);
    assert!(
        ran.stdout
            .contains("The suppression of calico-images has expired (2020-01-31): moving off."),
        "{}",
        ran.stdout
    );
    assert!(
        ran.stdout.contains("daemonset.apps/calico-node"),
        "it is shown again: {}",
        ran.stdout
    );
    let ran = diagnose("fixer: calico-images, object: nothing, reason: r, expires: 2999-01-31");
    expect(&ran, 1);
    assert!(
        ran.stderr
            .contains("Nothing is found that the suppression of calico-images nothing is about."),
        "{}",
        ran.stderr
    );
    for (fields, expected) in [
        ("fixer: a, expires: 2999-01-31", "reason"),
        ("fixer: a, reason: ' ', expires: 2999-01-31", "no reason"),
        ("fixer: a, reason: r", "expires"),
        ("fixer: a, reason: r, expires: tomorrow", "expires"),
        (
            "fixer: a, reason: r, expires: 2999-01-31, until: x",
            "until",
        ),
    ] {
        let ran = diagnose(fields);
        expect(&ran, 2);
        assert!(ran.stderr.contains(expected), "{fields}: {}", ran.stderr);
    }
}
