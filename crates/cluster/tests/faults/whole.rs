//! Faults while an object is created or deleted.

use std::time::Duration;

use nks_cluster::{ApplyOptions, Cluster, Drift, PreviewProblem, StepState};
use nks_core::message::Text;
use nks_core::object::Object;
use nks_core::plan::{Action, ObjectPatch, Plan, PlannedStep};
use nks_core::pointer::Pattern;
use nks_core::record::{Intent, Record};
use nks_core::report::Risk;
use nks_core::settle::{Settled, settle};
use nks_core::whole;
use serde_json::{Value, json};

use crate::place::Place;
use crate::server::{Reply, Seen, Server, ok, status};
use crate::store::{Outcome, approved, carry_out};

fn config_map(uid: &str, version: &str, data: &str) -> Value {
    json!({"apiVersion": "v1", "kind": "ConfigMap", "data": {"a": data},
        "metadata": {"name": "c", "namespace": "n", "uid": uid, "resourceVersion": version}})
}

fn plan(before: Value, after: Value, wait: bool) -> Plan {
    let shown = if before.is_null() { &after } else { &before };
    let object = Object::new(shown.clone(), "").unwrap();
    let patch = ObjectPatch {
        id: object.id,
        uid: object.uid,
        resource_version: object.resource_version,
        edits: if before.is_null() {
            whole::creation(&after, &after)
        } else {
            whole::deletion(&before).unwrap()
        },
        before,
        after,
        declared: vec![Pattern::parse("/data").unwrap()],
        credentials: Default::default(),
        managed_by: None,
    };
    let step = PlannedStep {
        message: Text {
            en: "one".into(),
            ko: "하나".into(),
        },
        args: Vec::new(),
        action: Action::Patch(Box::new(patch)),
        risk: Risk::Destructive,
        needs: Vec::new(),
        wait,
        expect: Vec::new(),
    };
    Plan { steps: vec![step] }
}

fn sent() -> Value {
    whole::as_new(&config_map("", "", "1"))
}

fn creation() -> Plan {
    plan(Value::Null, sent(), false)
}

fn deletion(wait: bool) -> Plan {
    plan(config_map("u", "5", "1"), Value::Null, wait)
}

/// A server on which the first write goes wrong in the given way.
fn once(place: &Place, mut fault: impl FnMut(&Place, &Seen) -> Reply + Send + 'static) -> Server {
    let (place, mut first) = (place.clone(), true);
    Server::start(move |seen| {
        if seen.method != "GET" && std::mem::take(&mut first) {
            fault(&place, seen)
        } else {
            place.answer(seen)
        }
    })
}

fn sound(place: &Place) -> Server {
    once(place, Place::answer)
}

fn empty() -> Place {
    Place::new(None)
}

fn full() -> Place {
    Place::new(Some(config_map("u", "5", "1")))
}

async fn run(server: &Server, plan: Plan) -> Outcome {
    carry_out(&server.cluster().await, plan, "", &|| false).await
}

fn is_done(outcome: &Outcome) -> bool {
    matches!(outcome.report.steps[0], StepState::Done { .. })
}

#[tokio::test]
async fn a_creation_is_recorded_before_and_after() {
    let place = empty();
    let server = sound(&place);
    let outcome = run(&server, creation()).await;
    assert!(is_done(&outcome));
    assert_eq!(outcome.records, ["intent ", "ack 6", "verified"]);
    let seen = server.seen();
    let post = seen.iter().find(|seen| seen.method == "POST").unwrap();
    let path = "/api/v1/namespaces/n/configmaps?fieldManager=kubectl-nks";
    assert_eq!((post.path.as_str(), &post.body), (path, &sent()));
    let again = run(&server, creation()).await;
    assert_eq!(again.report.steps, [StepState::NoChange]);
    assert_eq!(server.count("POST"), 1);
}

#[tokio::test]
async fn a_deletion_is_of_that_version_of_that_object() {
    let place = full();
    let server = sound(&place);
    let outcome = run(&server, deletion(false)).await;
    assert_eq!(outcome.report.steps, [StepState::Done { object: None }]);
    assert_eq!(outcome.records, ["intent 5", "ack "]);
    assert_eq!(place.get(), None);
    let seen = server.seen();
    let sent = seen.iter().find(|seen| seen.method == "DELETE").unwrap();
    assert_eq!(sent.path, "/api/v1/namespaces/n/configmaps/c");
    let preconditions = json!({"uid": "u", "resourceVersion": "5"});
    assert_eq!(sent.body["preconditions"], preconditions);
    let again = run(&server, deletion(false)).await;
    assert_eq!(again.report.steps, [StepState::NoChange]);
    assert_eq!(server.count("DELETE"), 1);
}

#[tokio::test]
async fn without_a_durable_intent_nothing_is_created_or_deleted() {
    for (place, plan) in [(empty(), creation()), (full(), deletion(false))] {
        let (before, server) = (place.get(), sound(&place));
        let cluster = server.cluster().await;
        let outcome = carry_out(&cluster, plan, "intent", &|| false).await;
        assert!(matches!(outcome.report.steps[0], StepState::Failed(_)));
        assert_eq!(place.get(), before);
        assert!(server.seen().iter().all(|seen| seen.method == "GET"));
    }
}

#[tokio::test]
async fn a_lost_answer_is_settled_by_what_is_there() {
    for (place, plan, acked) in [
        (empty(), creation(), "ack 6"),
        (full(), deletion(false), "ack "),
    ] {
        let server = once(&place, |place, seen| {
            place.answer(seen);
            Reply::Reset
        });
        let outcome = run(&server, plan).await;
        assert!(is_done(&outcome), "{acked}");
        assert_eq!(outcome.records[1], acked);
        assert_eq!(server.count("POST") + server.count("DELETE"), 1);
    }
}

#[tokio::test]
async fn a_write_that_got_lost_is_not_sent_again() {
    for (place, plan) in [(empty(), creation()), (full(), deletion(false))] {
        let before = place.get();
        let server = once(&place, |_, _| Reply::Reset);
        let outcome = run(&server, plan).await;
        assert!(
            matches!(&outcome.report.steps[0], StepState::Failed(said) if said.starts_with("not applied"))
        );
        assert_eq!(outcome.records[1], "refused");
        assert_eq!(place.get(), before);
        assert_eq!(server.count("POST") + server.count("DELETE"), 1);
    }
}

#[tokio::test]
async fn what_somebody_else_created_is_left_alone() {
    let theirs = config_map("theirs", "9", "2");
    let create = theirs.clone();
    let server = once(&empty(), move |place, seen| {
        place.set(Some(create.clone()));
        place.answer(seen)
    });
    let outcome = run(&server, creation()).await;
    let drift = Drift::Exists;
    assert_eq!(outcome.report.steps, [StepState::Conflict { drift }]);
    assert_eq!(outcome.records, ["intent ", "refused"]);
    let server = once(&empty(), move |place, _| {
        place.set(Some(theirs.clone()));
        Reply::Reset
    });
    let outcome = run(&server, creation()).await;
    assert!(matches!(outcome.report.steps[0], StepState::Unknown(_)));
    assert_eq!(outcome.records, ["intent ", "unknown"]);
}

#[tokio::test]
async fn a_namespace_that_is_not_there_is_the_servers_word() {
    let server = once(&empty(), |_, _| {
        status(404, "NotFound", "namespaces \"n\" not found")
    });
    let outcome = run(&server, creation()).await;
    let said = StepState::Failed("namespaces \"n\" not found".into());
    assert_eq!(outcome.report.steps, [said]);
    assert_eq!(server.count("POST"), 1);
}

#[tokio::test]
async fn what_somebody_else_deleted_is_gone_and_not_our_deletion() {
    let server = once(&full(), |place, seen| {
        place.set(None);
        place.answer(seen)
    });
    let outcome = run(&server, deletion(false)).await;
    assert_eq!(outcome.report.steps, [StepState::NoChange]);
    assert_eq!(outcome.records, ["intent 5", "refused"]);
}

#[tokio::test]
async fn a_changed_object_is_not_deleted() {
    for (uid, data, drift) in [
        ("u", "theirs", Drift::Changed),
        ("other", "1", Drift::Replaced),
    ] {
        let place = full();
        let theirs = config_map(uid, "6", data);
        let server = once(&place, move |place, seen| {
            place.set(Some(theirs.clone()));
            place.answer(seen)
        });
        let outcome = run(&server, deletion(false)).await;
        assert_eq!(outcome.report.steps, [StepState::Conflict { drift }]);
        assert_eq!(outcome.records, ["intent 5", "refused"]);
        assert!(place.get().is_some());
    }
}

#[tokio::test]
async fn a_version_that_moved_is_deleted_with_the_new_one() {
    let server = once(&full(), |place, seen| {
        place.set(Some(config_map("u", "6", "1")));
        place.answer(seen)
    });
    let outcome = run(&server, deletion(false)).await;
    assert!(is_done(&outcome));
    assert_eq!(outcome.records, ["intent 5", "refused", "intent 6", "ack "]);
}

/// An object that takes `looks` looks to be gone.
fn lingering(looks: usize) -> Server {
    let (place, mut left, mut going) = (full(), looks, false);
    Server::start(move |seen| {
        if seen.method == "DELETE" {
            let mut object = place.get().unwrap();
            object["metadata"]["deletionTimestamp"] = "t".into();
            place.set(Some(object.clone()));
            going = true;
            return ok(&object);
        }
        if going {
            left = left.saturating_sub(1);
            if left == 0 {
                place.set(Some(config_map("next", "8", "1")));
            }
        }
        place.answer(seen)
    })
}

#[tokio::test]
async fn a_deletion_is_waited_for_until_the_object_is_gone() {
    let outcome = run(&lingering(3), deletion(true)).await;
    assert_eq!(outcome.report.steps, [StepState::Done { object: None }]);
    assert_eq!(outcome.records, ["intent 5", "ack ", "verified"]);
    let outcome = run(&lingering(usize::MAX), deletion(true)).await;
    let said = "not complete in time: Waiting for configmap/c to be deleted...";
    assert_eq!(
        outcome.report.steps,
        [StepState::RolloutFailed(said.into())]
    );
    assert_eq!(outcome.records, ["intent 5", "ack "]);
}

/// Starts to carry a plan out on a server that answers a write with nothing more, and ends there as a kill would.
async fn killed(cluster: &Cluster, plan: Plan) -> Intent {
    let approved = approved(plan);
    let options = ApplyOptions {
        field_manager: "kubectl-nks".into(),
        wait: true,
        timeout: Duration::ZERO,
    };
    let mut records = Vec::new();
    let mut keep = |record| {
        records.push(record);
        Ok(())
    };
    let run = cluster.apply(&approved, &options, &mut keep, &|_| (), &|| false);
    let cut_off = tokio::time::timeout(Duration::from_secs(1), run).await;
    assert!(cut_off.is_err());
    match records.pop() {
        Some(Record::Intent(intent)) => intent,
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn a_kill_in_between_is_settled_later() {
    for (place, plan) in [(empty(), creation()), (full(), deletion(false))] {
        for (arrives, expected) in [(true, Settled::Applied), (false, Settled::NotApplied)] {
            let place = Place::new(place.get());
            let server = once(&place, move |place, seen| {
                if arrives {
                    place.answer(seen);
                }
                Reply::Stalled
            });
            let cluster = server.cluster().await;
            let intent = killed(&cluster, plan.clone()).await;
            let now = cluster.get(&intent.object).await.unwrap();
            assert_eq!(settle(&intent, "kubectl-nks", now.as_ref()), expected);
        }
    }
}

#[tokio::test]
async fn a_preview_creates_and_deletes_nothing() {
    let (place, existing) = (empty(), full());
    let preview = async |place: &Place, plan: &Plan| {
        let server = sound(place);
        let cluster = server.cluster().await;
        cluster.preview(plan, "kubectl-nks").await
    };
    let created = preview(&place, &creation()).await.unwrap();
    // With the server's defaults.
    assert_eq!(created.after[0].1["immutable"], false);
    assert_eq!(place.get(), None);
    let deleted = preview(&existing, &deletion(false)).await.unwrap();
    assert_eq!(deleted.after[0].1, Value::Null);
    assert!(existing.get().is_some());

    let other = Place::new(Some(config_map("u", "5", "2")));
    for (place, plan, expected) in [
        (&other, creation(), Drift::Exists),
        (&other, deletion(false), Drift::Changed),
        (&place, deletion(false), Drift::Gone),
    ] {
        let error = preview(place, &plan).await.unwrap_err();
        assert!(
            matches!(error.problem, PreviewProblem::Conflict(drift) if drift == expected),
            "{error}"
        );
    }
}
