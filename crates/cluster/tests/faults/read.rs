//! Faults while reading: never "healthy" of what was not seen.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use nks_cluster::{Reading, RequestError, UnreadKind};
use nks_core::demand::{Fetch, Which};
use serde_json::{Value, json};

use crate::server::{Reply, Seen, Server, ok, status, status_text};

fn fetch(api_version: &str, kind: &str, namespace: Option<&str>) -> Fetch {
    Fetch {
        api_version: api_version.into(),
        kind: kind.into(),
        namespace: namespace.map(str::to_owned),
        which: Which::All,
        metadata_only: false,
        managed_fields: false,
        optional: false,
    }
}

fn pods() -> BTreeSet<Fetch> {
    BTreeSet::from([fetch("v1", "Pod", None)])
}

fn pod(name: &str) -> Value {
    json!({"metadata": {"name": name, "namespace": "n", "uid": name, "resourceVersion": "1"}, "unheardOf": [1]})
}

fn list(names: &[&str], next: &str) -> Value {
    let items: Vec<Value> = names.iter().map(|name| pod(name)).collect();
    json!({"kind": "PodList", "apiVersion": "v1", "metadata": {"continue": next}, "items": items})
}

async fn read(
    fetches: &BTreeSet<Fetch>,
    handler: impl FnMut(&Seen) -> Reply + Send + 'static,
) -> (Reading, Server) {
    let server = Server::start(handler);
    let cluster = server.cluster().await;
    (cluster.read(fetches, &|_| ()).await, server)
}

fn names(reading: &Reading) -> Vec<&str> {
    let objects = reading.objects.iter();
    objects.map(|object| object.id.name.as_str()).collect()
}

#[tokio::test]
async fn pages_are_put_together_whole() {
    let (reading, server) = read(&pods(), |seen| {
        ok(&if seen.path.contains("continue=a%2Bb") {
            list(&["a"], "")
        } else {
            list(&["b", "c"], "a+b")
        })
    })
    .await;
    assert_eq!(names(&reading), ["a", "b", "c"]);
    let object = &reading.objects[0];
    assert_eq!(object.text("/kind"), Some("Pod"));
    assert_eq!(object.value["unheardOf"], json!([1]));
    assert_eq!(server.seen()[0].path, "/api/v1/pods?limit=500");
}

#[tokio::test]
async fn what_is_forbidden_is_named_and_the_rest_goes_on() {
    let fetches = BTreeSet::from([
        fetch("v1", "Pod", None),
        fetch("apps/v1", "DaemonSet", Some("kube-system")),
    ]);
    let (reading, server) = read(&fetches, |seen| {
        if seen.path.contains("daemonsets") {
            status(403, "Forbidden", "no \u{1b}[2J way")
        } else {
            ok(&list(&["a"], ""))
        }
    })
    .await;
    assert_eq!(names(&reading), ["a"]);
    let unread = &reading.unread[0];
    assert_eq!(unread.kind, UnreadKind::Forbidden);
    assert_eq!(
        (unread.verb.as_str(), unread.resource.as_str()),
        ("list", "daemonsets.apps")
    );
    assert_eq!(unread.namespace.as_deref(), Some("kube-system"));
    assert_eq!(unread.reason, "no \u{fffd}[2J way");
    assert_eq!(server.count("GET"), 2);
}

#[tokio::test]
async fn an_expired_list_is_begun_again_once() {
    let mut expiries = 1;
    let handler = move |seen: &Seen| {
        if !seen.path.contains("continue") {
            ok(&list(&["a"], "next"))
        } else if expiries > 0 {
            expiries -= 1;
            status(410, "Expired", "too old")
        } else {
            ok(&list(&["b"], ""))
        }
    };
    let (reading, server) = read(&pods(), handler).await;
    assert_eq!(names(&reading), ["a", "b"]);
    assert_eq!(server.count("GET"), 4);
}

#[tokio::test]
async fn a_list_that_always_expires_is_unread() {
    let (reading, server) = read(&pods(), |_| status(410, "Expired", "too old")).await;
    assert_eq!(reading.unread[0].kind, UnreadKind::Expired);
    assert_eq!(server.count("GET"), 2);
}

#[tokio::test]
async fn retry_after_is_honoured() {
    let mut first = true;
    let started = Instant::now();
    let (reading, server) = read(&pods(), move |_| {
        if std::mem::take(&mut first) {
            let text = status_text(429, "TooManyRequests", "later");
            Reply::With("retry-after: 1", 429, text)
        } else {
            ok(&list(&["a"], ""))
        }
    })
    .await;
    assert_eq!(names(&reading), ["a"]);
    assert!(started.elapsed() >= Duration::from_secs(1));
    assert_eq!(server.count("GET"), 2);
}

#[tokio::test]
async fn an_unavailable_server_is_not_a_healthy_cluster() {
    let started = Instant::now();
    let (reading, server) = read(&pods(), |_| Reply::Answer(503, String::new())).await;
    assert_eq!(reading.unread[0].kind, UnreadKind::Unavailable);
    assert_eq!(reading.unread[0].reason, "503 Service Unavailable");
    assert_eq!(server.count("GET"), 4);
    assert!(started.elapsed() < Duration::from_secs(10));
}

#[tokio::test]
async fn a_truncated_page_is_dropped_and_read_again() {
    let mut first = true;
    let (reading, _) = read(&pods(), move |_| {
        if std::mem::take(&mut first) {
            Reply::Truncated(list(&["x", "y"], "").to_string())
        } else {
            ok(&list(&["a"], ""))
        }
    })
    .await;
    assert_eq!(names(&reading), ["a"]);
    let whole = |_: &Seen| Reply::Truncated(list(&["x"], "").to_string());
    let (reading, _) = read(&pods(), whole).await;
    assert!(reading.objects.is_empty());
    assert_eq!(reading.unread[0].kind, UnreadKind::Unavailable);
}

#[tokio::test]
async fn a_reset_is_read_again() {
    let mut first = true;
    let (reading, _) = read(&pods(), move |_| {
        if std::mem::take(&mut first) {
            Reply::Reset
        } else {
            ok(&list(&["a"], ""))
        }
    })
    .await;
    assert_eq!(names(&reading), ["a"]);
}

#[tokio::test]
async fn an_answer_that_is_no_list_is_rejected() {
    for body in [
        "{\"items\": [",
        "{}",
        "{\"items\": {}}",
        "{\"items\": [{}]}",
        "{\"items\": [3]}",
        "null",
    ] {
        let (reading, server) = read(&pods(), move |_| Reply::Answer(200, body.to_owned())).await;
        assert!(reading.objects.is_empty());
        assert_eq!(reading.unread[0].kind, UnreadKind::Malformed, "{body}");
        assert_eq!(server.count("GET"), 1);
    }
}

#[tokio::test]
async fn a_list_without_an_end_is_rejected() {
    let (reading, _) = read(&pods(), |_| ok(&list(&["a"], "same"))).await;
    assert_eq!(reading.unread[0].kind, UnreadKind::Malformed);
}

#[tokio::test]
async fn a_stalled_body_ends_in_a_timeout() {
    let server = Server::start(|_| Reply::Stalled);
    let cluster = server
        .cluster_with(|options| options.request_timeout = Some(Duration::from_millis(300)))
        .await;
    let started = Instant::now();
    let reading = cluster.read(&pods(), &|_| ()).await;
    assert_eq!(reading.unread[0].kind, UnreadKind::Timeout);
    assert!(started.elapsed() < Duration::from_secs(10));
}

#[tokio::test]
async fn kinds_are_looked_up_and_unknown_ones_are_named() {
    let fetches = BTreeSet::from([
        fetch("example.com/v1", "Thing", Some("n")),
        fetch("example.com/v1", "Ghost", None),
        fetch("gone.example.com/v1", "Thing", None),
    ]);
    let (reading, server) = read(&fetches, |seen| match seen.path.as_str() {
        "/apis/example.com/v1" => ok(&json!({"kind": "APIResourceList", "resources": [
            {"name": "things/status", "kind": "Thing", "namespaced": true},
            {"name": "things", "kind": "Thing", "namespaced": true}]})),
        "/apis/example.com/v1/namespaces/n/things?limit=500" => ok(&list(&["a"], "")),
        _ => Reply::Answer(404, "404 page not found\n".into()),
    })
    .await;
    assert_eq!(names(&reading), ["a"]);
    assert_eq!(reading.objects[0].id.kind, "Thing");
    let kinds: Vec<_> = reading.unread.iter().map(|unread| unread.kind).collect();
    assert_eq!(kinds, [UnreadKind::NotServed, UnreadKind::NotServed]);
    assert_eq!(reading.unread[0].resource, "Ghost.example.com");
    assert!(server.count("GET") <= 4);
}

#[tokio::test]
async fn secrets_are_never_listed() {
    let fetches = BTreeSet::from([fetch("v1", "Secret", None)]);
    let (reading, server) = read(&fetches, |_| ok(&list(&["a"], ""))).await;
    assert_eq!(reading.unread[0].kind, UnreadKind::Refused);
    assert!(server.seen().is_empty());
}

#[tokio::test]
async fn every_request_says_who_it_is_and_warnings_are_told_once() {
    let server = Server::start(|_| {
        let answer = list(&["a"], "").to_string();
        Reply::With("warning: 299 - \"old \\\"api\\\"\"", 200, answer)
    });
    let told = Arc::new(Mutex::new(Vec::new()));
    let cluster = server
        .cluster_with(|options| {
            let told = Arc::clone(&told);
            options.warned = Some(Arc::new(move |text| {
                told.lock().unwrap().push(text.to_owned())
            }));
            options.token = Some("s3cret-token".into());
            options.as_uid = Some("7".into());
            options.as_user = Some("jane".into());
            options.as_groups = vec!["ops".into(), "dev".into()];
        })
        .await;
    cluster.read(&pods(), &|_| ()).await;
    cluster.read(&pods(), &|_| ()).await;
    let seen = &server.seen()[0];
    assert_eq!(
        seen.header("user-agent"),
        Some("kubectl-nks/0.0.0 (test/test)")
    );
    assert_eq!(seen.header("authorization"), Some("Bearer s3cret-token"));
    assert_eq!(seen.header("impersonate-user"), Some("jane"));
    let groups = seen
        .headers
        .iter()
        .filter(|(name, _)| name == "impersonate-group");
    assert_eq!(groups.count(), 2);
    assert_eq!(seen.header("impersonate-uid"), Some("7"));
    assert_eq!(*told.lock().unwrap(), ["old \"api\""]);
}

#[tokio::test]
async fn facts_say_what_they_do_not_know() {
    let server = Server::start(|seen| match seen.path.as_str() {
        "/version" => ok(&json!({"gitVersion": "v1.29.3"})),
        _ => status(403, "Forbidden", "no"),
    });
    let (facts, unread) = server.cluster().await.facts().await.unwrap();
    assert_eq!(facts.kubernetes_version.as_deref(), Some("v1.29.3"));
    assert_eq!((facts.nodes, facts.is_nks), (None, None));
    assert_eq!(unread[0].resource, "nodes");
}

#[tokio::test]
async fn nobody_there_is_said_with_the_host() {
    let server = Server::start(|_| Reply::Reset);
    let cluster = server
        .cluster_with(|options| options.server = Some("http://127.0.0.1:1".into()))
        .await;
    for error in [
        cluster.uid().await.unwrap_err(),
        cluster.facts().await.unwrap_err(),
    ] {
        let RequestError::Connection { host, message } = &error else {
            panic!("{error:?}");
        };
        assert_eq!(host, "127.0.0.1");
        assert!(message.contains("refused"), "{message}");
    }
}

#[tokio::test]
async fn a_name_in_no_namespace_is_looked_for_in_all_of_them() {
    let named = Fetch {
        which: Which::Named("calico-node".into()),
        ..fetch("apps/v1", "DaemonSet", None)
    };
    let (reading, server) = read(&BTreeSet::from([named]), |_| {
        ok(&list(&["calico-node"], ""))
    })
    .await;
    assert_eq!(names(&reading), ["calico-node"]);
    assert_eq!(
        server.seen()[0].path,
        "/apis/apps/v1/daemonsets?fieldSelector=metadata.name%3Dcalico-node&limit=500"
    );
}
