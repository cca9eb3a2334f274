//! Whether a node can pull an image (contract.md, "World"): asked of the node itself, by a pod that is pinned to it and
//! never runs anything.
//!
//! A kubelet pulls the image of a container first and looks up its environment afterwards. The pod takes a variable from a
//! ConfigMap that is not there, so that it stops in between: the image has been pulled, and no container of it is made.

use serde_json::{Map, Value, json};
use sha2::{Digest, Sha256};

use crate::object::{Object, ObjectId};
use crate::{message, probe, secret};

/// The kind of [`answer`], a kind of [`probe::API_VERSION`].
pub const KIND: &str = "ImageProbe";

/// How many images one plan may ask for.
pub const MAX: usize = 10;

/// After how many seconds the kubelet ends the pod, whether or not anybody is left to remove it. It waits for a pull
/// that hangs.
pub const SECONDS: u64 = 300;

/// What the pod takes its variable from. Nobody makes it.
const NOTHING: &str = "kubectl-nks-there-is-no-such-configmap";

/// The longest reference of an image: a name of 255 letters and a digest.
const MAX_REFERENCE: usize = 384;

/// What a node says of an image.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// It can be pulled; it has just been.
    Pulled,
    /// It cannot, and why, in the words of the container runtime.
    Failed(String),
    /// It could not be found out, and why.
    Unknown(String),
}

/// Whether a text can be a reference at all. What does not look like one is never sent to a node.
pub fn is_reference(image: &str) -> bool {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"._-/:@".contains(&byte);
    !image.is_empty() && image.len() <= MAX_REFERENCE && image.bytes().all(plain)
}

/// The pod that asks `node` for `image` at `now`, RFC 3339, as the pods of the workload `like` would: in its namespace,
/// with its pull secrets and on its network. `None` where that has no pods. It belongs to the workload, so that whoever
/// meets it sees what it is for.
pub fn pod(node: &str, image: &str, like: &Object, now: &str) -> Option<Value> {
    let template = like.pod_spec()?;
    let limits = json!({"cpu": "10m", "memory": "16Mi"});
    let container = json!({
        "name": "probe",
        "image": image,
        "imagePullPolicy": "Always",
        "env": [{"name": "NOTHING", "valueFrom": {"configMapKeyRef": {"name": NOTHING, "key": "nothing"}}}],
        "resources": {"limits": limits, "requests": limits},
        "securityContext": {"allowPrivilegeEscalation": false, "capabilities": {"drop": ["ALL"]},
            "runAsNonRoot": true, "runAsUser": 65532, "seccompProfile": {"type": "RuntimeDefault"}},
    });
    let mut spec = json!({
        "activeDeadlineSeconds": SECONDS,
        "automountServiceAccountToken": false,
        "containers": [container],
        "enableServiceLinks": false,
        "nodeName": node,
        "restartPolicy": "Never",
        "terminationGracePeriodSeconds": 0,
        "tolerations": [{"operator": "Exists"}],
    });
    for field in ["hostNetwork", "imagePullSecrets", "serviceAccountName"] {
        if let Some(value) = template.get(field) {
            spec[field] = value.clone();
        }
    }
    let namespace = &like.id.namespace;
    Some(json!({
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {
            "name": name(&[now, node, image, namespace]),
            "namespace": namespace,
            "labels": {"app.kubernetes.io/managed-by": "kubectl-nks", "app.kubernetes.io/name": "image-probe"},
            "ownerReferences": [{"apiVersion": like.id.api_version, "kind": like.id.kind, "name": like.id.name,
                "uid": like.uid}],
        },
        "spec": spec,
    }))
}

/// Another one each time: one that a crash has left behind is in nobody's way.
fn name(of: &[&str]) -> String {
    let mut digest = Sha256::new();
    of.iter().for_each(|part| {
        digest.update(part);
        digest.update([0]);
    });
    let digest = digest.finalize();
    let digits = digest[..5].iter().map(|byte| format!("{byte:02x}"));
    format!("kubectl-nks-probe-{}", digits.collect::<String>())
}

/// The image and the node of a pod that [`pod`] made.
pub fn asked(pod: &Value) -> (&str, &str) {
    let text = |place: &str| {
        pod.pointer(place)
            .and_then(Value::as_str)
            .unwrap_or_default()
    };
    (text("/spec/containers/0/image"), text("/spec/nodeName"))
}

/// What the status of the pod says so far; `None` while that is nothing.
pub fn judge(pod: &Value) -> Option<Verdict> {
    let text = |value: &Value, place: &str| {
        let text = value.pointer(place).and_then(Value::as_str);
        said(text.unwrap_or_default())
    };
    let state = pod.pointer("/status/containerStatuses/0/state");
    let state = state.and_then(Value::as_object);
    let waiting = state
        .and_then(|state| state.get("waiting"))
        .unwrap_or(&Value::Null);
    match text(waiting, "/reason").as_str() {
        // What comes after the pull (kubernetes, kuberuntime: startContainer).
        "CreateContainerConfigError" | "CreateContainerError" | "RunContainerError" => {
            return Some(Verdict::Pulled);
        }
        "ErrImagePull"
        | "ImagePullBackOff"
        | "InvalidImageName"
        | "ImageInspectError"
        | "RegistryUnavailable"
        | "SignatureValidationFailed" => {
            return Some(Verdict::Failed(text(waiting, "/message")));
        }
        _ => {}
    }
    // The kubelet or the cluster ended it before it came to that, so nothing of the image can have run.
    if text(pod, "/status/phase") == "Failed" {
        let why = [text(pod, "/status/reason"), text(pod, "/status/message")];
        return Some(Verdict::Unknown(why.join(": ")));
    }
    let has_run = |state: &Map<String, Value>| {
        state.contains_key("running") || state.contains_key("terminated")
    };
    state.is_some_and(has_run).then_some(Verdict::Pulled)
}

/// What a runtime or an event says, fit to be shown: it may be a registry's words, with credentials in a URL.
pub fn said(text: &str) -> String {
    secret::mask_text(&message::clean(text))
}

/// The answer as a fixer is shown it, named after the pod, and owned as it was: by the workload as which the node was asked.
pub fn answer(pod: &Object, verdict: &Verdict) -> Object {
    let (image, node) = asked(&pod.value);
    let (word, message) = match verdict {
        Verdict::Pulled => ("pulled", ""),
        Verdict::Failed(why) => ("failed", why.as_str()),
        Verdict::Unknown(why) => ("unknown", why.as_str()),
    };
    let value = json!({
        "apiVersion": probe::API_VERSION,
        "kind": KIND,
        "metadata": {"name": pod.id.name, "namespace": pod.id.namespace,
            "ownerReferences": pod.value.pointer("/metadata/ownerReferences")},
        "image": image,
        "node": node,
        "verdict": word,
        "message": message,
    });
    Object {
        id: ObjectId {
            api_version: probe::API_VERSION.into(),
            kind: KIND.into(),
            ..pod.id.clone()
        },
        uid: String::new(),
        resource_version: String::new(),
        value,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn workload(spec: Value) -> Object {
        let value = json!({"apiVersion": "apps/v1", "kind": "DaemonSet", "spec": {"template": {"spec": spec}},
            "metadata": {"name": "flannel", "namespace": "kube-system", "uid": "u"}});
        Object::new(value, "").unwrap()
    }

    #[test]
    fn the_pod_asks_as_the_workload_would_and_can_run_nothing() {
        let like = workload(
            json!({"hostNetwork": true, "imagePullSecrets": [{"name": "s"}],
            "containers": [{"name": "c", "command": ["sh"]}], "volumes": [{"name": "v"}]}),
        );
        let pod = pod("n-0", "ghcr.io/a/b:1", &like, "now").unwrap();
        assert_eq!(asked(&pod), ("ghcr.io/a/b:1", "n-0"));
        let spec = &pod["spec"];
        assert_eq!(spec["hostNetwork"], true);
        assert_eq!(spec["imagePullSecrets"], json!([{"name": "s"}]));
        assert!(spec.get("volumes").is_none() && spec.get("serviceAccountName").is_none());
        let container = &spec["containers"][0];
        assert!(container.get("command").is_none());
        assert_eq!(container["imagePullPolicy"], "Always");
        assert_eq!(
            container["env"][0]["valueFrom"]["configMapKeyRef"]["name"],
            NOTHING
        );
        assert_eq!(pod["metadata"]["ownerReferences"][0]["uid"], "u");
        assert!(
            pod["metadata"]["ownerReferences"][0]
                .get("controller")
                .is_none()
        );
        let later = super::pod("n-0", "ghcr.io/a/b:1", &like, "later").unwrap();
        assert_ne!(pod["metadata"]["name"], later["metadata"]["name"]);
        assert!(
            super::pod(
                "n-0",
                "x",
                &{
                    let mut config = like;
                    config.id.kind = "ConfigMap".into();
                    config
                },
                "now"
            )
            .is_none()
        );
    }

    #[test]
    fn what_is_no_reference_is_never_sent() {
        assert!(is_reference("ghcr.io/flannel-io/flannel:v0.26.4"));
        assert!(is_reference("a@sha256:0123"));
        for image in ["", "a b", "a\u{1b}[31m", "é", "a;b", &"a".repeat(500)] {
            assert!(!is_reference(image), "{image}");
        }
    }

    #[test]
    fn a_status_is_a_verdict_once_the_pull_is_over() {
        let waiting = |reason: &str, message: &str| {
            json!({"status": {"phase": "Pending", "containerStatuses": [
                {"state": {"waiting": {"reason": reason, "message": message}}}]}})
        };
        let pulled = Some(Verdict::Pulled);
        assert_eq!(judge(&json!({"status": {"phase": "Pending"}})), None);
        assert_eq!(judge(&waiting("ContainerCreating", "")), None);
        assert_eq!(
            judge(&waiting(
                "CreateContainerConfigError",
                "configmap not found"
            )),
            pulled
        );
        assert_eq!(
            judge(&waiting("ErrImagePull", "https://a:b@c/d\u{1b}: not found")),
            Some(Verdict::Failed("https://***@c/d\u{fffd}: not found".into()))
        );
        let deadline = json!({"status": {"phase": "Failed", "reason": "DeadlineExceeded", "message": "too long"}});
        assert_eq!(
            judge(&deadline),
            Some(Verdict::Unknown("DeadlineExceeded: too long".into()))
        );
        let running = json!({"status": {"phase": "Running", "containerStatuses": [{"state": {"running": {}}}]}});
        assert_eq!(judge(&running), pulled);
    }

    #[test]
    fn the_answer_says_which_image_on_which_node_and_for_whom() {
        let like = workload(json!({}));
        let pod = Object::new(pod("n-0", "a/b:1", &like, "now").unwrap(), "").unwrap();
        let answer = answer(&pod, &Verdict::Failed("no".into()));
        assert_eq!(answer.id.namespace, "kube-system");
        assert_eq!(answer.value["metadata"]["ownerReferences"][0]["uid"], "u");
        assert_eq!(
            (
                &answer.value["image"],
                &answer.value["node"],
                &answer.value["verdict"],
                &answer.value["message"]
            ),
            (
                &json!("a/b:1"),
                &json!("n-0"),
                &json!("failed"),
                &json!("no")
            )
        );
    }
}
