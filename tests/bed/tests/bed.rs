//! The test bed against itself. One bed for all, because a start takes ten seconds.

use std::path::Path;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use nks_bed::{Bed, Binaries, Options, Parts, Release};
use serde_json::Value;

const READER: &str = "
apiVersion: rbac.authorization.k8s.io/v1
kind: Role
metadata: {name: pod-reader, namespace: kube-system}
rules:
- {apiGroups: [''], resources: [pods], verbs: [get, list]}
";

#[test]
#[expect(
    clippy::print_stderr,
    reason = "a first build takes minutes, and the start is measured here"
)]
fn a_bed_shows_the_fault_and_takes_the_fix() -> Result<()> {
    let binaries = Binaries::build(Release::default(), &mut |line| eprintln!("{line}"))?;
    let begun = Instant::now();
    let bed = Bed::start_with(binaries, Options::default())?;
    eprintln!("started in {:.1} s", begun.elapsed().as_secs_f64());
    let processes = bed.processes();
    let folder = bed.folder().to_owned();
    ensure!(
        processes.len() == 6,
        "five components and their guard: {processes:?}"
    );

    nodes_look_like_nks(&bed)?;
    bed.scenario("calico-images")?;
    eprintln!("scenario at {:.1} s", begun.elapsed().as_secs_f64());
    pods_wait_for_their_images(&bed)?;
    an_operator_can_do_what_its_role_says(&bed)?;
    let before = bed.snapshot()?;
    eprintln!("snapshot at {:.1} s", begun.elapsed().as_secs_f64());
    the_fix_rolls_out(&bed)?;
    eprintln!("fixed at {:.1} s", begun.elapsed().as_secs_f64());
    the_snapshot_shows_what_changed(&bed, &before)?;
    a_patched_pod_recovers(&bed)?;
    jobs_complete(&bed)?;

    let begun = Instant::now();
    drop(bed);
    eprintln!("stopped in {:.1} s", begun.elapsed().as_secs_f64());
    ensure!(
        begun.elapsed() < Duration::from_secs(20),
        "stopping took {:?}",
        begun.elapsed()
    );
    for process in processes {
        ensure!(
            !Path::new(&format!("/proc/{process}")).exists(),
            "process {process} is still there"
        );
    }
    ensure!(folder.join("kwok.log").is_file(), "logs are kept");
    ensure!(!folder.join("etcd").exists(), "etcd's data are not");
    std::fs::remove_dir_all(folder)?;
    Ok(())
}

fn nodes_look_like_nks(bed: &Bed) -> Result<()> {
    let node = bed.kubectl_json(&["get", "node", "nks-bed-default-worker-node-0"])?;
    ensure!(
        node["metadata"]["labels"]["magnum.openstack.org/role"] == "worker",
        "{node}"
    );
    ensure!(
        node["status"]["nodeInfo"]["containerRuntimeVersion"] == "containerd://1.6.21",
        "{node}"
    );
    ensure!(
        node["status"]["nodeInfo"]["kubeletVersion"] == bed.binaries().version(),
        "{node}"
    );
    Ok(())
}

fn pods(bed: &Bed, app: &str) -> Result<Vec<Value>> {
    let list = bed.kubectl_json(&[
        "get",
        "pods",
        "-n",
        "kube-system",
        "-l",
        &format!("k8s-app={app}"),
    ])?;
    Ok(list["items"].as_array().cloned().unwrap_or_default())
}

fn pods_wait_for_their_images(bed: &Bed) -> Result<()> {
    let all = pods(bed, "calico-node")?;
    let status = &all.first().context("no calico-node pod")?["status"];
    ensure!(status["phase"] == "Pending", "{status:#}");
    let waiting = &status["initContainerStatuses"][0]["state"]["waiting"];
    ensure!(waiting["reason"] == "ImagePullBackOff", "{status:#}");
    let message = waiting["message"].as_str().unwrap_or_default();
    let image = "nks.invalid/container_service/calico-cni:v3.24.1";
    ensure!(
        message.starts_with(&format!(
            "Back-off pulling image \"{image}\": ErrImagePull: "
        )),
        "{message}"
    );
    ensure!(
        message.contains("pull access denied, repository does not exist"),
        "{message}"
    );
    ensure!(
        status["initContainerStatuses"][1]["state"]["waiting"]["reason"] == "PodInitializing",
        "{status:#}"
    );
    ensure!(
        status["containerStatuses"][0]["state"]["waiting"]["reason"] == "PodInitializing",
        "{status:#}"
    );

    let all = pods(bed, "calico-typha")?;
    ensure!(all.len() == 2, "two typha pods");
    let container = &all[0]["status"]["containerStatuses"][0];
    ensure!(
        container["state"]["waiting"]["reason"] == "ImagePullBackOff",
        "{container:#}"
    );
    bed.wait_for("a Failed event", Duration::from_secs(10), || {
        let events = bed.kubectl(&[
            "get",
            "events",
            "-n",
            "kube-system",
            "--field-selector=reason=Failed",
        ])?;
        Ok(events.contains("calico-node"))
    })
}

fn an_operator_can_do_what_its_role_says(bed: &Bed) -> Result<()> {
    let kubeconfig = bed.operator("alice", &[READER])?;
    let who = bed.kubectl_as(
        &kubeconfig,
        &[
            "auth",
            "whoami",
            "-o",
            "jsonpath={.status.userInfo.username}",
        ],
    )?;
    ensure!(who == "alice", "{who}");
    bed.wait_for("the role to take effect", Duration::from_secs(10), || {
        let listed = bed.kubectl_as(
            &kubeconfig,
            &["get", "pods", "-n", "kube-system", "-o", "name"],
        )?;
        Ok(listed.contains("pod/calico-node"))
    })?;
    let delete = [
        "delete",
        "pods",
        "-n",
        "kube-system",
        "-l",
        "k8s-app=calico-typha",
    ];
    let refused = bed
        .kubectl_as(&kubeconfig, &delete)
        .err()
        .context("an operator could delete pods")?;
    ensure!(refused.to_string().contains("forbidden"), "{refused}");
    ensure!(
        bed.kubectl_as(&kubeconfig, &["get", "pods", "-n", "default"])
            .is_err(),
        "another namespace"
    );
    Ok(())
}

fn the_fix_rolls_out(bed: &Bed) -> Result<()> {
    bed.kubectl(&[
        "set",
        "image",
        "-n",
        "kube-system",
        "daemonset/calico-node",
        "install-cni=docker.io/calico/cni:v3.24.1",
        "mount-bpffs=docker.io/calico/node:v3.24.1",
        "calico-node=docker.io/calico/node:v3.24.1",
    ])?;
    bed.kubectl(&[
        "rollout",
        "status",
        "-n",
        "kube-system",
        "daemonset/calico-node",
        "--timeout=60s",
    ])?;
    let all = pods(bed, "calico-node")?;
    ensure!(all.len() == 3, "a pod a node");
    for pod in &all {
        let container = &pod["status"]["containerStatuses"][0];
        ensure!(
            container["ready"] == true && container["image"] == "docker.io/calico/node:v3.24.1",
            "{pod:#}"
        );
        let id = container["imageID"].as_str().unwrap_or_default();
        ensure!(id.starts_with("docker.io/calico/node@sha256:"), "{id}");
    }
    Ok(())
}

fn the_snapshot_shows_what_changed(
    bed: &Bed,
    before: &std::collections::BTreeMap<String, Value>,
) -> Result<()> {
    let after = bed.snapshot()?;
    let changed: Vec<&String> = after
        .iter()
        .filter(|(key, value)| before.get(*key) != Some(value))
        .map(|(key, _)| key)
        .filter(|key| {
            !key.starts_with("core/v1/pods/") && !key.starts_with("apps/v1/controllerrevisions/")
        })
        .collect();
    ensure!(
        changed == ["apps/v1/daemonsets/kube-system/calico-node"],
        "{changed:?}"
    );
    ensure!(
        after.contains_key("core/v1/nodes//nks-bed-default-worker-node-2"),
        "nodes are in the snapshot"
    );
    Ok(())
}

/// A pod that is patched in place gets its image as well, and keeps its address.
fn a_patched_pod_recovers(bed: &Bed) -> Result<()> {
    bed.kubectl(&[
        "run",
        "lonely",
        "--image=calico-node:v3.24.1",
        "--restart=Never",
    ])?;
    let path = "jsonpath={.status.podIP}/{.status.containerStatuses[0].state.waiting.reason}";
    let read = || bed.kubectl(&["get", "pod", "lonely", "-o", path]);
    bed.wait_for("the pull to fail", Duration::from_secs(20), || {
        Ok(read()?.ends_with("/ImagePullBackOff"))
    })?;
    let before = read()?;
    bed.kubectl(&[
        "set",
        "image",
        "pod/lonely",
        "lonely=quay.io/calico/node:v3.24.1",
    ])?;
    bed.kubectl(&[
        "wait",
        "--for=condition=Ready",
        "pod/lonely",
        "--timeout=20s",
    ])?;
    let after = read()?;
    ensure!(
        before.split('/').next() == after.split('/').next(),
        "{before} became {after}"
    );
    bed.kubectl(&["delete", "pod", "lonely", "--timeout=20s"])
        .map(drop)
}

fn jobs_complete(bed: &Bed) -> Result<()> {
    bed.kubectl(&["create", "job", "hello", "--image=example.com/hello:1"])?;
    bed.kubectl(&[
        "wait",
        "--for=condition=complete",
        "job/hello",
        "--timeout=30s",
    ])
    .map(drop)
}

/// A bed can be a `static` that all tests of a binary share.
const _: fn() = || {
    fn shared<T: Send + Sync>() {}
    shared::<Bed>();
};

#[test]
fn the_healthy_scenario_is_ready() -> Result<()> {
    let bed = Bed::start(Options {
        nodes: 2,
        name: "other".to_owned(),
        ..Options::default()
    })?;
    bed.scenario("healthy")?;
    let context = bed.kubectl(&["config", "current-context"])?;
    ensure!(context.trim() == "other", "{context}");
    let missing = bed
        .scenario("no-such")
        .err()
        .context("a scenario that is not there")?;
    ensure!(missing.to_string().contains("calico-images"), "{missing}");
    let folder = bed.folder().to_owned();
    bed.stop();
    ensure!(!folder.exists(), "{} is still there", folder.display());
    Ok(())
}

#[test]
fn a_server_alone_leaves_everything_as_it_was_put() -> Result<()> {
    for release in Release::ALL {
        let bed = Bed::start(Options {
            parts: Parts::ServerOnly,
            release,
            ..Options::default()
        })?;
        let said = bed.kubectl_json(&["version"])?;
        ensure!(
            said["serverVersion"]["gitVersion"] == bed.binaries().version(),
            "{release:?}: {said}"
        );
        bed.apply(
            "{apiVersion: v1, kind: Pod, metadata: {name: alone}, spec: {containers: [{name: a, image: b}]}}",
        )?;
        let pod = bed.kubectl_json(&["get", "pod", "alone"])?;
        ensure!(
            pod["spec"]["tolerations"].is_null() && pod["spec"]["volumes"].is_null(),
            "admission changed it: {pod}"
        );
        ensure!(pod["status"]["phase"] == "Pending", "{pod}");
        bed.stop();
    }
    let both = Bed::start(Options {
        release: Release::V1_33,
        ..Options::default()
    });
    let refused = both.err().context("there are no controllers of 1.33")?;
    ensure!(refused.to_string().contains("API server"), "{refused}");
    Ok(())
}
