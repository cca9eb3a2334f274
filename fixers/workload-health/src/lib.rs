//! Why pods do not become Ready, and what is wrong with the objects around them.
//!
//! The guide: "The status of the Pod appears as …". Its sections tell of single faults of NKS; this fixer tells the
//! ordinary causes beside them, so that what is found on a cluster is never only a status. It changes nothing: each
//! finding names the object to change and says what.
//!
//! | Question | answered in |
//! |---|---|
//! | What is there to look at? | `scene.rs`, `event.rs`, `status.rs` |
//! | What does one pod show? | `pods.rs`, which asks `pull.rs`, `config.rs`, `crash.rs`, `probe.rs`, `scheduling.rs`, `claim.rs` |
//! | Is it a section of the guide that is mended on the node? | `guide.rs` |
//! | Why is a pod never made? | `refusal.rs` |
//! | What is wrong with nodes, Jobs, Services, Ingresses, autoscalers? | `node.rs`, `job.rs`, `service.rs`, `ingress.rs`, `autoscaler.rs` |
//! | What does a selector select, and which object is that? | `selection.rs`, `order.rs` |
//! | What is one and the same cause? | `symptom.rs` |
//! | What did a crashing container write last? | `logs.rs` |
//!
//! Left alone: whatever is starting, stopping, suspended, scaled to zero or done, and what a more general cause explains:
//! pods on a node that is not Ready belong to the node.

mod autoscaler;
mod claim;
mod config;
mod crash;
mod event;
mod guide;
mod ingress;
mod job;
mod logs;
mod node;
mod order;
mod pods;
mod probe;
mod pull;
mod refusal;
mod scene;
mod scheduling;
mod selection;
mod service;
mod status;
mod symptom;
#[cfg(test)]
mod tests;
mod words;

use logs::Logs;
use nks_fixer::{Fixer, Input, Outcome, Report};
use scene::Scene;

/// The fixer.
#[derive(Debug)]
pub struct WorkloadHealth;

nks_fixer::export!(WorkloadHealth);

impl Fixer for WorkloadHealth {
    fn analyze(input: &Input) -> Result<Outcome, String> {
        let scene = Scene::of(input);
        let mut symptoms = pods::symptoms(&scene);
        symptoms.extend(claim::unused(&scene, &symptoms));
        symptoms.extend(node::symptoms(&scene));
        symptoms.extend(refusal::symptoms(&scene));
        symptoms.extend(job::symptoms(&scene));
        symptoms.extend(service::symptoms(&scene));
        symptoms.extend(ingress::symptoms(&scene));
        symptoms.extend(autoscaler::symptoms(&scene));
        let symptoms = symptom::fold(&scene, symptoms);

        let logs = Logs::of(&scene);
        let wanted = logs.wanted(&scene, &symptoms);
        if !wanted.is_empty() {
            return Ok(Outcome::Need(wanted));
        }
        let mut report = Report::default();
        for symptom in symptoms {
            report.finding(symptom::finding(&scene, logs.with_line(&scene, symptom)));
        }
        Ok(Outcome::Done(report))
    }
}
