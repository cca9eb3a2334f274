//! What a person types, and what comes of it without a cluster.

mod support;

use std::fs;
use std::io::Write;
use std::process::Stdio;

use support::{User, bin, expect, run};

#[test]
fn without_a_command_it_prints_help_and_succeeds() {
    let ran = User::new().nks(&[]);
    expect(&ran, 0);
    assert!(ran.stdout.contains("Usage: kubectl nks"), "{}", ran.stdout);
    let korean = User::new().nks(&["--lang", "ko", "--help"]);
    expect(&korean, 0);
    assert!(
        korean.stdout.contains("사용법: kubectl nks"),
        "{}",
        korean.stdout
    );
}

#[test]
fn a_typo_gets_a_suggestion_and_exit_code_2() {
    let ran = User::new().nks(&["diagnos"]);
    expect(&ran, 2);
    assert!(ran.stderr.contains("diagnose"), "{}", ran.stderr);
    let ran = User::new().nks(&["fix", "calico-image", "--from", "demo"]);
    expect(&ran, 2);
    assert!(ran.stderr.contains("calico-images"), "{}", ran.stderr);
}

#[test]
fn the_thin_executables_become_the_whole_one_even_through_a_link() {
    let user = User::new();
    let thin = run(&mut user.command("kubectl-nks-diagnose", &["--from", "demo"]));
    expect(&thin, 1);
    let whole = user.nks(&["diagnose", "--from", "demo"]);
    let without_time = |text: &str| {
        text.lines()
            .filter(|line| !line.starts_with("checked"))
            .map(str::to_owned)
            .collect::<Vec<_>>()
    };
    assert_eq!(without_time(&thin.stdout), without_time(&whole.stdout));
    let link = user.home.path().join("kubectl-nks-fix");
    std::os::unix::fs::symlink(bin().join("kubectl-nks-fix"), &link).unwrap();
    let linked = run(user
        .command("kubectl-nks-fix", &["calico-images", "--from", "demo"])
        .env("PATH", user.home.path()));
    expect(&linked, 1);
    for name in ["kubectl-nks-diagnose", "kubectl-nks-fix"] {
        let size = fs::metadata(bin().join(name)).unwrap().len();
        assert!(size < 1_000_000, "{name} has {size} bytes");
    }
}

#[test]
fn a_link_named_after_a_command_is_that_command() {
    let user = User::new();
    let link = user.home.path().join("kubectl-nks-version");
    std::os::unix::fs::symlink(bin().join("kubectl-nks"), &link).unwrap();
    let mut command = std::process::Command::new(&link);
    let ran = run(command.env_clear().stdin(Stdio::null()));
    expect(&ran, 0);
    assert!(ran.stdout.starts_with("kubectl-nks "), "{}", ran.stdout);
}

#[test]
fn data_goes_to_stdout_and_is_versioned() {
    let user = User::new();
    for (arguments, code, kind) in [
        (&["version", "-o", "json"][..], 0, "Version"),
        (
            &["diagnose", "--from", "demo", "-o", "json"][..],
            1,
            "Diagnosis",
        ),
        (
            &["fix", "calico-images", "--from", "demo", "-o", "json"][..],
            1,
            "Plan",
        ),
        (
            &["explain", "calico-images", "-o", "json"][..],
            0,
            "Explanation",
        ),
        (&["fixer", "list", "-o", "json"][..], 0, "FixerList"),
        (
            &["fixer", "inspect", "calico-images", "-o", "json"][..],
            0,
            "FixerDescription",
        ),
        (&["history", "-o", "json"][..], 0, "HistoryList"),
    ] {
        let ran = user.nks(arguments);
        expect(&ran, code);
        let value: serde_json::Value = serde_json::from_str(&ran.stdout)
            .unwrap_or_else(|problem| panic!("{arguments:?}: {problem}"));
        assert_eq!(
            (value["apiVersion"].as_str(), value["kind"].as_str()),
            (Some("output.nks/v1"), Some(kind))
        );
        let yaml: Vec<&str> = arguments
            .iter()
            .map(|word| if *word == "json" { "yaml" } else { word })
            .collect();
        let ran = user.nks(&yaml);
        expect(&ran, code);
        let same: serde_json::Value = nks_core::yaml::parse(&ran.stdout).unwrap();
        assert_eq!(same, value, "{arguments:?}");
    }
}

#[test]
fn a_pipe_that_closes_is_no_error() {
    let user = User::new();
    let mut child = user
        .command("kubectl-nks", &["explain", "calico-images"])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    drop(child.stdout.take());
    let output = child.wait_with_output().unwrap();
    assert!(output.status.success(), "{output:?}");
    assert!(output.stderr.is_empty(), "{output:?}");
}

#[test]
fn files_folders_and_standard_input_read_alike() {
    let user = User::new();
    let demo = fs::read_to_string(support::root("crates/cli/demo.yaml")).unwrap();
    let folder = user.home.path().join("dump");
    fs::create_dir(&folder).unwrap();
    for (index, document) in demo.split("\n---\n").enumerate() {
        fs::write(folder.join(format!("{index:02}.yaml")), document).unwrap();
    }
    let file = user.home.path().join("all.yaml");
    fs::write(&file, &demo).unwrap();
    let findings = |stdout: &str| {
        serde_json::from_str::<serde_json::Value>(stdout).unwrap()["findings"].clone()
    };
    let bundled = findings(
        &user
            .nks(&["diagnose", "--from", "demo", "-o", "json"])
            .stdout,
    );
    assert_eq!(bundled.as_array().unwrap().len(), 7);
    for path in [&folder, &file] {
        let ran = user.nks(&["diagnose", "--from", path.to_str().unwrap(), "-o", "json"]);
        expect(&ran, 1);
        assert_eq!(findings(&ran.stdout), bundled);
    }
    let mut child = user
        .command("kubectl-nks", &["diagnose", "--from", "-", "-o", "json"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    child
        .stdin
        .take()
        .unwrap()
        .write_all(demo.as_bytes())
        .unwrap();
    let output = child.wait_with_output().unwrap();
    assert_eq!(
        findings(&String::from_utf8(output.stdout).unwrap()),
        bundled
    );
}

#[test]
fn what_was_not_read_is_never_called_healthy() {
    let user = User::new();
    let file = user.home.path().join("only.yaml");
    fs::write(&file, "apiVersion: apps/v1\nkind: DaemonSet\nmetadata: {name: calico-node, namespace: kube-system}\n").unwrap();
    let ran = user.nks(&["diagnose", "--from", file.to_str().unwrap()]);
    expect(&ran, 3);
    assert!(ran.stdout.contains("holds no Pod (v1)"), "{}", ran.stdout);
    assert!(!ran.stderr.contains("No problems"), "{}", ran.stderr);
    let broken = user.home.path().join("broken");
    fs::create_dir(&broken).unwrap();
    fs::write(
        broken.join("good.yaml"),
        fs::read(support::root("crates/cli/demo.yaml")).unwrap(),
    )
    .unwrap();
    fs::write(broken.join("torn.json"), "{\"kind\": ").unwrap();
    let ran = user.nks(&["diagnose", "--from", broken.to_str().unwrap()]);
    expect(&ran, 3);
    assert!(ran.stdout.contains("torn.json"), "{}", ran.stdout);
}

#[test]
fn bad_input_is_named() {
    let user = User::new();
    let path = |name: &str, content: &str| {
        let path = user.home.path().join(name);
        fs::write(&path, content).unwrap();
        path.to_str().unwrap().to_owned()
    };
    for (file, expected) in [
        (path("empty.yaml", ""), "no Kubernetes objects"),
        (
            path("duplicate.yaml", "kind: Pod\nkind: Pod\n"),
            "duplicate",
        ),
        (
            path(
                "name.yaml",
                "apiVersion: v1\nkind: Pod\nmetadata: {name: ../../x}\n",
            ),
            "../../x",
        ),
        (path("scalar.yaml", "just text\n"), "kind"),
        (path("anchor.yaml", "a: &a [*a]\n"), "Recursive reference"),
        (path("nul.yaml", "kind: Po\0d\n"), "unexpected character"),
        (
            path(
                "nul.json",
                r#"{"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "a\u0000b"}}"#,
            ),
            "is not a name that Kubernetes accepts",
        ),
        (path("twice.json", r#"{"a": 1, "a": 2}"#), "duplicate key"),
        (path("nan.json", r#"{"kind": NaN}"#), "no number"),
        (
            path(
                "namespace.yaml",
                "apiVersion: v1\nkind: Pod\nmetadata: {name: a, namespace: 5}\n",
            ),
            "Pod/a: `metadata.namespace` is not text",
        ),
        (
            path(
                "list.yaml",
                "apiVersion: v1\nkind: PodList\nitems: {a: 1}\n",
            ),
            "PodList: `items` is not a list",
        ),
        (path("deep.json", &"[".repeat(10_000)), "recursion"),
        ("/dev/zero".to_owned(), "not a regular file"),
        ("/does/not/exist".to_owned(), "No such file"),
    ] {
        let ran = user.nks(&["diagnose", "--from", &file]);
        expect(&ran, 2);
        assert!(ran.stderr.contains(expected), "{file}: {}", ran.stderr);
    }
}

#[test]
fn patched_objects_are_written_and_nothing_is_overwritten() {
    let user = User::new();
    let out = user.home.path().join("out");
    let arguments = [
        "fix",
        "calico-images",
        "--from",
        "demo",
        "--write",
        out.to_str().unwrap(),
    ];
    expect(&user.nks(&arguments), 1);
    let path = out.join("apps.v1.DaemonSet.kube-system.calico-node.yaml");
    let written: serde_json::Value =
        nks_core::yaml::parse(&fs::read_to_string(&path).unwrap()).unwrap();
    assert_eq!(
        written.pointer("/spec/template/spec/containers/0/image"),
        Some(&"docker.io/calico/node:v3.24.1".into())
    );
    assert_eq!(written.get("status"), None);
    let again = user.nks(&arguments);
    expect(&again, 2);
    assert!(again.stderr.contains("cannot write"), "{}", again.stderr);
}

#[test]
fn who_else_manages_an_object_is_said() {
    let helm = support::root("fixers/calico-images/cases/helm-managed/in.yaml");
    let ran = User::new().nks(&["fix", "calico-images", "--from", helm.to_str().unwrap()]);
    expect(&ran, 1);
    assert!(
        ran.stderr
            .contains("daemonset.apps/calico-node -n kube-system is managed by Helm"),
        "{}",
        ran.stderr
    );
}

#[test]
fn a_setting_that_is_not_accepted_is_named() {
    let ran = User::new().nks(&[
        "fix",
        "calico-images",
        "--from",
        "demo",
        "--set",
        "registry=example.com",
    ]);
    expect(&ran, 2);
    assert!(
        ran.stderr
            .contains("`registry` takes one of docker.io, quay.io, not `example.com`"),
        "{}",
        ran.stderr
    );
}

#[test]
fn without_its_worker_it_says_what_is_missing() {
    let user = User::new();
    let alone = user.home.path().join("kubectl-nks");
    fs::copy(bin().join("kubectl-nks"), &alone).unwrap();
    let ran = run(std::process::Command::new(&alone)
        .arg("diagnose")
        .env_clear()
        .env("HOME", user.home.path()));
    expect(&ran, 2);
    assert!(ran.stderr.contains("nks-worker"), "{}", ran.stderr);
    let ran = run(std::process::Command::new(&alone)
        .arg("version")
        .env_clear());
    expect(&ran, 0);
}
