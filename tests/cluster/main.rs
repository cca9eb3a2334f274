//! The whole flow against a real API server, as the ordinary operator whose rights `explain` prints.
//!
//! One control plane serves this test binary; each test has it to itself, with the scenario put in afresh.

#[path = "../support/mod.rs"]
mod support;

mod cinder;
mod clean;
mod crash;
mod ebpf;
mod faults;
mod finalizers;
mod images;
mod partial;
mod plugin;
mod proxy;
mod question;
mod repair;
mod roles;
mod together;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::Duration;

use nks_bed::{Bed, Options};
use serde_json::Value;
use support::User;

static BED: OnceLock<Mutex<Bed>> = OnceLock::new();

/// The three workloads of the scenario, in the order in which they are mended.
pub(crate) const WORKLOADS: [&str; 3] = [
    "daemonset/calico-node",
    "deployment/calico-kube-controllers",
    "deployment/calico-typha",
];

/// The fixers that scenarios of the bed are for.
pub(crate) const MENDING: [&str; 4] = [
    "calico-images",
    "cinder-resize",
    "ebpf-udp-ctlb",
    "stuck-finalizers",
];

/// All built-in fixers.
pub(crate) fn fixers() -> Vec<String> {
    let folders = std::fs::read_dir(support::root("fixers")).expect("there are fixers");
    let name = |entry: std::io::Result<std::fs::DirEntry>| {
        let entry = entry.expect("a folder is read");
        entry.file_name().to_string_lossy().into_owned()
    };
    let mut names: Vec<String> = folders.map(name).collect();
    names.sort();
    names
}

/// The bed, with nothing of an earlier test in kube-system.
pub(crate) fn bed() -> MutexGuard<'static, Bed> {
    let bed =
        BED.get_or_init(|| Mutex::new(Bed::start(Options::default()).expect("the bed starts")));
    // A test that failed has left the bed usable; the next one clears it.
    let bed = bed.lock().unwrap_or_else(PoisonError::into_inner);
    clear(&bed);
    bed
}

/// Kinds of which scenarios put objects in, labelled `nks-bed`.
const LABELLED: &str = "daemonsets,deployments,statefulsets,services,configmaps,serviceaccounts,secrets,\
    persistentvolumeclaims,clusterroles,clusterrolebindings";

/// Deletes whatever a scenario labelled, finalizers or not.
fn clear_labelled(bed: &Bed) {
    let label = ["get", LABELLED, "--all-namespaces", "--selector=nks-bed"];
    let list = bed.kubectl_json(&label).expect("the scenario is listed");
    for object in list["items"].as_array().into_iter().flatten() {
        let text = |field: &str| object["metadata"][field].as_str().unwrap_or_default();
        let name = format!(
            "{}/{}",
            object["kind"].as_str().unwrap_or_default(),
            text("name")
        );
        let namespace = format!("--namespace={}", text("namespace"));
        let kept = r#"--patch={"metadata":{"finalizers":null}}"#;
        bed.kubectl(&["patch", &name, &namespace, "--type=merge", kept])
            .and_then(|_| {
                bed.kubectl(&[
                    "delete",
                    &name,
                    &namespace,
                    "--ignore-not-found",
                    "--wait=true",
                ])
            })
            .expect("an object of a scenario is deleted");
    }
}

fn clear(bed: &Bed) {
    clear_labelled(bed);
    let mut arguments = vec![
        "delete",
        "--namespace",
        "kube-system",
        "--ignore-not-found",
        "--wait=true",
    ];
    arguments.extend(WORKLOADS);
    arguments.push("lease/kubectl-nks");
    bed.kubectl(&arguments).expect("the scenario is cleared");
    bed.wait_for(
        "the pods of the scenario are gone",
        Duration::from_secs(60),
        || {
            let pods = bed.kubectl(&[
                "get",
                "pods",
                "--namespace",
                "kube-system",
                "--output",
                "name",
            ])?;
            Ok(pods.is_empty())
        },
    )
    .expect("the pods go");
}

/// An operator of calico-images.
pub(crate) fn operator(bed: &Bed) -> User {
    operator_of(bed, &["calico-images"])
}

/// An operator who holds exactly the roles that `explain` prints for these fixers, as a user with a home of their own.
pub(crate) fn operator_of(bed: &Bed, fixers: &[&str]) -> User {
    let roles: Vec<String> = fixers.iter().flat_map(|fixer| roles(bed, fixer)).collect();
    let roles: Vec<&str> = roles.iter().map(String::as_str).collect();
    let name = match fixers {
        [_, _, ..] => "operator-of-several".to_owned(),
        fixers => format!("operator-of-{}", fixers.join("-")),
    };
    User::with(&bed.operator(&name, &roles).expect("the operator is made"))
}

/// An operator of every fixer.
pub(crate) fn operator_of_all(bed: &Bed) -> User {
    let fixers = fixers();
    operator_of(bed, &fixers.iter().map(String::as_str).collect::<Vec<_>>())
}

/// The roles that `explain` prints, but for those in namespaces that this cluster does not have: nobody can make these.
pub(crate) fn roles(bed: &Bed, fixer: &str) -> Vec<String> {
    let roles = User::new().nks(&["explain", fixer, "-o", "rbac"]);
    support::expect(&roles, 0);
    let namespaces = bed
        .kubectl(&["get", "namespaces", "--output", "name"])
        .expect("namespaces are listed");
    let is_there = |role: &String| {
        let role: Value = nks_core::yaml::parse(role).expect("a role is YAML");
        role["metadata"]["namespace"].as_str().is_none_or(|name| {
            namespaces
                .lines()
                .any(|line| line == format!("namespace/{name}"))
        })
    };
    let documents = roles.stdout.split("---\n").map(str::to_owned);
    documents.filter(is_there).collect()
}

/// The images of a workload, init containers first.
pub(crate) fn images(bed: &Bed, workload: &str) -> Vec<String> {
    let object = bed
        .kubectl_json(&["get", workload, "--namespace", "kube-system"])
        .expect("the workload is there");
    let spec = &object["spec"]["template"]["spec"];
    let containers = ["initContainers", "containers"]
        .into_iter()
        .filter_map(|list| spec[list].as_array())
        .flatten();
    containers
        .map(|container| container["image"].as_str().unwrap_or_default().to_owned())
        .collect()
}

/// Whether no workload has an image that was mended.
pub(crate) fn is_untouched(bed: &Bed) -> bool {
    WORKLOADS.iter().all(|workload| {
        images(bed, workload)
            .iter()
            .all(|image| image.starts_with("nks.invalid/"))
    })
}

/// Everything in the cluster but pods and what the workload controllers make of a changed template, without the fields
/// that the server keeps for itself.
pub(crate) fn everything(bed: &Bed) -> BTreeMap<String, Value> {
    let made_by_controllers = [
        "core/v1/pods/",
        "apps/v1/replicasets/",
        "apps/v1/controllerrevisions/",
    ];
    let snapshot = bed.snapshot().expect("the cluster is read");
    snapshot
        .into_iter()
        .filter(|(key, _)| !made_by_controllers.iter().any(|made| key.starts_with(made)))
        .map(|(key, value)| (key, nks_core::object::content(&value)))
        .collect()
}

/// The keys of what was there before and is not the same now.
pub(crate) fn changed<'a>(
    before: &'a BTreeMap<String, Value>,
    now: &BTreeMap<String, Value>,
) -> Vec<&'a String> {
    before
        .keys()
        .filter(|key| before.get(*key) != now.get(*key))
        .collect()
}

/// Fails unless kubectl says that the rollout of a workload is complete.
pub(crate) fn assert_rolled_out(bed: &Bed, workload: &str) {
    bed.kubectl(&[
        "rollout",
        "status",
        workload,
        "--namespace",
        "kube-system",
        "--timeout=1s",
    ])
    .expect("the rollout is complete");
}

/// A kubeconfig for `server` without credentials, as `kubectl proxy` needs it.
pub(crate) fn plain_kubeconfig(folder: &Path, server: &str) -> PathBuf {
    let path = folder.join("proxy.kubeconfig");
    let config = serde_json::json!({"apiVersion": "v1", "kind": "Config", "current-context": "proxy",
        "clusters": [{"name": "proxy", "cluster": {"server": server}}],
        "users": [{"name": "proxy", "user": {}}],
        "contexts": [{"name": "proxy", "context": {"cluster": "proxy", "user": "proxy"}}]});
    std::fs::write(&path, config.to_string()).expect("the kubeconfig is written");
    path
}
