//! Two runs on one cluster are kept apart by a Lease in kube-system.
//!
//! Clocks of two machines cannot be compared, so a lease that looks expired is watched for longer than its holder would
//! let pass without renewing it, and taken over only when it was left alone all that time (client-go's leader election
//! trusts its own observation for the same reason).

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use http::Method;
use jiff::{SignedDuration, Timestamp};
use nks_core::message::clean;
use nks_core::object::{Object, ObjectId};
use nks_core::rights::{LEASE, SYSTEM_NAMESPACE};
use serde_json::{Value, json};
use tokio::sync::Mutex;
use tokio::task::JoinHandle;

use crate::cluster::{Cluster, object};
use crate::error::{RequestError, Target};
use crate::request::{Call, JSON, collection};
use crate::time;

const LEASE_SECONDS: i64 = 15;
const RENEW_EVERY: Duration = Duration::from_secs(4);
/// Longer than the pause between two renewals, with room for a slow request.
const OBSERVE: Duration = Duration::from_secs(7);

/// The lease while it is ours. Renewed in the background until it is released or dropped; a dropped one expires.
pub struct Lock {
    cluster: Cluster,
    held: Arc<Mutex<Held>>,
    lost: Arc<AtomicBool>,
    renewal: JoinHandle<()>,
}

struct Held {
    lease: Object,
    renewed: Instant,
    released: bool,
}

/// Why the lease is not ours.
#[derive(Debug, thiserror::Error)]
pub enum LockError {
    /// Somebody else is at work.
    #[error("{holder} is at work on this cluster since {since}")]
    HeldBy {
        /// user@host of the other run.
        holder: String,
        /// When it began, RFC 3339.
        since: String,
    },
    /// The user may not use leases in kube-system.
    #[error("{0}")]
    Forbidden(RequestError),
    /// The server gave no usable answer.
    #[error("{0}")]
    Request(RequestError),
}

impl From<RequestError> for LockError {
    fn from(error: RequestError) -> Self {
        match error {
            RequestError::Forbidden { .. } => Self::Forbidden(error),
            _ => Self::Request(error),
        }
    }
}

impl Cluster {
    /// Takes the lease, and renews it from then on. `holder` is user@host. Takes up to 7 s where a dead run left it.
    pub async fn lock(&self, holder: &str) -> Result<Lock, LockError> {
        let lease = match self.create_lease(holder).await {
            Ok(lease) => lease,
            Err(RequestError::Conflict { .. }) => self.take_over(holder).await?,
            Err(error) => return Err(error.into()),
        };
        let held = Arc::new(Mutex::new(Held {
            lease,
            renewed: Instant::now(),
            released: false,
        }));
        let lost = Arc::new(AtomicBool::new(false));
        let renewal = tokio::spawn(renew(self.clone(), Arc::clone(&held), Arc::clone(&lost)));
        Ok(Lock {
            cluster: self.clone(),
            held,
            lost,
            renewal,
        })
    }

    async fn create_lease(&self, holder: &str) -> Result<Object, RequestError> {
        let now = time::micros(Timestamp::now());
        let body = json!({
            "apiVersion": "coordination.k8s.io/v1",
            "kind": "Lease",
            "metadata": {"name": LEASE, "namespace": SYSTEM_NAMESPACE},
            "spec": {"holderIdentity": holder, "leaseDurationSeconds": LEASE_SECONDS,
                "acquireTime": now, "renewTime": now},
        });
        let path = collection("coordination.k8s.io/v1", "leases", Some(SYSTEM_NAMESPACE));
        let call = Call::with_body(Method::POST, path, target("create"), JSON, &body);
        object(self.call(&call).await?, &id())
    }

    async fn take_over(&self, holder: &str) -> Result<Object, LockError> {
        let Some(seen) = self.get(&id()).await? else {
            return Ok(self.create_lease(holder).await?);
        };
        if !looks_expired(&seen, Timestamp::now()) {
            return Err(held_by(&seen));
        }
        tokio::time::sleep(OBSERVE).await;
        let Some(later) = self.get(&id()).await? else {
            return Ok(self.create_lease(holder).await?);
        };
        if later.resource_version != seen.resource_version {
            return Err(held_by(&later));
        }
        let now = Timestamp::now();
        let mut lease = later.value.clone();
        lease["spec"]["holderIdentity"] = holder.into();
        lease["spec"]["acquireTime"] = time::micros(now).into();
        match self.put_lease(lease, now).await {
            Ok(lease) => Ok(lease),
            Err(RequestError::Conflict { .. }) => Err(held_by(&later)),
            Err(error) => Err(error.into()),
        }
    }

    /// Writes the lease back with a new renewTime. Its resourceVersion goes with it, so that it cannot be overwritten.
    async fn put_lease(&self, mut lease: Value, now: Timestamp) -> Result<Object, RequestError> {
        lease["spec"]["renewTime"] = time::micros(now).into();
        lease["spec"]["leaseDurationSeconds"] = LEASE_SECONDS.into();
        let call = Call::with_body(Method::PUT, path(), target("update"), JSON, &lease);
        object(self.call(&call).await?, &id())
    }
}

impl Lock {
    /// Whether the lease is still ours, as far as is known. Once it is not, it never is again.
    pub fn is_held(&self) -> bool {
        !self.lost.load(Ordering::Relaxed)
    }

    /// Gives the lease back by deleting it, if it is still ours.
    pub async fn release(self) -> Result<(), RequestError> {
        // Waits for a renewal that is on its way, so that its version is known.
        let mut held = self.held.lock().await;
        held.released = true;
        if !self.is_held() {
            return Ok(());
        }
        match self.cluster.delete_lease(&held.lease).await {
            // A renewal of ours may have been stored while its answer was lost.
            Err(RequestError::Conflict { .. }) if self.cluster.recover(&mut held).await => {
                self.cluster.delete_lease(&held.lease).await
            }
            // Somebody else's by now.
            Err(RequestError::Conflict { .. }) => Ok(()),
            other => other,
        }
    }
}

impl Drop for Lock {
    fn drop(&mut self) {
        self.renewal.abort();
    }
}

async fn renew(cluster: Cluster, held: Arc<Mutex<Held>>, lost: Arc<AtomicBool>) {
    let duration = Duration::from_secs(LEASE_SECONDS.unsigned_abs());
    loop {
        tokio::time::sleep(RENEW_EVERY).await;
        let mut held = held.lock().await;
        if held.released {
            return;
        }
        let limit = duration.saturating_sub(held.renewed.elapsed());
        let started = Instant::now();
        let put = cluster.put_lease(held.lease.value.clone(), Timestamp::now());
        match tokio::time::timeout(limit, put).await {
            Ok(Ok(lease)) => {
                held.lease = lease;
                held.renewed = started;
            }
            Ok(Err(RequestError::Conflict { .. })) if cluster.recover(&mut held).await => {}
            Ok(Err(error)) if !error.is_refusal() && held.renewed.elapsed() < duration => {}
            _ => {
                lost.store(true, Ordering::Relaxed);
                return;
            }
        }
    }
}

impl Cluster {
    /// Deletes the lease in the state that we know, and no other.
    async fn delete_lease(&self, lease: &Object) -> Result<(), RequestError> {
        let body = json!({"apiVersion": "v1", "kind": "DeleteOptions", "preconditions": {
            "uid": lease.uid, "resourceVersion": lease.resource_version}});
        let call = Call::with_body(Method::DELETE, path(), target("delete"), JSON, &body);
        match self.call(&call).await {
            Ok(_) | Err(RequestError::NotFound { .. }) => Ok(()),
            Err(error) => Err(error),
        }
    }

    /// After a conflict: a renewal of ours may have been stored while its answer was lost.
    async fn recover(&self, held: &mut Held) -> bool {
        let ours = |now: &Object| {
            let same = |pointer| now.text(pointer) == held.lease.text(pointer);
            now.uid == held.lease.uid && same("/spec/holderIdentity") && same("/spec/acquireTime")
        };
        match self.get_once(&id()).await {
            Ok(Some(now)) if ours(&now) => {
                held.lease = now;
                true
            }
            _ => false,
        }
    }
}

fn id() -> ObjectId {
    ObjectId {
        api_version: "coordination.k8s.io/v1".into(),
        kind: "Lease".into(),
        namespace: SYSTEM_NAMESPACE.into(),
        name: LEASE.into(),
    }
}

fn path() -> String {
    let leases = collection("coordination.k8s.io/v1", "leases", Some(SYSTEM_NAMESPACE));
    format!("{leases}/{LEASE}")
}

fn target(verb: &'static str) -> Target {
    Target {
        verb,
        resource: "leases.coordination.k8s.io".into(),
        namespace: Some(SYSTEM_NAMESPACE.into()),
    }
}

fn held_by(lease: &Object) -> LockError {
    let text = |pointer| clean(lease.text(pointer).unwrap_or("unknown"));
    LockError::HeldBy {
        holder: text("/spec/holderIdentity"),
        since: text("/spec/acquireTime"),
    }
}

/// Whether a lease's own words make it worth watching: not renewed for its duration, or renewed in a future that no
/// clock near ours can mean, or without a holder.
fn looks_expired(lease: &Object, now: Timestamp) -> bool {
    let seconds = lease.value.pointer("/spec/leaseDurationSeconds");
    let seconds = seconds.and_then(Value::as_i64).unwrap_or(LEASE_SECONDS);
    let duration = SignedDuration::from_secs(seconds.clamp(1, 600));
    let renewed = lease
        .text("/spec/renewTime")
        .and_then(|text| text.parse::<Timestamp>().ok());
    let holder = lease.text("/spec/holderIdentity").unwrap_or_default();
    match renewed {
        Some(renewed) if !holder.is_empty() => now.duration_since(renewed).abs() > duration,
        _ => true,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lease(holder: &str, renewed: &str) -> Object {
        let value = json!({"apiVersion": "coordination.k8s.io/v1", "kind": "Lease",
            "metadata": {"name": LEASE, "namespace": SYSTEM_NAMESPACE},
            "spec": {"holderIdentity": holder, "leaseDurationSeconds": 15, "renewTime": renewed}});
        Object::new(value, SYSTEM_NAMESPACE).unwrap()
    }

    #[test]
    fn a_lease_is_left_alone_until_its_time_is_over() {
        let now: Timestamp = "2026-01-01T00:01:00Z".parse().unwrap();
        let expired = |holder, renewed| looks_expired(&lease(holder, renewed), now);
        assert!(!expired("a@b", "2026-01-01T00:00:50.000000Z"));
        assert!(!expired("a@b", "2026-01-01T00:01:10.000000Z"));
        assert!(expired("a@b", "2026-01-01T00:00:40.000000Z"));
        assert!(expired("a@b", "2026-01-01T01:00:00.000000Z"));
        assert!(expired("", "2026-01-01T00:00:59.000000Z"));
        assert!(expired("a@b", "yesterday"));
    }
}
