//! `ebpf-udp-ctlb` on a real API server: both settings in one patch, whatever the spelling, and only where eBPF is on.

use nks_bed::Bed;
use serde_json::{Value, json};

use crate::support::expect;
use crate::{assert_rolled_out, bed, changed, everything, operator_of};

const FIXER: &str = "ebpf-udp-ctlb";
const WORKLOAD: &str = "daemonset/calico-node";

fn environment(bed: &Bed) -> Vec<Value> {
    let object = bed
        .kubectl_json(&["get", WORKLOAD, "--namespace", "kube-system"])
        .expect("the workload is there");
    let list = &object["spec"]["template"]["spec"]["containers"][0]["env"];
    list.as_array().cloned().unwrap_or_default()
}

fn set(bed: &Bed, entry: &str) {
    let arguments = ["set", "env", WORKLOAD, "--namespace", "kube-system", entry];
    bed.kubectl(&arguments).expect("the environment is set");
}

#[test]
fn both_settings_are_made_and_taken_back() {
    let bed = bed();
    bed.scenario(FIXER).unwrap();
    let user = operator_of(&bed, &[FIXER]);
    let found = user.nks(&["diagnose", FIXER]);
    expect(&found, 1);
    assert!(
        found
            .stdout
            .contains("daemonset.apps/calico-node -n kube-system")
            && found.stdout.contains("node-agent"),
        "{}",
        found.stdout
    );
    let before = everything(&bed);
    let fixed = user.nks(&["fix", FIXER, "--yes", "--timeout", "2m"]);
    expect(&fixed, 0);
    assert!(
        fixed.stdout.contains("UDP"),
        "side effects are said: {}",
        fixed.stdout
    );
    assert_eq!(
        environment(&bed),
        [
            json!({"name": "DATASTORE_TYPE", "value": "etcdv3"}),
            json!({"name": "FELIX_BPFENABLED", "value": "true"}),
            json!({"name": "Felix_BPFConnectTimeLoadBalancing", "value": "Enabled"}),
            json!({"name": "FELIX_LOGSEVERITYSCREEN", "value": "info"}),
            json!({"name": "FELIX_BPFHOSTNETWORKEDNATWITHOUTCTLB", "value": "Disabled"}),
        ]
    );
    assert_rolled_out(&bed, WORKLOAD);
    let after = everything(&bed);
    let changed = changed(&before, &after);
    assert_eq!(changed.len(), 1, "{changed:?}");
    let again = user.nks(&["fix", FIXER, "--yes"]);
    expect(&again, 0);
    assert!(again.stderr.contains("nothing to mend"), "{}", again.stderr);
    expect(&user.nks(&["undo", &user.entry(), "--yes"]), 0);
    assert_eq!(everything(&bed), before, "undo puts everything back");
}

#[test]
fn without_ebpf_nothing_is_found() {
    let bed = bed();
    bed.scenario(FIXER).unwrap();
    set(&bed, "FELIX_BPFENABLED=false");
    let ran = operator_of(&bed, &[FIXER]).nks(&["diagnose", FIXER]);
    expect(&ran, 0);
    assert!(ran.stderr.contains("No problems found"), "{}", ran.stderr);
}

#[test]
fn beside_istio_it_is_refused_with_its_reason() {
    let bed = bed();
    bed.scenario(FIXER).unwrap();
    let sidecar = json!({"apiVersion": "v1", "kind": "Pod",
        "metadata": {"name": "cart", "namespace": "shop", "labels": {"security.istio.io/tlsMode": "istio"}},
        "spec": {"terminationGracePeriodSeconds": 0, "containers": [
            {"name": "cart", "image": "registry.example.com/cart:1"},
            {"name": "istio-proxy", "image": "registry.example.com/proxyv2:1"}]}});
    bed.apply(&sidecar.to_string()).unwrap();
    let user = operator_of(&bed, &[FIXER]);
    let before = everything(&bed);
    let ran = user.nks(&["fix", FIXER, "--yes"]);
    bed.kubectl(&["delete", "pod/cart", "--namespace", "shop"])
        .unwrap();
    expect(&ran, 1);
    assert!(ran.stdout.contains("Istio"), "{}", ran.stdout);
    assert!(
        ran.stderr.contains("Nothing here can be changed"),
        "{}",
        ran.stderr
    );
    assert_eq!(everything(&bed), before);
    assert!(user.journals().is_empty());
}
