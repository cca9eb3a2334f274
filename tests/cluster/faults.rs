//! What keeps a run from starting: another run, a journal that cannot be written, the wrong cluster.

use crate::support::expect;
use crate::{bed, is_untouched, operator};

#[test]
fn a_second_run_waits_its_turn() {
    let bed = bed();
    bed.scenario("calico-images").unwrap();
    let user = operator(&bed);
    let now = String::from_utf8(
        std::process::Command::new("date")
            .args(["-u", "+%Y-%m-%dT%H:%M:%S.000000Z"])
            .output()
            .unwrap()
            .stdout,
    )
    .unwrap();
    bed.apply(&serde_json::json!({"apiVersion": "coordination.k8s.io/v1", "kind": "Lease",
        "metadata": {"name": "kubectl-nks", "namespace": "kube-system"},
        "spec": {"holderIdentity": "somebody@elsewhere", "leaseDurationSeconds": 3600, "acquireTime": now.trim(), "renewTime": now.trim()}}).to_string()).unwrap();
    let ran = user.nks(&["fix", "calico-images", "--yes"]);
    expect(&ran, 2);
    assert!(ran.stderr.contains("somebody@elsewhere"), "{}", ran.stderr);
    assert!(is_untouched(&bed));
}

#[test]
fn without_a_journal_no_write_is_sent() {
    let bed = bed();
    bed.scenario("calico-images").unwrap();
    let user = operator(&bed);
    std::fs::write(
        user.home.path().join("state"),
        "a file where a folder has to be",
    )
    .unwrap();
    let ran = user.nks(&["fix", "calico-images", "--yes"]);
    expect(&ran, 2);
    assert!(ran.stderr.contains("nothing was changed"), "{}", ran.stderr);
    assert!(is_untouched(&bed));
}

#[test]
fn an_entry_of_another_cluster_is_not_undone_here() {
    let bed = bed();
    bed.scenario("calico-images").unwrap();
    let user = operator(&bed);
    expect(
        &user.nks(&[
            "fix",
            "calico-images",
            "calico-typha",
            "--yes",
            "--timeout",
            "2m",
        ]),
        0,
    );
    let journal = user.journals().pop().unwrap();
    let text = std::fs::read_to_string(&journal).unwrap();
    let records = nks_core::record::decode(&text).unwrap();
    let mut begin = records.begin.clone();
    begin.cluster_uid = "00000000-0000-0000-0000-000000000000".into();
    begin.cluster = "elsewhere".into();
    let mut previous = nks_core::record::FIRST.to_owned();
    let mut forged = String::new();
    for record in std::iter::once(nks_core::record::Record::Begin(begin)).chain(records.records) {
        let (line, checksum) = nks_core::record::encode(&previous, &record).unwrap();
        forged += &line;
        previous = checksum;
    }
    std::fs::write(&journal, forged).unwrap();
    let ran = user.nks(&["undo", &user.entry(), "--yes"]);
    expect(&ran, 2);
    assert!(ran.stderr.contains("elsewhere"), "{}", ran.stderr);
    let damaged = text.replace("nks.invalid", "other.invalid");
    std::fs::write(&journal, damaged).unwrap();
    let ran = user.nks(&["undo", &user.entry(), "--yes"]);
    expect(&ran, 2);
    assert!(ran.stderr.contains("damaged"), "{}", ran.stderr);
}

#[test]
fn an_unreachable_server_is_said_as_kubectl_says_it() {
    let user = crate::support::User::new();
    let config = crate::plain_kubeconfig(user.home.path(), "http://127.0.0.1:1");
    let ran = user.nks(&[
        "fix",
        "calico-images",
        "--kubeconfig",
        config.to_str().unwrap(),
    ]);
    expect(&ran, 2);
    assert!(
        ran.stderr.contains("Unable to connect to the server"),
        "{}",
        ran.stderr
    );
    let ran = user.nks(&["diagnose", "--kubeconfig", "/does/not/exist"]);
    expect(&ran, 2);
    assert!(ran.stderr.contains("/does/not/exist"), "{}", ran.stderr);
}

#[test]
fn each_request_is_named_and_no_token_is() {
    let bed = bed();
    bed.scenario("calico-images").unwrap();
    let user = operator(&bed);
    let quiet = user.nks(&["diagnose", "calico-images"]);
    let ran = user.nks(&["diagnose", "calico-images", "-v=6", "--token=canary-token"]);
    for line in [
        "GET https://",
        "/apis/apps/v1/namespaces/kube-system/daemonsets?limit=500 ",
    ] {
        assert!(ran.stderr.contains(line), "{line}: {}", ran.stderr);
        assert!(!quiet.stderr.contains(line), "{}", quiet.stderr);
    }
    for text in [&ran.stdout, &ran.stderr] {
        assert!(!text.contains("canary-token"), "{text}");
    }
}

#[test]
fn a_dry_run_changes_nothing_on_the_server() {
    let bed = bed();
    bed.scenario("calico-images").unwrap();
    let user = operator(&bed);
    for dry_run in ["--dry-run=server", "--dry-run=client", "--dry-run"] {
        let ran = user.nks(&["fix", "calico-images", dry_run, "--yes"]);
        expect(&ran, 1);
        assert!(
            ran.stdout.contains("docker.io/calico/node:v3.24.1"),
            "{}",
            ran.stdout
        );
        assert!(ran.stderr.contains("nothing was changed"), "{}", ran.stderr);
    }
    assert!(is_untouched(&bed));
    assert!(user.journals().is_empty());
    let ran = user.nks(&["fix", "calico-images", "--dry-run=none"]);
    assert!(ran.stderr.contains("no terminal"), "{}", ran.stderr);
}
