//! What a broken APIService comes to: which message, about what else, and what mends it.

use nks_fixer::{Input, Object, Severity, Workload, naming};
use serde_json::Value;

use crate::backend::{self, Backend};
use crate::condition::Broken;
use crate::discovery::{self, Failure};
use crate::service::{self, Known};

/// What mends it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Remedy {
    /// Nothing that is done here.
    None,
    /// The APIService goes.
    Delete,
    /// This workload is restarted.
    Restart(u32),
}

/// What is to be said.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Verdict {
    pub(crate) message: &'static str,
    pub(crate) severity: Severity,
    /// Objects that show it, beside the APIServices.
    pub(crate) related: Vec<u32>,
    pub(crate) args: Vec<(&'static str, String)>,
    pub(crate) remedy: Remedy,
}

impl Verdict {
    fn new(message: &'static str, severity: Severity) -> Self {
        Self {
            message,
            severity,
            related: Vec::new(),
            args: Vec::new(),
            remedy: Remedy::None,
        }
    }

    fn error(message: &'static str) -> Self {
        Self::new(message, Severity::Error)
    }

    fn info(message: &'static str) -> Self {
        Self::new(message, Severity::Info)
    }

    fn on(mut self, related: impl IntoIterator<Item = u32>) -> Self {
        self.related.extend(related);
        self
    }

    fn arg(mut self, name: &'static str, value: impl Into<String>) -> Self {
        self.args.push((name, value.into()));
        self
    }

    fn mended_by(mut self, remedy: Remedy) -> Self {
        self.remedy = remedy;
        self
    }
}

/// Holds what the API server says against what is there.
pub(crate) fn of(input: &Input, broken: &Broken) -> Verdict {
    if broken.is_starting(input.context.now_unix) {
        return Verdict::info("starting");
    }
    let reason = reason(broken);
    match (broken.reason, service::find(input, broken.service())) {
        ("ServiceAccessError" | "EndpointsAccessError", _) => {
            Verdict::error("access-error").arg("reason", reason)
        }
        (_, Known::Unread) => Verdict::error("services-unread").arg("reason", reason),
        ("ServiceNotFound", Known::Gone) => gone(broken),
        // The API server looks again every few seconds, so that one of the two is about to change.
        (_, Known::Gone) | ("ServiceNotFound", _) => {
            Verdict::info("unsettled").arg("reason", reason)
        }
        ("ServicePortError", Known::There(index, _)) => Verdict::error("service-port-missing")
            .on([index])
            .arg("port", broken.port()),
        ("MissingEndpoints" | "EndpointsNotFound", Known::There(index, service)) => {
            without_endpoints(input, broken, (index, service))
        }
        ("FailedDiscoveryCheck", Known::There(_, service)) => unanswered(input, broken, service),
        (_, Known::There(..)) => Verdict::error("other").arg("reason", reason),
    }
}

/// What the API server says: in a sentence, or in one word where it says no more.
fn reason(broken: &Broken) -> String {
    let said = discovery::short(broken.message);
    let said = if said.is_empty() { broken.reason } else { said };
    said.to_owned()
}

fn gone(broken: &Broken) -> Verdict {
    let message = if broken.group == "metrics.k8s.io" {
        "service-gone-metrics"
    } else {
        "service-gone"
    };
    Verdict::error(message).mended_by(Remedy::Delete)
}

/// No ready pod offers the port that is asked.
fn without_endpoints(input: &Input, broken: &Broken, (index, service): (u32, &Object)) -> Verdict {
    let Some(backend) = Backend::of(input, service) else {
        return Verdict::error("endpoints-by-hand").on([index]);
    };
    let workloads = || backend.workloads.iter().map(|workload| workload.index);
    let troubles = backend.troubles(input);
    if backend.is_ready() {
        Verdict::error("port-not-offered")
            .on([index])
            .on(workloads())
            .arg("port", broken.port())
    } else if service::is_terminating(input, &service.namespace) {
        Verdict::error("server-being-deleted").on([index])
    } else if backend.is_scaled_to_zero() {
        Verdict::error("scaled-to-zero")
            .on(workloads())
            .arg("workload", named(&backend.workloads))
    } else if backend.is_starting(input) {
        Verdict::info("backend-starting")
    } else if !troubles.is_empty() {
        // Only the pods: they have a cause of their own, which another check may find.
        Verdict::error("pods-failing")
            .on(backend.pods.iter().map(|pod| pod.index))
            .arg("pods", naming::list(troubles.iter().map(String::as_str)))
    } else if backend.pods.is_empty() {
        Verdict::error("selects-no-pod")
            .on([index])
            .on(workloads())
            .arg("selector", selector(service))
    } else {
        not_ready(broken, &backend)
    }
}

/// Its pods run, none of them is ready, and nothing tells why.
fn not_ready(broken: &Broken, backend: &Backend) -> Verdict {
    let pods = backend.pods.iter();
    let names = naming::list(pods.clone().map(|pod| pod.name.as_str()));
    let indexes = pods.map(|pod| pod.index);
    match backend.workload() {
        Some(workload) if backend::was_restarted(&workload, broken.since) => {
            restarted(&workload).arg("reason", broken.reason)
        }
        Some(workload) => Verdict::error("pods-not-ready")
            .on([workload.index])
            .on(indexes)
            .arg("pods", names)
            .mended_by(Remedy::Restart(workload.index)),
        None => Verdict::error("pods-not-ready-unknown-workload")
            .on(indexes)
            .arg("pods", names),
    }
}

/// Its pods are ready, and yet it does not answer as it should.
fn unanswered(input: &Input, broken: &Broken, service: &Object) -> Verdict {
    let backend = Backend::of(input, service);
    if backend.as_ref().is_some_and(|it| it.is_starting(input)) {
        return Verdict::info("backend-starting");
    }
    let workload = backend.as_ref().and_then(Backend::workload);
    let failure = discovery::failure(broken.message);
    let may_help = match failure {
        Failure::Unauthorised | Failure::Refused | Failure::Silent => true,
        Failure::Status(status) => status.starts_with('5'),
        Failure::Certificate | Failure::Unreachable | Failure::Other => false,
    };
    let verdict = answer(broken, failure)
        .on(workload.iter().map(|workload| workload.index))
        .arg("reason", reason(broken));
    let may_help = may_help
        && broken.group == "metrics.k8s.io"
        && !service::is_terminating(input, &service.namespace);
    match workload.filter(|_| may_help) {
        Some(workload) if backend::was_restarted(&workload, broken.since) => {
            restarted(&workload).arg("reason", reason(broken))
        }
        Some(workload) => verdict.mended_by(Remedy::Restart(workload.index)),
        None => verdict,
    }
}

fn answer(broken: &Broken, failure: Failure) -> Verdict {
    match failure {
        Failure::Unauthorised => Verdict::error("unauthorised"),
        Failure::Status(status) => Verdict::error("bad-status").arg("status", status),
        Failure::Certificate if broken.has_bundle() => Verdict::error("certificate"),
        Failure::Certificate => Verdict::error("certificate-without-bundle"),
        Failure::Refused => Verdict::error("refused"),
        Failure::Unreachable => Verdict::error("unreachable"),
        Failure::Silent => Verdict::error("no-answer-in-time"),
        Failure::Other => Verdict::error("other"),
    }
}

fn restarted(workload: &Workload) -> Verdict {
    Verdict::error("restart-did-not-help")
        .on([workload.index])
        .arg("workload", workload.display_name())
}

fn named(workloads: &[Workload]) -> String {
    let names: Vec<String> = workloads.iter().map(|one| one.display_name()).collect();
    names.join(", ")
}

/// `k8s-app=metrics-server`
fn selector(service: &Object) -> String {
    let selector = service.value.pointer("/spec/selector");
    let pairs = selector.and_then(Value::as_object).into_iter().flatten();
    let pairs: Vec<String> = pairs
        .map(|(key, value)| [key, "=", value.as_str().unwrap_or_default()].concat())
        .collect();
    pairs.join(",")
}
