//! The node of a case, where a fixer asks it for images: it says of each image what the case says of it, or that it has
//! been pulled.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;

use nks_core::image_probe;
use nks_core::object::Object;
use serde_json::{Value, json};

use crate::api::Api;
use crate::load::text;

/// The pods that ask for images, by the label that they have.
const PODS: &str = "/api/v1/pods?labelSelector=app.kubernetes.io%2Fname%3Dimage-probe";

/// How often the node looks for them.
const GLANCE: Duration = Duration::from_millis(50);

/// What a node says of images, by namespace and image.
pub(crate) struct Node(BTreeMap<(String, String), (String, String)>);

/// Whether an object is the answer of a node, which no server has.
pub(crate) fn is_answer(object: &Object) -> bool {
    object.id.kind == image_probe::KIND
}

impl Node {
    /// The node that gives the answers among these objects.
    pub(crate) fn of(objects: &[Object]) -> Self {
        let answer = |object: &Object| {
            let said = |pointer: &str| text(&object.value, pointer);
            let asked = (object.id.namespace.clone(), said("/image"));
            (asked, (said("/verdict"), said("/message")))
        };
        let answers = objects.iter().filter(|object| is_answer(object));
        Self(answers.map(answer).collect())
    }

    /// Does `work` while the node of the server with this kubeconfig answers.
    pub(crate) fn while_it_answers<T>(&self, kubeconfig: &Path, work: impl FnOnce() -> T) -> T {
        let over = AtomicBool::new(false);
        thread::scope(|scope| {
            scope.spawn(|| {
                let api = Api::of_kubeconfig(kubeconfig);
                while !over.load(Ordering::Relaxed) {
                    let pods = api.get(PODS).unwrap_or_default();
                    for pod in pods["items"].as_array().into_iter().flatten() {
                        self.answer(&api, pod);
                    }
                    thread::sleep(GLANCE);
                }
            });
            let done = work();
            over.store(true, Ordering::Relaxed);
            done
        })
    }

    fn answer(&self, api: &Api, pod: &Value) {
        let (namespace, name) = (
            text(pod, "/metadata/namespace"),
            text(pod, "/metadata/name"),
        );
        let asked = (namespace.clone(), image_probe::asked(pod).0.to_owned());
        let (verdict, message) = self.0.get(&asked).cloned().unwrap_or_default();
        let waiting = |reason: &str| {
            let state = json!({"waiting": {"reason": reason, "message": message}});
            json!({"phase": "Pending", "containerStatuses": [{"name": "probe", "image": asked.1, "imageID": "",
                "ready": false, "restartCount": 0, "state": state}]})
        };
        let status = match verdict.as_str() {
            "failed" => waiting("ErrImagePull"),
            "unknown" => json!({"phase": "Failed", "reason": "Unknown", "message": message}),
            _ => waiting("CreateContainerConfigError"),
        };
        let path = format!("/api/v1/namespaces/{namespace}/pods/{name}/status");
        // It may be gone again by now.
        let _ = api.merge(&path, &json!({"status": status}));
    }
}
