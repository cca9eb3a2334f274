use super::*;
use serde_json::json;

fn judged(kind: &str, spec: Value, status: Value) -> Rollout {
    rollout(&json!({"apiVersion": "apps/v1", "kind": kind,
        "metadata": {"name": "x", "generation": 2}, "spec": spec, "status": status}))
}

fn is_progressing(rollout: Rollout, words: &str) {
    let Rollout::Progressing(said) = &rollout else {
        panic!("{rollout:?}");
    };
    assert!(said.contains(words), "{said}");
}

fn is_complete(rollout: Rollout, words: &str) {
    let Rollout::Complete(said) = &rollout else {
        panic!("{rollout:?}");
    };
    assert!(said.contains(words), "{said}");
}

#[test]
fn deployments_are_observed_then_updated_then_alone_then_available() {
    let of = |status: Value| judged("Deployment", json!({"replicas": 3}), status);
    is_progressing(
        of(
            json!({"observedGeneration": 1, "updatedReplicas": 3, "replicas": 3, "availableReplicas": 3}),
        ),
        "spec update to be observed",
    );
    is_progressing(
        of(json!({"observedGeneration": 2, "updatedReplicas": 1})),
        "1 out of 3 new replicas",
    );
    is_progressing(
        of(json!({"observedGeneration": 2, "updatedReplicas": 3, "replicas": 5})),
        "2 old replicas are pending termination",
    );
    is_progressing(
        of(
            json!({"observedGeneration": 2, "updatedReplicas": 3, "replicas": 3, "availableReplicas": 2}),
        ),
        "2 of 3 updated replicas are available",
    );
    is_complete(
        of(
            json!({"observedGeneration": 3, "updatedReplicas": 3, "replicas": 3, "availableReplicas": 3}),
        ),
        "deployment \"x\" successfully rolled out",
    );
}

#[test]
fn a_deployments_deadline_counts_only_for_the_observed_spec() {
    let status = |observed: i64| {
        json!({"observedGeneration": observed, "conditions": [
            {"type": "Available", "reason": "ProgressDeadlineExceeded"},
            {"type": "Progressing", "reason": "ProgressDeadlineExceeded"}]})
    };
    let of = |observed| judged("Deployment", json!({"replicas": 1}), status(observed));
    is_progressing(of(1), "to be observed");
    assert_eq!(
        of(2),
        Rollout::Failed("deployment \"x\" exceeded its progress deadline".into())
    );
}

#[test]
fn a_scaled_down_deployment_is_complete() {
    is_complete(
        judged(
            "Deployment",
            json!({"replicas": 0}),
            json!({"observedGeneration": 2}),
        ),
        "successfully",
    );
}

#[test]
fn daemon_sets_roll_only_by_rolling_update() {
    let rolling = json!({"updateStrategy": {"type": "RollingUpdate"}});
    let of = |status: Value| judged("DaemonSet", rolling.clone(), status);
    is_progressing(of(json!({})), "spec update to be observed");
    is_progressing(
        of(
            json!({"observedGeneration": 2, "desiredNumberScheduled": 3, "updatedNumberScheduled": 1}),
        ),
        "1 out of 3 new pods",
    );
    is_progressing(
        of(
            json!({"observedGeneration": 2, "desiredNumberScheduled": 3, "updatedNumberScheduled": 3,
            "numberAvailable": 2}),
        ),
        "2 of 3 updated pods are available",
    );
    is_complete(
        of(
            json!({"observedGeneration": 2, "desiredNumberScheduled": 3, "updatedNumberScheduled": 3,
            "numberAvailable": 3}),
        ),
        "daemon set \"x\" successfully",
    );
    let on_delete = json!({"updateStrategy": {"type": "OnDelete"}});
    assert!(matches!(
        judged("DaemonSet", on_delete, json!({"observedGeneration": 2})),
        Rollout::Failed(_)
    ));
}

#[test]
fn stateful_sets_are_ready_then_updated() {
    let plain = json!({"replicas": 3, "updateStrategy": {"type": "RollingUpdate"}});
    let of = |status: Value| judged("StatefulSet", plain.clone(), status);
    is_progressing(of(json!({})), "spec update to be observed");
    is_progressing(
        of(json!({"observedGeneration": 2, "readyReplicas": 1})),
        "Waiting for 2 pods to be ready",
    );
    is_progressing(
        of(
            json!({"observedGeneration": 2, "readyReplicas": 3, "updatedReplicas": 1,
            "updateRevision": "b", "currentRevision": "a"}),
        ),
        "1 pods at revision b",
    );
    is_complete(
        of(
            json!({"observedGeneration": 2, "readyReplicas": 3, "currentReplicas": 3,
            "updateRevision": "b", "currentRevision": "b"}),
        ),
        "3 pods at revision b",
    );
    let on_delete = json!({"updateStrategy": {"type": "OnDelete"}});
    assert!(matches!(
        judged("StatefulSet", on_delete, json!({})),
        Rollout::Failed(_)
    ));
}

#[test]
fn a_stateful_sets_partition_is_left_behind() {
    let spec = json!({"replicas": 3, "updateStrategy": {"type": "RollingUpdate", "rollingUpdate": {"partition": 2}}});
    let of = |updated: i64| {
        judged(
            "StatefulSet",
            spec.clone(),
            json!({"observedGeneration": 2, "readyReplicas": 3, "updatedReplicas": updated}),
        )
    };
    is_progressing(of(0), "0 out of 1 new pods");
    is_complete(of(1), "partitioned roll out complete: 1 new pods");
}

#[test]
fn other_kinds_have_no_rollout() {
    let pod = json!({"apiVersion": "v1", "kind": "Pod"});
    assert_eq!(rollout(&pod), Rollout::NotAWorkload);
    assert_eq!(
        judged("ReplicaSet", json!({}), json!({})),
        Rollout::NotAWorkload
    );
    let imposter = json!({"apiVersion": "example.com/v1", "kind": "Deployment"});
    assert_eq!(rollout(&imposter), Rollout::NotAWorkload);
}
