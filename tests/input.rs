//! What `--from` says to input that is odd: sound input is read, and whatever is left out is a gap with its name.
#![expect(clippy::unwrap_used, reason = "helpers of tests may fail as tests do")]

mod support;

use std::fs;

use support::{Ran, User, expect, root};

/// The bundled picture with more to it, read as one file.
fn demo_and(user: &User, more: &str) -> Ran {
    let file = user.home.path().join("more.yaml");
    let demo = fs::read_to_string(root("crates/cli/demo.yaml")).unwrap();
    fs::write(&file, format!("{demo}\n---\n{more}")).unwrap();
    user.nks(&["diagnose", "--from", file.to_str().unwrap(), "-o", "json"])
}

#[test]
fn an_object_that_cannot_be_looked_at_is_a_gap_with_its_name() {
    let user = User::new();
    let pod = |spec: &str| {
        format!("apiVersion: v1\nkind: Pod\nmetadata: {{name: odd, namespace: n}}\nspec: {spec}\n")
    };
    for (spec, said) in [
        ("{containers: text}", Some("containers")),
        ("{containers: {a: 1}}", Some("containers")),
        ("{containers: null}", Some("containers")),
        ("{}", Some("containers")),
        (
            "{containers: [{name: c}], initContainers: text}",
            Some("initContainers"),
        ),
        ("{containers: [{name: c}], initContainers: null}", None),
    ] {
        let ran = demo_and(&user, &pod(spec));
        let Some(field) = said else {
            expect(&ran, 1);
            continue;
        };
        expect(&ran, 3);
        let said = format!("pod/odd -n n: `{field}` is not a list of containers");
        assert!(ran.stdout.contains(&said), "{spec}: {}", ran.stdout);
    }
}

#[test]
fn files_of_two_clusters_are_a_gap() {
    let user = User::new();
    let node = |name: &str, uid: &str, label: &str| {
        format!(
            "---\napiVersion: v1\nkind: Node\nmetadata: {{name: {name}, uid: {uid}, labels: {{a: {label}}}}}\n"
        )
    };
    let event = |version: &str| {
        format!(
            "---\napiVersion: {version}\nkind: Event\nmetadata: {{name: e, namespace: n, uid: e-1}}\n"
        )
    };
    let one = node("a", "u-1", "x");
    for (second, said) in [
        (node("a", "u-1", "x"), None),
        (event("v1") + &event("events.k8s.io/v1"), None),
        (
            node("b", "u-1", "x"),
            Some("node/b has the uid of node/a, and was left out"),
        ),
        (
            node("a", "u-2", "x"),
            Some("node/a is there twice with different uids"),
        ),
        (
            node("a", "u-1", "y"),
            Some("node/a is there twice, and the second one was left out"),
        ),
    ] {
        let ran = demo_and(&user, &format!("{one}{second}"));
        expect(&ran, if said.is_some() { 3 } else { 1 });
        assert!(
            ran.stdout.contains(said.unwrap_or_default()),
            "{}",
            ran.stdout
        );
    }
}

#[test]
fn odd_and_sound_input_is_read() {
    let user = User::new();
    let filler = "x".repeat(1_500_000);
    for more in [
        "apiVersion: example.com/v1\nkind: Unknown\nmetadata: {name: a}\n".to_owned(),
        format!("apiVersion: v1\nkind: ConfigMap\nmetadata: {{name: big}}\ndata: {{a: {filler}}}\n"),
        "apiVersion: v1\nkind: List\nitems:\n- {apiVersion: v1, kind: NodeList, items: [{metadata: {name: nested}}]}\n".to_owned(),
    ] {
        expect(&demo_and(&user, &more), 1);
    }
    let file = user.home.path().join("unknown.yaml");
    let text = "apiVersion: apps/v9\nkind: DaemonSet\nmetadata: {name: a}\n";
    fs::write(&file, text).unwrap();
    let ran = user.nks(&["diagnose", "--from", file.to_str().unwrap()]);
    expect(&ran, 3);
    assert!(
        ran.stdout.contains("holds no DaemonSet (apps/v1)"),
        "{}",
        ran.stdout
    );
}

#[test]
fn a_dump_that_ends_in_a_log_is_a_gap() {
    let user = User::new();
    let file = user.home.path().join("dump");
    let demo = fs::read_to_string(root("crates/cli/demo.yaml")).unwrap();
    let objects = nks_core::source::parse(&demo, "default").unwrap();
    let mut text: String = objects
        .iter()
        .map(|object| format!("{}\n", object.value))
        .collect();
    text += "==== START logs for container a of pod n/p ====\na line\n";
    fs::write(&file, &text).unwrap();
    let ran = user.nks(&["diagnose", "--from", file.to_str().unwrap()]);
    expect(&ran, 3);
    assert!(
        ran.stdout.contains("ends within the logs of a container"),
        "{}",
        ran.stdout
    );
    text += "==== END logs for container a of pod n/p ====\n";
    fs::write(&file, &text).unwrap();
    let ran = user.nks(&["diagnose", "--from", file.to_str().unwrap()]);
    expect(&ran, 1);
}

#[test]
fn a_name_cannot_steer_the_terminal_in_any_output() {
    let user = User::new();
    let file = user.home.path().join("names.json");
    for bad in ["a\\u202eb", "a\\u200bb", "a\\u001b[2J"] {
        let text = format!(
            r#"{{"apiVersion": "v1", "kind": "Pod", "metadata": {{"name": "{bad}", "namespace": "n"}}}}"#
        );
        fs::write(&file, text).unwrap();
        for output in ["text", "json", "yaml"] {
            let ran = user.nks(&["diagnose", "--from", file.to_str().unwrap(), "-o", output]);
            expect(&ran, 2);
            assert!(
                ran.stderr.contains("is not a name that Kubernetes accepts"),
                "{}",
                ran.stderr
            );
            for text in [&ran.stdout, &ran.stderr] {
                let hidden = ['\u{202e}', '\u{200b}', '\u{1b}'];
                assert!(!text.contains(hidden), "{output}: {text:?}");
                assert!(!text.contains(bad), "{output}: {text:?}");
            }
        }
    }
}
