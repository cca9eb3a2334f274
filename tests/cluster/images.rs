//! Images that moved, and images that are rationed: nodes are asked first, a login is put in place, and only what fails is
//! made anew.

use std::process::Stdio;
use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use nks_bed::Bed;
use rexpect::session::spawn_command;
use serde_json::{Value, json};

use crate::support::{User, expect};
use crate::{bed, changed, everything, operator_of};

/// What waits for what, in words of `kubectl get pods`.
const FAILING: Duration = Duration::from_secs(60);

/// A workload of the scenario: its labels have it cleared away.
fn workload(kind: &str, (namespace, name): (&str, &str), image: &str) -> Value {
    let labels = json!({"app": name});
    let mut object = json!({
        "apiVersion": "apps/v1", "kind": kind,
        "metadata": {"name": name, "namespace": namespace, "labels": {"nks-bed": "images"}},
        "spec": {"selector": {"matchLabels": labels}, "template": {"metadata": {"labels": labels},
            "spec": {"containers": [{"name": "main", "image": image, "args": ["--kept"]}]}}},
    });
    match kind {
        "DaemonSet" => object["spec"]["template"]["spec"]["hostNetwork"] = true.into(),
        _ => object["spec"]["replicas"] = 2.into(),
    }
    object
}

/// Puts workloads in and waits until a pod of each cannot pull its image.
fn put(bed: &Bed, workloads: &[Value]) {
    for workload in workloads {
        bed.apply(&workload.to_string())
            .expect("a workload is made");
    }
    let names = workloads
        .iter()
        .map(|it| it["metadata"]["name"].as_str().unwrap_or_default());
    let names: Vec<&str> = names.collect();
    bed.wait_for("images that cannot be pulled", FAILING, || {
        let pods = bed.kubectl_json(&["get", "pods", "--all-namespaces"])?;
        let pods = pods["items"].as_array().cloned().unwrap_or_default();
        let fails = |name: &&str| {
            pods.iter().any(|pod| {
                pod["metadata"]["labels"]["app"] == **name
                    && pod["status"].to_string().contains("ImagePull")
            })
        };
        Ok(names.iter().all(fails))
    })
    .expect("the scenario shows");
}

fn image(bed: &Bed, workload: &str, namespace: &str) -> String {
    let object = bed.kubectl_json(&["get", workload, "--namespace", namespace]);
    let object = object.expect("the workload is there");
    let container = &object["spec"]["template"]["spec"]["containers"][0];
    assert_eq!(container["args"], json!(["--kept"]));
    container["image"].as_str().unwrap_or_default().to_owned()
}

fn assert_nobody_asks_any_more(bed: &Bed) {
    let pods = ["get", "pods", "--all-namespaces", "--output=name"];
    let label = "--selector=app.kubernetes.io/name=image-probe";
    let left = bed.kubectl(&[pods[0], pods[1], pods[2], pods[3], label]);
    assert_eq!(left.expect("pods are listed"), "");
}

#[test]
fn images_move_to_where_a_node_can_pull_them() {
    let moves = [
        (
            "flannel-registry",
            workload(
                "DaemonSet",
                ("kube-system", "kube-flannel-ds"),
                "quay.io/coreos/flannel:v0.14.0",
            ),
            "ghcr.io/flannel-io/flannel:v0.14.0",
        ),
        (
            "github-packages",
            workload(
                "Deployment",
                ("default", "orders"),
                "docker.pkg.github.com/Acme/shop/orders:1.4",
            ),
            "ghcr.io/acme/orders:1.4",
        ),
        (
            "legacy-registry",
            workload(
                "Deployment",
                ("default", "dns"),
                "k8s.gcr.io/coredns/coredns:v1.8.4",
            ),
            "registry.k8s.io/coredns/coredns:v1.8.4",
        ),
    ];
    let bed = bed();
    for (fixer, object, moved) in moves {
        put(&bed, std::slice::from_ref(&object));
        let text = |place: &str| {
            object
                .pointer(place)
                .and_then(Value::as_str)
                .unwrap_or_default()
        };
        let namespace = text("/metadata/namespace");
        let workload = format!(
            "{}/{}",
            text("/kind").to_lowercase(),
            text("/metadata/name")
        );
        let user = operator_of(&bed, &[fixer]);
        let found = user.nks(&["diagnose", fixer]);
        expect(&found, 1);
        assert!(
            found.stdout.contains(text("/metadata/name")),
            "{}",
            found.stdout
        );

        let before = everything(&bed);
        let fixed = user.nks(&["fix", fixer, "--yes", "--timeout", "2m"]);
        expect(&fixed, 0);
        for said in [&format!("{moved} can be pulled on"), " patched"] {
            assert!(fixed.stdout.contains(said), "{said}: {}", fixed.stdout);
        }
        assert_eq!(image(&bed, &workload, namespace), moved);
        bed.kubectl(&[
            "rollout",
            "status",
            &workload,
            "--namespace",
            namespace,
            "--timeout=1s",
        ])
        .expect("the rollout is complete");
        assert_nobody_asks_any_more(&bed);
        let after = everything(&bed);
        let changes = changed(&before, &after);
        assert_eq!(changes.len(), 1, "{changes:?}");

        let again = user.nks(&["fix", fixer, "--yes"]);
        expect(&again, 0);
        assert!(again.stderr.contains("nothing to mend"), "{}", again.stderr);
        // What was asked has an entry of its own, with nothing in it to take back.
        let entries = user.journals();
        assert_eq!(entries.len(), 2);
        let asked = entries[0].file_stem().and_then(|name| name.to_str());
        let nothing = user.nks(&["undo", asked.expect("it has a name"), "--yes"]);
        expect(&nothing, 0);
        expect(&user.nks(&["undo", &user.entry(), "--yes"]), 0);
        assert_eq!(everything(&bed), before, "undo puts everything back");
    }
}

#[test]
fn an_image_that_no_node_can_pull_stays_as_it_is() {
    let bed = bed();
    let gone = [
        (
            "flannel-registry",
            workload(
                "DaemonSet",
                ("kube-system", "kube-flannel-ds"),
                "quay.io/coreos/flannel:v0.11.0-gone",
            ),
        ),
        (
            "github-packages",
            workload(
                "Deployment",
                ("default", "orders"),
                "docker.pkg.github.com/acme/shop/orders:1.4-gone",
            ),
        ),
        (
            "legacy-registry",
            workload(
                "Deployment",
                ("default", "dns"),
                "k8s.gcr.io/coredns:1.8.4-gone",
            ),
        ),
    ];
    for (fixer, object) in gone {
        put(&bed, std::slice::from_ref(&object));
        let user = operator_of(&bed, &[fixer]);
        let before = everything(&bed);
        let ran = user.nks(&["fix", fixer, "--yes", "--timeout", "2m"]);
        expect(&ran, 1);
        assert!(ran.stdout.contains("cannot be pulled on"), "{}", ran.stdout);
        assert!(!ran.stdout.contains(" patched"), "{}", ran.stdout);
        assert_eq!(everything(&bed), before);
        assert_nobody_asks_any_more(&bed);
    }
}

#[test]
fn whoever_says_no_has_no_node_asked() {
    let bed = bed();
    put(
        &bed,
        &[workload(
            "Deployment",
            ("default", "dns"),
            "k8s.gcr.io/coredns/coredns:v1.8.4",
        )],
    );
    let user = operator_of(&bed, &["legacy-registry"]);
    let ran = user.nks(&["fix", "legacy-registry"]);
    expect(&ran, 1);
    assert!(ran.stdout.contains("ask node"), "{}", ran.stdout);
    assert!(ran.stderr.contains("no terminal"), "{}", ran.stderr);
    assert!(user.journals().is_empty());
    let ran = user.nks(&["fix", "legacy-registry", "--dry-run=server", "--yes"]);
    expect(&ran, 1);
    assert!(user.journals().is_empty());
    assert_nobody_asks_any_more(&bed);
}

#[test]
fn a_login_for_docker_hub_comes_from_a_file_and_only_failing_pods_are_made_anew() {
    const CANARY: &str = "canary-of-the-hub";
    let bed = bed();
    put(
        &bed,
        &[workload(
            "Deployment",
            ("default", "shop"),
            "limited/shop:1.4",
        )],
    );
    let user = operator_of(&bed, &["docker-hub-limit"]);
    let found = user.nks(&["diagnose", "docker-hub-limit"]);
    expect(&found, 1);

    let file = user.home.path().join("docker.json");
    let login = STANDARD.encode(format!("me:{CANARY}"));
    let config = json!({"auths": {"https://index.docker.io/v1/": {"auth": login}}});
    std::fs::write(&file, config.to_string()).expect("a file is written");
    let before = everything(&bed);
    let setting = format!("credentials={}", file.display());
    let command = [
        "fix",
        "docker-hub-limit",
        "--set-file",
        &setting,
        "--yes",
        "--timeout",
        "2m",
    ];
    let fixed = user.nks(&command);
    expect(&fixed, 0);
    let kept = std::fs::read_to_string(user.journals().remove(0)).expect("there is a journal");
    for text in [&fixed.stdout, &fixed.stderr, &kept] {
        assert!(!text.contains(CANARY) && !text.contains(&login), "{text}");
    }
    assert_rolled_out_in_default(&bed);
    let secret = ["get", "secret/docker-hub", "--namespace", "default"];
    let secret = bed.kubectl_json(&secret).expect("the Secret is there");
    let stored = secret["data"][".dockerconfigjson"]
        .as_str()
        .unwrap_or_default();
    assert_eq!(
        STANDARD.decode(stored).ok(),
        Some(config.to_string().into_bytes())
    );
    let account = ["get", "serviceaccount/default", "--namespace", "default"];
    let account = bed.kubectl_json(&account).expect("the account is there");
    assert_eq!(account["imagePullSecrets"], json!([{"name": "docker-hub"}]));
    let again = user.nks(&command);
    expect(&again, 0);

    // Undo deletes the Secret, after a question of its own.
    let undone = undone_on_a_terminal(&user);
    assert!(undone.contains("secret/docker-hub deleted"), "{undone}");
    assert!(
        !undone.contains(CANARY) && !undone.contains(&login),
        "{undone}"
    );
    assert_eq!(everything(&bed), before, "undo puts everything back");
}

fn assert_rolled_out_in_default(bed: &Bed) {
    let workload = ["deployment/shop", "--namespace", "default", "--timeout=60s"];
    bed.kubectl(&[
        "rollout",
        "status",
        workload[0],
        workload[1],
        workload[2],
        workload[3],
    ])
    .expect("the pods are made anew, with the login");
}

/// What is said while the newest entry is undone by somebody who says yes to everything.
fn undone_on_a_terminal(user: &User) -> String {
    let mut command = user.command("kubectl-nks", &["undo", &user.entry()]);
    command.env("TERM", "xterm").stdin(Stdio::inherit());
    let mut session = spawn_command(command, Some(60_000)).expect("a pseudo-terminal");
    let mut said = String::new();
    while let Ok((before, _)) = session.exp_regex(r"\[y/N\] ") {
        said += &before;
        session.send_line("y").expect("the answer is given");
    }
    said + &session.exp_eof().unwrap_or_default()
}
