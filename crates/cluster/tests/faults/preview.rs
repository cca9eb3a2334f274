//! Faults in the dry run: what is shown is what the server would do, or nothing.

use nks_cluster::{Drift, PreviewProblem};
use serde_json::json;

use crate::apply::faulty;
use crate::server::ok;
use crate::store::{Store, daemon_set, plan};

#[tokio::test]
async fn a_preview_is_a_dry_run_and_is_held_to_the_plan() {
    let store = Store::new();
    let server = faulty(&store, |_, _| None);
    let cluster = server.cluster().await;
    let preview = cluster.preview(&plan(false), "kubectl-nks").await.unwrap();
    assert_eq!(preview.after[0].1["spec"]["image"], "new");
    assert_eq!(store.image(), "old");
    assert!(server.seen().iter().all(|seen| seen.method != "PATCH"
        || seen.path.ends_with("?fieldManager=kubectl-nks&dryRun=All")));
    let widened = faulty(&store, |_, _| {
        let mut value = daemon_set("u", 6, "new");
        value["spec"]["other"] = json!("sneaked in");
        Some(ok(&value))
    });
    let error = widened.cluster().await.preview(&plan(false), "k").await;
    let error = error.unwrap_err();
    assert!(matches!(error.problem, PreviewProblem::Scope(_)));
    assert_eq!((error.step, error.object.name.as_str()), (0, "d"));
}

#[tokio::test]
async fn a_preview_of_a_changed_object_is_a_conflict() {
    let store = Store::new();
    store.touch("/spec/other", json!("theirs"));
    let server = faulty(&store, |_, _| None);
    let error = server.cluster().await.preview(&plan(false), "k").await;
    assert!(matches!(
        error.unwrap_err().problem,
        PreviewProblem::Conflict(Drift::Changed)
    ));
    assert_eq!(server.count("PATCH"), 0);
}
