//! Further reads: what a fixer asks for once it has seen the rest.

use std::collections::BTreeSet;

use super::{Fetch, Supplied, Which};
use crate::manifest::{Manifest, ReadRule};
use crate::probe;
use crate::report::Query;
use crate::token;

/// Why a further read is refused.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum QueryError {
    /// No such rule.
    #[error("read rule {0} does not exist")]
    Rule(u32),
    /// A namespace outside the rule.
    #[error("namespace `{0}` is outside the read rule")]
    Namespace(String),
    /// A secret's token, which is no part of a question.
    #[error("it carries a secret's token")]
    Token,
    /// A name outside the rule, or none.
    #[error("the read rule has no such name")]
    Name,
    /// An object in a namespace of which the fixer was shown nothing.
    #[error("nothing in namespace `{0}` was shown to it")]
    Unseen(String),
    /// More objects than one run may ask for.
    #[error("{0} objects asked for; {MAX_OBJECTS} are the most")]
    TooManyObjects(usize),
    /// A log without pod and container.
    #[error("a log is asked for by namespace, pod and container")]
    NoLog,
    /// A log of a pod that the fixer was not shown.
    #[error("pod `{0}` was not shown to it")]
    Pod(String),
    /// More logs than one run may read.
    #[error("{0} logs; {most} are the most", most = probe::MAX_LOGS)]
    TooMany(usize),
}

/// A log that a fixer asks for.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Log {
    /// Of the pod.
    pub namespace: String,
    /// The pod.
    pub pod: String,
    /// One of its containers.
    pub container: String,
    /// The lines that are worth showing, a regular expression of the manifest.
    pub filter: String,
}

/// The most objects that a fixer may ask for in one round.
const MAX_OBJECTS: usize = 500;

/// What a fixer asks for.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Further {
    /// Logs of pods that it was shown.
    pub logs: BTreeSet<Log>,
    /// Objects by their names, in namespaces of which it was shown something.
    pub objects: BTreeSet<Fetch>,
}

/// What a fixer asks for by `queries`, each once. A query of a kind that was read before adds nothing, but is held to its
/// rule all the same.
pub fn further(
    manifest: &Manifest,
    queries: &[Query],
    supplied: &[Supplied<'_>],
) -> Result<Further, QueryError> {
    let (mut logs, mut objects) = (BTreeSet::new(), BTreeSet::new());
    for query in queries {
        check_query(manifest, query)?;
        let rule = &manifest.spec.reads[query.rule as usize];
        if rule.asked {
            objects.insert(object(rule, query, supplied)?);
            continue;
        }
        // Images are asked for by steps, which need consent.
        let filter = rule.filter.clone();
        let Some(filter) = filter.filter(|_| rule.kind == probe::CONTAINER_LOG) else {
            continue;
        };
        let container = query.args.iter().find(|arg| arg.name == "container");
        let (Some(namespace), Some(pod), Some(container)) =
            (&query.namespace, &query.name, container)
        else {
            return Err(QueryError::NoLog);
        };
        let is_the_pod = |one: &Supplied<'_>| {
            let id = &one.object.id;
            id.kind == "Pod" && id.namespace == *namespace && id.name == *pod
        };
        if !supplied.iter().any(is_the_pod) {
            return Err(QueryError::Pod(crate::message::clean(pod)));
        }
        logs.insert(Log {
            namespace: namespace.clone(),
            pod: pod.clone(),
            container: container.value.clone(),
            filter,
        });
    }
    if logs.len() > probe::MAX_LOGS {
        return Err(QueryError::TooMany(logs.len()));
    }
    if objects.len() > MAX_OBJECTS {
        return Err(QueryError::TooManyObjects(objects.len()));
    }
    Ok(Further { logs, objects })
}

/// One object: where it is asked for, something is, so that nobody goes through namespaces by their names.
fn object(rule: &ReadRule, query: &Query, supplied: &[Supplied<'_>]) -> Result<Fetch, QueryError> {
    let namespace = query.namespace.as_deref().unwrap_or_default();
    if !supplied
        .iter()
        .any(|one| one.object.id.namespace == namespace)
    {
        return Err(QueryError::Unseen(crate::message::clean(namespace)));
    }
    let mut names = rule.names.iter();
    let name = names.find(|name| query.name.as_ref() == Some(name));
    Ok(Fetch {
        api_version: rule.api_version.clone(),
        kind: rule.kind.clone(),
        namespace: query.namespace.clone(),
        which: Which::Named(name.ok_or(QueryError::Name)?.clone()),
        metadata_only: false,
        managed_fields: false,
        optional: rule.optional,
    })
}

/// Whether a fixer may ask for a further read: never for more than its rule declares.
fn check_query(manifest: &Manifest, query: &Query) -> Result<(), QueryError> {
    let rule = manifest
        .spec
        .reads
        .get(query.rule as usize)
        .ok_or(QueryError::Rule(query.rule))?;
    let values = query.args.iter().map(|arg| &arg.value);
    let mut texts = values.chain(&query.namespace).chain(&query.name);
    if texts.any(|text| token::mentions(text)) {
        return Err(QueryError::Token);
    }
    if let Some(namespace) = &query.namespace
        && !rule.namespaces.is_empty()
        && !rule.namespaces.contains(namespace)
    {
        return Err(QueryError::Namespace(crate::message::clean(namespace)));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::demand::supply;
    use crate::object::Object;
    use crate::report::Arg;
    use serde_json::json;

    #[test]
    fn a_log_is_read_of_a_pod_that_was_shown_and_no_other() {
        let manifest = Manifest::from_yaml(
            "
apiVersion: fixer.nks/v1
kind: Fixer
metadata: {name: a}
spec:
  version: 1.0.0
  about: {title: {en: a, ko: a}, cause: {en: a, ko: a}}
  reads:
  - {apiVersion: v1, kind: Pod, namespaces: [shop], fields: [/spec]}
  - {apiVersion: probe.nks/v1, kind: ContainerLog, namespaces: [shop], filter: error, fields: [/lines]}
  messages: {}
",
        )
        .unwrap();
        let pod = json!({"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "web", "namespace": "shop"}});
        let objects = [Object::new(pod, "").unwrap()];
        let supplied = supply(&manifest, &objects);
        let ask = |rule, namespace: &str, name: &str, args: &[&str]| {
            let args = args.iter().map(|value| Arg {
                name: "container".into(),
                value: (*value).into(),
            });
            let query = Query {
                rule,
                namespace: Some(namespace.into()),
                name: Some(name.into()),
                args: args.collect(),
            };
            further(&manifest, &[query.clone(), query], &supplied).map(|further| further.logs)
        };
        assert_eq!(
            ask(1, "shop", "web", &["app"]).map(|logs| logs.len()),
            Ok(1)
        );
        assert_eq!(ask(0, "shop", "web", &[]).map(|logs| logs.len()), Ok(0));
        assert_eq!(
            ask(1, "shop", "db", &["app"]),
            Err(QueryError::Pod("db".into()))
        );
        assert_eq!(ask(1, "shop", "web", &[]), Err(QueryError::NoLog));
        assert_eq!(
            ask(1, "bank", "web", &["app"]),
            Err(QueryError::Namespace("bank".into()))
        );
        assert_eq!(ask(2, "shop", "web", &["app"]), Err(QueryError::Rule(2)));
        let token = ask(1, "shop", "web", &["nks-secret-setting-login"]);
        assert_eq!(token, Err(QueryError::Token));
    }

    #[test]
    fn an_object_is_asked_for_by_its_name_where_something_was_seen() {
        let manifest = Manifest::from_yaml(
            "
apiVersion: fixer.nks/v1
kind: Fixer
metadata: {name: a}
spec:
  version: 1.0.0
  about: {title: {en: a, ko: a}, cause: {en: a, ko: a}}
  secrets: keys
  reads:
  - {apiVersion: v1, kind: Pod, fields: [/spec]}
  - {apiVersion: v1, kind: Secret, asked: true, names: [hub], fields: [/type]}
  messages: {}
",
        )
        .unwrap();
        let object = |kind: &str, name: &str| {
            let value = json!({"apiVersion": "v1", "kind": kind, "metadata": {"name": name, "namespace": "shop"}});
            Object::new(value, "").unwrap()
        };
        let objects = [object("Pod", "web"), object("Secret", "hub")];
        // Whatever else was read for other fixers, nobody fetches a Secret that was not asked for.
        let fetches = crate::demand::demand([&manifest]);
        assert!(fetches.iter().all(|fetch| fetch.kind == "Pod"));
        let supplied = supply(&manifest, &objects[..1]);
        let ask = |namespace: Option<&str>, name: Option<&str>| {
            let query = Query {
                rule: 1,
                namespace: namespace.map(str::to_owned),
                name: name.map(str::to_owned),
                args: Vec::new(),
            };
            let asked = further(&manifest, &[query.clone(), query], &supplied);
            asked.map(|further| {
                further
                    .objects
                    .into_iter()
                    .map(|one| one.which)
                    .collect::<Vec<_>>()
            })
        };
        let hub = Which::Named("hub".into());
        assert_eq!(ask(Some("shop"), Some("hub")), Ok(vec![hub]));
        for name in [None, Some(""), Some("other")] {
            assert_eq!(ask(Some("shop"), name), Err(QueryError::Name), "{name:?}");
        }
        for namespace in [None, Some(""), Some("bank")] {
            let unseen = QueryError::Unseen(namespace.unwrap_or_default().into());
            assert_eq!(ask(namespace, Some("hub")), Err(unseen));
        }
    }
}
