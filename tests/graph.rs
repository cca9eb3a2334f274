//! What may not be linked together is not: read from cargo's own dependency graph.

use std::collections::BTreeSet;
use std::process::Command;

/// The packages that `package` is built from on this platform, without those of its tests and build scripts.
fn packages(package: &str) -> BTreeSet<String> {
    let output = Command::new(env!("CARGO"))
        .args([
            "tree",
            "--offline",
            "--package",
            package,
            "--edges",
            "normal",
            "--prefix",
            "none",
            "--format",
            "{p}",
        ])
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .output()
        .expect("cargo starts");
    assert!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
    let text = String::from_utf8(output.stdout).expect("cargo prints UTF-8");
    text.lines()
        .filter_map(|line| line.split(' ').next())
        .map(str::to_owned)
        .collect()
}

fn holds_any(packages: &BTreeSet<String>, words: &[&str]) -> Vec<String> {
    packages
        .iter()
        .filter(|name| words.iter().any(|word| name.contains(word)))
        .cloned()
        .collect()
}

#[test]
fn the_command_line_has_no_wasmtime() {
    let packages = packages("kubectl-nks");
    assert!(
        packages.contains("kube-client"),
        "the graph is not what it was: {packages:?}"
    );
    assert_eq!(
        holds_any(
            &packages,
            &["wasmtime", "cranelift", "wasmparser", "nks-worker"]
        ),
        [""; 0]
    );
}

#[test]
fn the_worker_has_no_kubernetes_and_no_network() {
    let packages = packages("nks-worker");
    assert!(
        packages.contains("wasmtime"),
        "the graph is not what it was: {packages:?}"
    );
    let network = [
        "kube",
        "k8s",
        "tokio",
        "hyper",
        "rustls",
        "openssl",
        "native-tls",
        "reqwest",
        "http",
        "socket2",
        "mio",
        "nks-cluster",
        "nks-cli",
    ];
    assert_eq!(holds_any(&packages, &network), [""; 0]);
}

#[test]
fn a_fixer_has_no_crate_of_the_host() {
    let packages = packages("calico-images");
    assert!(
        packages.contains("nks-fixer"),
        "the graph is not what it was: {packages:?}"
    );
    assert_eq!(
        holds_any(
            &packages,
            &[
                "nks-core",
                "nks-sandbox",
                "nks-worker",
                "nks-cluster",
                "nks-cli",
                "tokio",
                "kube"
            ]
        ),
        [""; 0]
    );
}
