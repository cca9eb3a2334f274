//! On a real API server: what is read of unhealthy pods is what a whole list would have shown of them.

#![expect(clippy::unwrap_used, reason = "in a test a panic is the report")]

use std::collections::BTreeSet;

use nks_bed::{Bed, Options};
use nks_cluster::{Cluster, ConnectOptions};
use nks_core::demand::{self, Fetch, Which};
use nks_core::manifest::When;
use nks_core::object::{Object, ObjectId};
use serde_json::{Value, json};

/// A pod that nobody runs, with a status as a kubelet would write it.
fn pod(namespace: &str, name: &str, spec: Value, status: Value) -> [Value; 2] {
    let mut pod = json!({"apiVersion": "v1", "kind": "Pod",
        "metadata": {"name": name, "namespace": namespace},
        "spec": {"schedulerName": "nobody", "containers": [{"name": "app", "image": "app:1"}]}});
    pod["spec"]
        .as_object_mut()
        .unwrap()
        .extend(spec.as_object().unwrap().clone());
    [pod, status]
}

fn conditions(ready: &str, gate: Option<&str>) -> Value {
    let mut all = vec![json!({"type": "Ready", "status": ready})];
    all.extend(gate.map(|status| json!({"type": "example.com/gate", "status": status})));
    Value::Array(all)
}

fn container(ready: bool, state: Value) -> Value {
    json!([{"name": "app", "image": "app:1", "imageID": "", "restartCount": 0, "ready": ready, "state": state}])
}

fn pods() -> Vec<[Value; 2]> {
    let running = || json!({"running": {"startedAt": "2026-01-01T00:00:00Z"}});
    let ended = |reason: &str| json!({"terminated": {"exitCode": 0, "reason": reason}});
    let of = |phase: &str, ready: bool, state: Value, conditions: Value| json!({"phase": phase, "conditions": conditions, "containerStatuses": container(ready, state)});
    let gate = || json!({"readinessGates": [{"conditionType": "example.com/gate"}]});
    let well = || of("Running", true, running(), conditions("True", None));
    let unready = || of("Running", false, running(), conditions("False", None));
    let mut pods = vec![
        pod("mixed", "well", json!({}), well()),
        pod("mixed", "unready", json!({}), unready()),
        pod("mixed", "pending", json!({}), json!({"phase": "Pending"})),
        pod(
            "mixed",
            "failed",
            json!({}),
            json!({"phase": "Failed", "reason": "Evicted"}),
        ),
        pod(
            "mixed",
            "succeeded",
            json!({}),
            of(
                "Succeeded",
                false,
                ended("Completed"),
                conditions("False", None),
            ),
        ),
        pod(
            "mixed",
            "between-two-starts",
            json!({}),
            of(
                "Running",
                false,
                ended("Completed"),
                conditions("False", None),
            ),
        ),
        pod(
            "mixed",
            "gate-open",
            gate(),
            of("Running", true, running(), conditions("True", Some("True"))),
        ),
        pod(
            "mixed",
            "gate-shut",
            gate(),
            of(
                "Running",
                true,
                running(),
                conditions("False", Some("False")),
            ),
        ),
    ];
    pods.extend((0..12).map(|number| {
        pod(
            "all-unready",
            &format!("unready-{number}"),
            json!({}),
            unready(),
        )
    }));
    pods.extend(
        (0..12).map(|number| pod("all-well", &format!("well-{number}"), json!({}), well())),
    );
    pods
}

fn names<'a>(objects: impl IntoIterator<Item = &'a Object>) -> BTreeSet<&'a ObjectId> {
    objects.into_iter().map(|object| &object.id).collect()
}

#[tokio::test]
async fn the_columns_hide_no_unhealthy_pod() {
    let bed = Bed::start(Options::default()).unwrap();
    for namespace in ["mixed", "all-unready", "all-well"] {
        bed.kubectl(&["create", "namespace", namespace]).unwrap();
    }
    for [pod, status] in pods() {
        bed.apply(&pod.to_string()).unwrap();
        let (name, namespace) = (
            pod["metadata"]["name"].as_str().unwrap(),
            pod["metadata"]["namespace"].as_str().unwrap(),
        );
        let patch = format!("--patch={}", json!({"status": status}));
        bed.kubectl(&[
            "patch",
            "pod",
            name,
            "--namespace",
            namespace,
            "--subresource=status",
            "--type=merge",
            &patch,
        ])
        .unwrap();
    }
    let cluster = Cluster::connect(&ConnectOptions {
        kubeconfig: Some(bed.kubeconfig()),
        ..ConnectOptions::default()
    })
    .await
    .unwrap();
    let read = |which| {
        let fetch = Fetch {
            api_version: "v1".into(),
            kind: "Pod".into(),
            namespace: None,
            which,
            metadata_only: false,
            managed_fields: false,
            optional: false,
        };
        let cluster = cluster.clone();
        async move { cluster.read(&BTreeSet::from([fetch]), &|_| ()).await }
    };
    let all = read(Which::All).await;
    let unhealthy = read(Which::When(When::Unhealthy)).await;
    assert_eq!((all.unread, unhealthy.unread), (Vec::new(), Vec::new()));
    let kept = |objects: &'_ [Object]| -> Vec<Object> {
        let kept = objects
            .iter()
            .filter(|pod| demand::keeps(When::Unhealthy, &pod.value));
        kept.cloned().collect()
    };
    let expected = kept(&all.objects);
    assert_eq!(expected.len(), 5 + 12, "{:#?}", names(&expected));
    assert_eq!(names(&kept(&unhealthy.objects)), names(&expected));
    assert!(
        unhealthy
            .objects
            .iter()
            .all(|pod| !pod.id.namespace.contains("well")),
        "none is read for nothing"
    );

    let bare = read(Which::When(When::Bare)).await;
    assert_eq!(
        names(&bare.objects),
        names(
            all.objects
                .iter()
                .filter(|pod| demand::keeps(When::Bare, &pod.value))
        )
    );
}
