//! `kubectl nks resume`: settles entries that a crash left open, by looking at what is there. It writes to the journal
//! only, so a second run finds nothing to do.

use clap::Args;
use nks_cluster::Cluster;
use nks_core::object::Object;
use nks_core::record::{Intent, Journal, Record, RunOutcome};
use nks_core::settle::{Settled, settle};

use crate::args::Global;
use crate::failure::{Ended, Failure};
use crate::flow::{self, now};
use crate::interrupt::Interrupt;
use crate::journal::{self, Entry, Writer};
use crate::screen::Screen;
use crate::{files, source};

/// `resume` has no flags of its own.
#[derive(Debug, Args)]
pub(crate) struct Resume {}

/// Settles every open entry of this cluster.
pub(crate) async fn run(
    screen: &Screen,
    global: &Global,
    _command: &Resume,
    interrupt: &Interrupt,
) -> Result<Ended, Failure> {
    let entries = journal::entries(&files::journals(screen)?)?;
    let open: Vec<(&Entry, &Journal)> = entries
        .iter()
        .filter_map(|entry| Some((entry, entry.journal.as_ref().ok()?)))
        .filter(|(_, journal)| journal.outcome().is_none())
        .collect();
    for entry in entries.iter().filter(|entry| entry.journal.is_err()) {
        if let Err(problem) = &entry.journal {
            screen.note(&screen.say(
                "entry-unusable",
                &[("entry", &entry.name), ("problem", &problem.to_string())],
            ));
        }
    }
    if open.is_empty() {
        screen.note(&screen.say("nothing-to-resume", &[]));
        return Ok(Ended::Done);
    }
    let cluster = interrupt
        .or(screen, source::connect(screen, global))
        .await?;
    // A run that is alive holds the lease; its open entry is not ours to settle.
    let lock = interrupt.or(screen, flow::lock(screen, &cluster)).await?;
    let settled = settle_all(screen, &cluster, &open);
    // Each entry is written to in one go between two looks at the cluster; what is not settled stays open.
    let ended = interrupt.or(screen, settled).await;
    if let Some(lock) = lock {
        // A lease that cannot be given back expires by itself.
        let _ = lock.release().await;
    }
    ended
}

async fn settle_all(
    screen: &Screen,
    cluster: &Cluster,
    open: &[(&Entry, &Journal)],
) -> Result<Ended, Failure> {
    let uid = cluster
        .uid()
        .await
        .map_err(|problem| Failure::request(screen, &problem))?;
    let mut ended = Ended::Done;
    for (entry, journal) in open {
        if entry.cluster_uid != uid {
            screen.note(&screen.say(
                "entry-of-other-cluster",
                &[("entry", &entry.name), ("cluster", &journal.begin.cluster)],
            ));
            ended = Ended::Incomplete;
        } else if !settle_one(screen, cluster, entry, journal).await? {
            ended = Ended::Partial;
        }
    }
    Ok(ended)
}

/// Settles one entry; `false` when it is still not known what happened.
async fn settle_one(
    screen: &Screen,
    cluster: &Cluster,
    entry: &Entry,
    journal: &Journal,
) -> Result<bool, Failure> {
    let mut writer = Writer::reopen(entry)?;
    let mut known = true;
    let mut applied = journal.applied().len();
    for intent in journal.unsettled() {
        let now_there = cluster
            .get(&intent.object)
            .await
            .map_err(|problem| Failure::request(screen, &problem))?;
        let verdict = settle(intent, &journal.begin.field_manager, now_there.as_ref());
        writer.append(&record_of(intent, verdict, now_there.as_ref()))?;
        let object = intent.object.to_string();
        let values = [("entry", entry.name.as_str()), ("object", object.as_str())];
        screen.line(&match verdict {
            Settled::Applied => screen.say("settled-applied", &values),
            Settled::NotApplied => screen.say("settled-not-applied", &values),
            Settled::Unknown => screen.say("settled-unknown", &values),
        })?;
        known &= verdict != Settled::Unknown;
        applied += usize::from(verdict == Settled::Applied);
    }
    let outcome = match (known, applied) {
        (false, _) => RunOutcome::Unknown,
        (true, 0) => RunOutcome::Nothing,
        (true, _) => RunOutcome::Partial,
    };
    writer.append(&Record::End {
        at: now(),
        outcome,
        note: "settled by resume".into(),
    })?;
    let count = applied.to_string();
    screen.line(&screen.say(
        "entry-settled",
        &[("entry", &entry.name), ("count", &count)],
    ))?;
    if applied > 0 {
        screen.note(&screen.say(
            "undo-hint",
            &[("command", &format!("kubectl nks undo {}", entry.name))],
        ));
    }
    screen.note(&screen.say(
        "fix-again-hint",
        &[(
            "command",
            &format!("kubectl nks fix {}", journal.begin.fixer),
        )],
    ));
    Ok(known)
}

fn record_of(intent: &Intent, verdict: Settled, there: Option<&Object>) -> Record {
    let (step, at) = (intent.step, now());
    match verdict {
        Settled::Applied => Record::ack(intent, at, there),
        Settled::NotApplied => Record::Refused {
            step,
            at,
            reason: "not in place when looked at by resume".into(),
        },
        Settled::Unknown => Record::Unknown {
            step,
            at,
            reason: "the object holds neither what was there before nor what was written".into(),
        },
    }
}
