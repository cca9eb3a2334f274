//! Parts of the API whose own server does not answer, and the namespaces that cannot be deleted because of it.
//!
//! An APIService says which Service answers for a part of the API, such as metrics-server for `metrics.k8s.io`. While that
//! server does not answer, the part is missing, and whoever asks for the whole API gets no whole answer: the deletion of a
//! namespace does not end, whatever is in the namespace (kubernetes #83332). The guide has no section on it.
//!
//! | Question | answered in |
//! |---|---|
//! | Which APIServices are broken, since when, and what does the API server say? | `condition.rs` |
//! | Is the Service there? | `service.rs` |
//! | What is behind the Service: ready pods, failing ones, none? | `backend.rs` |
//! | What does a failed request to a server with ready pods tell? | `discovery.rs` |
//! | What does it come to, and what mends it? | `verdict.rs` |
//! | Which namespaces wait for it? | `namespaces.rs` |
//! | What is to be said and done about it? | this file |
//!
//! Only two things are ever done. An APIService is deleted when its Service is known to be gone: nobody can answer for it
//! any more. A workload is restarted when its pods run and are not ready, or when metrics-server has ready pods and yet
//! does not answer as it should; and only once: where a restart did not help, another one would not either.
//!
//! Left alone: APIServices without a Service, for which the API server answers itself; what has just begun; pods that
//! crash or cannot start, which have a cause of their own; certificates and networks.

mod backend;
mod condition;
mod discovery;
mod namespaces;
mod service;
#[cfg(test)]
mod tests;
mod verdict;

use condition::Broken;
use nks_fixer::{
    Change, Finding, Fixer, Input, Outcome, Report, Risk, Severity, Step, Workload, naming,
};
use verdict::{Remedy, Verdict};

/// The fixer.
#[derive(Debug)]
pub struct BrokenApiservice;

nks_fixer::export!(BrokenApiservice);

/// APIServices that are broken by one and the same cause.
struct Fault<'a> {
    broken: Vec<Broken<'a>>,
    verdict: Verdict,
}

impl Fixer for BrokenApiservice {
    fn analyze(input: &Input) -> Result<Outcome, String> {
        let mut report = Report::default();
        let mut restarts: Vec<(u32, String, Vec<u32>)> = Vec::new();
        for fault in faults(input) {
            let mut findings = vec![report.finding(finding(&fault))];
            // What has just begun need not be what a namespace waits for.
            if fault.verdict.severity == Severity::Error {
                findings.extend(stuck(input, &fault).map(|stuck| report.finding(stuck)));
            }
            match fault.verdict.remedy {
                Remedy::None => {}
                Remedy::Delete => delete(&fault, &findings, &mut report),
                Remedy::Restart(workload) => {
                    match restarts.iter_mut().find(|(index, ..)| *index == workload) {
                        Some((.., mends)) => mends.extend(findings),
                        None => restarts.push((workload, apis(&fault), findings)),
                    }
                }
            }
        }
        for (workload, apis, findings) in restarts {
            restart(input, workload, apis, &findings, &mut report);
        }
        Ok(Outcome::Done(report))
    }
}

/// The broken APIServices; those that the same server leaves unanswered for the same reason are one fault.
fn faults(input: &Input) -> Vec<Fault<'_>> {
    let mut faults: Vec<Fault> = Vec::new();
    for broken in condition::broken(input) {
        let verdict = verdict::of(input, &broken);
        let same = |fault: &&mut Fault| {
            fault.verdict == verdict
                && (fault.broken.iter()).all(|other| other.service() == broken.service())
        };
        match faults.iter_mut().find(same) {
            Some(fault) => fault.broken.push(broken),
            None => faults.push(Fault {
                broken: vec![broken],
                verdict,
            }),
        }
    }
    faults
}

fn finding(fault: &Fault) -> Finding {
    let verdict = &fault.verdict;
    let finding = match verdict.severity {
        Severity::Info => Finding::info(verdict.message),
        Severity::Warning => Finding::warning(verdict.message),
        Severity::Error => Finding::error(verdict.message),
    };
    let service = fault.broken.first().map(Broken::service_name);
    let mut finding = about(finding, fault)
        .seen_on(verdict.related.iter().copied())
        .arg("service", service.unwrap_or_default())
        .arg("lost", lost(fault));
    for (name, value) in &verdict.args {
        finding = finding.arg(name, value.as_str());
    }
    finding
}

/// A finding about the APIServices of a fault.
fn about(finding: Finding, fault: &Fault) -> Finding {
    let finding = finding.arg("apis", apis(fault));
    let mut indexes = fault.broken.iter().map(|broken| broken.index);
    match indexes.next() {
        Some(first) => finding.on(first).seen_on(indexes),
        None => finding,
    }
}

fn apis(fault: &Fault) -> String {
    naming::list(
        fault
            .broken
            .iter()
            .map(|broken| broken.object.name.as_str()),
    )
}

/// What does not work meanwhile, in words that need no translation.
fn lost(fault: &Fault) -> String {
    let mut lost = Vec::new();
    for broken in &fault.broken {
        match broken.group {
            "metrics.k8s.io" => lost.extend(["kubectl top", "HorizontalPodAutoscaler"]),
            "custom.metrics.k8s.io" | "external.metrics.k8s.io" => {
                lost.push("HorizontalPodAutoscaler");
            }
            group => lost.push(group),
        }
    }
    lost.push("kubectl delete namespace");
    naming::list(lost.into_iter())
}

/// A finding about the namespaces that wait for a fault to be mended.
fn stuck(input: &Input, fault: &Fault) -> Option<Finding> {
    let waiting = namespaces::waiting_for(input, &fault.broken);
    let names = naming::list(waiting.iter().map(|(_, namespace)| namespace.name.as_str()));
    let finding = about(Finding::error("namespaces-stuck"), fault)
        .seen_on(waiting.iter().map(|(index, _)| *index))
        .arg("count", waiting.len().to_string())
        .arg("namespaces", names);
    (!waiting.is_empty()).then_some(finding)
}

fn mending(step: Step, findings: &[u32]) -> Step {
    findings.iter().fold(step, |step, one| step.mends(*one))
}

/// Deletes the APIServices of a fault, each with a question of its own.
fn delete(fault: &Fault, findings: &[u32], report: &mut Report) {
    for broken in &fault.broken {
        if broken.object.is_being_deleted() {
            continue;
        }
        let step = match broken.maker() {
            Some(maker) => Step::delete("delete-api-service-of", broken.index).arg("maker", maker),
            None => Step::delete("delete-api-service", broken.index),
        };
        let step = step
            .arg("api", broken.object.name.as_str())
            .risk(Risk::Destructive)
            .wait();
        report.step(mending(step, findings));
    }
}

fn restart(input: &Input, target: u32, apis: String, findings: &[u32], report: &mut Report) {
    let object = input.objects.get(target as usize);
    let Some(workload) = object.and_then(|object| Workload::of(target, object)) else {
        return;
    };
    let step = Step::new("restart-backend", Change::Restart(target))
        .arg("workload", workload.display_name())
        .arg("apis", apis)
        .risk(Risk::Disruptive)
        .wait();
    report.step(mending(step, findings));
}
