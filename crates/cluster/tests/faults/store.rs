//! One object behind a fault: what the server keeps, and a plan that changes it.

use std::io;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use nks_cluster::{ApplyOptions, ApplyReport, Cluster, Progress};
use nks_core::approval::{Approved, Consent, GuardedConsent};
use nks_core::message::Text;
use nks_core::object::Object;
use nks_core::plan::{Action, Expected, ObjectPatch, Plan, PlannedStep};
use nks_core::pointer::{Pattern, Pointer};
use nks_core::record::Record;
use nks_core::report::Risk;
use nks_core::scope;
use serde_json::{Value, json};

use crate::server::{Reply, Seen, ok, status};

/// An object as an API server keeps it. Clones share it.
#[derive(Clone)]
pub(crate) struct Store(Arc<Mutex<Value>>);

impl Store {
    pub(crate) fn new() -> Self {
        Self(Arc::new(Mutex::new(daemon_set("u", 5, "old"))))
    }

    pub(crate) fn set(&self, value: Value) {
        *self.0.lock().unwrap() = value;
    }

    pub(crate) fn image(&self) -> Value {
        self.0.lock().unwrap()["spec"]["image"].clone()
    }

    /// Changes one place, as somebody else would.
    pub(crate) fn touch(&self, pointer: &str, value: Value) {
        let mut object = self.0.lock().unwrap();
        *object.pointer_mut(pointer).unwrap() = value;
        bump(&mut object);
    }

    /// Answers as an API server does.
    pub(crate) fn answer(&self, seen: &Seen) -> Reply {
        let mut object = self.0.lock().unwrap();
        if seen.method == "GET" {
            return ok(&object);
        }
        let patch: json_patch::Patch = serde_json::from_value(seen.body.clone()).unwrap();
        let mut next = object.clone();
        if json_patch::patch(&mut next, &patch).is_err() {
            return status(422, "Invalid", "the server rejected our request");
        }
        if next["metadata"]["resourceVersion"] != object["metadata"]["resourceVersion"] {
            return status(409, "Conflict", "the object has been modified");
        }
        if next["metadata"]["uid"] != object["metadata"]["uid"] {
            return status(422, "Invalid", "field is immutable");
        }
        bump(&mut next);
        next["metadata"]["managedFields"] = json!([{"manager": "kubectl-nks"}]);
        if !seen.path.contains("dryRun=All") {
            *object = next.clone();
        }
        ok(&next)
    }
}

fn bump(object: &mut Value) {
    let version: u64 = object["metadata"]["resourceVersion"]
        .as_str()
        .unwrap()
        .parse()
        .unwrap();
    object["metadata"]["resourceVersion"] = (version + 1).to_string().into();
}

pub(crate) fn daemon_set(uid: &str, version: u64, image: &str) -> Value {
    json!({"apiVersion": "apps/v1", "kind": "DaemonSet",
        "metadata": {"name": "d", "namespace": "n", "uid": uid, "resourceVersion": version.to_string(), "generation": 1},
        "spec": {"image": image, "other": "x", "updateStrategy": {"type": "RollingUpdate"}},
        "status": {"observedGeneration": 1, "desiredNumberScheduled": 1, "updatedNumberScheduled": 1,
            "numberAvailable": 1}})
}

pub(crate) fn plan(wait: bool) -> Plan {
    let before = Object::new(daemon_set("u", 5, "old"), "n").unwrap();
    let after = daemon_set("u", 5, "new");
    let patch = ObjectPatch {
        id: before.id.clone(),
        uid: "u".into(),
        resource_version: "5".into(),
        edits: scope::edits(&before.value, &after),
        before: before.value,
        after,
        declared: vec![Pattern::parse("/spec/image").unwrap()],
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
        risk: Risk::Safe,
        needs: Vec::new(),
        wait,
        expect: vec![Expected {
            pointer: Pointer::parse("/spec/image").unwrap(),
            value: json!("new"),
        }],
    };
    let later = PlannedStep {
        action: Action::Manual,
        needs: vec![0],
        expect: Vec::new(),
        wait: false,
        ..step.clone()
    };
    Plan {
        steps: vec![step, later],
    }
}

/// What a run left behind.
pub(crate) struct Outcome {
    pub(crate) report: ApplyReport,
    /// `intent 5`, `ack 6`, `refused`, `unknown`, `verified`
    pub(crate) records: Vec<String>,
    pub(crate) progress: Vec<Progress>,
}

/// Applies the plan; `fails` says which record cannot be kept.
pub(crate) async fn apply(cluster: &Cluster, wait: bool, fails: &str) -> Outcome {
    apply_until(cluster, wait, fails, &|| false).await
}

pub(crate) async fn apply_until(
    cluster: &Cluster,
    wait: bool,
    fails: &str,
    stop: &dyn Fn() -> bool,
) -> Outcome {
    carry_out(cluster, plan(wait), fails, stop).await
}

/// A plan with every yes that it needs.
pub(crate) fn approved(plan: Plan) -> Approved {
    let guarded: Vec<GuardedConsent> = plan
        .guarded()
        .filter_map(|patch| GuardedConsent::from_answer(&patch.id, true))
        .collect();
    Approved::new(plan, Consent::from_flag(true).unwrap(), &guarded).unwrap()
}

/// Carries a plan out.
pub(crate) async fn carry_out(
    cluster: &Cluster,
    plan: Plan,
    fails: &str,
    stop: &dyn Fn() -> bool,
) -> Outcome {
    let approved = approved(plan);
    let options = ApplyOptions {
        field_manager: "kubectl-nks".into(),
        wait: true,
        timeout: Duration::from_millis(2_500),
    };
    let (mut records, progress) = (Vec::new(), Mutex::new(Vec::new()));
    let report = cluster
        .apply(
            &approved,
            &options,
            &mut |record| {
                let line = line(&record);
                if !fails.is_empty() && line.starts_with(fails) {
                    return Err(io::Error::other("disk full"));
                }
                records.push(line);
                Ok(())
            },
            &|now| progress.lock().unwrap().push(now),
            stop,
        )
        .await;
    Outcome {
        report,
        records,
        progress: progress.into_inner().unwrap(),
    }
}

fn line(record: &Record) -> String {
    match record {
        Record::Intent(intent) => format!("intent {}", intent.resource_version),
        Record::Ack {
            resource_version, ..
        } => format!("ack {resource_version}"),
        Record::Refused { .. } => "refused".into(),
        Record::Unknown { .. } => "unknown".into(),
        Record::Verified { .. } => "verified".into(),
        Record::Begin(_) | Record::End { .. } => panic!("not for apply to write"),
    }
}
