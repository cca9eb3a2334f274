//! Whole plans on a real API server, from the fixer's report to the journal and back.

#![expect(clippy::unwrap_used, reason = "in a test a panic is the report")]

mod image_probe;
mod whole_objects;

use std::path::PathBuf;
use std::time::Duration;

use nks_cluster::{ApplyOptions, ApplyReport, Cluster, ConnectOptions, StepState};
use nks_core::approval::{Approved, Consent, GuardedConsent};
use nks_core::message::Text;
use nks_core::object::ObjectId;
use nks_core::plan::Plan;
use nks_core::record::{self, Begin, Record};
use nks_core::report::{Change, Risk, Step};
use nks_core::undo;

pub(crate) async fn connect(kubeconfig: PathBuf) -> Cluster {
    let options = ConnectOptions {
        kubeconfig: Some(kubeconfig),
        ..ConnectOptions::default()
    };
    Cluster::connect(&options).await.unwrap()
}

pub(crate) fn step(change: Change, wait: bool) -> Step {
    Step {
        message: "m".into(),
        args: Vec::new(),
        findings: Vec::new(),
        change,
        risk: Risk::Safe,
        needs: Vec::new(),
        wait,
        expect: Vec::new(),
    }
}

/// Previews and carries a plan out, each step with success; returns the journal's text.
pub(crate) async fn carried_out(cluster: &Cluster, plan: &Plan) -> String {
    let mut journal = String::new();
    let report = carry_out(cluster, plan, &mut journal).await;
    for state in &report.steps {
        assert!(matches!(state, StepState::Done { .. }), "{state:?}");
    }
    journal
}

/// Previews and carries a plan out, with the journal written to `text`; returns what became of it.
pub(crate) async fn carry_out(cluster: &Cluster, plan: &Plan, text: &mut String) -> ApplyReport {
    cluster.preview(plan, "kubectl-nks").await.unwrap();
    let guarded: Vec<_> = plan
        .guarded()
        .filter_map(|patch| GuardedConsent::from_answer(&patch.id, true))
        .collect();
    let consent = Consent::from_flag(true).unwrap();
    let approved = Approved::new(plan.clone(), consent, &guarded).unwrap();
    let options = ApplyOptions {
        field_manager: "kubectl-nks".into(),
        wait: true,
        timeout: Duration::from_mins(2),
    };
    let begin = Record::Begin(Begin {
        format: record::FORMAT,
        entry: "e".into(),
        at: "t".into(),
        fixer: "acme/whole".into(),
        fixer_version: "1.0.0".into(),
        undoes: None,
        cluster_uid: "u".into(),
        cluster: "c".into(),
        by: "me@here".into(),
        field_manager: "kubectl-nks".into(),
        steps: Vec::new(),
    });
    let mut previous = record::FIRST.to_owned();
    let mut keep = |record| {
        let (line, checksum) = record::encode(&previous, &record).unwrap();
        previous = checksum;
        *text += &line;
        Ok(())
    };
    keep(begin).unwrap();
    cluster
        .apply(&approved, &options, &mut keep, &|_| (), &|| false)
        .await
}

/// The plan that takes back what is in a journal.
pub(crate) async fn way_back(cluster: &Cluster, journal: &str) -> Plan {
    let journal = record::decode(journal).unwrap();
    let mut now = Vec::new();
    for intent in journal.applied() {
        now.extend(cluster.get(&intent.object).await.unwrap());
    }
    let text = Text {
        en: "m".into(),
        ko: "m".into(),
    };
    let messages = undo::Messages {
        put_back: &text,
        restart: &text,
        delete: &text,
        create: &text,
    };
    let find = |id: &ObjectId| now.iter().find(|object| object.id == *id).cloned();
    undo::plan(&journal, &messages, find, "2026-01-01T00:00:00Z").unwrap()
}
