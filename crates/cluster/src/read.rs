//! Reading lists: everything that could be read, and by name what could not.
//!
//! A list is taken whole or not at all: half a list would let a fixer say "healthy" of what it never saw.

use std::cell::Cell;
use std::collections::BTreeSet;

use futures::StreamExt;
use nks_core::demand::{self, Fetch, Which};
use nks_core::kinds;
use nks_core::manifest::When;
use nks_core::object::{Object, ObjectId};
use nks_core::probe;
use serde_json::{Map, Value};

use crate::cluster::{Cluster, resource_name};
use crate::error::{RequestError, Target};
use crate::request::{Call, METADATA_ONLY, collection};

/// How many lists are read at the same time.
pub(crate) const CONCURRENT: usize = 4;
/// Objects asked for at once, as kubectl does.
const PAGE: &str = "500";
/// A list of more pages than this is not believed.
const MAX_PAGES: usize = 2_000;

/// What was read.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Reading {
    /// Sorted by id, each once.
    pub objects: Vec<Object>,
    /// The lists that are missing, in the order of the fetches.
    pub unread: Vec<Unread>,
}

/// Something that could not be read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unread {
    /// `list`
    pub verb: String,
    /// `daemonsets.apps`; the kind where the server does not know it.
    pub resource: String,
    /// The one object that was to be read.
    pub name: Option<String>,
    /// Absent where it was to be read everywhere.
    pub namespace: Option<String>,
    /// The server's words, cleaned.
    pub reason: String,
    /// What sort of failure it is.
    pub kind: UnreadKind,
    /// The resource of which objects are missing for that, which may be another: `pods` where the namespaces of the pods
    /// could not be listed.
    pub hides: String,
}

/// Why something could not be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum UnreadKind {
    /// The user lacks the right.
    Forbidden,
    /// The credentials are not accepted, or not any more.
    Unauthorized,
    /// No answer in time.
    Timeout,
    /// The server is not able now, or cannot be reached.
    Unavailable,
    /// The answer was not what it should be.
    Malformed,
    /// The server does not know the kind.
    NotServed,
    /// The list grew too old while it was read, twice.
    Expired,
    /// Not asked for, on principle.
    Refused,
}

impl Unread {
    pub(crate) fn new(target: &Target, error: &RequestError) -> Self {
        let kind = match error {
            RequestError::Forbidden { .. } => UnreadKind::Forbidden,
            RequestError::NotFound { .. } | RequestError::NotServed { .. } => UnreadKind::NotServed,
            RequestError::Timeout => UnreadKind::Timeout,
            RequestError::Malformed => UnreadKind::Malformed,
            RequestError::Server { code: 401, .. } => UnreadKind::Unauthorized,
            RequestError::Server { code: 410, .. } => UnreadKind::Expired,
            RequestError::Server { code: 504, .. } => UnreadKind::Timeout,
            _ => UnreadKind::Unavailable,
        };
        Self {
            verb: target.verb.into(),
            resource: target.resource.clone(),
            name: None,
            namespace: target.namespace.clone(),
            reason: error.to_string(),
            kind,
            hides: target.resource.clone(),
        }
    }
}

impl Cluster {
    /// Reads each list, a few at a time. `progress` is told the number of objects so far. Never fails as a whole.
    pub async fn read(&self, fetches: &BTreeSet<Fetch>, progress: &dyn Fn(usize)) -> Reading {
        let count = Cell::new(0);
        let lists = fetches.iter().map(|fetch| async {
            let result = self.fetch(fetch).await;
            count.set(count.get() + result.as_ref().map_or(0, Vec::len));
            progress(count.get());
            result
        });
        let results: Vec<_> = futures::stream::iter(lists)
            .buffered(CONCURRENT)
            .collect()
            .await;
        let mut reading = Reading::default();
        for result in results {
            match result {
                Ok(objects) => reading.objects.extend(objects),
                Err(unread) => reading.unread.push(unread),
            }
        }
        // Of what was read both as metadata and whole, the whole stays.
        let size = |object: &Object| object.value.as_object().map_or(0, Map::len);
        reading.objects.sort_by(|one, other| {
            let by_id = one.id.cmp(&other.id);
            by_id.then_with(|| size(other).cmp(&size(one)))
        });
        reading.objects.dedup_by(|one, other| one.id == other.id);
        reading
    }

    async fn fetch(&self, fetch: &Fetch) -> Result<Vec<Object>, Unread> {
        let result = match &fetch.which {
            Which::Named(name) => self.one(fetch, name).await,
            _ if fetch.api_version == probe::API_VERSION => self.discovery().await,
            _ => self.list(fetch).await,
        };
        match result {
            Err(unread) if fetch.optional && self.is_absent(fetch, &unread).await => Ok(Vec::new()),
            Err(unread) => Err(Unread {
                hides: kinds::qualified(&fetch.api_version, &fetch.kind).unwrap_or(unread.hides),
                ..unread
            }),
            read => read,
        }
    }

    /// Whether nothing can be there: the server does not know the kind, or has no such namespace. Nobody can be given
    /// rights in a namespace that is not there, so a refusal says nothing before it was looked for.
    async fn is_absent(&self, fetch: &Fetch, unread: &Unread) -> bool {
        match (unread.kind, &fetch.namespace) {
            (UnreadKind::NotServed, _) => true,
            (UnreadKind::Forbidden, Some(namespace)) => {
                let id = ObjectId {
                    api_version: "v1".into(),
                    kind: "Namespace".into(),
                    namespace: String::new(),
                    name: namespace.clone(),
                };
                matches!(self.get(&id).await, Ok(None))
            }
            _ => false,
        }
    }

    /// One object by its name, or those of the name in all namespaces; none where there is none.
    async fn one(&self, fetch: &Fetch, name: &str) -> Result<Vec<Object>, Unread> {
        let id = ObjectId {
            api_version: fetch.api_version.clone(),
            kind: fetch.kind.clone(),
            namespace: fetch.namespace.clone().unwrap_or_default(),
            name: name.to_owned(),
        };
        let result = match self.served(&id.api_version, &id.kind).await {
            // What lives in namespaces may have the name in any of them.
            Ok(served) if served.namespaced && fetch.namespace.is_none() => {
                return self.list(fetch).await;
            }
            Ok(served) => {
                let found = self.get(&id).await;
                found.map_err(|error| (served.plural, error))
            }
            Err(error) => Err((fetch.kind.clone(), error)),
        };
        result
            .map(|found| found.into_iter().collect())
            .map_err(|(resource, error)| {
                let target = Target {
                    verb: "get",
                    resource: resource_name(&resource, &fetch.api_version),
                    namespace: fetch.namespace.clone(),
                };
                Unread {
                    name: Some(name.to_owned()),
                    ..Unread::new(&target, &error)
                }
            })
    }

    async fn list(&self, fetch: &Fetch) -> Result<Vec<Object>, Unread> {
        let mut target = Target {
            verb: "list",
            resource: resource_name(&fetch.kind, &fetch.api_version),
            namespace: fetch.namespace.clone(),
        };
        if fetch.api_version == "v1" && fetch.kind == "Secret" {
            return Err(Unread {
                kind: UnreadKind::Refused,
                ..Unread::new(
                    &target,
                    &RequestError::Invalid("secrets are never listed".into()),
                )
            });
        }
        let served = self
            .served(&fetch.api_version, &fetch.kind)
            .await
            .map_err(|error| Unread::new(&target, &error))?;
        target.resource = resource_name(&served.plural, &fetch.api_version);
        target.namespace = target.namespace.filter(|_| served.namespaced);
        let namespace = target.namespace.as_deref();
        let path = collection(&fetch.api_version, &served.plural, namespace);
        let mut call = Call::get(path, target.clone());
        if fetch.metadata_only {
            call = call.accept(METADATA_ONLY);
        }
        call = match &fetch.which {
            Which::Labelled(label) => call.query("labelSelector", label.to_string()),
            Which::Named(name) => call.query("fieldSelector", format!("metadata.name={name}")),
            Which::When(When::WarningEvents) if fetch.kind == "Event" => {
                call.query("fieldSelector", "type=Warning")
            }
            Which::When(When::Unhealthy) if fetch.kind == "Pod" && namespace.is_none() => {
                return objects(self.unhealthy_pods().await?, fetch)
                    .map_err(|error| Unread::new(&target, &error));
            }
            _ => call,
        };
        let take = |mut item: Value| {
            let kept = match fetch.which {
                Which::When(when @ (When::Unhealthy | When::Bare | When::Terminating)) => {
                    demand::keeps(when, &item)
                }
                _ => true,
            };
            if !fetch.managed_fields {
                forget_managed_fields(&mut item);
            }
            kept.then_some(item)
        };
        self.all_items(&call, &take)
            .await
            .and_then(|items| objects(items, fetch))
            .map_err(|error| Unread::new(&target, &error))
    }

    /// What `take` takes of all items of a list. A list that grew too old while it was read is begun again, once.
    pub(crate) async fn all_items(
        &self,
        call: &Call,
        take: Take<'_>,
    ) -> Result<Vec<Value>, RequestError> {
        match self.items(call, take).await {
            Err(error) if error.is_expired() => self.items(call, take).await,
            result => result,
        }
    }

    /// Page by page; of each, only what is taken stays in memory.
    pub(crate) async fn items(
        &self,
        call: &Call,
        take: Take<'_>,
    ) -> Result<Vec<Value>, RequestError> {
        let (mut all, mut next) = (Vec::new(), String::new());
        for _ in 0..MAX_PAGES {
            let mut page = call.clone().query("limit", PAGE);
            if !next.is_empty() {
                page = page.query("continue", next.as_str());
            }
            let mut answer = self.call_read(&page).await?;
            let token = answer.pointer("/metadata/continue").and_then(Value::as_str);
            let token = token.unwrap_or_default().to_owned();
            match answer.get_mut("items").map(Value::take) {
                Some(Value::Array(items)) => all.extend(items.into_iter().filter_map(take)),
                // An empty list of some servers.
                Some(Value::Null) => {}
                _ => return Err(RequestError::Malformed),
            }
            if token.is_empty() {
                return Ok(all);
            }
            if token == next {
                return Err(RequestError::Malformed);
            }
            next = token;
        }
        Err(RequestError::Malformed)
    }
}

/// What is kept of an item of a list.
pub(crate) type Take<'a> = &'a dyn Fn(Value) -> Option<Value>;

/// Much of an object's size is who wrote which of its fields.
pub(crate) fn forget_managed_fields(item: &mut Value) {
    if let Some(Value::Object(metadata)) = item.get_mut("metadata") {
        metadata.remove("managedFields");
    }
}

/// Items of a list do not say what they are; the list does.
fn objects(items: Vec<Value>, fetch: &Fetch) -> Result<Vec<Object>, RequestError> {
    let object = |mut item: Value| {
        let map = item.as_object_mut().ok_or(RequestError::Malformed)?;
        map.insert("apiVersion".into(), fetch.api_version.as_str().into());
        map.insert("kind".into(), fetch.kind.as_str().into());
        Object::new(item, "")
            .ok()
            .filter(|object| !object.uid.is_empty())
            .ok_or(RequestError::Malformed)
    };
    items.into_iter().map(object).collect()
}
