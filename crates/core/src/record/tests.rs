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
        act: Act::Patch,
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

/// A journal of version 0.1.0.
const FIRST_FORMAT: &str = include_str!("../../tests/format-1.journal");

#[test]
fn the_first_format_is_still_read() {
    let journal = decode(FIRST_FORMAT).unwrap();
    assert_eq!(journal.begin.format, 1);
    assert_eq!(journal.applied(), [&intent()]);
    assert_eq!(journal.outcome(), Some(RunOutcome::Applied));
}

#[test]
fn what_is_created_and_deleted_is_read_as_it_was_written() {
    let value = json!({"apiVersion": "v1", "kind": "ConfigMap", "data": {"a": "1"},
        "metadata": {"name": "c", "namespace": "n", "uid": "new", "resourceVersion": "7"}});
    let stored = Object::new(value.clone(), "").unwrap();
    let of = |step, act, edits| Intent {
        step,
        act,
        object: stored.id.clone(),
        edits,
        ..intent()
    };
    let created = of(
        0,
        Act::Create,
        whole::creation(&whole::as_new(&value), &value),
    );
    let deleted = of(1, Act::Delete, whole::deletion(&value).unwrap());
    let remade = of(2, Act::Delete, Vec::new());
    let mut records = vec![begin()];
    for (intent, now) in [(&created, Some(&stored)), (&deleted, None), (&remade, None)] {
        records.push(Record::Intent(intent.clone()));
        records.push(Record::ack(intent, "t".into(), now));
    }
    let journal = decode(&text(&records)).unwrap();
    assert_eq!(journal.records, records[1..]);
    assert_eq!(journal.applied(), [&created, &deleted, &remade]);
    let made = journal.created(0).unwrap();
    let content = json!({"apiVersion": "v1", "kind": "ConfigMap", "data": {"a": "1"},
        "metadata": {"name": "c", "namespace": "n"}});
    assert_eq!((&*made.uid, &made.content), ("new", &content));
    assert_eq!(journal.created(1), None);
}
