//! Further reads: what a fixer asks for once it has seen the rest.

use std::collections::BTreeSet;

use super::Supplied;
use crate::manifest::Manifest;
use crate::probe;
use crate::report::Query;

/// Why a further read is refused.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum QueryError {
    /// No such rule.
    #[error("read rule {0} does not exist")]
    Rule(u32),
    /// A namespace outside the rule.
    #[error("namespace `{0}` is outside the read rule")]
    Namespace(String),
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

/// The logs that a fixer asks for by `queries`, each once; it may ask for those of pods that it was shown. A query of a
/// kind that was read before adds nothing, but is held to its rule all the same.
pub fn logs(
    manifest: &Manifest,
    queries: &[Query],
    supplied: &[Supplied<'_>],
) -> Result<BTreeSet<Log>, QueryError> {
    let mut logs = BTreeSet::new();
    for query in queries {
        check_query(manifest, query)?;
        let rule = &manifest.spec.reads[query.rule as usize];
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
    Ok(logs)
}

/// Whether a fixer may ask for a further read: never for more than its rule declares.
fn check_query(manifest: &Manifest, query: &Query) -> Result<(), QueryError> {
    let rule = manifest
        .spec
        .reads
        .get(query.rule as usize)
        .ok_or(QueryError::Rule(query.rule))?;
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
            logs(&manifest, &[query.clone(), query], &supplied)
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
    }
}
