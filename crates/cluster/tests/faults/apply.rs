//! Faults while writing: at most one effect, and every ambiguity visible.

use std::cell::Cell;
use std::time::{Duration, Instant};

use nks_cluster::{Drift, Progress, StepState};
use serde_json::json;

use crate::server::{Reply, Seen, Server, status, status_text};
use crate::store::{Outcome, Store, apply, apply_until, daemon_set};

/// A server whose patches go wrong in the given way.
pub(crate) fn faulty(
    store: &Store,
    mut fault: impl FnMut(&Store, &Seen) -> Option<Reply> + Send + 'static,
) -> Server {
    let store = store.clone();
    Server::start(move |seen| {
        let faulted = (seen.method == "PATCH")
            .then(|| fault(&store, seen))
            .flatten();
        faulted.unwrap_or_else(|| store.answer(seen))
    })
}

/// The fault happens once.
fn once(store: &Store, mut fault: impl FnMut(&Store, &Seen) -> Reply + Send + 'static) -> Server {
    let mut first = true;
    faulty(store, move |store, seen| {
        std::mem::take(&mut first).then(|| fault(store, seen))
    })
}

async fn run(server: &Server) -> Outcome {
    apply(&server.cluster().await, false, "").await
}

fn failed(outcome: &Outcome) -> &str {
    match &outcome.report.steps[0] {
        StepState::Failed(reason) => reason,
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn a_write_is_recorded_before_and_after() {
    let store = Store::new();
    let server = faulty(&store, |_, _| None);
    let outcome = run(&server).await;
    assert!(
        matches!(&outcome.report.steps[..], [StepState::Done { object }, StepState::Manual]
        if object.as_ref().unwrap().resource_version == "6")
    );
    assert_eq!(outcome.records, ["intent 5", "ack 6", "verified"]);
    assert_eq!(
        outcome.progress,
        [Progress::Patching { step: 0 }, Progress::Done { step: 0 }]
    );
    let seen = server.seen();
    let patch = seen.iter().find(|seen| seen.method == "PATCH").unwrap();
    assert_eq!(
        patch.path,
        "/apis/apps/v1/namespaces/n/daemonsets/d?fieldManager=kubectl-nks"
    );
    assert_eq!(
        patch.header("content-type"),
        Some("application/json-patch+json")
    );
    assert_eq!(
        patch.body[0],
        json!({"op": "replace", "path": "/metadata/uid", "value": "u"})
    );
}

#[tokio::test]
async fn a_second_run_sends_nothing() {
    let store = Store::new();
    store.set(daemon_set("u", 9, "new"));
    let server = faulty(&store, |_, _| None);
    let outcome = run(&server).await;
    assert_eq!(outcome.report.steps[0], StepState::NoChange);
    assert_eq!(server.count("PATCH"), 0);
    assert!(outcome.records.is_empty());
}

#[tokio::test]
async fn without_a_durable_intent_nothing_is_sent() {
    let server = faulty(&Store::new(), |_, _| None);
    let outcome = apply(&server.cluster().await, false, "intent").await;
    assert!(failed(&outcome).starts_with("not written: the journal"));
    assert_eq!(outcome.report.steps[1], StepState::NotTried);
    assert_eq!(server.count("PATCH"), 0);
}

#[tokio::test]
async fn a_lost_acknowledgement_in_the_journal_is_said() {
    let store = Store::new();
    let server = faulty(&store, |_, _| None);
    let outcome = apply(&server.cluster().await, false, "ack").await;
    let state = &outcome.report.steps[0];
    assert!(
        matches!(state, StepState::Unknown(reason) if reason.starts_with("applied, but the journal")),
        "{state:?}"
    );
    assert_eq!(outcome.report.steps[1], StepState::NotTried);
    assert_eq!(store.image(), "new");
}

#[tokio::test]
async fn a_reset_after_the_write_is_settled_as_applied() {
    let store = Store::new();
    let server = once(&store, |store, seen| {
        store.answer(seen);
        Reply::Reset
    });
    let outcome = run(&server).await;
    assert!(matches!(outcome.report.steps[0], StepState::Done { .. }));
    assert_eq!(outcome.records, ["intent 5", "ack 6", "verified"]);
    assert_eq!(server.count("PATCH"), 1);
}

#[tokio::test]
async fn a_reset_before_the_write_is_settled_as_not_applied() {
    let store = Store::new();
    let server = once(&store, |_, _| Reply::Reset);
    let outcome = run(&server).await;
    assert!(failed(&outcome).starts_with("not applied"));
    assert_eq!(outcome.records, ["intent 5", "refused"]);
    assert_eq!(server.count("PATCH"), 1, "nothing is sent blindly again");
    assert_eq!(outcome.report.steps[1], StepState::NotTried);
}

#[tokio::test]
async fn a_write_that_lands_late_is_still_found() {
    let store = Store::new();
    let server = once(&store, |store, seen| {
        let (store, seen) = (store.clone(), seen.clone());
        std::thread::spawn(move || {
            std::thread::sleep(Duration::from_millis(250));
            store.answer(&seen);
        });
        Reply::Reset
    });
    let outcome = run(&server).await;
    assert!(matches!(outcome.report.steps[0], StepState::Done { .. }));
    assert_eq!(outcome.records, ["intent 5", "ack 6", "verified"]);
}

#[tokio::test]
async fn a_reset_with_another_writer_is_unknown() {
    let server = once(&Store::new(), |store, _| {
        store.touch("/spec/image", json!("third"));
        Reply::Reset
    });
    let outcome = run(&server).await;
    assert!(matches!(outcome.report.steps[0], StepState::Unknown(_)));
    assert_eq!(outcome.records, ["intent 5", "unknown"]);
    assert_eq!(outcome.report.steps[1], StepState::NotTried);
}

#[tokio::test]
async fn gateway_errors_and_broken_answers_are_settled_too() {
    for code in [200, 500, 503, 504] {
        let server = once(&Store::new(), move |store, seen| {
            store.answer(seen);
            Reply::Answer(code, "<html>".into())
        });
        let outcome = run(&server).await;
        assert_eq!(outcome.records, ["intent 5", "ack 6", "verified"], "{code}");
        assert_eq!(server.count("PATCH"), 1);
    }
}

#[tokio::test]
async fn a_write_that_cannot_be_looked_for_is_unknown() {
    let store = Store::new();
    let mut lost = false;
    let server = Server::start(move |seen| {
        lost |= seen.method == "PATCH";
        if lost {
            Reply::Reset
        } else {
            store.answer(seen)
        }
    });
    let outcome = run(&server).await;
    assert!(matches!(outcome.report.steps[0], StepState::Unknown(_)));
    assert_eq!(outcome.records, ["intent 5", "unknown"]);
}

#[tokio::test]
async fn a_version_that_moved_is_tried_again_with_the_new_one() {
    let store = Store::new();
    let server = once(&store, |store, seen| {
        // A status update in between: other version, same content.
        store.touch("/status/numberAvailable", json!(0));
        store.answer(seen)
    });
    let outcome = run(&server).await;
    assert!(matches!(outcome.report.steps[0], StepState::Done { .. }));
    assert_eq!(
        outcome.records,
        ["intent 5", "refused", "intent 6", "ack 7", "verified"]
    );
}

#[tokio::test]
async fn a_version_that_never_rests_is_given_up() {
    let server = faulty(&Store::new(), |store, seen| {
        store.touch("/status/numberAvailable", json!(0));
        Some(store.answer(seen))
    });
    let outcome = run(&server).await;
    assert_eq!(
        outcome.report.steps[0],
        StepState::Conflict { drift: Drift::Busy }
    );
    assert_eq!(server.count("PATCH"), 4);
}

#[tokio::test]
async fn a_changed_object_is_never_overwritten() {
    for (pointer, code) in [("/spec/other", 409), ("/spec/image", 422)] {
        let store = Store::new();
        let server = once(&store, move |store, seen| {
            store.touch(pointer, json!("theirs"));
            let reply = store.answer(seen);
            assert!(matches!(&reply, Reply::Answer(said, _) if *said == code));
            reply
        });
        let outcome = run(&server).await;
        assert_eq!(
            outcome.report.steps,
            [
                StepState::Conflict {
                    drift: Drift::Changed
                },
                StepState::NotTried
            ]
        );
        assert_ne!(store.image(), "new");
    }
}

#[tokio::test]
async fn another_object_of_the_same_name_is_left_alone() {
    let store = Store::new();
    store.set(daemon_set("other", 7, "old"));
    let server = faulty(&store, |_, _| None);
    let outcome = run(&server).await;
    assert_eq!(
        outcome.report.steps[0],
        StepState::Conflict {
            drift: Drift::Replaced
        }
    );
    assert_eq!(server.count("PATCH"), 0);
}

#[tokio::test]
async fn a_refusal_is_final_and_ends_the_run() {
    for (code, reason) in [
        (400, "BadRequest"),
        (401, "Unauthorized"),
        (403, "Forbidden"),
        (413, "RequestEntityTooLarge"),
        (415, "UnsupportedMediaType"),
        (422, "Invalid"),
    ] {
        let server = faulty(&Store::new(), move |_, _| {
            Some(status(code, reason, "admission webhook says no"))
        });
        let outcome = run(&server).await;
        assert_eq!(failed(&outcome), "admission webhook says no");
        assert_eq!(outcome.records, ["intent 5", "refused"], "{code}");
        assert_eq!(outcome.report.steps[1], StepState::NotTried);
        assert_eq!(server.count("PATCH"), 1);
    }
}

#[tokio::test]
async fn a_busy_server_is_asked_again_with_the_same_preconditions() {
    let started = Instant::now();
    let server = once(&Store::new(), |_, _| {
        let text = status_text(429, "TooManyRequests", "later");
        Reply::With("retry-after: 1", 429, text)
    });
    let outcome = run(&server).await;
    assert_eq!(
        outcome.records,
        ["intent 5", "refused", "intent 5", "ack 6", "verified"]
    );
    assert!(started.elapsed() >= Duration::from_secs(1));
}

#[tokio::test]
async fn what_is_reverted_is_not_verified() {
    let store = Store::new();
    let server = once(&store, |store, seen| {
        let reply = store.answer(seen);
        store.touch("/spec/image", json!("old"));
        reply
    });
    let outcome = run(&server).await;
    assert!(
        matches!(&outcome.report.steps[0], StepState::RolloutFailed(said)
        if said.starts_with("/spec/image"))
    );
    assert_eq!(outcome.records, ["intent 5", "ack 6"]);
}

/// A DaemonSet that takes `looks` looks to be complete, with a fault among them.
fn rolling(looks: usize) -> Server {
    let (store, mut left, mut patched) = (Store::new(), looks, false);
    Server::start(move |seen| {
        if seen.method == "PATCH" {
            store.touch("/status/numberAvailable", json!(0));
            store.touch("/metadata/resourceVersion", json!("4"));
            patched = true;
            return store.answer(seen);
        }
        if patched {
            left = left.saturating_sub(1);
            if left == 1 {
                return Reply::Answer(503, String::new());
            }
            if left == 0 {
                store.touch("/status/numberAvailable", json!(1));
            }
        }
        store.answer(seen)
    })
}

#[tokio::test]
async fn a_rollout_is_waited_for_through_errors() {
    let server = rolling(3);
    let outcome = apply(&server.cluster().await, true, "").await;
    assert!(matches!(outcome.report.steps[0], StepState::Done { .. }));
    assert_eq!(outcome.records.last().unwrap(), "verified");
    assert!(outcome.progress.iter().any(|progress| matches!(progress,
        Progress::Waiting { detail, .. } if detail.contains("0 of 1 updated pods"))));
}

#[tokio::test]
async fn a_rollout_that_takes_too_long_is_not_a_success() {
    let server = rolling(usize::MAX);
    let outcome = apply(&server.cluster().await, true, "").await;
    assert!(
        matches!(&outcome.report.steps[0], StepState::RolloutFailed(said)
        if said.starts_with("not complete in time: Waiting for daemon set"))
    );
    assert_eq!(outcome.records, ["intent 5", "ack 6"]);
}

#[tokio::test]
async fn an_interruption_ends_the_waiting_and_not_the_report() {
    let server = rolling(usize::MAX);
    let asked = Cell::new(0);
    let stop = || {
        asked.set(asked.get() + 1);
        asked.get() > 4
    };
    let outcome = apply_until(&server.cluster().await, true, "", &stop).await;
    assert!(
        matches!(&outcome.report.steps[0], StepState::RolloutFailed(said)
        if said.starts_with("interrupted"))
    );
    assert_eq!(outcome.report.steps[1], StepState::NotTried);
    let outcome = apply_until(&server.cluster().await, true, "", &|| true).await;
    assert_eq!(
        outcome.report.steps,
        [StepState::NotTried, StepState::NotTried]
    );
}
