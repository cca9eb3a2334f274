//! What a person's kubectl habits expect (cli.md, "Conventions"), as far as it shows without a cluster.

mod support;

use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use support::{User, expect, run};

fn nks(arguments: &[&str]) -> support::Ran {
    User::new().nks(arguments)
}

#[test]
fn flags_stand_before_and_after_the_command_and_short_ones_join_their_values() {
    for arguments in [
        ["--namespace=shop", "diagnose", "--from", "demo"],
        ["diagnose", "--from", "demo", "-nshop"],
        ["diagnose", "-n=shop", "--from", "demo"],
        ["-n=shop", "diagnose", "--from", "demo"],
    ] {
        expect(&nks(&arguments), 1);
    }
}

#[test]
fn one_namespace_is_where_objects_without_one_are_and_all_that_is_looked_at() {
    let user = User::new();
    let file = user.home.path().join("claims.yaml");
    let claim = |name: &str, namespace: &str| {
        format!(
            "---\napiVersion: v1\nkind: ConfigMap\nmetadata: {{name: {name}{namespace}, finalizers: [a.example/b]}}\n"
        )
    };
    let objects = [
        claim("calico-config", ""),
        claim("coredns", ", namespace: elsewhere"),
    ]
    .concat();
    std::fs::write(&file, objects).expect("the file is written");
    let file = file.to_string_lossy();
    for namespace in ["-nkube-system", "-n=kube-system", "--namespace=kube-system"] {
        let ran = user.nks(&[
            "diagnose",
            "stuck-finalizers",
            "-o=json",
            "--from",
            &file,
            namespace,
        ]);
        let value: serde_json::Value = serde_json::from_str(&ran.stdout).expect("it is JSON");
        assert_eq!(
            value["findings"][0]["object"]["namespace"], "kube-system",
            "{namespace}: {value}"
        );
        assert_eq!(value["findings"].as_array().map(Vec::len), Some(1));
    }
    let elsewhere = [
        "fix",
        "calico-images",
        "calico-node",
        "--from",
        "demo",
        "-n",
        "shop",
    ];
    expect(&user.nks(&elsewhere), 2);
    let there = [
        "fix",
        "calico-images",
        "calico-node",
        "--from",
        "demo",
        "-nkube-system",
    ];
    expect(&user.nks(&there), 1);
}

#[test]
fn a_gate_chooses_from_which_severity_on_it_fails() {
    let fails = |severity: &str| {
        let severity = format!("--fail-on={severity}");
        nks(&["diagnose", "cinder-resize", "--from", "demo", &severity])
    };
    expect(&fails("warning"), 1);
    expect(&fails("info"), 1);
    let ran = fails("error");
    expect(&ran, 0);
    assert!(
        ran.stdout.contains("1 finding in 1 object"),
        "{}",
        ran.stdout
    );
}

#[test]
fn booleans_take_a_value() {
    for (flag, code) in [("--yes=true", 1), ("--yes=0", 1), ("--yes=maybe", 2)] {
        expect(
            &nks(&["fix", "calico-images", "--from", "demo", flag]),
            code,
        );
    }
    for flag in [
        "--insecure-skip-tls-verify=false",
        "--disable-compression=T",
        "--client=true",
    ] {
        expect(&nks(&["version", flag]), 0);
    }
    let ran = nks(&["history", "--no-headers=false"]);
    expect(&ran, 0);
}

#[test]
fn the_version_needs_no_server() {
    for arguments in [
        &["version"][..],
        &["version", "--client"],
        &["version", "-o", "yaml"],
    ] {
        let ran = nks(arguments);
        expect(&ran, 0);
        assert!(
            ran.stdout.contains(env!("CARGO_PKG_VERSION")),
            "{}",
            ran.stdout
        );
    }
}

#[test]
fn options_lists_the_flags_of_every_command() {
    let ran = nks(&["options"]);
    expect(&ran, 0);
    for flag in [
        "--kubeconfig",
        "--context",
        "--cluster",
        "--user",
        "--namespace",
        "--server",
        "--tls-server-name",
        "--insecure-skip-tls-verify",
        "--certificate-authority",
        "--client-certificate",
        "--client-key",
        "--token",
        "--as ",
        "--as-uid",
        "--as-group",
        "--request-timeout",
        "--cache-dir",
        "--disable-compression",
        "--v ",
    ] {
        assert!(ran.stdout.contains(flag), "{flag}: {}", ran.stdout);
    }
    assert!(!ran.stdout.contains("--from"), "{}", ran.stdout);
}

#[test]
fn usage_starts_as_it_is_typed() {
    for command in ["diagnose", "fix", "undo", "history", "completion"] {
        let ran = nks(&[command, "--help"]);
        expect(&ran, 0);
        assert!(
            ran.stdout
                .contains(&format!("Usage: kubectl nks {command}")),
            "{}",
            ran.stdout
        );
    }
}

#[test]
fn a_format_that_is_none_lists_those_that_are() {
    let ran = nks(&["diagnose", "--from", "demo", "-o", "xml"]);
    expect(&ran, 2);
    for format in ["text", "name", "json", "yaml"] {
        assert!(ran.stderr.contains(format), "{format}: {}", ran.stderr);
    }
}

#[test]
fn names_are_what_other_commands_take() {
    let ran = nks(&["diagnose", "--from", "demo", "-o", "name"]);
    expect(&ran, 1);
    let expected = "clusterrole.rbac.authorization.k8s.io/calico-kube-controllers
daemonset.apps/calico-node
deployment.apps/calico-kube-controllers
node/shop-default-worker-node-2
secret/cinder-csi-cloud-config
storageclass.storage.k8s.io/cinder
";
    assert_eq!(ran.stdout, expected);
}

#[test]
fn another_program_may_show_the_difference() {
    let user = User::new();
    let mut command = user.command("kubectl-nks", &["fix", "cinder-resize", "--from", "demo"]);
    let ran = run(command.env("KUBECTL_EXTERNAL_DIFF", "diff -u -N"));
    expect(&ran, 1);
    assert!(
        ran.stdout.contains("+    rescan-on-resize = true"),
        "{}",
        ran.stdout
    );
    assert!(ran.stdout.contains("PLANNED/v1.Secret"), "{}", ran.stdout);
    assert!(!ran.stdout.contains("a-made-up-password"), "{}", ran.stdout);
    let mut command = user.command("kubectl-nks", &["fix", "cinder-resize", "--from", "demo"]);
    let ran = run(command.env("KUBECTL_EXTERNAL_DIFF", "/no/such/program"));
    expect(&ran, 2);
    assert!(ran.stderr.contains("/no/such/program"), "{}", ran.stderr);
}

#[test]
fn colour_is_left_out_where_nobody_wants_it() {
    let user = User::new();
    let on_a_terminal = |variables: &[(&str, &str)]| {
        let mut command = user.command("kubectl-nks", &["diagnose", "--from", "demo"]);
        command.env("TERM", "xterm").envs(variables.iter().copied());
        command.stdin(Stdio::inherit());
        let mut session =
            rexpect::session::spawn_command(command, Some(30_000)).expect("a pseudo-terminal");
        session.exp_eof().expect("it ends")
    };
    // A colour is ESC [ numbers m; the spinner moves the cursor, which is no colour.
    let is_coloured = |text: &str| {
        text.split("\u{1b}[").skip(1).any(|rest| {
            let end = rest.find(|one: char| !one.is_ascii_digit() && one != ';');
            end.is_some_and(|end| rest[end..].starts_with('m'))
        })
    };
    assert!(is_coloured(&on_a_terminal(&[])), "a terminal gets colour");
    for variable in [("NO_COLOR", "1"), ("TERM", "dumb")] {
        let text = on_a_terminal(&[variable]);
        assert!(!is_coloured(&text), "{variable:?}: {text:?}");
        assert!(text.contains("! cinder-resize"), "{text:?}");
    }
    let ran = nks(&["diagnose", "--from", "demo"]);
    assert!(!ran.stdout.contains('\u{1b}'), "{}", ran.stdout);
}

#[test]
fn another_vendors_nks_is_refused_kindly() {
    let ran = nks(&["diagnose", "--server", "https://x.kr.vnks.ntruss.com"]);
    expect(&ran, 2);
    assert!(ran.stderr.contains("NAVER Cloud"), "{}", ran.stderr);
}

#[test]
fn shells_complete_from_what_is_printed() {
    for shell in ["bash", "zsh", "fish", "powershell"] {
        let ran = nks(&["completion", shell]);
        expect(&ran, 0);
        assert!(ran.stdout.contains("diagnose"), "{shell}: {}", ran.stdout);
    }
    let script = nks(&["completion", "bash"]).stdout;
    let user = User::new();
    let file = user.home.path().join("completion.bash");
    std::fs::write(&file, script).expect("the script is written");
    let ran = run(Command::new("bash").args(["-n", &file.to_string_lossy()]));
    expect(&ran, 0);
}

#[test]
fn kubectl_completes_offline_and_at_once() {
    let script = nks(&["completion", "kubectl"]);
    expect(&script, 0);
    assert!(
        script.stdout.starts_with("#!/bin/sh\n"),
        "{}",
        script.stdout
    );
    let complete = |words: &[&str]| {
        let mut arguments = vec!["__complete"];
        arguments.extend(words);
        let started = Instant::now();
        let ran = nks(&arguments);
        // The figure is the bench's business; here it only may not wait for a server.
        assert!(started.elapsed() < Duration::from_secs(5));
        expect(&ran, 0);
        assert_eq!(ran.stdout.lines().last(), Some(":4"), "{}", ran.stdout);
        ran.stdout
    };
    assert!(complete(&["dia"]).starts_with("diagnose\t"), "commands");
    assert!(
        complete(&["fix", "ci"]).starts_with("cinder-resize\t"),
        "fixers"
    );
    assert!(
        complete(&["fix", "--dry"]).starts_with("--dry-run\t"),
        "flags"
    );
    assert!(!complete(&["fix", "cinder-resize", "ci"]).contains("cinder-resize"));
    assert!(complete(&["diagnose", "calico-images", "st"]).starts_with("stuck-finalizers\t"));
}

#[test]
fn there_is_a_manual_page_for_each_command() {
    let user = User::new();
    let folder = user.home.path().join("man");
    expect(&user.nks(&["man", &folder.to_string_lossy()]), 0);
    for page in [
        "kubectl-nks.1",
        "kubectl-nks-fix.1",
        "kubectl-nks-diagnose.1",
    ] {
        let text = std::fs::read_to_string(folder.join(page)).expect(page);
        assert!(text.contains(".TH"), "{page}");
    }
}

#[test]
fn a_dry_run_writes_nothing_and_asks_nothing() {
    let user = User::new();
    let ran = user.nks(&["fix", "calico-images", "--from", "demo", "--dry-run"]);
    expect(&ran, 1);
    assert!(user.journals().is_empty());
}
