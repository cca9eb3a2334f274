//! Nodes are asked for images with no more than the rights that are printed, and nothing is left behind.

use std::time::Duration;

use nks_bed::{Bed, Options};
use nks_cluster::{Cluster, StepState};
use nks_core::credential::Credentials;
use nks_core::image_probe::{self, Verdict};
use nks_core::manifest::Manifest;
use nks_core::object::{Object, ObjectId};
use nks_core::plan::{self, Plan};
use nks_core::record;
use nks_core::report::{Change, Report};
use nks_core::rights;
use serde_json::json;

use crate::{carried_out, carry_out, connect, step, way_back};

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
  - {apiVersion: probe.nks/v1, kind: ImageProbe, namespaces: [shop], filter: '^(ghcr[.]io|nks[.]invalid)/', fields: [/image]}
  messages: {m: {en: m, ko: m}}
";

const SHOP: &str = r#"
apiVersion: v1
kind: Namespace
metadata: {name: shop, labels: {pod-security.kubernetes.io/enforce: restricted}}
---
apiVersion: v1
kind: ResourceQuota
metadata: {name: small, namespace: shop}
spec: {hard: {limits.cpu: "1", limits.memory: 1Gi, pods: "2"}}
---
apiVersion: apps/v1
kind: Deployment
metadata: {name: web, namespace: shop}
spec:
  replicas: 0
  selector: {matchLabels: {app: web}}
  template:
    metadata: {labels: {app: web}}
    spec:
      imagePullSecrets: [{name: pull}]
      containers: [{name: c, image: "docker.pkg.github.com/a/b/web:1"}]
"#;

async fn planned(cluster: &Cluster, node: &str, images: &[&str]) -> Plan {
    let node = json!({"apiVersion": "v1", "kind": "Node", "metadata": {"name": node}});
    let workload = ObjectId {
        api_version: "apps/v1".into(),
        kind: "Deployment".into(),
        namespace: "shop".into(),
        name: "web".into(),
    };
    let workload = cluster.get(&workload).await.unwrap().unwrap();
    let shown = [Object::new(node, "").unwrap(), workload];
    let ask = |image: &&str| {
        let image = (*image).to_owned();
        step(
            Change::ProbeImage {
                node: 0,
                image,
                like: 1,
            },
            false,
        )
    };
    let report = Report {
        findings: Vec::new(),
        steps: images.iter().map(ask).collect(),
    };
    let manifest = Manifest::from_yaml(MANIFEST).unwrap();
    let shown: Vec<&Object> = shown.iter().collect();
    let given = Credentials::default();
    plan::plan(&manifest, &shown, &report, &given, "2026-01-01T00:00:00Z").unwrap()
}

#[tokio::test]
async fn nodes_are_asked_and_nothing_is_left_behind() {
    let bed = Bed::start(Options::default()).unwrap();
    bed.apply(SHOP).unwrap();
    bed.wait_for("the nodes are ready", Duration::from_mins(2), || {
        bed.is_all_ready()
    })
    .unwrap();
    let nodes = bed.kubectl_json(&["get", "nodes"]).unwrap();
    let node = nodes["items"][0]["metadata"]["name"].as_str().unwrap();
    let manifest = Manifest::from_yaml(MANIFEST).unwrap();
    let roles = json!({"apiVersion": "v1", "kind": "List", "items": rights::roles_of(&manifest)});
    let operator = bed.operator("asker", &[&roles.to_string()]).unwrap();
    let admin = connect(bed.kubeconfig()).await;
    let cluster = connect(operator).await;

    let plan = planned(&admin, node, &["ghcr.io/a/web:1", "nks.invalid/a/web:1"]).await;
    let used = rights::used(&rights::to_write(&manifest), &plan);
    let said: Vec<_> = used
        .iter()
        .map(|right| (right.verb.as_str(), right.resource.as_str()))
        .collect();
    assert_eq!(
        said,
        [
            ("list", "events"),
            ("create", "pods"),
            ("delete", "pods"),
            ("get", "pods")
        ]
    );
    assert_eq!(cluster.missing_rights(&used).await.unwrap(), []);
    let mut journal = String::new();
    let report = carry_out(&cluster, &plan, &mut journal).await;

    let verdicts: Vec<_> = report
        .steps
        .iter()
        .map(|state| match state {
            StepState::Probed { pod, verdict } => (image_probe::asked(&pod.value).0, verdict),
            other => panic!("{other:?}"),
        })
        .collect();
    assert_eq!(verdicts[0], ("ghcr.io/a/web:1", &Verdict::Pulled));
    let (image, Verdict::Failed(why)) = verdicts[1] else {
        panic!("{verdicts:?}")
    };
    assert_eq!(image, "nks.invalid/a/web:1");
    assert!(why.contains("repository does not exist"), "{why}");

    let pods = bed
        .kubectl(&["get", "pods", "--namespace=shop", "--output=name"])
        .unwrap();
    assert_eq!(pods, "", "the pods that asked are gone");
    // Two writes for each, all confirmed, and nothing of it to take back.
    let records = record::decode(&journal).unwrap();
    assert!(records.unsettled().is_empty());
    let acts: Vec<_> = records
        .applied()
        .iter()
        .map(|intent| intent.act.verb())
        .collect();
    assert_eq!(acts, ["create", "delete", "create", "delete"]);
    assert_eq!(way_back(&admin, &journal).await, Plan::default());

    // A run that ends while it waits has left a pod, which its undo removes.
    let unknown = planned(&admin, "node-of-nobody", &["ghcr.io/a/web:2"]).await;
    let mut journal = String::new();
    let waiting = carry_out(&cluster, &unknown, &mut journal);
    tokio::time::timeout(Duration::from_secs(5), waiting)
        .await
        .unwrap_err();
    let (_, pod) = unknown.patches().next().unwrap();
    let found = admin.get(&pod.id).await.unwrap().unwrap();
    let secrets = &found.value["spec"]["imagePullSecrets"];
    assert_eq!(*secrets, json!([{"name": "pull"}]));
    let back = way_back(&admin, &journal).await;
    assert_eq!(back.steps.len(), 1);
    carried_out(&admin, &back).await;
    assert_eq!(admin.get(&pod.id).await.unwrap(), None);
    bed.stop();
}
