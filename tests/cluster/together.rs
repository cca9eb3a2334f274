//! All faults at once: each cause is found, none twice, and always in the same order.

use std::collections::BTreeSet;
use std::time::Duration;

use serde_json::Value;

use crate::support::expect;
use crate::{MENDING, bed, cinder, operator_of_all};

#[test]
fn every_cause_is_found_once_and_in_order() {
    let bed = bed();
    bed.scenario("stuck-finalizers").unwrap();
    bed.scenario("ebpf-udp-ctlb").unwrap();
    cinder::scenario(&bed, "[Global]\nregion = one\n");
    // Both scenarios have a calico-node: this one cannot be pulled, and gets eBPF switched on afterwards.
    bed.kubectl(&[
        "delete",
        "daemonset/calico-node",
        "--namespace",
        "kube-system",
    ])
    .unwrap();
    bed.scenario("calico-images").unwrap();
    let set = "FELIX_BPFENABLED=true";
    bed.kubectl(&[
        "set",
        "env",
        "daemonset/calico-node",
        "--namespace",
        "kube-system",
        set,
    ])
    .unwrap();
    let pods = [
        "get",
        "pods",
        "--namespace",
        "kube-system",
        "--selector=k8s-app=calico-node",
    ];
    bed.wait_for(
        "the new pods show the fault",
        Duration::from_secs(60),
        || {
            let pods = bed.kubectl_json(&pods)?.to_string();
            Ok(pods.contains("ImagePullBackOff"))
        },
    )
    .unwrap();
    let user = operator_of_all(&bed);
    let ran = user.nks(&["diagnose", "-o", "json"]);
    expect(&ran, 1);
    let found: Value = serde_json::from_str(&ran.stdout).unwrap();
    let findings = found["findings"].as_array().unwrap();
    let fixers: BTreeSet<&str> = findings
        .iter()
        .map(|finding| finding["fixer"].as_str().unwrap())
        .collect();
    assert!(
        fixers.is_superset(&BTreeSet::from(MENDING)),
        "{findings:#?}"
    );
    let causes: BTreeSet<String> = findings
        .iter()
        .map(|finding| {
            format!(
                "{} {} {}",
                finding["fixer"], finding["id"], finding["object"]
            )
        })
        .collect();
    assert_eq!(causes.len(), findings.len(), "{findings:#?}");
    // What the pods show is not told a second time.
    let shown = user.nks(&["diagnose"]).stdout;
    assert!(
        !shown.contains("workload-health   daemonset.apps/calico-node"),
        "{shown}"
    );
    assert!(shown.contains("also explains"), "{shown}");
    let again = user.nks(&["diagnose", "-o", "json"]);
    let again: Value = serde_json::from_str(&again.stdout).unwrap();
    let order = |document: &Value| -> Vec<(Value, Value)> {
        let findings = document["findings"].as_array().into_iter().flatten();
        findings
            .map(|finding| (finding["id"].clone(), finding["object"].clone()))
            .collect()
    };
    assert_eq!(order(&found), order(&again));
}
