//! What is to come of each folder in `cases`, supplied as the host supplies it.

use std::fs;
use std::path::Path;

use nks_core::manifest::Manifest;
use nks_core::object::Object;
use nks_core::{demand, source};
use nks_fixer::{Change, Context, Input, Report};

use super::{analyze, findings, steps};

/// Case, findings, steps; `cr` and `crb` stand for the long names of ClusterRole and ClusterRoleBinding.
type Expected = (
    &'static str,
    &'static [&'static str],
    &'static [&'static str],
);

const CASES: [Expected; 19] = [
    (
        "being-deleted",
        &[
            "error deletion-held-up cr/calico-kube-controllers: access.acme.example/role-audit",
            "error deletion-held-up configmap/calico-config: config.acme.example/lock, backup.acme.example/hold",
        ],
        &[
            "destructive finish-deletion cr/calico-kube-controllers: 0 access.acme.example/role-audit",
            "destructive finish-deletion configmap/calico-config: 1 backup.acme.example/hold, 0 config.acme.example/lock",
        ],
    ),
    (
        "being-deleted-mixed",
        &[
            "error deletion-held-up daemonset.apps/calico-node: backup.acme.example/hold",
            "warning protected-garbage-collection daemonset.apps/calico-node: foregroundDeletion",
            "warning protected-garbage-collection deployment.apps/metrics-server: foregroundDeletion",
        ],
        &["destructive advance-deletion daemonset.apps/calico-node: 0 backup.acme.example/hold"],
    ),
    ("clean", &[], &[]),
    ("default-account", &[], &[]),
    ("empty-list", &[], &[]),
    (
        "every-workload",
        &[
            "warning finalizers-set daemonset.apps/calico-node: backup.acme.example/hold",
            "warning finalizers-set daemonset.apps/csi-cinder-nodeplugin: backup.acme.example/hold",
            "warning finalizers-set daemonset.apps/csi-nfs-node: backup.acme.example/hold",
            "warning finalizers-set daemonset.apps/kube-proxy: backup.acme.example/hold",
            "warning finalizers-set daemonset.apps/node-problem-detector: backup.acme.example/hold",
            "warning finalizers-set daemonset.apps/npd: backup.acme.example/hold",
            "warning finalizers-set deployment.apps/calico-kube-controllers: backup.acme.example/hold",
            "warning finalizers-set deployment.apps/calico-typha: backup.acme.example/hold",
            "warning finalizers-set deployment.apps/coredns: backup.acme.example/hold",
            "warning finalizers-set deployment.apps/csi-nfs-controller: backup.acme.example/hold",
            "warning finalizers-set deployment.apps/kubernetes-dashboard: backup.acme.example/hold",
            "warning finalizers-set deployment.apps/metrics-server: backup.acme.example/hold",
            "warning finalizers-set deployment.apps/snapshot-controller: backup.acme.example/hold",
            "warning finalizers-set statefulset.apps/csi-cinder-controllerplugin: backup.acme.example/hold",
        ],
        &[
            "safe remove-finalizers daemonset.apps/calico-node: 0 backup.acme.example/hold",
            "safe remove-finalizers daemonset.apps/csi-cinder-nodeplugin: 0 backup.acme.example/hold",
            "safe remove-finalizers daemonset.apps/csi-nfs-node: 0 backup.acme.example/hold",
            "safe remove-finalizers daemonset.apps/kube-proxy: 0 backup.acme.example/hold",
            "safe remove-finalizers daemonset.apps/node-problem-detector: 0 backup.acme.example/hold",
            "safe remove-finalizers daemonset.apps/npd: 0 backup.acme.example/hold",
            "safe remove-finalizers deployment.apps/calico-kube-controllers: 0 backup.acme.example/hold",
            "safe remove-finalizers deployment.apps/calico-typha: 0 backup.acme.example/hold",
            "safe remove-finalizers deployment.apps/coredns: 0 backup.acme.example/hold",
            "safe remove-finalizers deployment.apps/csi-nfs-controller: 0 backup.acme.example/hold",
            "safe remove-finalizers deployment.apps/kubernetes-dashboard: 0 backup.acme.example/hold",
            "safe remove-finalizers deployment.apps/metrics-server: 0 backup.acme.example/hold",
            "safe remove-finalizers deployment.apps/snapshot-controller: 0 backup.acme.example/hold",
            "safe remove-finalizers statefulset.apps/csi-cinder-controllerplugin: 0 backup.acme.example/hold",
        ],
    ),
    (
        "followed-from-workloads",
        &[
            "warning finalizers-set cr/csi-attacher-role: access.acme.example/audit",
            "warning finalizers-set crb/csi-attacher-binding: access.acme.example/audit",
            "warning finalizers-set crb/metrics-server-view: access.acme.example/audit",
            "warning finalizers-set crb/metrics-server:system:auth-delegator: access.acme.example/audit",
            "warning finalizers-set configmap/calico-config: config.acme.example/lock",
            "warning finalizers-set configmap/calico-node-flags: config.acme.example/lock",
            "warning finalizers-set configmap/kubernetes-services-endpoint: config.acme.example/lock",
            "warning finalizers-set serviceaccount/csi-cinder-controller-sa: access.acme.example/audit",
            "warning finalizers-set serviceaccount/metrics-server: access.acme.example/audit",
        ],
        &[
            "safe remove-finalizers cr/csi-attacher-role: 0 access.acme.example/audit",
            "safe remove-finalizers crb/csi-attacher-binding: 0 access.acme.example/audit",
            "safe remove-finalizers crb/metrics-server-view: 0 access.acme.example/audit",
            "safe remove-finalizers crb/metrics-server:system:auth-delegator: 0 access.acme.example/audit",
            "safe remove-finalizers configmap/calico-config: 0 config.acme.example/lock",
            "safe remove-finalizers configmap/calico-node-flags: 0 config.acme.example/lock",
            "safe remove-finalizers configmap/kubernetes-services-endpoint: 0 config.acme.example/lock",
            "safe remove-finalizers serviceaccount/csi-cinder-controller-sa: 0 access.acme.example/audit",
            "safe remove-finalizers serviceaccount/metrics-server: 0 access.acme.example/audit",
        ],
    ),
    (
        "guide-example",
        &["warning finalizers-set cr/calico-kube-controllers: access.acme.example/role-audit"],
        &["safe remove-finalizers cr/calico-kube-controllers: 0 access.acme.example/role-audit"],
    ),
    (
        "load-balancer-service",
        &[
            "warning finalizers-set service/kube-dns: dns.acme.example/zone",
            "info protected-load-balancer service/kube-dns: service.kubernetes.io/load-balancer-cleanup",
            "warning protected-load-balancer service/metrics-server: service.kubernetes.io/load-balancer-cleanup",
        ],
        &["safe remove-finalizers service/kube-dns: 1 dns.acme.example/zone"],
    ),
    (
        "mixed",
        &[
            "warning finalizers-set deployment.apps/snapshot-controller: backup.acme.example/hold, audit.acme.example/trail",
            "info protected-garbage-collection deployment.apps/snapshot-controller: orphan",
            "warning finalizers-set configmap/calico-config: config.acme.example/lock",
            "warning protected-misplaced configmap/calico-config: kubernetes.io/pvc-protection",
        ],
        &[
            "safe remove-finalizers deployment.apps/snapshot-controller: 2 audit.acme.example/trail, 0 backup.acme.example/hold",
            "safe remove-finalizers configmap/calico-config: 1 config.acme.example/lock",
        ],
    ),
    ("not-deployed-by-nks", &[], &[]),
    (
        "older-cluster",
        &[
            "warning finalizers-set daemonset.apps/kube-flannel-ds: backup.acme.example/hold",
            "warning finalizers-set daemonset.apps/kube-flannel-ds-amd64: backup.acme.example/hold",
            "warning finalizers-set deployment.apps/kubernetes-dashboard: backup.acme.example/hold",
            "warning finalizers-set crb/kubernetes-dashboard: access.acme.example/audit",
            "warning finalizers-set configmap/kube-flannel-cfg: config.acme.example/lock",
            "warning finalizers-set serviceaccount/flannel: access.acme.example/audit",
            "warning finalizers-set serviceaccount/kubernetes-dashboard: access.acme.example/audit",
        ],
        &[
            "safe remove-finalizers daemonset.apps/kube-flannel-ds: 0 backup.acme.example/hold",
            "safe remove-finalizers daemonset.apps/kube-flannel-ds-amd64: 0 backup.acme.example/hold",
            "safe remove-finalizers deployment.apps/kubernetes-dashboard: 0 backup.acme.example/hold",
            "safe remove-finalizers crb/kubernetes-dashboard: 0 access.acme.example/audit",
            "safe remove-finalizers configmap/kube-flannel-cfg: 0 config.acme.example/lock",
            "safe remove-finalizers serviceaccount/flannel: 0 access.acme.example/audit",
            "safe remove-finalizers serviceaccount/kubernetes-dashboard: 0 access.acme.example/audit",
        ],
    ),
    (
        "protected-only",
        &[
            "warning protected-misplaced daemonset.apps/calico-node: kubernetes.io/pvc-protection, external-attacher/cinder-csi-openstack-org",
            "warning protected-misplaced deployment.apps/calico-typha: service.kubernetes.io/load-balancer-cleanup",
            "warning protected-garbage-collection deployment.apps/coredns: foregroundDeletion",
            "info protected-garbage-collection deployment.apps/metrics-server: orphan",
            "warning protected-misplaced cr/calico-node: kubernetes.io/pv-protection, external-provisioner.volume.kubernetes.io/finalizer",
            "warning protected-misplaced configmap/calico-config: snapshot.storage.kubernetes.io/volumesnapshot-bound-protection, kubernetes",
            "warning protected-misplaced configmap/coredns: batch.kubernetes.io/job-tracking, customresourcecleanup.apiextensions.k8s.io",
        ],
        &[],
    ),
    (
        "reversed-csi-names",
        &[
            "warning finalizers-set daemonset.apps/cinder-csi-nodeplugin: volumes.acme.example/quota",
            "warning finalizers-set deployment.apps/cinder-csi-controllerplugin: volumes.acme.example/quota",
            "warning finalizers-set serviceaccount/csi-cinder-controller-sa: volumes.acme.example/quota",
            "warning finalizers-set serviceaccount/csi-cinder-node-sa: volumes.acme.example/quota",
        ],
        &[
            "safe remove-finalizers daemonset.apps/cinder-csi-nodeplugin: 0 volumes.acme.example/quota",
            "safe remove-finalizers deployment.apps/cinder-csi-controllerplugin: 0 volumes.acme.example/quota",
            "safe remove-finalizers serviceaccount/csi-cinder-controller-sa: 0 volumes.acme.example/quota",
            "safe remove-finalizers serviceaccount/csi-cinder-node-sa: 0 volumes.acme.example/quota",
        ],
    ),
    (
        "services-and-budgets",
        &[
            "warning finalizers-set poddisruptionbudget.policy/calico-kube-controllers: policy.acme.example/budget",
            "warning finalizers-set poddisruptionbudget.policy/calico-typha: policy.acme.example/budget",
            "warning finalizers-set service/calico-typha: dns.acme.example/zone",
            "warning finalizers-set service/kube-dns: dns.acme.example/zone",
            "warning finalizers-set service/metrics-server: dns.acme.example/zone",
        ],
        &[
            "safe remove-finalizers poddisruptionbudget.policy/calico-kube-controllers: 0 policy.acme.example/budget",
            "safe remove-finalizers poddisruptionbudget.policy/calico-typha: 0 policy.acme.example/budget",
            "safe remove-finalizers service/calico-typha: 0 dns.acme.example/zone",
            "safe remove-finalizers service/kube-dns: 0 dns.acme.example/zone",
            "safe remove-finalizers service/metrics-server: 0 dns.acme.example/zone",
        ],
    ),
    (
        "several-on-one",
        &[
            "warning finalizers-set cr/calico-cni-plugin: access.acme.example/audit, backup.acme.example/hold",
            "warning finalizers-set configmap/coredns: config.acme.example/lock, backup.acme.example/hold, audit.acme.example/trail",
        ],
        &[
            "safe remove-finalizers cr/calico-cni-plugin: 1 backup.acme.example/hold, 0 access.acme.example/audit",
            "safe remove-finalizers configmap/coredns: 2 audit.acme.example/trail, 1 backup.acme.example/hold, 0 config.acme.example/lock",
        ],
    ),
    ("shared-binding", &[], &[]),
    (
        "stopped-upgrade",
        &[
            "error deletion-held-up cr/calico-cni-plugin: access.acme.example/role-audit",
            "warning finalizers-set cr/system:coredns: access.acme.example/role-audit",
            "error deletion-held-up crb/calico-cni-plugin: access.acme.example/role-audit",
            "error deletion-held-up crb/calico-node: access.acme.example/role-audit",
            "warning finalizers-set crb/system:coredns: access.acme.example/role-audit",
            "error deletion-held-up serviceaccount/calico-cni-plugin: access.acme.example/account-audit",
            "error deletion-held-up serviceaccount/calico-node: access.acme.example/account-audit",
            "warning finalizers-set serviceaccount/coredns: access.acme.example/account-audit",
        ],
        &[
            "destructive finish-deletion cr/calico-cni-plugin: 0 access.acme.example/role-audit",
            "safe remove-finalizers cr/system:coredns: 0 access.acme.example/role-audit",
            "destructive finish-deletion crb/calico-cni-plugin: 0 access.acme.example/role-audit",
            "destructive finish-deletion crb/calico-node: 0 access.acme.example/role-audit",
            "safe remove-finalizers crb/system:coredns: 0 access.acme.example/role-audit",
            "destructive finish-deletion serviceaccount/calico-cni-plugin: 0 access.acme.example/account-audit",
            "destructive finish-deletion serviceaccount/calico-node: 0 access.acme.example/account-audit",
            "safe remove-finalizers serviceaccount/coredns: 0 access.acme.example/account-audit",
        ],
    ),
    (
        "tigera-operator",
        &[
            "warning set-by-tigera-operator daemonset.apps/calico-node: tigera.io/cni-protector",
            "warning set-by-tigera-operator cr/calico-node: tigera.io/cni-protector",
            "warning finalizers-set crb/calico-node: backup.acme.example/hold",
            "warning set-by-tigera-operator crb/calico-node: tigera.io/cni-protector",
            "error set-by-tigera-operator serviceaccount/calico-node: tigera.io/cni-protector",
        ],
        &["safe remove-finalizers crb/calico-node: 1 backup.acme.example/hold"],
    ),
];

fn folder() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn manifest() -> Manifest {
    Manifest::from_yaml(&fs::read_to_string(folder().join("fixer.yaml")).unwrap()).unwrap()
}

fn objects(case: &str) -> Vec<Object> {
    let text = fs::read_to_string(folder().join("cases").join(case).join("in.yaml")).unwrap();
    source::parse(&text, "default").unwrap()
}

/// The input that the host makes of the objects.
fn input(manifest: &Manifest, objects: &[Object]) -> Input {
    let supplied = demand::supply(manifest, objects);
    let objects = supplied.into_iter().map(|one| nks_fixer::Object {
        rule: one.rule,
        api_version: one.object.id.api_version.clone(),
        kind: one.object.id.kind.clone(),
        namespace: one.object.id.namespace.clone(),
        name: one.object.id.name.clone(),
        uid: one.object.uid.clone(),
        value: one.shown,
    });
    Input {
        context: Context::default(),
        objects: objects.collect(),
    }
}

fn shortened(lines: Vec<String>) -> Vec<String> {
    let short = |line: String| {
        line.replace("clusterrole.rbac.authorization.k8s.io/", "cr/")
            .replace("clusterrolebinding.rbac.authorization.k8s.io/", "crb/")
    };
    lines.into_iter().map(short).collect()
}

/// The objects after the report's patches, applied as they are written.
fn carried_out(input: &Input, report: &Report) -> Vec<serde_json::Value> {
    let mut values: Vec<_> = input
        .objects
        .iter()
        .map(|object| object.value.clone())
        .collect();
    for step in &report.steps {
        let Change::Patch { target, ops } = &step.change else {
            panic!("{step:?}")
        };
        let ops: json_patch::Patch = serde_json::from_str(ops).unwrap();
        json_patch::patch(&mut values[*target as usize], &ops).unwrap();
    }
    values
}

#[test]
fn every_case_gives_what_is_written_here() {
    let manifest = manifest();
    for (case, expected_findings, expected_steps) in CASES {
        let report = analyze(&input(&manifest, &objects(case)));
        assert_eq!(shortened(findings(&report)), expected_findings, "{case}");
        assert_eq!(shortened(steps(&report)), expected_steps, "{case}");
    }
}

#[test]
fn every_folder_is_in_the_table() {
    let mut folders: Vec<String> = fs::read_dir(folder().join("cases"))
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    folders.sort();
    assert_eq!(folders, CASES.map(|(case, ..)| case));
}

/// The fixer relies on its own list, not on the host having left other namespaces out.
#[test]
fn unfiltered_objects_give_the_same() {
    let manifest = manifest();
    for (case, ..) in CASES {
        let objects = objects(case);
        let everything = Input::of_values(objects.iter().map(|object| object.value.clone()));
        let filtered = analyze(&input(&manifest, &objects));
        assert_eq!(
            findings(&analyze(&everything)),
            findings(&filtered),
            "{case}"
        );
    }
}

#[test]
fn the_result_of_a_plan_needs_no_further_step() {
    let manifest = manifest();
    for (case, ..) in CASES {
        let input = input(&manifest, &objects(case));
        let report = analyze(&input);
        let again = analyze(&Input::of_values(carried_out(&input, &report)));
        assert_eq!(again.steps, [], "{case}");
        assert_eq!(
            again.findings.len(),
            report.findings.len() - report.steps.len(),
            "{case}"
        );
    }
}

#[test]
fn what_is_said_is_what_the_manifest_can_say() {
    let manifest = manifest();
    let mut said = std::collections::BTreeSet::new();
    for (case, ..) in CASES {
        let report = analyze(&input(&manifest, &objects(case)));
        let answer = serde_json::to_value(&report).unwrap();
        let answer: nks_core::report::Report = serde_json::from_value(answer).unwrap();
        nks_core::report::check(&answer, &manifest, objects(case).len()).unwrap();
        said.extend(report.findings.into_iter().map(|finding| finding.message));
        said.extend(report.steps.into_iter().map(|step| step.message));
    }
    assert!(manifest.spec.messages.keys().eq(&said));
}
