//! The flow, whole:
//!
//! ```text
//! objects  = source.read(demand of the chosen fixers)
//! reports  = fixers.analyze(objects)               no credentials in that process
//! plan     = core::plan(objects, reports)          pure: scope checks, order
//! preview  = cluster.preview(plan)                 access review, server dry run
//! diff     = core::diff(objects, preview)          pure, secrets masked
//! approved = confirm(plan, diff)                   or stop
//! entry    = journal.begin(approved)               on disk before the first write
//! outcome  = cluster.apply(approved)               step by step; never returns early
//! verified = fixers.analyze(source.read())         the findings must be gone
//! journal.finish(entry, outcome, verified)
//! ```
//!
//! A plan that asks nodes for images asks for nothing else; it goes the same way as far as `apply`, and what the nodes
//! answer joins the objects of the next plan.
//!
//! [`look`] is the first two lines, `fix` goes all the way, and `undo` joins at `preview` through [`carry_out`].

use std::cell::RefCell;
use std::collections::BTreeSet;
use std::sync::Arc;

use nks_cluster::{ApplyOptions, ApplyReport, Cluster, Lock, PreviewProblem, Progress, StepState};
use nks_core::approval::{Approved, Preview};
use nks_core::demand;
use nks_core::object::Object;
use nks_core::plan::Plan;
use nks_core::record::{Begin, Record, RunOutcome};
use nks_core::rights::{self, Right};
use nks_core::{message, record};
use serde_json::Value;

use crate::confirm::{Answer, Asking, confirm, confirm_guarded};
use crate::failure::{Failure, Kind};
use crate::files;
use crate::fixers::{Analysis, Fixer, Fixers};
use crate::interrupt::Interrupt;
use crate::journal::{self, Writer};
use crate::plan_screen;
use crate::progress::Spinner;
use crate::screen::Screen;
use crate::source::{Gap, Seen, Source};
use crate::writing::{CarryOut, DryRun};

/// One fixer's part of a diagnosis.
pub(crate) struct Checked {
    /// Which fixer.
    pub(crate) fixer: Fixer,
    /// What it said, or why it did not finish.
    pub(crate) result: Result<Analysis, String>,
    /// What it was not shown.
    pub(crate) gaps: Vec<Gap>,
}

impl Checked {
    /// Whether the fixer saw everything it asked for, and finished.
    pub(crate) fn complete(&self) -> bool {
        self.result.is_ok() && self.gaps.is_empty()
    }
}

/// Reads what the fixers need and runs them. Fails where nobody answers. `answers` are what nodes answered before, when
/// they were asked for images; `chosen` has the settings for each fixer.
pub(crate) async fn look(
    screen: &Screen,
    (source, answers): (&Source, &[Arc<Object>]),
    fixers: &mut Fixers,
    chosen: &[(Fixer, Value)],
) -> Result<(Seen, Vec<Checked>), Failure> {
    let spinner = Spinner::start(screen.say("reading", &[("count", "0")]));
    let progress =
        |count: usize| spinner.set(screen.say("reading", &[("count", &count.to_string())]));
    let demand = demand::demand(chosen.iter().map(|(fixer, _)| &fixer.manifest));
    let mut seen = source.read(screen, &demand, &progress).await?;
    seen.objects.extend(answers.iter().cloned());
    let mut checked = Vec::new();
    for (fixer, settings) in chosen {
        spinner.set(screen.say("analysing", &[("fixer", fixer.manifest.name())]));
        let (result, unread) = fixers.analyze(fixer, settings, source, &seen).await;
        let gaps = seen.gaps.iter().filter(|gap| gap.concerns(&fixer.manifest));
        checked.push(Checked {
            fixer: fixer.clone(),
            result,
            gaps: gaps.cloned().chain(unread.iter().cloned()).collect(),
        });
        seen.gaps.extend(unread);
    }
    Ok((seen, checked))
}

/// What a run needs besides its plan.
pub(crate) struct Run<'a> {
    /// The fixer, or the fixer of the entry being undone.
    pub(crate) fixer: &'a str,
    /// Its version.
    pub(crate) fixer_version: &'a str,
    /// The entry being undone.
    pub(crate) undoes: Option<&'a str>,
    /// uid of the cluster.
    pub(crate) cluster_uid: &'a str,
    /// The rights that any run may need; those that this plan makes use of are asked for before anything is shown.
    pub(crate) rights: BTreeSet<Right>,
    /// How to carry it out.
    pub(crate) options: &'a CarryOut,
    /// The lease, where there is one: the run stops when it is lost.
    pub(crate) lock: Option<&'a Lock>,
}

/// What became of a plan.
pub(crate) enum Carried {
    /// It was carried out, or as much of it as could be.
    Out(Box<Applied>),
    /// The answer was no, or there was nobody to ask: nothing was written.
    NotApproved,
    /// An object changed since it was read: nothing more was written, and it has to be planned again.
    Changed(String),
}

/// A plan that was carried out.
pub(crate) struct Applied {
    /// One state a step.
    pub(crate) report: ApplyReport,
    /// Name of the journal entry.
    pub(crate) entry: String,
    journal: RefCell<Writer>,
}

impl Applied {
    /// Whether any step changed something.
    pub(crate) fn has_changed(&self) -> bool {
        let changed = |state: &StepState| {
            matches!(state, StepState::Done { .. } | StepState::RolloutFailed(_))
        };
        self.report.steps.iter().any(changed)
    }

    /// Closes the journal entry. When that fails the changes stand and the entry stays open.
    pub(crate) fn finish(
        &self,
        screen: &Screen,
        outcome: RunOutcome,
        note: &str,
    ) -> Result<(), Failure> {
        let record = Record::End {
            at: now(),
            outcome,
            note: note.to_owned(),
        };
        self.journal
            .borrow_mut()
            .append(&record)
            .map_err(|problem| {
                let problem = problem.to_string();
                Failure::new(
                    Kind::Partial,
                    screen.say("journal-not-closed", &[("problem", &problem)]),
                )
                .hint("kubectl nks resume")
            })
    }
}

/// Preview, diff, question, journal, writes: what `fix` and `undo` share.
pub(crate) async fn carry_out(
    screen: &Screen,
    cluster: &Cluster,
    plan: Plan,
    run: &Run<'_>,
    interrupt: &Interrupt,
) -> Result<Carried, Failure> {
    refuse_managed(screen, &plan, run.options)?;
    let preview = match run.options.dry_run {
        DryRun::Client => Preview::default(),
        DryRun::None | DryRun::Server => {
            let previewed = preview(screen, cluster, &plan, run);
            match interrupt.or(screen, previewed).await? {
                Ok(preview) => preview,
                Err(changed) => return Ok(Carried::Changed(changed)),
            }
        }
    };
    plan_screen::show(screen, &plan, &preview)?;
    if run.options.dry_run != DryRun::None {
        screen.note(&screen.say("dry-run", &[]));
        return Ok(Carried::NotApproved);
    }
    let count = plan.patches().count().to_string();
    let question = screen.say(
        if plan.probes().is_some() {
            "probe-question"
        } else {
            "apply-question"
        },
        &[("count", &count), ("cluster", cluster.name())],
    );
    let asking = Asking {
        yes: run.options.yes,
        stdin_is_taken: run.options.stdin_is_taken,
    };
    let consent = match confirm(screen, &question, asking, interrupt).await? {
        Answer::Given(consent) => consent,
        Answer::Declined => {
            screen.note(&screen.say("declined", &[]));
            return Ok(Carried::NotApproved);
        }
        Answer::NoTerminal => {
            screen.note(&screen.say("no-terminal", &[]));
            return Ok(Carried::NotApproved);
        }
    };
    let Some(guarded) = confirm_guarded(screen, &plan, asking, interrupt).await? else {
        return Ok(Carried::NotApproved);
    };
    let approved = Approved::new(plan, consent, &guarded).map_err(|missing| {
        Failure::error(screen.say("guarded-declined", &[("object", &missing.to_string())]))
    })?;
    let applied = apply(screen, cluster, &approved, run, interrupt).await?;
    match conflict(&applied.report) {
        // Where something was done before the conflict, that has to be said before anything is planned again.
        Some(changed) if !applied.has_changed() => {
            applied.finish(screen, RunOutcome::Nothing, &changed)?;
            Ok(Carried::Changed(changed))
        }
        _ => Ok(Carried::Out(Box::new(applied))),
    }
}

fn refuse_managed(screen: &Screen, plan: &Plan, options: &CarryOut) -> Result<(), Failure> {
    for (_, patch) in plan.patches() {
        if let Some(manager) = patch.managed_by {
            let values = [
                ("object", &*patch.id.to_string()),
                ("manager", &*manager.to_string()),
            ];
            if !options.even_if_managed {
                return Err(Failure::error(screen.say("managed", &values))
                    .hint(screen.say("managed-hint", &values)));
            }
            screen.note(&screen.say("managed-warning", &values));
        }
    }
    Ok(())
}

/// The access review, then the dry run. The inner error is a conflict: plan again.
async fn preview(
    screen: &Screen,
    cluster: &Cluster,
    plan: &Plan,
    run: &Run<'_>,
) -> Result<Result<Preview, String>, Failure> {
    let spinner = Spinner::start(screen.say("previewing", &[]));
    let missing = cluster
        .missing_rights(&rights::used(&run.rights, plan))
        .await
        .map_err(|problem| Failure::request(screen, &problem))?;
    if !missing.is_empty() {
        let mut failure = Failure::new(
            Kind::Server("Forbidden".into()),
            screen.say("rights-missing", &[]),
        );
        for right in &missing {
            failure = failure.hint(plan_screen::right(right));
        }
        return Err(failure.hint(screen.say("rights-hint", &[("fixer", run.fixer)])));
    }
    let preview = cluster.preview(plan, &run.options.field_manager).await;
    drop(spinner);
    match preview {
        Ok(preview) => Ok(Ok(preview)),
        Err(problem) if matches!(problem.problem, PreviewProblem::Conflict(_)) => {
            Ok(Err(problem.to_string()))
        }
        Err(problem) => Err(Failure::preview(screen, &problem)),
    }
}

fn begin(entry: &str, cluster: &Cluster, plan: &Plan, run: &Run<'_>) -> Begin {
    let steps = plan.steps.iter();
    let mut steps: Vec<String> = steps
        .map(|step| step.message.render(message::Language::English, &step.args))
        .collect();
    // The pod that asks a node is removed by a write of its own.
    let removals = plan.probes().map_or(0, |probes| probes.steps.len());
    steps.extend((0..removals).map(|_| "Remove the pod that asked.".to_owned()));
    Begin {
        format: record::FORMAT,
        entry: entry.to_owned(),
        at: now(),
        fixer: run.fixer.to_owned(),
        fixer_version: run.fixer_version.to_owned(),
        undoes: run.undoes.map(str::to_owned),
        cluster_uid: run.cluster_uid.to_owned(),
        cluster: cluster.name().to_owned(),
        by: holder(),
        field_manager: run.options.field_manager.clone(),
        steps,
    }
}

/// Begins the journal, then writes; the journal is on disk before the first write is sent.
async fn apply(
    screen: &Screen,
    cluster: &Cluster,
    approved: &Approved,
    run: &Run<'_>,
    interrupt: &Interrupt,
) -> Result<Applied, Failure> {
    let entry = journal::new_name(jiff::Timestamp::now());
    let begin = begin(&entry, cluster, approved.plan(), run);
    let journal = Writer::begin(&files::journals(screen)?, begin).map_err(|problem| {
        Failure::error(screen.say("journal-unwritable", &[("problem", &problem.to_string())]))
    })?;
    let journal = RefCell::new(journal);
    let spinner = Spinner::start(String::new());
    let name = |step: usize| {
        let patch = approved.plan().steps[step].action.patch();
        patch.map_or_else(String::new, |patch| patch.id.short())
    };
    let progress = |progress: Progress| match progress {
        Progress::Patching { step } => {
            spinner.set(screen.say("patching", &[("object", &name(step))]))
        }
        Progress::Waiting { step, detail } => {
            spinner.set(screen.say("waiting", &[("object", &name(step)), ("detail", &detail)]))
        }
        Progress::Done { step } => spinner.set(name(step)),
    };
    let options = ApplyOptions {
        field_manager: run.options.field_manager.clone(),
        wait: run.options.wait,
        timeout: run.options.timeout,
    };
    let stop = || interrupt.raised() || run.lock.is_some_and(|lock| !lock.is_held());
    let mut append = |record: Record| journal.borrow_mut().append(&record);
    let report = cluster
        .apply(approved, &options, &mut append, &progress, &stop)
        .await;
    drop(spinner);
    let note = screen.say("event-note", &[("entry", &entry)]);
    for state in &report.steps {
        // Nobody looks up the events of what is not there any more.
        if let StepState::Done {
            object: Some(object),
        } = state
        {
            // The change stands whether or not the Event could be written.
            let _ = cluster.announce(object, "Mended", &note).await;
        }
    }
    Ok(Applied {
        report,
        entry,
        journal,
    })
}

fn conflict(report: &ApplyReport) -> Option<String> {
    report.steps.iter().find_map(|state| match state {
        StepState::Conflict { drift } => Some(drift.to_string()),
        _ => None,
    })
}

/// Takes the lease that keeps two runs on one cluster apart.
pub(crate) async fn lock(screen: &Screen, cluster: &Cluster) -> Result<Option<Lock>, Failure> {
    match cluster.lock(&holder()).await {
        Ok(lock) => Ok(Some(lock)),
        Err(problem) => Failure::lock(screen, &problem).map(|()| None),
    }
}

/// `user@host` of this machine.
pub(crate) fn holder() -> String {
    let user = std::env::var("USER")
        .or_else(|_| std::env::var("LOGNAME"))
        .unwrap_or_else(|_| "unknown".into());
    let host = rustix::system::uname()
        .nodename()
        .to_string_lossy()
        .into_owned();
    format!("{user}@{host}")
}

/// The time for a record.
pub(crate) fn now() -> String {
    jiff::Timestamp::now()
        .strftime("%Y-%m-%dT%H:%M:%SZ")
        .to_string()
}
