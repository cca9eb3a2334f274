//! A Secret with a secret setting in it: what goes over the wire, what is written down, and what is never asked for.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use nks_cluster::{ApplyOptions, ApplyReport, Drift, PreviewProblem, StepState};
use nks_core::credential::Credentials;
use nks_core::manifest::Manifest;
use nks_core::message::Text;
use nks_core::object::{Object, ObjectId};
use nks_core::plan::{self, Act, Plan};
use nks_core::record::{self, Begin, Journal, Record};
use nks_core::report::{Change, Report, Risk, Step};
use nks_core::{secret, undo};
use serde_json::{Value, json};

use crate::server::{Reply, Seen, Server, ok, status};
use crate::store::approved;

const VALUE: &str = "canary-sings";

const MANIFEST: &str = "
apiVersion: fixer.nks/v1
kind: Fixer
metadata: {name: acme/test}
spec:
  version: 1.0.0
  about: {title: {en: t, ko: t}, cause: {en: c, ko: c}}
  secrets: keys
  reads: [{apiVersion: v1, kind: Secret, namespaces: [n], names: [s], fields: [/type]}]
  writes: [{apiVersion: v1, kind: Secret, verbs: [create], paths: [/data], max: 1}]
  settings: {type: object, properties: {login: {type: string, format: secret}}}
  messages: {m: {en: m, ko: m}}
";

fn creation() -> Plan {
    let secret = json!({"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "s", "namespace": "n"},
        "data": {"a": "nks-secret-setting-login"}});
    let step = Step {
        message: "m".into(),
        args: Vec::new(),
        findings: Vec::new(),
        change: Change::Create(secret.to_string()),
        risk: Risk::Safe,
        needs: Vec::new(),
        wait: false,
        expect: Vec::new(),
    };
    let report = Report {
        findings: Vec::new(),
        steps: vec![step],
    };
    let mut given = Credentials::default();
    given.insert("login", VALUE.into());
    let manifest = Manifest::from_yaml(MANIFEST).unwrap();
    plan::plan(&manifest, &[], &report, &given, "2026-01-01T00:00:00Z").unwrap()
}

/// The Secret as a server keeps it; none at first.
type Place = Arc<Mutex<Option<Value>>>;

fn stored(value: &str) -> Value {
    json!({"apiVersion": "v1", "kind": "Secret", "type": "Opaque", "data": {"a": secret::encode(value)},
        "metadata": {"name": "s", "namespace": "n", "uid": "u", "resourceVersion": "6",
            "managedFields": [{"manager": "kubectl-nks"}]}})
}

fn answer(place: &Place, seen: &Seen) -> Reply {
    let mut there = place.lock().unwrap();
    match (seen.method.as_str(), &*there) {
        ("GET", Some(there)) => ok(there),
        ("POST", None) => {
            let mut made = stored("");
            made["data"] = seen.body["data"].clone();
            if !seen.path.contains("dryRun=All") {
                *there = Some(made.clone());
            }
            ok(&made)
        }
        ("POST", Some(_)) => status(409, "AlreadyExists", "it already exists"),
        _ => status(404, "NotFound", "not found"),
    }
}

fn server(place: &Place) -> Server {
    let place = Arc::clone(place);
    Server::start(move |seen| answer(&place, seen))
}

async fn run(server: &Server, plan: Plan) -> (ApplyReport, Vec<Record>) {
    let approved = approved(plan);
    let options = ApplyOptions {
        field_manager: "kubectl-nks".into(),
        wait: true,
        timeout: Duration::from_secs(2),
    };
    let mut records = Vec::new();
    let mut keep = |record| {
        records.push(record);
        Ok(())
    };
    let cluster = server.cluster().await;
    let report = cluster
        .apply(&approved, &options, &mut keep, &|_| {}, &|| false)
        .await;
    (report, records)
}

fn assert_silent(records: &[Record]) {
    let kept = serde_json::to_string(records).unwrap();
    for needle in [VALUE, secret::encode(VALUE).as_str().unwrap()] {
        assert!(!kept.contains(needle), "{kept}");
    }
}

/// Secrets are looked at by their name only.
fn assert_never_listed(server: &Server) {
    let seen = server.seen();
    let mut reads = seen.iter().filter(|seen| seen.method == "GET");
    assert!(reads.all(|seen| seen.path == "/api/v1/namespaces/n/secrets/s"));
}

#[tokio::test]
async fn the_server_is_sent_the_value_and_the_journal_is_not() {
    let place = Place::default();
    let server = server(&place);
    let cluster = server.cluster().await;
    cluster.preview(&creation(), "kubectl-nks").await.unwrap();
    assert!(place.lock().unwrap().is_none());
    let (report, records) = run(&server, creation()).await;
    assert!(matches!(report.steps[0], StepState::Done { .. }));
    assert_silent(&records);
    let seen = server.seen();
    let posts: Vec<_> = seen.iter().filter(|seen| seen.method == "POST").collect();
    assert!(posts[0].path.contains("dryRun=All") && posts.len() == 2);
    for post in posts {
        assert_eq!(post.body["data"]["a"], secret::encode(VALUE));
    }
    // It is there with that value, so a second run has nothing to do.
    let (again, _) = run(&server, creation()).await;
    assert_eq!(again.steps, [StepState::NoChange]);
    assert_eq!(server.count("POST"), 2);
    assert_never_listed(&server);
}

#[tokio::test]
async fn a_secret_that_is_there_with_another_value_is_left_alone() {
    let place = Arc::new(Mutex::new(Some(stored("theirs"))));
    let server = server(&place);
    let (report, records) = run(&server, creation()).await;
    let drift = Drift::Exists;
    assert_eq!(report.steps, [StepState::Conflict { drift }]);
    assert_eq!(records, []);
    let cluster = server.cluster().await;
    let refused = cluster.preview(&creation(), "kubectl-nks").await;
    let problem = refused.unwrap_err().problem;
    assert!(matches!(problem, PreviewProblem::Conflict(Drift::Exists)));
    assert_eq!(server.count("POST"), 0);
    assert_never_listed(&server);
}

#[tokio::test]
async fn a_lost_answer_is_settled_by_the_digest() {
    for (left, is_done) in [(VALUE, true), ("theirs", false)] {
        let place = Place::default();
        let there = Arc::clone(&place);
        let server = Server::start(move |seen| match seen.method.as_str() {
            "POST" => {
                *there.lock().unwrap() = Some(stored(left));
                Reply::Reset
            }
            _ => answer(&there, seen),
        });
        let (report, records) = run(&server, creation()).await;
        let done = matches!(report.steps[0], StepState::Done { .. });
        assert_eq!(done, is_done, "{report:?}");
        assert_silent(&records);
        assert_never_listed(&server);
    }
}

#[tokio::test]
async fn a_webhook_that_quotes_what_it_refuses_is_not_quoted() {
    let server = Server::start(|seen| match seen.method.as_str() {
        "POST" => {
            let said = format!("denied: {} and {VALUE}", seen.body["data"]["a"]);
            status(403, "Forbidden", &said)
        }
        _ => status(404, "NotFound", "not found"),
    });
    let (report, records) = run(&server, creation()).await;
    let said = format!("{:?}", report.steps);
    assert!(said.contains("denied: ") && said.contains("***"), "{said}");
    let encoded = secret::encode(VALUE);
    assert!(
        !said.contains(VALUE) && !said.contains(encoded.as_str().unwrap()),
        "{said}"
    );
    assert_silent(&records);
    let cluster = server.cluster().await;
    let refused = cluster.preview(&creation(), "kubectl-nks").await;
    assert!(!format!("{refused:?}").contains(VALUE));
}

/// What undoing a run comes to while the Secret is `now`.
fn undone(records: &[Record], now: Value) -> Result<Plan, Vec<String>> {
    let text = |text: &str| Text {
        en: text.into(),
        ko: text.into(),
    };
    let [put_back, restart, delete, create] = ["put back", "restart", "delete", "create"].map(text);
    let journal = Journal {
        begin: Begin {
            format: record::FORMAT,
            entry: "e".into(),
            at: "t".into(),
            fixer: "acme/test".into(),
            fixer_version: "1.0.0".into(),
            undoes: None,
            cluster_uid: "u".into(),
            cluster: "c".into(),
            by: "me@here".into(),
            field_manager: "kubectl-nks".into(),
            steps: Vec::new(),
        },
        records: records.to_vec(),
        checksum: String::new(),
        good_bytes: 0,
    };
    let messages = undo::Messages {
        put_back: &put_back,
        restart: &restart,
        delete: &delete,
        create: &create,
    };
    let now = Object::new(now, "").unwrap();
    let find = |_: &ObjectId| Some(now.clone());
    undo::plan(&journal, &messages, find, "2026-01-01T00:00:00Z")
        .map_err(|obstacles| obstacles.iter().map(ToString::to_string).collect())
}

#[tokio::test]
async fn undo_deletes_what_was_made_and_nothing_that_was_changed_since() {
    let server = server(&Place::default());
    let (_, records) = run(&server, creation()).await;
    let plan = undone(&records, stored(VALUE)).unwrap();
    let (_, patch) = plan.patches().next().unwrap();
    assert_eq!((patch.act(), patch.uid.as_str()), (Act::Delete, "u"));
    assert!(patch.is_guarded());
    let said = undone(&records, stored("theirs")).unwrap_err();
    assert_eq!(
        said,
        ["secret/s -n n: /data/a was set to *** and holds *** now"]
    );
    let mut another = stored(VALUE);
    another["metadata"]["uid"] = "v".into();
    let said = undone(&records, another).unwrap_err();
    assert_eq!(
        said,
        ["secret/s -n n is no longer the object that was changed"]
    );
}
