//! The least risk that the host believes, whatever a fixer says.

use serde_json::Value;

use super::{Act, Action, ObjectPatch};
use crate::finalizer;
use crate::kinds;
use crate::report::Risk;
use crate::whole;

/// What is taken from an object that is being deleted cannot be put back, and what is deleted comes back as another
/// object, if at all; only pods are there to come and go. What starts or ends pods, moves traffic or
/// decides what others may do is felt at once. Everything else the fixer may call safe.
pub(crate) fn floor(action: &Action) -> Risk {
    let Action::Patch(patch) = action else {
        return Risk::Safe;
    };
    if patch.act() == Act::Delete {
        if whole::is_pod(&patch.id) {
            Risk::Disruptive
        } else {
            Risk::Destructive
        }
    } else if finalizer::is_final(&patch.before, &patch.after) {
        Risk::Destructive
    } else if patch.is_guarded() || is_felt(patch) {
        Risk::Disruptive
    } else {
        Risk::Safe
    }
}

fn is_felt(patch: &ObjectPatch) -> bool {
    let (before, after) = (&patch.before, &patch.after);
    let changes = |place: &str| before.pointer(place) != after.pointer(place);
    changes("/spec/template")
        || replicas(after) < replicas(before)
        || felt_places(patch).iter().any(|place| changes(place))
}

/// The places of a kind that are felt at once, but for pod templates and numbers of replicas, which many kinds have.
fn felt_places(patch: &ObjectPatch) -> &'static [&'static str] {
    match (kinds::group(&patch.id.api_version), patch.id.kind.as_str()) {
        // Labels decide which Services and controllers a pod belongs to, and which pods a node may run.
        ("", "Pod") => &["/metadata/labels", "/spec"],
        ("", "Node") => &["/metadata/labels", "/spec/taints"],
        ("", "ReplicationController") | ("apps", _) => &["/spec/selector"],
        // What may be changed of a Job (suspend, parallelism, deadlines) decides whether its pods go on.
        ("batch", "Job") => &["/spec"],
        ("", "Service") | ("networking.k8s.io", _) | ("autoscaling", _) => &["/spec"],
        _ => &[],
    }
}

/// How many replicas an object asks for. None said is one, as the API server has it.
fn replicas(object: &Value) -> f64 {
    let said = object.pointer("/spec/replicas");
    said.and_then(Value::as_f64).unwrap_or(1.0)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::object::ObjectId;
    use crate::scope;

    fn risk_of(kind: &str, before: Value, after: Value) -> Risk {
        let (api_version, kind) = kind.rsplit_once('/').unwrap();
        let id = ObjectId {
            api_version: api_version.into(),
            kind: kind.into(),
            namespace: "n".into(),
            name: "o".into(),
        };
        floor(&Action::Patch(Box::new(ObjectPatch {
            id,
            uid: String::new(),
            resource_version: String::new(),
            edits: scope::edits(&before, &after),
            before,
            after,
            declared: Vec::new(),
            credentials: Default::default(),
            managed_by: None,
        })))
    }

    /// The risk of setting a place that was not there, and of taking it away.
    fn risks_at(kind: &str, place: &str) -> [Risk; 2] {
        let mut with = json!("x");
        for step in place.rsplit('/').filter(|step| !step.is_empty()) {
            with = json!({step: with});
        }
        with["metadata"]["name"] = "o".into();
        let mut without = with.clone();
        let (parent, last) = place.rsplit_once('/').unwrap();
        let parent = without.pointer_mut(parent).unwrap();
        parent.as_object_mut().unwrap().remove(last);
        [
            risk_of(kind, without.clone(), with.clone()),
            risk_of(kind, with, without),
        ]
    }

    #[test]
    fn what_is_felt_at_once_is_disruptive() {
        for (kind, place) in [
            ("apps/v1/Deployment", "/spec/template"),
            ("apps/v1/Deployment", "/spec/selector/matchLabels/x"),
            ("apps/v1/DaemonSet", "/spec/template/metadata/annotations/x"),
            ("example.com/v1/Rollout", "/spec/template/spec/x"),
            ("batch/v1/Job", "/spec/suspend"),
            ("v1/Pod", "/metadata/labels/app"),
            ("v1/Pod", "/spec/containers"),
            ("v1/Node", "/metadata/labels/pool"),
            ("v1/Node", "/spec/taints"),
            ("v1/Service", "/spec/selector/app"),
            ("v1/Service", "/spec/ports"),
            ("networking.k8s.io/v1/NetworkPolicy", "/spec/ingress"),
            (
                "autoscaling/v2/HorizontalPodAutoscaler",
                "/spec/maxReplicas",
            ),
            ("rbac.authorization.k8s.io/v1/ClusterRole", "/rules"),
            (
                "rbac.authorization.k8s.io/v1/ClusterRole",
                "/metadata/labels/aggregate",
            ),
            ("rbac.authorization.k8s.io/v1/RoleBinding", "/subjects"),
            (
                "admissionregistration.k8s.io/v1/ValidatingWebhookConfiguration",
                "/webhooks",
            ),
        ] {
            let disruptive = [Risk::Disruptive; 2];
            assert_eq!(risks_at(kind, place), disruptive, "{kind} {place}");
        }
    }

    #[test]
    fn what_nothing_restarts_for_is_as_safe_as_the_fixer_says() {
        for (kind, place) in [
            ("apps/v1/Deployment", "/metadata/labels/app"),
            ("apps/v1/Deployment", "/metadata/annotations/x"),
            ("apps/v1/DaemonSet", "/spec/updateStrategy/type"),
            ("apps/v1/Deployment", "/spec/templates"),
            ("batch/v1/CronJob", "/spec/schedule"),
            ("v1/Service", "/metadata/annotations/x"),
            ("v1/Node", "/spec/unschedulable"),
            ("v1/ConfigMap", "/data/x"),
            ("storage.k8s.io/v1/StorageClass", "/allowVolumeExpansion"),
        ] {
            assert_eq!(risks_at(kind, place), [Risk::Safe; 2], "{kind} {place}");
        }
    }

    #[test]
    fn fewer_replicas_end_pods_and_more_do_not() {
        let of = |number: Value| json!({"spec": {"replicas": number}});
        let none = || json!({"spec": {}});
        for (before, after, risk) in [
            (of(json!(2)), of(json!(0)), Risk::Disruptive),
            (none(), of(json!(0)), Risk::Disruptive),
            (of(json!(3)), none(), Risk::Disruptive),
            (of(json!(3)), json!({}), Risk::Disruptive),
            (of(json!(2)), of(json!(3)), Risk::Safe),
            (of(json!(0)), none(), Risk::Safe),
            (none(), of(json!(1)), Risk::Safe),
        ] {
            let shown = format!("{before} {after}");
            let found = risk_of("example.com/v1/Scaled", before, after);
            assert_eq!(found, risk, "{shown}");
        }
    }

    #[test]
    fn what_cannot_be_put_back_is_destructive() {
        let held = json!({"metadata": {"deletionTimestamp": "t", "finalizers": ["a"]}});
        let free = json!({"metadata": {"deletionTimestamp": "t"}});
        assert_eq!(risk_of("v1/Service", held, free), Risk::Destructive);
        assert_eq!(floor(&Action::Manual), Risk::Safe);
    }

    #[test]
    fn a_deletion_is_destructive_and_a_creation_costs_what_it_sets() {
        let of = |spec: Value| json!({"spec": spec});
        let deleted = |kind: &str| risk_of(kind, of(json!({})), Value::Null);
        assert_eq!(deleted("v1/Pod"), Risk::Disruptive);
        assert_eq!(deleted("v1/ConfigMap"), Risk::Destructive);
        assert_eq!(deleted("batch/v1/Job"), Risk::Destructive);
        let created = |kind: &str, spec: Value| risk_of(kind, Value::Null, of(spec));
        assert_eq!(created("v1/ConfigMap", json!({})), Risk::Safe);
        for (kind, spec) in [
            ("networking.k8s.io/v1/NetworkPolicy", json!({"ingress": []})),
            ("apps/v1/Deployment", json!({"template": {}})),
            ("rbac.authorization.k8s.io/v1/Role", json!({})),
        ] {
            assert_eq!(created(kind, spec), Risk::Disruptive, "{kind}");
        }
    }
}
