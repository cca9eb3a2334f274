//! A real kubelet and a real containerd are asked for images, and make nothing of them.

#![expect(clippy::unwrap_used, reason = "in a test a panic is the report")]

use std::path::Path;
use std::time::Duration;

use nks_bed::{Bed, Options, SMALL_IMAGE};
use nks_cluster::{ApplyOptions, Cluster, ConnectOptions, StepState};
use nks_core::approval::{Approved, Consent};
use nks_core::credential::Credentials;
use nks_core::image_probe::Verdict;
use nks_core::manifest::Manifest;
use nks_core::object::{Object, ObjectId};
use nks_core::plan::{self, Plan};
use nks_core::report::{Change, Report, Risk, Step};
use serde_json::json;

const MANIFEST: &str = r"
apiVersion: fixer.nks/v1
kind: Fixer
metadata: {name: acme/ask}
spec:
  version: 1.0.0
  about: {title: {en: t, ko: t}, cause: {en: c, ko: c}}
  reads:
  - {apiVersion: v1, kind: Node, fields: [/status/conditions]}
  - {apiVersion: apps/v1, kind: Deployment, namespaces: [shop], fields: [/spec]}
  - {apiVersion: probe.nks/v1, kind: ImageProbe, namespaces: [shop], filter: '^(ghcr[.]io|registry[.]test)/', fields: [/image]}
  messages: {m: {en: m, ko: m}}
";

const SHOP: &str = r#"
apiVersion: v1
kind: Namespace
metadata: {name: shop}
---
apiVersion: apps/v1
kind: Deployment
metadata: {name: pods, namespace: shop}
spec:
  replicas: 0
  selector: {matchLabels: {app: web}}
  template:
    metadata: {labels: {app: web}}
    spec: {containers: [{name: c, image: "web:1"}]}
---
apiVersion: apps/v1
kind: Deployment
metadata: {name: host, namespace: shop}
spec:
  replicas: 0
  selector: {matchLabels: {app: web}}
  template:
    metadata: {labels: {app: web}}
    spec: {hostNetwork: true, containers: [{name: c, image: "web:1"}]}
"#;

/// A tag that the registry does not have.
const NO_TAG: &str = "registry.test/small:2";

/// A registry that cannot be reached.
const NO_HOST: &str = "ghcr.io/acme/small:1";

/// What no registry is asked for.
const NO_NAME: &str = "registry.test/A:1";

/// Asks the real node for images as the pods of a Deployment would, and returns what it says of each.
async fn asked(
    (cluster, bed): (&Cluster, &Bed),
    like: &str,
    images: &[&str],
    seconds: u64,
) -> Vec<Verdict> {
    let plan = planned(cluster, &bed.real_node(), like, images).await;
    cluster.preview(&plan, "kubectl-nks").await.unwrap();
    let approved = Approved::new(plan, Consent::from_flag(true).unwrap(), &[]).unwrap();
    let options = ApplyOptions {
        field_manager: "kubectl-nks".into(),
        wait: true,
        timeout: Duration::from_secs(seconds),
    };
    let report = cluster
        .apply(&approved, &options, &mut |_| Ok(()), &|_| (), &|| false)
        .await;
    let verdict = |state| match state {
        StepState::Probed { verdict, .. } => verdict,
        other => panic!("{other:?}"),
    };
    report.steps.into_iter().map(verdict).collect()
}

async fn planned(cluster: &Cluster, node: &str, like: &str, images: &[&str]) -> Plan {
    let node = json!({"apiVersion": "v1", "kind": "Node", "metadata": {"name": node}});
    let workload = ObjectId {
        api_version: "apps/v1".into(),
        kind: "Deployment".into(),
        namespace: "shop".into(),
        name: like.into(),
    };
    let workload = cluster.get(&workload).await.unwrap().unwrap();
    let ask = |image: &&str| Step {
        message: "m".into(),
        args: Vec::new(),
        findings: Vec::new(),
        change: Change::ProbeImage {
            node: 0,
            image: (*image).to_owned(),
            like: 1,
        },
        risk: Risk::Safe,
        needs: Vec::new(),
        wait: false,
        expect: Vec::new(),
    };
    let report = Report {
        findings: Vec::new(),
        steps: images.iter().map(ask).collect(),
    };
    let shown = [&Object::new(node, "").unwrap(), &workload];
    let manifest = Manifest::from_yaml(MANIFEST).unwrap();
    let given = Credentials::default();
    plan::plan(&manifest, &shown, &report, &given, "2026-01-01T00:00:00Z").unwrap()
}

/// That of all that was asked for the node has the one image, that no container was made of it, and that nothing runs.
fn nothing_was_made(bed: &Bed) {
    let pods = bed.kubectl(&["get", "pods", "--namespace=shop", "--output=name"]);
    assert_eq!(pods.unwrap(), "", "the pods that asked are gone");
    let images = bed.ctr(&["images", "ls", "--quiet"]).unwrap();
    assert!(images.contains(SMALL_IMAGE), "{images}");
    assert!(!images.contains(NO_TAG), "{images}");
    // containerd says of each container that it makes what it is of; a pod's own first one is none of these.
    let log = std::fs::read_to_string(bed.folder().join("containerd.log")).unwrap();
    assert!(log.contains("RunPodSandbox for") && !log.contains("CreateContainer within sandbox"));
    bed.wait_for("nothing runs", Duration::from_secs(60), || {
        Ok(bed.ctr(&["tasks", "ls", "--quiet"])?.is_empty())
    })
    .unwrap();
}

/// That the node has ended with all that it had started, mounted and made.
fn nothing_is_left(folder: &Path) {
    let entries = |path: &str| std::fs::read_dir(path).unwrap().flatten();
    let commands = entries("/proc").filter_map(|it| std::fs::read(it.path().join("cmdline")).ok());
    let folder_bytes = folder.as_os_str().as_encoded_bytes();
    let mut windows =
        commands.map(|it| it.windows(folder_bytes.len()).any(|it| it == folder_bytes));
    assert!(!windows.any(|is_of_the_bed| is_of_the_bed));
    let mounts = std::fs::read_to_string("/proc/mounts").unwrap();
    assert!(!mounts.contains(folder.to_str().unwrap()), "{mounts}");
    let group = format!("nks-{}", folder.file_name().unwrap().display());
    let groups = entries("/sys/fs/cgroup").map(|it| it.path().join(&group));
    assert_eq!(groups.filter(|it| it.exists()).count(), 0);
}

/// Takes the node's pod network away, as it is where the images of the network's own pods are missing.
fn without_pod_network(bed: &Bed) {
    std::fs::remove_file(bed.folder().join("node/cni/bed.conflist")).unwrap();
    let place = "jsonpath={.status.conditions[?(@.type=='Ready')].message}";
    let node = bed.real_node();
    bed.wait_for("the network is gone", Duration::from_secs(60), || {
        let message = bed.kubectl(&["get", "node", &node, "--output", place])?;
        Ok(message.contains("NetworkPluginNotReady"))
    })
    .unwrap();
}

#[tokio::test]
async fn a_real_node_is_asked_and_makes_no_container_of_the_image() {
    let bed = Bed::start(Options {
        nodes: 1,
        real_node: true,
        ..Options::default()
    })
    .unwrap();
    bed.apply(SHOP).unwrap();
    let cluster = Cluster::connect(&ConnectOptions {
        kubeconfig: Some(bed.kubeconfig()),
        ..ConnectOptions::default()
    })
    .await
    .unwrap();
    let images = [SMALL_IMAGE, NO_TAG, NO_HOST, NO_NAME];
    let whom = (&cluster, &bed);
    let answers = asked(whom, "pods", &images, 60).await;
    assert_eq!(answers[0], Verdict::Pulled);
    assert_failed(&answers[1], "small:2\": registry.test/small:2: not found");
    assert_failed(&answers[3], "repository name (A) must be lowercase");
    assert_failed(&answers[2], "failed to do request: Head \"https://ghcr.io/");

    without_pod_network(&bed);
    let answers = asked(whom, "host", &[SMALL_IMAGE, NO_TAG], 60).await;
    assert_eq!(answers[0], Verdict::Pulled);
    assert_failed(&answers[1], "small:2\": registry.test/small:2: not found");
    let answers = asked(whom, "pods", &[SMALL_IMAGE], 10).await;
    assert!(
        matches!(&answers[0], Verdict::Unknown(why) if why.starts_with("network is not ready")),
        "{answers:?}"
    );

    nothing_was_made(&bed);
    let folder = bed.folder().to_owned();
    bed.stop();
    nothing_is_left(&folder);
}

#[track_caller]
fn assert_failed(verdict: &Verdict, words: &str) {
    assert!(
        matches!(verdict, Verdict::Failed(why) if why.contains(words)),
        "{verdict:?}"
    );
}
