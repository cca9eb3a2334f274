//! Found, mended, checked, undone; and everything else left as it was.

use crate::support::{User, expect};
use crate::{
    WORKLOADS, assert_rolled_out, bed, changed, everything, images, is_untouched, operator,
    operator_of_all,
};

#[test]
fn the_whole_repair_as_an_ordinary_operator() {
    let bed = bed();
    bed.scenario("calico-images").unwrap();
    let user = operator(&bed);

    let found = user.nks(&["diagnose", "calico-images"]);
    expect(&found, 1);
    for workload in [
        "daemonset.apps/calico-node",
        "deployment.apps/calico-kube-controllers",
        "deployment.apps/calico-typha",
    ] {
        assert_eq!(
            found
                .stdout
                .matches(&format!("{workload} -n kube-system"))
                .count(),
            1,
            "{}",
            found.stdout
        );
    }
    assert!(
        found.stdout.contains("3 findings in 3 objects"),
        "{}",
        found.stdout
    );

    let before = everything(&bed);
    let fixed = user.nks(&["fix", "calico-images", "--yes", "--timeout", "2m"]);
    expect(&fixed, 0);
    for workload in WORKLOADS {
        assert_rolled_out(&bed, workload);
        for image in images(&bed, workload) {
            assert!(
                image.starts_with("docker.io/calico/") && image.ends_with(":v3.24.1"),
                "{workload}: {image}"
            );
        }
    }
    let order: Vec<usize> = [
        "calico-node patched",
        "calico-kube-controllers patched",
        "calico-typha patched",
    ]
    .map(|line| {
        fixed
            .stdout
            .find(line)
            .unwrap_or_else(|| panic!("{line}: {}", fixed.stdout))
    })
    .to_vec();
    assert!(order.is_sorted(), "{}", fixed.stdout);
    let events = bed
        .kubectl(&[
            "get",
            "events",
            "--namespace",
            "kube-system",
            "--output",
            "yaml",
        ])
        .unwrap();
    assert_eq!(
        events.matches(&format!("entry {}", user.entry())).count(),
        3,
        "{events}"
    );

    let healthy = user.nks(&["diagnose", "calico-images"]);
    expect(&healthy, 0);
    assert!(
        healthy.stderr.contains("No problems found"),
        "{}",
        healthy.stderr
    );
    let again = user.nks(&["fix", "calico-images", "--yes"]);
    expect(&again, 0);
    assert!(again.stderr.contains("nothing to mend"), "{}", again.stderr);

    let between = everything(&bed);
    let changed = changed(&before, &between);
    assert_eq!(changed.len(), 3, "{changed:?}");
    assert!(
        changed
            .iter()
            .all(|key| key.contains("/kube-system/calico-")),
        "{changed:?}"
    );

    let entry = user.entry();
    assert!(
        fixed.stderr.contains(&format!("kubectl nks undo {entry}")),
        "{}",
        fixed.stderr
    );
    let undone = user.nks(&["undo", &entry, "--yes"]);
    expect(&undone, 0);
    assert_eq!(everything(&bed), before, "undo puts everything back");
    let history = user.nks(&["history"]);
    assert!(
        history.stdout.contains("fixed") && history.stdout.contains(&format!("undo of {entry}")),
        "{}",
        history.stdout
    );
    let twice = user.nks(&["undo", &entry, "--yes"]);
    expect(&twice, 2);
    assert!(twice.stderr.contains("was set to"), "{}", twice.stderr);
    assert_eq!(everything(&bed), before, "a refused undo changes nothing");
}

#[test]
fn one_object_can_be_named() {
    let bed = bed();
    bed.scenario("calico-images").unwrap();
    let user = operator(&bed);
    expect(
        &user.nks(&[
            "fix",
            "calico-images",
            "deployment/calico-typha",
            "--yes",
            "--timeout",
            "2m",
        ]),
        0,
    );
    assert!(
        images(&bed, WORKLOADS[2])
            .iter()
            .all(|image| image.starts_with("docker.io/"))
    );
    assert!(
        images(&bed, WORKLOADS[0])
            .iter()
            .all(|image| image.starts_with("nks.invalid/"))
    );
    let ran = user.nks(&["fix", "calico-images", "calico-typha", "--yes"]);
    expect(&ran, 2);
    assert!(
        ran.stderr.contains("finds nothing on calico-typha"),
        "{}",
        ran.stderr
    );
}

#[test]
fn a_healthy_cluster_is_called_healthy() {
    let bed = bed();
    bed.scenario("healthy").unwrap();
    let ran = operator_of_all(&bed).nks(&["diagnose"]);
    expect(&ran, 0);
    assert!(ran.stderr.contains("No problems found"), "{}", ran.stderr);
    bed.kubectl(&["delete", "namespace", "shop", "--ignore-not-found"])
        .unwrap();
}

#[test]
fn who_may_not_list_pods_is_told_so_and_never_healthy() {
    let bed = bed();
    bed.scenario("calico-images").unwrap();
    let roles = User::new()
        .nks(&["explain", "calico-images", "-o", "rbac"])
        .stdout;
    let mut documents: Vec<serde_json::Value> = roles
        .split("---\n")
        .map(|text| nks_core::yaml::parse(text).unwrap())
        .collect();
    for role in &mut documents {
        role["metadata"]["name"] = "without-pods".into();
        role["rules"]
            .as_array_mut()
            .unwrap()
            .retain(|rule| rule["resources"][0] != "pods");
    }
    let roles: Vec<String> = documents.iter().map(ToString::to_string).collect();
    let roles: Vec<&str> = roles.iter().map(String::as_str).collect();
    let user = User::with(&bed.operator("without-pods", &roles).unwrap());
    let ran = user.nks(&["diagnose", "calico-images"]);
    expect(&ran, 3);
    assert!(
        ran.stdout.contains("list pods -n kube-system"),
        "{}",
        ran.stdout
    );
    assert!(!ran.stderr.contains("No problems"), "{}", ran.stderr);
    let ran = user.nks(&["fix", "calico-images", "--yes"]);
    expect(&ran, 3);
    assert!(
        ran.stderr.contains("list pods -n kube-system"),
        "{}",
        ran.stderr
    );
    assert!(is_untouched(&bed));
}

#[test]
fn who_may_not_patch_is_told_before_anything_is_shown() {
    let bed = bed();
    bed.scenario("calico-images").unwrap();
    let reads = r#"{"apiVersion":"rbac.authorization.k8s.io/v1","kind":"ClusterRole","metadata":{"name":"reads-only"},
        "rules":[{"apiGroups":["","apps"],"resources":["pods","namespaces","nodes","daemonsets","deployments","replicasets"],"verbs":["get","list"]}]}"#;
    let user = User::with(&bed.operator("reader", &[reads]).unwrap());
    let ran = user.nks(&["fix", "calico-images", "--yes"]);
    expect(&ran, 2);
    for missing in [
        "Forbidden",
        "patch daemonsets.apps -n kube-system",
        "patch deployments.apps -n kube-system",
    ] {
        assert!(ran.stderr.contains(missing), "{missing}: {}", ran.stderr);
    }
    assert!(is_untouched(&bed));
    assert!(user.journals().is_empty());
}
