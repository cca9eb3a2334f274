//! What is kept on disk of each run: an append-only file of checksummed lines.
//!
//! Each line is `CHECKSUM JSON`. The checksum covers the line and the one before it, so a changed, lost or reordered line
//! shows. A last line that was torn by a crash is dropped; damage anywhere else makes the journal invalid.

use serde::{Deserialize, Serialize};
use serde_json::Value;
use sha2::{Digest, Sha256};

use crate::object::{Object, ObjectId};
use crate::plan::Act;
use crate::scope::Edit;
use crate::whole;

/// The format written by this version. The first one, which is still read, knew no objects that are created or deleted.
pub const FORMAT: u32 = 2;

/// One line of a journal. Times are RFC 3339, UTC. Steps are counted from 0.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "record", rename_all = "camelCase")]
pub enum Record {
    /// The run as it was approved; always the first line.
    Begin(Begin),
    /// A write is about to be sent; on disk before it is.
    Intent(Intent),
    /// The server said that the write is done.
    #[serde(rename_all = "camelCase")]
    Ack {
        /// The step.
        step: usize,
        /// When.
        at: String,
        /// The object's version after the write; empty where there is no object any more.
        resource_version: String,
        /// The object that the write made.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        created: Option<Box<Created>>,
    },
    /// The server refused the write: nothing was changed.
    Refused {
        /// The step.
        step: usize,
        /// When.
        at: String,
        /// What the server said.
        reason: String,
    },
    /// Whether the write was done could not be found out.
    Unknown {
        /// The step.
        step: usize,
        /// When.
        at: String,
        /// What happened.
        reason: String,
    },
    /// The rollout is complete and the step's expectations hold.
    Verified {
        /// The step.
        step: usize,
        /// When.
        at: String,
    },
    /// The run is over; always the last line.
    End {
        /// When.
        at: String,
        /// How it ended.
        outcome: RunOutcome,
        /// In words.
        note: String,
    },
}

/// How a run ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum RunOutcome {
    /// Every step is done and the findings are gone.
    Fixed,
    /// Every step is done; something is still found or was not waited for.
    Applied,
    /// Some steps are done.
    Partial,
    /// Nothing was changed.
    Nothing,
    /// What happened to a step is not known.
    Unknown,
}

/// The run as it was approved.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Begin {
    /// [`FORMAT`]
    pub format: u32,
    /// Name of the entry.
    pub entry: String,
    /// When.
    pub at: String,
    /// The fixer, or the fixer of the entry being undone.
    pub fixer: String,
    /// Its version.
    pub fixer_version: String,
    /// The entry that this one undoes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub undoes: Option<String>,
    /// uid of the namespace kube-system: the identity of the cluster.
    pub cluster_uid: String,
    /// Name of the cluster in the kubeconfig.
    pub cluster: String,
    /// Who ran it, as user@host of this machine.
    pub by: String,
    /// The field manager of the writes.
    pub field_manager: String,
    /// What was approved, one line a step, in English.
    pub steps: Vec<String>,
}

/// A write about to be sent.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Intent {
    /// The step.
    pub step: usize,
    /// When.
    pub at: String,
    /// What is done.
    #[serde(default, skip_serializing_if = "is_patch")]
    pub act: Act,
    /// Which object.
    pub object: ObjectId,
    /// Its incarnation; empty where it is created.
    pub uid: String,
    /// Its version, a precondition of the write; empty where it is created, which needs that it is not there.
    pub resource_version: String,
    /// What is changed, with what was there before. Of an object that is created or deleted, the whole of it.
    pub edits: Vec<Edit>,
}

fn is_patch(act: &Act) -> bool {
    *act == Act::Patch
}

/// An object that a write made, as the server stored it: what it is known by when it is to be deleted again.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Created {
    /// Its incarnation.
    pub uid: String,
    /// [`whole::kept`] of it.
    pub content: Value,
}

impl Record {
    /// The confirmation of a write at `at`; `now` is the object as it is afterwards, where there is one.
    pub fn ack(intent: &Intent, at: String, now: Option<&Object>) -> Self {
        // Whatever has the name of what was deleted is another object.
        let now = now.filter(|_| intent.act != Act::Delete);
        let created = now.filter(|_| intent.act == Act::Create).map(|object| {
            Box::new(Created {
                uid: object.uid.clone(),
                content: whole::kept(&object.value),
            })
        });
        Self::Ack {
            step: intent.step,
            at,
            resource_version: now
                .map(|object| object.resource_version.clone())
                .unwrap_or_default(),
            created,
        }
    }
}

/// Why a journal cannot be used.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum JournalError {
    /// A line that does not match its checksum, or is not a record.
    #[error("line {0} is damaged")]
    Damaged(usize),
    /// Written by a newer version.
    #[error("written in format {0}; this version reads up to {FORMAT}")]
    Newer(u32),
    /// It does not start with the run as it was approved.
    #[error("it has no beginning")]
    NoBeginning,
}

/// A journal as it was read.
#[derive(Clone, Debug, PartialEq)]
pub struct Journal {
    /// The first record.
    pub begin: Begin,
    /// The records after the first.
    pub records: Vec<Record>,
    /// Checksum of the last good line, for appending.
    pub checksum: String,
    /// Length in bytes of the good lines; anything after it was torn off by a crash.
    pub good_bytes: usize,
}

/// Checksum that stands before the first line.
pub const FIRST: &str = "";

/// One line, newline included, and its checksum for the line after it.
pub fn encode(previous: &str, record: &Record) -> Result<(String, String), serde_json::Error> {
    let json = serde_json::to_string(record)?;
    let checksum = checksum(previous, &json);
    Ok((format!("{checksum} {json}\n"), checksum))
}

fn checksum(previous: &str, json: &str) -> String {
    let digest = Sha256::new()
        .chain_update(previous)
        .chain_update(json)
        .finalize();
    digest[..8]
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect()
}

/// Reads a journal. A torn last line is dropped.
pub fn decode(text: &str) -> Result<Journal, JournalError> {
    let (mut records, mut previous, mut good_bytes) = (Vec::new(), FIRST.to_owned(), 0);
    for (index, line) in text.split_inclusive('\n').enumerate() {
        let parsed = line
            .strip_suffix('\n')
            .and_then(|line| line.split_once(' '))
            .and_then(|(sum, json)| {
                (sum == checksum(&previous, json))
                    .then(|| serde_json::from_str::<serde_json::Value>(json).ok())
                    .flatten()
            });
        let Some(value) = parsed else {
            let last = good_bytes + line.len() == text.len();
            if last && !line.ends_with('\n') {
                break;
            }
            return Err(JournalError::Damaged(index + 1));
        };
        // The format is looked at before the record: a newer one may hold records that this version cannot name.
        if let Some(format) = value.get("format").and_then(serde_json::Value::as_u64)
            && format > u64::from(FORMAT)
        {
            return Err(JournalError::Newer(format.try_into().unwrap_or(u32::MAX)));
        }
        records.push(serde_json::from_value(value).map_err(|_| JournalError::Damaged(index + 1))?);
        good_bytes += line.len();
        previous = line.split(' ').next().unwrap_or_default().to_owned();
    }
    let mut records = records.into_iter();
    let Some(Record::Begin(begin)) = records.next() else {
        return Err(JournalError::NoBeginning);
    };
    Ok(Journal {
        begin,
        records: records.collect(),
        checksum: previous,
        good_bytes,
    })
}

impl Journal {
    /// How the run ended; `None` while it is open.
    pub fn outcome(&self) -> Option<RunOutcome> {
        self.records.iter().rev().find_map(|record| match record {
            Record::End { outcome, .. } => Some(*outcome),
            _ => None,
        })
    }

    /// The writes of which neither success nor refusal is on record.
    pub fn unsettled(&self) -> Vec<&Intent> {
        let settled = |step: usize| {
            self.records.iter().any(|record| match record {
                Record::Ack { step: acked, .. } | Record::Refused { step: acked, .. } => {
                    *acked == step
                }
                _ => false,
            })
        };
        self.intents()
            .filter(|intent| !settled(intent.step))
            .collect()
    }

    /// The writes that the server confirmed, in order.
    pub fn applied(&self) -> Vec<&Intent> {
        let acked = |step: usize| {
            self.records
                .iter()
                .any(|record| matches!(record, Record::Ack { step: s, .. } if *s == step))
        };
        self.intents().filter(|intent| acked(intent.step)).collect()
    }

    /// The object that the write of a step made.
    pub fn created(&self, step: usize) -> Option<&Created> {
        self.records.iter().rev().find_map(|record| match record {
            Record::Ack {
                step: acked,
                created,
                ..
            } if *acked == step => created.as_deref(),
            _ => None,
        })
    }

    /// The last intent of each step: a write refused for a changed version may have been tried again.
    fn intents(&self) -> impl Iterator<Item = &Intent> {
        let last = |step: usize| {
            self.records
                .iter()
                .rposition(|record| matches!(record, Record::Intent(intent) if intent.step == step))
        };
        self.records
            .iter()
            .enumerate()
            .filter_map(move |(position, record)| match record {
                Record::Intent(intent) if last(intent.step) == Some(position) => Some(intent),
                _ => None,
            })
    }
}

#[cfg(test)]
mod tests;
