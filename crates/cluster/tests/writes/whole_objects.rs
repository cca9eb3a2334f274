//! Objects are created and deleted with no more than the rights that are printed, and put back.

use std::time::Duration;

use nks_bed::{Bed, Options, Parts};
use nks_cluster::Cluster;
use nks_core::credential::Credentials;
use nks_core::manifest::Manifest;
use nks_core::object::{Object, ObjectId};
use nks_core::plan::{self, Act, Plan, WayBack};
use nks_core::report::{Change, Report};
use nks_core::rights;
use serde_json::{Value, json};

use crate::{carried_out, connect, step, way_back};

const MANIFEST: &str = r#"
apiVersion: fixer.nks/v1
kind: Fixer
metadata: {name: acme/whole}
spec:
  version: 1.0.0
  about: {title: {en: t, ko: t}, cause: {en: c, ko: c}}
  reads:
  - {apiVersion: v1, kind: ConfigMap, namespaces: [shop], fields: [/data]}
  - {apiVersion: v1, kind: Pod, namespaces: [shop], fields: [/spec]}
  - {apiVersion: batch/v1, kind: Job, namespaces: [shop], fields: [/spec]}
  - {apiVersion: apps/v1, kind: Deployment, namespaces: [shop], fields: [/spec]}
  writes:
  - {apiVersion: v1, kind: ConfigMap, verbs: [create, delete], paths: [/data], max: 9}
  - {apiVersion: v1, kind: Pod, verbs: [delete], max: 9}
  - {apiVersion: batch/v1, kind: Job, verbs: [delete], max: 9}
  - {apiVersion: apps/v1, kind: Deployment, verbs: [create], paths: [/spec], max: 9}
  messages: {m: {en: m, ko: m}}
"#;

const SHOP: &str = r#"
apiVersion: v1
kind: Namespace
metadata: {name: shop}
---
apiVersion: v1
kind: ConfigMap
metadata: {name: old, namespace: shop, labels: {team: a}}
data: {a: "1"}
---
apiVersion: apps/v1
kind: Deployment
metadata: {name: web, namespace: shop}
spec:
  selector: {matchLabels: {app: web}}
  template:
    metadata: {labels: {app: web}}
    spec:
      containers:
      - {name: c, image: "web:1", env: [{name: PASSWORD, value: canary-sings}]}
---
apiVersion: batch/v1
kind: Job
metadata: {name: job, namespace: shop}
spec:
  suspend: true
  template:
    spec: {restartPolicy: Never, containers: [{name: c, image: "job:1"}]}
"#;

fn id(api_version: &str, kind: &str, name: &str) -> ObjectId {
    ObjectId {
        api_version: api_version.into(),
        kind: kind.into(),
        namespace: "shop".into(),
        name: name.into(),
    }
}

fn names(bed: &Bed, kind: &str) -> Vec<String> {
    let listed = bed
        .kubectl_json(&["get", kind, "--namespace=shop"])
        .unwrap();
    let items = listed["items"].as_array().unwrap();
    let name = |item: &Value| item["metadata"]["name"].as_str().unwrap().to_owned();
    items.iter().map(name).collect()
}

/// What the fixer is shown, and what it would do: two creations and three deletions.
async fn planned(cluster: &Cluster, pod: &str) -> Plan {
    let mut shown: Vec<Object> = Vec::new();
    for id in [
        id("v1", "Pod", pod),
        id("v1", "ConfigMap", "old"),
        id("batch/v1", "Job", "job"),
    ] {
        shown.extend(cluster.get(&id).await.unwrap());
    }
    let settings = json!({"apiVersion": "v1", "kind": "ConfigMap", "data": {"a": "2"},
        "metadata": {"name": "new", "namespace": "shop"}});
    // The server writes 1000m as 1.
    let limits = json!({"limits": {"cpu": "1000m"}});
    let workload = json!({"apiVersion": "apps/v1", "kind": "Deployment",
        "metadata": {"name": "made", "namespace": "shop"},
        "spec": {"selector": {"matchLabels": {"app": "made"}}, "template": {"metadata": {"labels": {"app": "made"}},
            "spec": {"containers": [{"name": "c", "image": "made:1", "resources": limits}]}}}});
    let report = Report {
        findings: Vec::new(),
        steps: vec![
            step(Change::Create(settings.to_string()), false),
            step(Change::Create(workload.to_string()), true),
            step(Change::Delete(0), true),
            step(Change::Delete(1), true),
            step(Change::Delete(2), true),
        ],
    };
    let manifest = Manifest::from_yaml(MANIFEST).unwrap();
    let shown: Vec<&Object> = shown.iter().collect();
    plan::plan(
        &manifest,
        &shown,
        &report,
        &Credentials::default(),
        "2026-01-01T00:00:00Z",
    )
    .unwrap()
}

#[tokio::test]
async fn what_is_created_and_deleted_is_put_back() {
    let bed = Bed::start(Options::default()).unwrap();
    bed.apply(SHOP).unwrap();
    bed.wait_for("the shop is open", Duration::from_mins(2), || {
        Ok(names(&bed, "pods").len() == 1 && bed.is_all_ready()?)
    })
    .unwrap();
    let manifest = Manifest::from_yaml(MANIFEST).unwrap();
    let mut rights = rights::to_read(&manifest);
    rights.extend(rights::to_write(&manifest));
    let roles = rights::roles_of(&manifest).into_iter();
    let list = json!({"apiVersion": "v1", "kind": "List", "items": roles.collect::<Vec<_>>()});
    let operator = bed.operator("whole", &[&list.to_string()]).unwrap();
    let cluster = connect(operator).await;

    let pod = names(&bed, "pods").remove(0);
    let plan = planned(&cluster, &pod).await;
    let used = rights::used(&rights, &plan);
    assert_eq!(cluster.missing_rights(&used).await.unwrap(), []);
    let backs: Vec<_> = plan.patches().map(|(_, one)| one.way_back()).collect();
    let (made, again) = (WayBack::Deletion, WayBack::NewObject);
    assert_eq!(backs, [made, made, WayBack::Remade, again, again]);
    let before = bed
        .kubectl_json(&["get", "job", "job", "--namespace=shop"])
        .unwrap();

    let journal = carried_out(&cluster, &plan).await;
    assert!(!journal.contains("canary"), "no credential is kept");
    assert!(!names(&bed, "pods").contains(&pod));
    assert_eq!(names(&bed, "deployments"), ["made", "web"]);
    assert!(names(&bed, "jobs").is_empty());
    let maps = names(&bed, "configmaps");
    assert!(maps.contains(&"new".to_owned()) && !maps.contains(&"old".to_owned()));

    // Undo takes rights that the fix did without.
    let admin = connect(bed.kubeconfig()).await;
    let back = way_back(&admin, &journal).await;
    let acts: Vec<_> = back.patches().map(|(_, one)| one.act()).collect();
    assert_eq!(acts, [Act::Create, Act::Create, Act::Delete, Act::Delete]);
    let undone = carried_out(&admin, &back).await;
    let old = id("v1", "ConfigMap", "old");
    let old = admin.get(&old).await.unwrap().unwrap();
    assert_eq!(old.value["data"], json!({"a": "1"}));
    assert_eq!(old.value["metadata"]["labels"], json!({"team": "a"}));
    let after = bed
        .kubectl_json(&["get", "job", "job", "--namespace=shop"])
        .unwrap();
    let template = |job: &Value| job["spec"]["template"]["spec"].clone();
    assert_eq!(template(&after), template(&before));
    assert_ne!(after["metadata"]["uid"], before["metadata"]["uid"]);
    assert_eq!(names(&bed, "deployments"), ["web"]);

    // And the undo is undone.
    let again = way_back(&admin, &undone).await;
    carried_out(&admin, &again).await;
    assert_eq!(names(&bed, "deployments"), ["made", "web"]);
    assert!(names(&bed, "jobs").is_empty());
    bed.stop();
}

const SECRETS: &str = r#"
apiVersion: fixer.nks/v1
kind: Fixer
metadata: {name: acme/secret}
spec:
  version: 1.0.0
  about: {title: {en: t, ko: t}, cause: {en: c, ko: c}}
  secrets: keys
  reads: [{apiVersion: v1, kind: Secret, asked: true, names: ["{name}"], fields: [/type]}]
  writes: [{apiVersion: v1, kind: Secret, verbs: [create], paths: [/data, /type], max: 9}]
  settings:
    type: object
    properties: {login: {type: string, format: secret}, name: {type: string, default: hub}}
  messages: {m: {en: m, ko: m}}
"#;

/// The making of a pull Secret with these pull credentials.
fn new_secret(login: &str) -> Plan {
    let secret = json!({"apiVersion": "v1", "kind": "Secret", "type": "kubernetes.io/dockerconfigjson",
        "metadata": {"name": "hub", "namespace": "shop"},
        "data": {".dockerconfigjson": "nks-secret-setting-login"}});
    let report = Report {
        findings: Vec::new(),
        steps: vec![step(Change::Create(secret.to_string()), false)],
    };
    let mut given = Credentials::default();
    given.insert("login", login.into());
    let manifest = Manifest::from_yaml(SECRETS).unwrap().by_default();
    plan::plan(&manifest, &[], &report, &given, "2026-01-01T00:00:00Z").unwrap()
}

#[tokio::test]
async fn a_secret_is_created_and_taken_back_with_rights_on_its_name() {
    let options = Options {
        parts: Parts::ServerOnly,
        ..Options::default()
    };
    let bed = Bed::start(options).unwrap();
    bed.apply("{apiVersion: v1, kind: Namespace, metadata: {name: shop}}")
        .unwrap();
    let manifest = Manifest::from_yaml(SECRETS).unwrap();
    let mut rights = rights::to_read(&manifest);
    rights.extend(rights::to_write(&manifest));
    let roles = rights::roles("secret", &rights).into_iter();
    let list = json!({"apiVersion": "v1", "kind": "List", "items": roles.collect::<Vec<_>>()});
    let operator = bed.operator("secret", &[&list.to_string()]).unwrap();
    let cluster = connect(operator).await;

    let login = r#"{"auths": {"https://index.docker.io/v1/": {"username": "me", "password": "canary-sings"}}}"#;
    let plan = new_secret(login);
    let used = rights::used(&rights, &plan);
    assert_eq!(cluster.missing_rights(&used).await.unwrap(), []);
    let journal = carried_out(&cluster, &plan).await;
    let hub = id("v1", "Secret", "hub");
    let there = cluster.get(&hub).await.unwrap().unwrap();
    let encoded = nks_core::secret::encode(login);
    assert_eq!(there.value["data"][".dockerconfigjson"], encoded);
    for needle in ["canary-sings", encoded.as_str().unwrap()] {
        assert!(!journal.contains(needle), "{journal}");
    }
    // The same once more is no change, and no other Secret can be looked at.
    let preview = cluster.preview(&plan, "kubectl-nks").await.unwrap();
    assert_eq!(preview.after[0].1["metadata"]["uid"], there.uid);
    let other = new_secret(&login.replace("\"me\"", "\"you\""));
    let refused = cluster.preview(&other, "kubectl-nks").await;
    let said = refused.unwrap_err().to_string();
    assert!(said.contains("it was created since"), "{said}");
    assert!(cluster.get(&id("v1", "Secret", "other")).await.is_err());

    let back = way_back(&cluster, &journal).await;
    let acts: Vec<_> = back.patches().map(|(_, one)| one.act()).collect();
    assert_eq!(acts, [Act::Delete]);
    let undone = carried_out(&cluster, &back).await;
    assert!(!undone.contains("canary-sings"), "{undone}");
    assert_eq!(cluster.get(&hub).await.unwrap(), None);
    bed.stop();
}
