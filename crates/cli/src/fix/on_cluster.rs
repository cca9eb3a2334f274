//! `fix` on a cluster: nodes are asked first, then the plan is carried out, and what came of it is looked at again.

use std::sync::Arc;

use nks_cluster::{Cluster, Lock, StepState};
use nks_core::plan::Plan;
use nks_core::record::RunOutcome;
use nks_core::{image_probe, rights};

use super::{ATTEMPTS, Mending, refuse_open};
use crate::failure::{Ended, Failure, Kind};
use crate::flow::{self, Applied, Carried, Run};
use crate::interrupt::Interrupt;
use crate::plan_screen;
use crate::screen::tick;
use crate::source::Source;
use crate::writing::CarryOut;

impl Mending<'_> {
    /// The whole flow, again from the start whenever an object changed under it.
    pub(super) async fn on_cluster(
        &mut self,
        source: &Source,
        cluster: &Cluster,
        lock: Option<&Lock>,
        interrupt: &Interrupt,
    ) -> Result<Ended, Failure> {
        let cluster_uid = interrupt
            .or(self.screen, async {
                cluster
                    .uid()
                    .await
                    .map_err(|problem| Failure::request(self.screen, &problem))
            })
            .await?;
        refuse_open(self.screen, &cluster_uid)?;
        let options = CarryOut {
            stdin_is_taken: self.settings.from_stdin,
            ..self
                .command
                .writing
                .carry_out(self.command.wait, self.command.timeout)
        };
        let manifest = self.fixer.manifest.clone();
        let run = Run {
            fixer: manifest.name(),
            fixer_version: &manifest.spec.version,
            undoes: None,
            cluster_uid: &cluster_uid,
            rights: rights::to_write(&manifest),
            options: &options,
            lock,
        };
        let screen = self.screen;
        for _ in 0..ATTEMPTS {
            let planned = interrupt.or(screen, self.plan(source)).await?;
            if !self.show_findings(&planned)? {
                return Ok(if planned.analysis.report.finds_a_problem() {
                    Ended::Found
                } else {
                    Ended::Done
                });
            }
            let probes = planned.plan.probes();
            let asks = probes.is_some();
            let plan = probes.unwrap_or(planned.plan);
            match flow::carry_out(screen, cluster, plan.clone(), &run, interrupt).await? {
                Carried::NotApproved => return Ok(Ended::Found),
                Carried::Changed(what) => {
                    screen.note(&screen.say("changed-plan-again", &[("what", &what)]))
                }
                Carried::Out(applied) if asks && self.take_answers(&applied) => {
                    plan_screen::show_outcome(screen, &plan, &applied.report)?;
                    let note = "nodes were asked for images; the pods that asked are gone";
                    applied.finish(screen, RunOutcome::Nothing, note)?;
                    screen.line("")?;
                }
                Carried::Out(applied) => {
                    return self.conclude(source, &plan, &applied, interrupt).await;
                }
            }
        }
        Err(Failure::error(screen.say("keeps-changing", &[])))
    }

    /// Keeps what nodes answered for the plan that follows; says whether all of them were asked.
    fn take_answers(&mut self, applied: &Applied) -> bool {
        let states = &applied.report.steps;
        let answers = states.iter().filter_map(|state| match state {
            StepState::Probed { pod, verdict } => Some(image_probe::answer(pod, verdict)),
            _ => None,
        });
        let before = self.answers.len();
        self.answers.extend(answers.map(Arc::new));
        self.answers.len() - before == states.len()
    }

    /// Says what was done, checks again, and closes the journal entry.
    async fn conclude(
        &mut self,
        source: &Source,
        plan: &Plan,
        applied: &Applied,
        interrupt: &Interrupt,
    ) -> Result<Ended, Failure> {
        let screen = self.screen;
        // Nobody may be reading any more, and the entry has to be closed all the same.
        let _ = plan_screen::show_outcome(screen, plan, &applied.report);
        let states = &applied.report.steps;
        let has = |wanted: fn(&StepState) -> bool| states.iter().any(wanted);
        let undo = screen.say(
            "undo-hint",
            &[("command", &format!("kubectl nks undo {}", applied.entry))],
        );
        if has(|state| matches!(state, StepState::Unknown(_))) {
            return Err(
                Failure::new(Kind::Partial, screen.say("outcome-unknown", &[]))
                    .hint("kubectl nks resume"),
            );
        }
        let changed = applied.has_changed();
        if has(|state| {
            matches!(
                state,
                StepState::Failed(_)
                    | StepState::RolloutFailed(_)
                    | StepState::Conflict { .. }
                    | StepState::NotTried
            )
        }) {
            let outcome = if changed {
                RunOutcome::Partial
            } else {
                RunOutcome::Nothing
            };
            applied.finish(screen, outcome, "stopped at the first failed step")?;
            if interrupt.raised() {
                screen.note(&screen.say("interrupted", &[]));
                screen.note(&undo);
                return Ok(Ended::Interrupted);
            }
            if has(|state| matches!(state, StepState::Conflict { .. })) {
                let command = format!("kubectl nks fix {}", self.fixer.manifest.name());
                screen.note(&screen.say("fix-again-hint", &[("command", &command)]));
            }
            screen.note(&if changed {
                undo
            } else {
                screen.say("nothing-changed", &[])
            });
            return Ok(Ended::Partial);
        }
        let clean = match self.analyze(source).await {
            Ok(analysis) => !self.named(&analysis).finds_a_problem(),
            Err(failure) => {
                applied.finish(screen, RunOutcome::Applied, "could not be checked again")?;
                let problem = [("problem", &*failure.message)];
                screen.note(&screen.say("not-checked-again", &problem));
                screen.note(&undo);
                return Ok(Ended::Incomplete);
            }
        };
        let waited = self.command.wait || plan.steps.iter().all(|step| !step.wait);
        if clean && !waited {
            applied.finish(
                screen,
                RunOutcome::Applied,
                "the rollouts were not waited for",
            )?;
            let _ = screen.line(&screen.say("checked-again-not-waited", &[]));
        } else if clean {
            applied.finish(screen, RunOutcome::Fixed, "the findings are gone")?;
            let said = screen.say("checked-again-clean", &[]);
            let _ = screen.line(&format!("{} {said}", tick()));
        } else {
            applied.finish(screen, RunOutcome::Applied, "still found after the change")?;
            let _ = screen.line(&screen.say("checked-again-found", &[]));
        }
        screen.note(&undo);
        Ok(if clean { Ended::Done } else { Ended::Found })
    }
}
