//! `cinder-resize` on a real API server: one line in a Secret, both workloads restarted, and no value of the Secret
//! anywhere.

use std::fs;
use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use nks_bed::Bed;
use serde_json::{Value, json};

use crate::support::{User, expect};
use crate::{assert_rolled_out, bed, changed, everything, operator_of};

const FIXER: &str = "cinder-resize";
const CANARY: &str = "canary-of-the-trust";
const WORKLOADS: [&str; 2] = [
    "daemonset/csi-cinder-nodeplugin",
    "statefulset/csi-cinder-controllerplugin",
];

fn config(further: &str) -> String {
    format!(
        "[Global]\nauth-url = https://{CANARY}.example.com/v3\npassword = {CANARY}\n# was: {CANARY}{further}"
    )
}

pub(crate) fn scenario(bed: &Bed, text: &str) {
    let secret = json!({"apiVersion": "v1", "kind": "Secret",
        "metadata": {"name": "cinder-csi-cloud-config", "namespace": "kube-system", "labels": {"nks-bed": FIXER}},
        "data": {"cloud-config": STANDARD.encode(text)}});
    bed.apply(&secret.to_string()).expect("the Secret is made");
    bed.scenario(FIXER).expect("the workloads run");
}

fn secret(bed: &Bed) -> Value {
    bed.kubectl_json(&[
        "get",
        "secret/cinder-csi-cloud-config",
        "--namespace",
        "kube-system",
    ])
    .expect("the Secret is there")
}

fn text(bed: &Bed) -> String {
    let data = secret(bed)["data"]["cloud-config"].clone();
    let bytes = STANDARD
        .decode(data.as_str().expect("it is text"))
        .expect("it is base64");
    String::from_utf8(bytes).expect("it is UTF-8")
}

fn restarted_at(bed: &Bed, workload: &str) -> Option<String> {
    let object = bed
        .kubectl_json(&["get", workload, "--namespace", "kube-system"])
        .expect("the workload is there");
    let at = "/spec/template/metadata/annotations/kubectl.kubernetes.io~1restartedAt";
    object
        .pointer(at)
        .and_then(Value::as_str)
        .map(str::to_owned)
}

fn assert_silent(user: &User, outputs: &[&str]) {
    let encoded = STANDARD.encode(config(""));
    let is_silent = |text: &str| !text.contains(CANARY) && !text.contains(&encoded[..40]);
    for output in outputs {
        assert!(is_silent(output), "{output}");
    }
    let mut folders = vec![user.home.path().to_owned()];
    let mut files = 0;
    while let Some(folder) = folders.pop() {
        let entries = fs::read_dir(folder).expect("a folder can be read");
        for path in entries.map(|entry| entry.expect("an entry has a path").path()) {
            if path.is_dir() {
                folders.push(path);
            } else {
                let kept = fs::read(&path).expect("a file can be read");
                assert!(
                    is_silent(&String::from_utf8_lossy(&kept)),
                    "{}",
                    path.display()
                );
                files += 1;
            }
        }
    }
    assert!(files > 0, "there is a journal to look at");
}

/// The server's time.
fn clock(bed: &Bed) -> Value {
    let name = ["configmap/clock", "--namespace", "default"];
    bed.kubectl(&["create", "configmap", "clock", "--namespace", "default"])
        .expect("an object is made");
    let made = bed
        .kubectl_json(&["get", name[0], name[1], name[2]])
        .expect("it is there");
    bed.kubectl(&["delete", name[0], name[1], name[2]])
        .expect("it is deleted");
    made["metadata"]["creationTimestamp"].clone()
}

/// Times of the API have no fractions: what happens in the same second cannot be told apart.
fn wait_for_the_next_second(bed: &Bed) {
    let now = clock(bed);
    bed.wait_for("the next second", Duration::from_secs(5), || {
        Ok(clock(bed) != now)
    })
    .expect("time passes");
}

#[test]
fn the_option_is_set_once_and_taken_back_to_the_byte() {
    let bed = bed();
    scenario(&bed, &config("\n"));
    let user = operator_of(&bed, &[FIXER]);
    let found = user.nks(&["diagnose", FIXER]);
    expect(&found, 1);
    assert!(
        found
            .stdout
            .contains("secret/cinder-csi-cloud-config -n kube-system"),
        "{}",
        found.stdout
    );
    let before = everything(&bed);
    let fixed = user.nks(&["fix", FIXER, "--yes", "--timeout", "2m"]);
    expect(&fixed, 0);
    assert!(
        fixed.stdout.contains("+    rescan-on-resize = true"),
        "{}",
        fixed.stdout
    );
    assert!(
        fixed.stdout.contains("undo restarts it once more"),
        "{}",
        fixed.stdout
    );
    assert_eq!(
        text(&bed),
        config("\n\n[BlockStorage]\nrescan-on-resize = true\n")
    );
    for workload in WORKLOADS {
        assert!(restarted_at(&bed, workload).is_some(), "{workload}");
        assert_rolled_out(&bed, workload);
    }
    let after = everything(&bed);
    let changed = changed(&before, &after);
    assert_eq!(changed.len(), 3, "{changed:?}");

    let again = user.nks(&["fix", FIXER, "--yes"]);
    expect(&again, 0);
    assert!(again.stderr.contains("nothing to mend"), "{}", again.stderr);
    let first = WORKLOADS.map(|workload| restarted_at(&bed, workload));
    wait_for_the_next_second(&bed);
    let undone = user.nks(&["undo", &user.entry(), "--yes"]);
    expect(&undone, 0);
    assert_eq!(text(&bed), config("\n"), "the text is back to the byte");
    let second = WORKLOADS.map(|workload| restarted_at(&bed, workload));
    assert_ne!(
        first[0], second[0],
        "what was restarted is restarted once more"
    );
    let history = user.nks(&["history", &user.entry()]);
    let json = user.nks(&["history", "-o", "json"]);
    assert_silent(
        &user,
        &[
            &found.stdout,
            &fixed.stdout,
            &fixed.stderr,
            &undone.stdout,
            &undone.stderr,
            &history.stdout,
            &json.stdout,
        ],
    );
}

#[test]
fn pods_that_are_older_than_the_secret_are_restarted_and_nothing_else() {
    let bed = bed();
    scenario(&bed, &config("\n"));
    wait_for_the_next_second(&bed);
    let right = STANDARD.encode(config("\n[BlockStorage]\nrescan-on-resize = yes\n"));
    let patch = json!({"data": {"cloud-config": right}}).to_string();
    let name = "secret/cinder-csi-cloud-config";
    bed.kubectl(&[
        "patch",
        name,
        "--namespace",
        "kube-system",
        "--type=merge",
        "--patch",
        &patch,
    ])
    .unwrap();
    let kept = text(&bed);
    let user = operator_of(&bed, &[FIXER]);
    let found = user.nks(&["diagnose", FIXER]);
    expect(&found, 1);
    assert_eq!(
        found.stdout.matches("started before").count(),
        2,
        "{}",
        found.stdout
    );
    expect(&user.nks(&["fix", FIXER, "--yes", "--timeout", "2m"]), 0);
    assert_eq!(text(&bed), kept);
    expect(&user.nks(&["diagnose", FIXER]), 0);
}

#[test]
fn what_is_right_already_is_left_alone() {
    let bed = bed();
    scenario(&bed, &config("\n[blockstorage]\nRescan-On-Resize = TRUE\n"));
    let ran = operator_of(&bed, &[FIXER]).nks(&["diagnose", FIXER]);
    expect(&ran, 0);
    assert!(ran.stderr.contains("No problems found"), "{}", ran.stderr);
}

#[test]
fn who_may_not_read_the_secret_is_told_so() {
    let bed = bed();
    scenario(&bed, &config("\n"));
    let user = operator_of(&bed, &["stuck-finalizers"]);
    let ran = user.nks(&["diagnose", FIXER]);
    expect(&ran, 3);
    assert!(
        ran.stdout
            .contains("get secrets/cinder-csi-cloud-config -n kube-system"),
        "{}",
        ran.stdout
    );
}
