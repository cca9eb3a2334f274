//! One request on the wire: its address, its body, and how its answer is read.
//!
//! kube's own retry is off, because it sends ambiguous writes again; what may be asked again is decided here, and only
//! for requests that change nothing.

use std::time::{Duration, Instant};

use bytes::Bytes;
use http::{HeaderMap, Method, Request, header};
use http_body_util::{BodyExt, Limited};
use kube::client::Body;
use nks_core::credential::Credentials;
use nks_core::message::clean;
use serde_json::Value;

use crate::cluster::Cluster;
use crate::error::{RequestError, Target, connection, refused};

/// The longest answer taken, in bytes: 500 objects of the largest size that etcd keeps fit three times over in practice.
const MAX_ANSWER: usize = 512 << 20;
/// How often a read is asked again.
const MAX_RETRIES: u32 = 3;
/// No retry starts later than this after the first try, unless the server itself asked to wait.
const RETRY_BUDGET: Duration = Duration::from_secs(10);
/// The longest that a server's `Retry-After` is honoured.
pub(crate) const MAX_RETRY_AFTER: Duration = Duration::from_secs(10);

pub(crate) const JSON: &str = "application/json";
/// Objects without their spec and status, which are most of their size.
pub(crate) const METADATA_ONLY: &str =
    "application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1";
/// The columns that `kubectl get` shows.
pub(crate) const TABLE: &str = "application/json;as=Table;g=meta.k8s.io;v=v1";
pub(crate) const JSON_PATCH: &str = "application/json-patch+json";

/// One request.
#[derive(Clone, Debug)]
pub(crate) struct Call {
    method: Method,
    path: String,
    query: Vec<(&'static str, String)>,
    accept: &'static str,
    body: Option<(&'static str, Vec<u8>)>,
    /// What of the body no answer may tell: a webhook may quote what it refuses.
    credentials: Credentials,
    target: Target,
}

impl Call {
    pub(crate) fn get(path: String, target: Target) -> Self {
        Self {
            method: Method::GET,
            path,
            query: Vec::new(),
            accept: JSON,
            body: None,
            credentials: Credentials::default(),
            target,
        }
    }

    pub(crate) fn with_body(
        method: Method,
        path: String,
        target: Target,
        content_type: &'static str,
        body: &Value,
    ) -> Self {
        Self {
            method,
            body: Some((content_type, body.to_string().into_bytes())),
            ..Self::get(path, target)
        }
    }

    pub(crate) fn hiding(mut self, credentials: &Credentials) -> Self {
        self.credentials = credentials.clone();
        self
    }

    pub(crate) fn query(mut self, name: &'static str, value: impl Into<String>) -> Self {
        self.query.push((name, value.into()));
        self
    }

    pub(crate) fn accept(mut self, media_type: &'static str) -> Self {
        self.accept = media_type;
        self
    }

    /// Path and query.
    fn uri(&self) -> String {
        let query: Vec<String> = self
            .query
            .iter()
            .map(|(name, value)| format!("{name}={}", encoded(value)))
            .collect();
        if query.is_empty() {
            self.path.clone()
        } else {
            format!("{}?{}", self.path, query.join("&"))
        }
    }

    fn request(&self) -> Result<Request<Body>, http::Error> {
        let mut builder = Request::builder()
            .method(self.method.clone())
            .uri(self.uri())
            .header(header::ACCEPT, self.accept);
        let body = match &self.body {
            Some((content_type, body)) => {
                builder = builder.header(header::CONTENT_TYPE, *content_type);
                Body::from(body.clone())
            }
            None => Body::empty(),
        };
        builder.body(body)
    }
}

impl Cluster {
    /// Sends a request once; the answer is JSON.
    pub(crate) async fn call(&self, call: &Call) -> Result<Value, RequestError> {
        let body = self.send(call).await?;
        serde_json::from_slice(&body).map_err(|_| RequestError::Malformed)
    }

    /// Sends a request once.
    pub(crate) async fn send(&self, call: &Call) -> Result<Bytes, RequestError> {
        let started = Instant::now();
        let mut status = None;
        let exchange = self.exchange(call, &mut status);
        let result = match self.inner.timeout {
            Some(limit) => tokio::time::timeout(limit, exchange)
                .await
                .unwrap_or(Err(RequestError::Timeout)),
            None => exchange.await,
        };
        if let Some(trace) = &self.inner.trace {
            let url = [self.inner.url.trim_end_matches('/'), &call.uri()].concat();
            trace(call.method.as_str(), &url, status, started.elapsed());
        }
        result
    }

    /// Sends a request that changes nothing, and asks again, within bounds, when the server is briefly not able.
    pub(crate) async fn call_read(&self, call: &Call) -> Result<Value, RequestError> {
        let started = Instant::now();
        for attempt in 0.. {
            let error = match self.call(call).await {
                Ok(value) => return Ok(value),
                Err(error) => error,
            };
            let pause = pause(&error, attempt);
            let asked = matches!(error, RequestError::TooManyRequests { .. });
            match pause {
                Some(pause) if asked || started.elapsed() + pause <= RETRY_BUDGET => {
                    tokio::time::sleep(pause).await;
                }
                _ => return Err(error),
            }
        }
        Err(RequestError::Timeout)
    }

    async fn exchange(&self, call: &Call, status: &mut Option<u16>) -> Result<Bytes, RequestError> {
        let request = call.request().map_err(|_| RequestError::Malformed)?;
        let lost = |error: &(dyn std::error::Error + 'static)| connection(self.host(), error);
        let response = self
            .inner
            .client
            .send(request)
            .await
            .map_err(|error| lost(&error))?;
        *status = Some(response.status().as_u16());
        self.tell_warnings(response.headers(), &call.credentials);
        let (parts, body) = response.into_parts();
        let body = Limited::new(body, MAX_ANSWER).collect().await;
        if !parts.status.is_success() {
            // The status line alone says that it is a refusal, whatever became of its text.
            let body = body.map(|body| body.to_bytes()).unwrap_or_default();
            let retry_after = retry_after(&parts.headers);
            let error = refused(&call.target, parts.status, retry_after, &body);
            return Err(error.rewritten(|message| call.credentials.hide(message)));
        }
        Ok(body.map_err(|error| lost(error.as_ref()))?.to_bytes())
    }

    /// Tells each text of the answer's `Warning` headers once.
    fn tell_warnings(&self, headers: &HeaderMap, credentials: &Credentials) {
        let Some(warned) = &self.inner.warned else {
            return;
        };
        let told = self.inner.warnings.lock();
        let mut told = told.unwrap_or_else(|poisoned| poisoned.into_inner());
        for text in headers.get_all(header::WARNING).iter().filter_map(warning) {
            let text = credentials.hide(&text);
            if told.insert(text.clone()) {
                warned(&text);
            }
        }
    }
}

/// How long to wait before asking again; `None` when that is no use.
pub(crate) fn pause(error: &RequestError, attempt: u32) -> Option<Duration> {
    if attempt >= MAX_RETRIES || !error.is_transient() {
        return None;
    }
    Some(match error {
        RequestError::TooManyRequests { retry_after, .. } => retry_after
            .unwrap_or(Duration::from_secs(1))
            .min(MAX_RETRY_AFTER),
        _ => Duration::from_millis(250) * 3_u32.pow(attempt),
    })
}

fn retry_after(headers: &HeaderMap) -> Option<Duration> {
    let seconds = headers.get(header::RETRY_AFTER)?.to_str().ok()?;
    seconds.trim().parse().ok().map(Duration::from_secs)
}

/// The text of `299 - "text"` (RFC 7234, 5.5), which is how the API server warns.
fn warning(value: &http::HeaderValue) -> Option<String> {
    let text = String::from_utf8_lossy(value.as_bytes()).into_owned();
    let quoted = text.splitn(3, ' ').nth(2)?;
    let inner = quoted.strip_prefix('"')?.rsplit_once('"')?.0;
    Some(clean(&inner.replace("\\\"", "\"").replace("\\\\", "\\")))
}

/// Where the objects of a resource are, in one namespace or at all.
pub(crate) fn collection(api_version: &str, plural: &str, namespace: Option<&str>) -> String {
    let root = if api_version.contains('/') {
        "apis"
    } else {
        "api"
    };
    let group: Vec<String> = api_version.split('/').map(encoded).collect();
    let base = format!("/{root}/{}", group.join("/"));
    match namespace.filter(|namespace| !namespace.is_empty()) {
        Some(namespace) => format!("{base}/namespaces/{}/{plural}", encoded(namespace)),
        None => format!("{base}/{plural}"),
    }
}

/// Percent-encodes everything but letters, digits and the marks that Kubernetes names may hold.
pub(crate) fn encoded(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for byte in text.bytes() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' | b':' => {
                out.push(char::from(byte));
            }
            _ => out.push_str(&format!("%{byte:02X}")),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_cannot_be_left_by_a_name() {
        assert_eq!(
            collection("apps/v1", "daemonsets", Some("a?b#c/d")),
            "/apis/apps/v1/namespaces/a%3Fb%23c%2Fd/daemonsets"
        );
        assert_eq!(collection("v1", "nodes", None), "/api/v1/nodes");
        assert_eq!(collection("v1", "pods", Some("")), "/api/v1/pods");
    }

    #[test]
    fn warnings_are_taken_out_of_their_quotes() {
        let header = |text: &str| warning(&http::HeaderValue::from_str(text).unwrap());
        assert_eq!(
            header(r#"299 - "v1 ComponentStatus is \"deprecated\"""#),
            Some("v1 ComponentStatus is \"deprecated\"".into())
        );
        assert_eq!(header("299"), None);
    }

    #[test]
    fn waiting_is_bounded() {
        let asked = |seconds| RequestError::TooManyRequests {
            retry_after: Some(Duration::from_secs(seconds)),
            message: String::new(),
        };
        assert_eq!(pause(&asked(3), 0), Some(Duration::from_secs(3)));
        assert_eq!(pause(&asked(3_600), 2), Some(MAX_RETRY_AFTER));
        assert_eq!(pause(&asked(1), 3), None);
        assert_eq!(pause(&RequestError::Malformed, 0), None);
    }
}
