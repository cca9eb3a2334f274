//! How a cluster is found and spoken to (cli.md, "Connection"), against a server that answers as it is told.
#![expect(clippy::unwrap_used, reason = "in a test a panic is the report")]

#[path = "support/server.rs"]
mod server;
mod support;

use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use server::{Reply, Seen, Server, ok};
use support::{Ran, User, expect, run};

/// What an empty cluster answers.
fn empty(seen: &Seen) -> Value {
    match seen.path.as_str() {
        "/version" => json!({"gitVersion": "v1.33.4"}),
        path if path.ends_with("/namespaces/kube-system") => {
            json!({"metadata": {"name": "kube-system", "uid": "7", "resourceVersion": "1"}})
        }
        _ => json!({"kind": "List", "metadata": {}, "items": []}),
    }
}

fn empty_cluster() -> Server {
    Server::start(|seen| ok(&empty(seen)))
}

/// A kubeconfig for `server`; `cluster` and `user` are merged into its entries.
fn config(home: &User, name: &str, server: &str, cluster: Value, user: Value) -> PathBuf {
    let mut entry = json!({"server": server});
    entry
        .as_object_mut()
        .unwrap()
        .extend(cluster.as_object().unwrap().clone());
    let config = json!({"apiVersion": "v1", "kind": "Config", "current-context": "c",
        "clusters": [{"name": "c", "cluster": entry}],
        "users": [{"name": "u", "user": user}],
        "contexts": [{"name": "c", "context": {"cluster": "c", "user": "u"}}]});
    let path = home.home.path().join(name);
    std::fs::write(&path, config.to_string()).unwrap();
    path
}

fn plain(home: &User, name: &str, server: &str) -> PathBuf {
    config(home, name, server, json!({}), json!({}))
}

/// `diagnose calico-images` with more arguments and variables.
fn diagnose(user: &User, arguments: &[&str], variables: &[(&str, &str)]) -> Ran {
    let mut command = user.command("kubectl-nks", &["diagnose", "calico-images"]);
    run(command.args(arguments).envs(variables.iter().copied()))
}

fn text(path: &Path) -> &str {
    path.to_str().unwrap()
}

#[test]
fn each_request_says_which_program_asks_and_no_log_level_shows_a_token() {
    let server = empty_cluster();
    let user = User::new();
    let config = plain(&user, "config", &server.address);
    let arguments = [
        "--kubeconfig",
        text(&config),
        "--token=canary-token",
        "-v=9",
    ];
    let ran = diagnose(&user, &arguments, &[]);
    expect(&ran, 0);
    let system = if cfg!(target_os = "macos") {
        "darwin"
    } else {
        "linux"
    };
    let machine = if cfg!(target_arch = "aarch64") {
        "arm64"
    } else {
        "amd64"
    };
    let agent = format!(
        "kubectl-nks/{} ({system}/{machine})",
        env!("CARGO_PKG_VERSION")
    );
    for seen in server.seen() {
        assert_eq!(seen.header("user-agent"), Some(&*agent));
        assert_eq!(seen.header("authorization"), Some("Bearer canary-token"));
    }
    assert!(ran.stderr.contains("/version 200 in "), "{}", ran.stderr);
    assert!(!ran.stderr.contains("canary-token"), "{}", ran.stderr);
}

#[test]
fn a_flag_comes_before_the_environment_and_both_before_the_cluster_around() {
    let (wanted, other) = (empty_cluster(), empty_cluster());
    let user = User::new();
    let wanted_config = plain(&user, "wanted", &wanted.address);
    let other_config = plain(&user, "other", &other.address);
    let around = [
        ("KUBERNETES_SERVICE_HOST", "127.0.0.1"),
        ("KUBERNETES_SERVICE_PORT", "1"),
    ];
    let arguments = ["--kubeconfig", text(&wanted_config)];
    let variables = [("KUBECONFIG", text(&other_config)), around[0], around[1]];
    expect(&diagnose(&user, &arguments, &variables), 0);
    assert!(other.seen().is_empty() && !wanted.seen().is_empty());
    let variables = [("KUBECONFIG", text(&other_config)), around[0], around[1]];
    expect(&diagnose(&user, &[], &variables), 0);
    assert!(!other.seen().is_empty());
}

#[test]
fn proxies_are_used_for_the_server_and_for_nothing_else() {
    let proxy = Server::start(|_| Reply::Reset);
    let user = User::new();
    let config = plain(&user, "config", "http://cluster.invalid");
    let arguments = ["--kubeconfig", text(&config)];
    let through = ("HTTP_PROXY", &*proxy.address);
    expect(
        &diagnose(
            &user,
            &arguments,
            &[through, ("NO_PROXY", "cluster.invalid")],
        ),
        2,
    );
    assert!(proxy.seen().is_empty(), "{:?}", proxy.seen());
    expect(&diagnose(&user, &arguments, &[through]), 2);
    let seen = proxy.seen();
    assert!(
        !seen.is_empty()
            && seen
                .iter()
                .all(|seen| seen.path.contains("cluster.invalid")),
        "{seen:?}"
    );
}

#[test]
fn nobody_is_called_home() {
    let proxy = Server::start(|_| Reply::Reset);
    let user = User::new();
    let mut command = user.command("kubectl-nks", &["diagnose", "--from", "demo"]);
    for name in [
        "HTTP_PROXY",
        "HTTPS_PROXY",
        "ALL_PROXY",
        "http_proxy",
        "https_proxy",
    ] {
        command.env(name, &proxy.address);
    }
    expect(&run(&mut command), 1);
    assert!(proxy.seen().is_empty(), "{:?}", proxy.seen());
}

#[test]
fn a_server_that_is_not_there_is_no_partial_answer() {
    let user = User::new();
    let config = plain(&user, "config", "http://127.0.0.1:1");
    let ran = diagnose(&user, &["--kubeconfig", text(&config)], &[]);
    expect(&ran, 2);
    let said = "Unable to connect to the server: 127.0.0.1";
    assert_eq!(ran.stderr.matches(said).count(), 1, "{}", ran.stderr);
    assert_eq!(ran.stderr.lines().count(), 1, "{}", ran.stderr);
    assert!(ran.stdout.is_empty(), "{}", ran.stdout);
}

#[test]
fn what_the_server_warns_of_is_shown_once() {
    let warned = "warning: 299 - \"canary \u{202e}warning\"";
    let server = Server::start(move |seen| Reply::With(warned, 200, empty(seen).to_string()));
    let user = User::new();
    let config = plain(&user, "config", &server.address);
    let ran = diagnose(&user, &["--kubeconfig", text(&config)], &[]);
    expect(&ran, 0);
    let shown = ran.stderr.matches("Warning: canary \u{fffd}warning\n");
    assert_eq!(shown.count(), 1, "{}", ran.stderr);
}

/// A credential plugin: a shell script in the user's home.
fn plugin(user: &User, script: &str) -> Value {
    let path = user.home.path().join("plugin");
    std::fs::write(&path, format!("#!/bin/sh\n{script}\n")).unwrap();
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o700)).unwrap();
    json!({"exec": {"apiVersion": "client.authentication.k8s.io/v1", "command": text(&path),
        "args": ["canary-argument"], "env": [{"name": "SECRET", "value": "canary-variable"}],
        "interactiveMode": "IfAvailable"}})
}

#[test]
fn a_credential_plugin_is_told_that_nobody_can_answer_it() {
    let server = empty_cluster();
    let user = User::new();
    let told = user.home.path().join("told");
    let credential = r#"{"apiVersion":"client.authentication.k8s.io/v1","kind":"ExecCredential","status":{"token":"from-the-plugin"}}"#;
    let script = format!(
        "printf %s \"$KUBERNETES_EXEC_INFO\" > {}\nprintf %s '{credential}'",
        text(&told)
    );
    let mut entry = plugin(&user, &script);
    let path = config(&user, "config", &server.address, json!({}), entry.clone());
    expect(&diagnose(&user, &["--kubeconfig", text(&path)], &[]), 0);
    let told: Value = serde_json::from_str(&std::fs::read_to_string(told).unwrap()).unwrap();
    assert_eq!(told["spec"]["interactive"], false);
    assert_eq!(
        server.seen()[0].header("authorization"),
        Some("Bearer from-the-plugin")
    );
    entry["exec"]["interactiveMode"] = "Always".into();
    let path = config(&user, "config", &server.address, json!({}), entry);
    let ran = diagnose(&user, &["--kubeconfig", text(&path)], &[]);
    expect(&ran, 2);
    assert!(
        ran.stderr.contains("there is no terminal"),
        "{}",
        ran.stderr
    );
}

#[test]
fn a_failed_credential_plugin_tells_nothing_of_what_it_was_given() {
    let user = User::new();
    let entry = plugin(&user, "echo canary-output; exit 7");
    let path = config(&user, "config", "http://127.0.0.1:1", json!({}), entry);
    let ran = diagnose(&user, &["--kubeconfig", text(&path)], &[]);
    expect(&ran, 2);
    assert!(
        ran.stderr
            .contains("credential plugin failed: exit status: 7"),
        "{}",
        ran.stderr
    );
    assert!(!ran.stderr.contains("canary"), "{}", ran.stderr);
}

#[test]
fn a_credential_plugin_that_hangs_is_ended_by_ctrl_c() {
    let user = User::new();
    let begun = user.home.path().join("begun");
    let entry = plugin(&user, &format!("touch {}\nexec sleep 300", text(&begun)));
    let path = config(&user, "config", "http://127.0.0.1:1", json!({}), entry);
    for command in ["diagnose", "fix"] {
        let _ = std::fs::remove_file(&begun);
        let mut child = user
            .command(
                "kubectl-nks",
                &[command, "calico-images", "--kubeconfig", text(&path)],
            )
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let deadline = Instant::now() + Duration::from_secs(30);
        while !begun.exists() {
            assert!(Instant::now() < deadline, "the plugin was not run");
            std::thread::sleep(Duration::from_millis(20));
        }
        let pid = child.id().to_string();
        assert!(
            Command::new("kill")
                .args(["-INT", &pid])
                .status()
                .unwrap()
                .success()
        );
        let status = child.wait().unwrap();
        assert_eq!(status.code(), Some(130), "{command}");
    }
}

#[test]
fn a_kubeconfig_that_cannot_be_used_is_named_without_its_secrets() {
    let user = User::new();
    let server = "https://127.0.0.1:1";
    for (cluster, entry, expected) in [
        (
            json!({"certificate-authority-data": "%%%"}),
            json!({}),
            "base64",
        ),
        (json!({}), json!({"tokenFile": "/dev/zero"}), "/dev/zero"),
        (
            json!({"certificate-authority": "/dev/zero"}),
            json!({}),
            "/dev/zero",
        ),
        (
            json!({}),
            json!({"client-certificate": "/dev/zero", "client-key": "/dev/zero"}),
            "/dev/zero",
        ),
        (
            json!({"certificate-authority-data": "YQ==", "insecure-skip-tls-verify": true}),
            json!({}),
            "insecure-skip-tls-verify",
        ),
        (
            json!({"proxy-url": "ftp://me:canary-password@proxy"}),
            json!({}),
            "http",
        ),
        (
            json!({"server": "https://me:canary-password@"}),
            json!({}),
            "no usable server address",
        ),
    ] {
        let path = config(&user, "config", server, cluster, entry);
        let ran = diagnose(&user, &["--kubeconfig", text(&path)], &[]);
        expect(&ran, 2);
        assert!(ran.stderr.contains(expected), "{expected}: {}", ran.stderr);
        assert!(!ran.stderr.contains("canary"), "{expected}: {}", ran.stderr);
    }
}

#[test]
fn impersonation_tls_names_and_one_namespace_reach_the_server() {
    let server = empty_cluster();
    let user = User::new();
    let config = plain(&user, "config", &server.address);
    let arguments = [
        "--kubeconfig",
        text(&config),
        "--as=jane",
        "--as-uid=7",
        "--as-group=ops",
    ];
    expect(&diagnose(&user, &arguments, &[]), 0);
    let seen = &server.seen()[0];
    for (name, value) in [("user", "jane"), ("uid", "7"), ("group", "ops")] {
        assert_eq!(seen.header(&format!("impersonate-{name}")), Some(value));
    }
}
