//! `kubectl nks undo`: puts back what an entry changed, by the same flow.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use clap::Args;
use nks_cluster::{Cluster, Lock, StepState};
use nks_core::kinds;
use nks_core::object::{Object, ObjectId};
use nks_core::plan::{ObjectPatch, Plan};
use nks_core::record::{Journal, RunOutcome};
use nks_core::rights::{self, Right};
use nks_core::undo;

use crate::args::Global;
use crate::failure::{Ended, Failure, Kind};
use crate::fix::refuse_open;
use crate::flow::{self, Carried, Run};
use crate::history::{find, usable};
use crate::interrupt::Interrupt;
use crate::plan_screen;
use crate::screen::Screen;
use crate::writing::WriteFlags;
use crate::{files, journal, source, text};

/// Flags of `undo`.
#[derive(Debug, Args)]
pub(crate) struct Undo {
    /// The entry of the history
    #[arg(value_name = "ENTRY")]
    entry: String,
    #[command(flatten)]
    writing: WriteFlags,
}

/// Undoes an entry.
pub(crate) async fn run(
    screen: &Screen,
    global: &Global,
    command: &Undo,
    interrupt: &Interrupt,
) -> Result<Ended, Failure> {
    let entries = journal::entries(&files::journals(screen)?)?;
    let journal = usable(screen, find(screen, &entries, &command.entry)?)?;
    let cluster = interrupt
        .or(screen, source::connect(screen, global))
        .await?;
    let cluster_uid = interrupt
        .or(screen, identity(screen, &cluster, journal))
        .await?;
    refuse_open(screen, &cluster_uid)?;
    if journal.applied().is_empty() {
        screen.note(&screen.say("nothing-to-undo", &[("entry", &journal.begin.entry)]));
        return Ok(Ended::Done);
    }
    let lock = interrupt.or(screen, flow::lock(screen, &cluster)).await?;
    let ended = put_back(
        screen,
        &cluster,
        journal,
        (command, lock.as_ref()),
        interrupt,
    )
    .await
    .or_else(Failure::unread_plan);
    if let Some(lock) = lock {
        // A lease that cannot be given back expires by itself.
        let _ = lock.release().await;
    }
    ended
}

/// The uid of the cluster, which has to be the one of the journal.
pub(crate) async fn identity(
    screen: &Screen,
    cluster: &Cluster,
    journal: &Journal,
) -> Result<String, Failure> {
    let uid = cluster
        .uid()
        .await
        .map_err(|problem| Failure::request(screen, &problem))?;
    if uid == journal.begin.cluster_uid {
        return Ok(uid);
    }
    let values = [
        ("entry", &*journal.begin.entry),
        ("recorded", &*journal.begin.cluster),
        ("connected", cluster.name()),
    ];
    Err(Failure::error(screen.say("wrong-cluster", &values))
        .hint(screen.say("wrong-cluster-hint", &[])))
}

async fn put_back(
    screen: &Screen,
    cluster: &Cluster,
    journal: &Journal,
    (command, lock): (&Undo, Option<&Lock>),
    interrupt: &Interrupt,
) -> Result<Ended, Failure> {
    let plan = plan(screen, cluster, journal, interrupt).await?;
    if plan.steps.is_empty() {
        let entry = [("entry", &*journal.begin.entry)];
        screen.note(&screen.say("nothing-left-to-undo", &entry));
        return Ok(Ended::Done);
    }
    let options = command.writing.carry_out(false, Duration::ZERO);
    let run = Run {
        fixer: &journal.begin.fixer,
        fixer_version: &journal.begin.fixer_version,
        undoes: Some(&journal.begin.entry),
        cluster_uid: &journal.begin.cluster_uid,
        rights: plan
            .patches()
            .flat_map(|(_, patch)| rights_on(patch))
            .collect(),
        options: &options,
        lock,
    };
    match flow::carry_out(screen, cluster, plan.clone(), &run, interrupt).await? {
        Carried::NotApproved => Ok(Ended::Found),
        Carried::Changed(what) => Err(Failure::error(
            screen.say("undo-changed", &[("what", &what)]),
        )),
        Carried::Out(applied) => {
            // Nobody may be reading any more, and the entry has to be closed all the same.
            let _ = plan_screen::show_outcome(screen, &plan, &applied.report);
            let states = &applied.report.steps;
            if states
                .iter()
                .any(|state| matches!(state, StepState::Unknown(_)))
            {
                return Err(
                    Failure::new(Kind::Partial, screen.say("outcome-unknown", &[]))
                        .hint("kubectl nks resume"),
                );
            }
            if states
                .iter()
                .all(|state| matches!(state, StepState::Done { .. } | StepState::NoChange))
            {
                applied.finish(screen, RunOutcome::Applied, "put back")?;
                return Ok(Ended::Done);
            }
            applied.finish(
                screen,
                RunOutcome::Partial,
                "stopped at the first failed step",
            )?;
            if interrupt.raised() {
                screen.note(&screen.say("interrupted", &[]));
                return Ok(Ended::Interrupted);
            }
            Ok(Ended::Partial)
        }
    }
}

/// What it takes to put everything back, or every obstacle.
async fn plan(
    screen: &Screen,
    cluster: &Cluster,
    journal: &Journal,
    interrupt: &Interrupt,
) -> Result<Plan, Failure> {
    let objects = interrupt
        .or(screen, present(screen, cluster, journal))
        .await?;
    let messages = undo::Messages {
        put_back: &text::both("undo-step"),
        restart: &text::both("undo-restart"),
        delete: &text::both("undo-delete"),
        create: &text::both("undo-create"),
    };
    let find = |id: &_| objects.get(id).cloned();
    undo::plan(journal, &messages, find, &flow::now()).map_err(|obstacles| {
        let refused =
            Failure::error(screen.say("undo-refused", &[("entry", &journal.begin.entry)]));
        obstacles.iter().fold(refused, |failure, obstacle| {
            failure.hint(obstacle.to_string())
        })
    })
}

/// The objects that the entry changed, as they are now; those that are gone are left out.
async fn present(
    screen: &Screen,
    cluster: &Cluster,
    journal: &Journal,
) -> Result<BTreeMap<ObjectId, Object>, Failure> {
    let mut objects = BTreeMap::new();
    for intent in journal.applied() {
        let found = cluster
            .get(&intent.object)
            .await
            .map_err(|problem| Failure::request(screen, &problem))?;
        objects.extend(found.map(|object| (intent.object.clone(), object)));
    }
    Ok(objects)
}

/// What putting one object back takes.
fn rights_on(patch: &ObjectPatch) -> BTreeSet<Right> {
    let (id, act) = (&patch.id, patch.act());
    let plural = rights::plural(&id.api_version, &id.kind);
    let namespace = (!id.namespace.is_empty()).then_some(id.namespace.as_str());
    // By name: a role may allow these on this object only. No role can name what is not there yet.
    ["get", act.verb()]
        .map(|verb| Right {
            name: (verb != "create").then(|| id.name.clone()),
            ..Right::new(namespace, kinds::group(&id.api_version), &plural, verb)
        })
        .into()
}
