//! Which APIServices are broken, and what the API server says of them.
//!
//! The API server notes it in the condition `Available`. It is `False` where the server was found not to answer, and
//! `Unknown` where the API server could not look (`ServiceAccessError`, `EndpointsAccessError`); neither is answered for.
//! An APIService without a condition was made a moment ago. Source: kube-aggregator, `remote_available_controller.go`.

use nks_fixer::{Input, Object, time};
use serde_json::Value;

/// So long a server may take to start, or the API server to notice that it has.
const STARTING: i64 = 120;

/// An APIService that a Service should answer for, and does not.
#[derive(Clone, Copy)]
pub(crate) struct Broken<'a> {
    pub(crate) index: u32,
    pub(crate) object: &'a Object,
    /// `metrics.k8s.io`
    pub(crate) group: &'a str,
    /// `v1beta1`
    pub(crate) version: &'a str,
    /// `FailedDiscoveryCheck`, in the API server's words.
    pub(crate) reason: &'a str,
    pub(crate) message: &'a str,
    /// Since when, in seconds since 1970-01-01 UTC; `None` where it does not say.
    pub(crate) since: Option<i64>,
}

/// All of them. What the API server answers for itself names no Service.
pub(crate) fn broken(input: &Input) -> impl Iterator<Item = Broken<'_>> {
    input
        .indexed()
        .filter(|(_, object)| object.kind == "APIService")
        .filter(|(_, object)| object.text("/spec/service/name").is_some())
        .filter_map(|(index, object)| read(index, object))
}

fn read(index: u32, object: &Object) -> Option<Broken<'_>> {
    let conditions = object.value.pointer("/status/conditions")?.as_array()?;
    let available = conditions
        .iter()
        .find(|condition| text(condition, "type") == "Available")?;
    (text(available, "status") != "True").then(|| Broken {
        index,
        object,
        group: object.text("/spec/group").unwrap_or_default(),
        version: object.text("/spec/version").unwrap_or_default(),
        reason: text(available, "reason"),
        message: text(available, "message"),
        since: time::seconds(text(available, "lastTransitionTime")),
    })
}

/// The text of a field, empty where there is none.
pub(crate) fn text<'a>(value: &'a Value, field: &str) -> &'a str {
    value.get(field).and_then(Value::as_str).unwrap_or_default()
}

impl<'a> Broken<'a> {
    /// Namespace and name of the Service that should answer.
    pub(crate) fn service(&self) -> (&'a str, &'a str) {
        let text = |pointer| self.object.text(pointer).unwrap_or_default();
        (text("/spec/service/namespace"), text("/spec/service/name"))
    }

    /// `kube-system/metrics-server`
    pub(crate) fn service_name(&self) -> String {
        let (namespace, name) = self.service();
        [namespace, name].join("/")
    }

    /// The port of the Service that is asked.
    pub(crate) fn port(&self) -> String {
        let port = self.object.value.pointer("/spec/service/port");
        port.and_then(Value::as_u64).unwrap_or(443).to_string()
    }

    /// Whether it may pass by itself.
    pub(crate) fn is_starting(&self, now: i64) -> bool {
        self.since.is_some_and(|since| now - since < STARTING)
    }

    /// Whether it says by which authority the server's certificate has to be signed.
    pub(crate) fn has_bundle(&self) -> bool {
        let bundle = self.object.text("/spec/caBundle");
        bundle.is_some_and(|bundle| !bundle.is_empty())
    }

    /// Who made it and may make it again, as far as it says.
    pub(crate) fn maker(&self) -> Option<String> {
        let object = self.object;
        let owners = object.value.pointer("/metadata/ownerReferences");
        let owner = owners.and_then(Value::as_array).and_then(|all| all.first());
        if let Some(owner) = owner {
            return Some([text(owner, "kind"), text(owner, "name")].join("/"));
        }
        let label = |key| object.label(key);
        let known = if object
            .annotation("argocd.argoproj.io/tracking-id")
            .is_some()
            || label("argocd.argoproj.io/instance").is_some()
        {
            "Argo CD"
        } else if label("kustomize.toolkit.fluxcd.io/name").is_some()
            || label("helm.toolkit.fluxcd.io/name").is_some()
        {
            "Flux"
        } else if label("olm.owner").is_some() {
            "OLM"
        } else if object.annotation("meta.helm.sh/release-name").is_some() {
            "Helm"
        } else if label("addonmanager.kubernetes.io/mode") == Some("Reconcile") {
            "addon-manager"
        } else {
            // Whatever wrote its name there: `Helm`, or an operator's own.
            label("app.kubernetes.io/managed-by")?
        };
        Some(known.to_owned())
    }
}
