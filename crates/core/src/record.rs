//! What is kept on disk of each run: an append-only file of checksummed lines.
//!
//! Each line is `CHECKSUM JSON`. The checksum covers the line and the one before it, so a changed, lost or reordered line
//! shows. A last line that was torn by a crash is dropped; damage anywhere else makes the journal invalid.

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::object::ObjectId;
use crate::scope::Edit;

/// The format written by this version.
pub const FORMAT: u32 = 1;

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
        /// The object's version after the write.
        resource_version: String,
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
    /// Which object.
    pub object: ObjectId,
    /// Its incarnation.
    pub uid: String,
    /// Its version, a precondition of the write.
    pub resource_version: String,
    /// What is changed, with what was there before.
    pub edits: Vec<Edit>,
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
mod tests {
    use super::*;
    use crate::pointer::Pointer;
    use serde_json::json;

    fn begin() -> Record {
        Record::Begin(Begin {
            format: FORMAT,
            entry: "e".into(),
            at: "2026-01-01T00:00:00Z".into(),
            fixer: "f".into(),
            fixer_version: "1.0.0".into(),
            undoes: None,
            cluster_uid: "u".into(),
            cluster: "c".into(),
            by: "me@here".into(),
            field_manager: "kubectl-nks".into(),
            steps: vec!["one".into()],
        })
    }

    fn intent() -> Intent {
        Intent {
            step: 0,
            at: "t".into(),
            object: ObjectId {
                api_version: "apps/v1".into(),
                kind: "DaemonSet".into(),
                namespace: "n".into(),
                name: "d".into(),
            },
            uid: "uid".into(),
            resource_version: "5".into(),
            edits: vec![Edit {
                path: Pointer::parse("/spec/image").unwrap(),
                before: Some(json!("a")),
                after: Some(json!("b")),
                within: vec![],
                sealed: None,
            }],
        }
    }

    fn text(records: &[Record]) -> String {
        let mut previous = FIRST.to_owned();
        records
            .iter()
            .map(|record| {
                let (line, checksum) = encode(&previous, record).unwrap();
                previous = checksum;
                line
            })
            .collect()
    }

    #[test]
    fn a_torn_tail_is_dropped_and_other_damage_is_not() {
        let whole = text(&[begin(), Record::Intent(intent())]);
        let journal = decode(&whole).unwrap();
        assert_eq!(journal.unsettled().len(), 1);
        assert_eq!(journal.good_bytes, whole.len());
        let torn = &whole[..whole.len() - 5];
        let journal = decode(torn).unwrap();
        assert!(journal.records.is_empty());
        assert_eq!(journal.good_bytes, whole.find('\n').unwrap() + 1);
        assert_eq!(
            decode(&whole.replace("\"a\"", "\"x\"")),
            Err(JournalError::Damaged(2))
        );
        assert_eq!(
            decode(&whole.replace("1.0.0", "1.0.1")),
            Err(JournalError::Damaged(1))
        );
        let without_first = &whole[whole.find('\n').unwrap() + 1..];
        assert_eq!(decode(without_first), Err(JournalError::Damaged(1)));
        assert_eq!(decode(""), Err(JournalError::NoBeginning));
    }

    #[test]
    fn a_newer_format_is_refused_by_number() {
        let Record::Begin(mut newer) = begin() else {
            panic!("begin")
        };
        newer.format = FORMAT + 1;
        assert_eq!(
            decode(&text(&[Record::Begin(newer)])),
            Err(JournalError::Newer(FORMAT + 1))
        );
    }
}
