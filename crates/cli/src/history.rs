//! `kubectl nks history`: what was done from this machine. Reads files only.

use clap::Args;
use nks_core::output::{Document, HistoryEntry};
use nks_core::plan::Act;
use nks_core::record::{Intent, Journal, Record, RunOutcome};
use serde_json::Value;
use std::io;

use crate::args::{Switch, truth};
use crate::failure::{Ended, Failure};
use crate::files;
use crate::journal::{self, Entry};
use crate::screen::{Format, Screen};

/// Flags of `history`.
#[derive(Debug, Args)]
pub(crate) struct History {
    /// One entry, in full
    #[arg(value_name = "ENTRY")]
    entry: Option<String>,
    /// Leave the headers of the table out
    #[arg(long, default_value = "false", value_parser = truth, value_name = "BOOL")]
    no_headers: Switch,
    /// Output format
    #[arg(short, long, value_enum, default_value_t, value_name = "FORMAT")]
    output: Format,
}

/// Prints the entries, or one of them.
pub(crate) fn run(screen: &Screen, command: &History) -> Result<Ended, Failure> {
    let entries = journal::entries(&files::journals(screen)?)?;
    match &command.entry {
        Some(name) => one(screen, find(screen, &entries, name)?, command.output)?,
        None if command.output != Format::Text => {
            let items = entries.iter().map(document).collect::<Result<_, _>>()?;
            screen.value(command.output, Document::HistoryList { items })?;
        }
        None if entries.is_empty() => screen.note(&screen.say("history-empty", &[])),
        None => {
            let rows: Vec<Vec<String>> = entries.iter().map(|entry| row(screen, entry)).collect();
            let headers = if command.no_headers {
                None
            } else {
                Some(["ENTRY", "FIXER", "CLUSTER", "CHANGES", "OUTCOME", "BY"])
            };
            screen.table(headers, &rows)?;
        }
    }
    Ok(Ended::Done)
}

/// The entry of this name, or of the only name that starts so.
pub(crate) fn find<'a>(
    screen: &Screen,
    entries: &'a [Entry],
    name: &str,
) -> Result<&'a Entry, Failure> {
    let mut matching = entries.iter().filter(|entry| entry.name.starts_with(name));
    match (matching.next(), matching.next()) {
        (Some(entry), None) => Ok(entry),
        (Some(entry), Some(_)) if entry.name == name => Ok(entry),
        (None, _) => Err(
            Failure::error(screen.say("no-such-entry", &[("entry", name)]))
                .hint("kubectl nks history"),
        ),
        _ => Err(
            Failure::error(screen.say("entry-ambiguous", &[("entry", name)]))
                .hint("kubectl nks history"),
        ),
    }
}

/// The journal of an entry, or why it cannot be used.
pub(crate) fn usable<'a>(screen: &Screen, entry: &'a Entry) -> Result<&'a Journal, Failure> {
    entry.journal.as_ref().map_err(|problem| {
        let values = [("entry", &*entry.name), ("problem", &*problem.to_string())];
        Failure::error(screen.say("entry-unusable", &values))
    })
}

fn row(screen: &Screen, entry: &Entry) -> Vec<String> {
    let Ok(journal) = &entry.journal else {
        let unusable = screen.say("outcome-unusable", &[]);
        return vec![
            entry.name.clone(),
            "-".into(),
            "-".into(),
            "-".into(),
            unusable,
            "-".into(),
        ];
    };
    let begin = &journal.begin;
    let what = begin.undoes.as_ref().map_or_else(
        || begin.fixer.clone(),
        |undone| screen.say("history-undo", &[("entry", undone)]),
    );
    let changes = journal.applied().len().to_string();
    let clean = |text: &str| nks_core::message::clean(text);
    vec![
        entry.name.clone(),
        clean(&what),
        clean(&begin.cluster),
        changes,
        outcome(screen, journal),
        clean(&begin.by),
    ]
}

fn outcome(screen: &Screen, journal: &Journal) -> String {
    match journal.outcome() {
        Some(RunOutcome::Fixed) => screen.say("outcome-fixed", &[]),
        Some(RunOutcome::Applied) => screen.say("outcome-applied", &[]),
        Some(RunOutcome::Partial) => screen.say("outcome-partial", &[]),
        Some(RunOutcome::Nothing) => screen.say("outcome-nothing", &[]),
        Some(RunOutcome::Unknown) => screen.say("outcome-is-unknown", &[]),
        None => screen.say("outcome-open", &[]),
    }
}

fn one(screen: &Screen, entry: &Entry, format: Format) -> Result<(), Failure> {
    let journal = usable(screen, entry)?;
    if format != Format::Text {
        return screen.value(format, Document::HistoryEntry(document(entry)?));
    }
    let begin = &journal.begin;
    let pairs = [
        ("history-entry", entry.name.clone()),
        (
            "history-fixer",
            format!("{} {}", begin.fixer, begin.fixer_version),
        ),
        (
            "history-cluster",
            format!("{} ({})", begin.cluster, begin.cluster_uid),
        ),
        ("history-by", format!("{}, {}", begin.by, begin.at)),
        ("history-outcome", outcome(screen, journal)),
    ];
    let labels: Vec<String> = pairs.iter().map(|(id, _)| screen.say(id, &[])).collect();
    for (label, (_, value)) in labels.iter().zip(&pairs) {
        screen.line(&format!(
            "{}  {}",
            crate::screen::pad(label, 8),
            nks_core::message::clean(value)
        ))?;
    }
    for intent in journal.applied() {
        change(screen, intent)?;
    }
    for record in &journal.records {
        if let Record::Refused { reason, .. } | Record::Unknown { reason, .. } = record {
            screen.line(&format!("\n{}", nks_core::message::clean(reason)))?;
        }
    }
    Ok(())
}

fn change(screen: &Screen, intent: &Intent) -> Result<(), Failure> {
    let object = intent.object.to_string();
    let whole = |id: &str| screen.line(&["\n", &screen.say(id, &[("object", &object)])].concat());
    match intent.act {
        Act::Patch => screen.line(&format!("\n{object}"))?,
        Act::Create => whole("history-created")?,
        Act::Delete => whole("history-deleted")?,
    }
    for edit in &intent.edits {
        let shown = |value: &Option<Value>| match value {
            _ if edit.sealed.is_some() => screen.say("hidden", &[]),
            Some(value) => nks_core::message::clean(&value.to_string()),
            None => "-".to_owned(),
        };
        if intent.act == Act::Patch {
            screen.line(&format!("  {}", edit.path))?;
        }
        screen.line(&format!("    - {}", shown(&edit.before)))?;
        screen.line(&format!("    + {}", shown(&edit.after)))?;
    }
    Ok(())
}

fn document(entry: &Entry) -> Result<HistoryEntry, Failure> {
    let mut shown = HistoryEntry {
        entry: entry.name.clone(),
        begin: None,
        records: Vec::new(),
        outcome: None,
        error: None,
    };
    match &entry.journal {
        Ok(journal) => {
            let value = |record| serde_json::to_value(record).map_err(io::Error::other);
            shown.begin = Some(serde_json::to_value(&journal.begin).map_err(io::Error::other)?);
            shown.records = journal
                .records
                .iter()
                .map(value)
                .collect::<Result<_, _>>()?;
            let outcome = journal.outcome().map(serde_json::to_value).transpose();
            shown.outcome = outcome.map_err(io::Error::other)?;
        }
        Err(problem) => shown.error = Some(problem.to_string()),
    }
    Ok(shown)
}
