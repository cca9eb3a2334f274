//! What can go wrong with one request, with enough data to say it as kubectl does.
//!
//! Texts of the server are cleaned as they come in. No error holds a header, a token or a request body.

use std::error::Error;
use std::io;
use std::time::Duration;

use http::StatusCode;
use nks_core::message::clean;
use serde_json::Value;

/// Why a request brought no answer that can be used.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RequestError {
    /// 403: the user lacks a right.
    #[error("{message}")]
    Forbidden {
        /// `patch`
        verb: String,
        /// `daemonsets.apps`
        resource: String,
        /// Absent for cluster-wide requests.
        namespace: Option<String>,
        /// The server's words.
        message: String,
    },
    /// 404 of an object: its kind is served, the object is not there.
    #[error("{message}")]
    NotFound {
        /// The server's words.
        message: String,
    },
    /// 404 of a kind: the server does not know it.
    #[error("{message}")]
    NotServed {
        /// The server's words, or ours where it has none.
        message: String,
    },
    /// 409: the object is not in the state that the request was made for.
    #[error("{message}")]
    Conflict {
        /// The server's words.
        message: String,
    },
    /// 422: the object would not be valid, or a `test` of the patch does not hold.
    #[error("{0}")]
    Invalid(String),
    /// 429: not now.
    #[error("{message}")]
    TooManyRequests {
        /// How long the server asks to wait.
        retry_after: Option<Duration>,
        /// The server's words.
        message: String,
    },
    /// Any other answer that is not a success.
    #[error("{message}")]
    Server {
        /// The HTTP status.
        code: u16,
        /// `InternalError`
        reason: String,
        /// The server's words.
        message: String,
    },
    /// No answer, or not all of one.
    #[error("{host}: {message}")]
    Connection {
        /// The API server.
        host: String,
        /// What happened, in the words of the network, TLS or credential layer.
        message: String,
    },
    /// No answer in time.
    #[error("no answer in time")]
    Timeout,
    /// An answer that is not what it should be.
    #[error("the server's answer is not usable")]
    Malformed,
}

impl RequestError {
    /// The word that kubectl puts in `Error from server (…)`; `None` where the error is not an answer of the server.
    pub fn reason(&self) -> Option<&str> {
        Some(match self {
            Self::Forbidden { .. } => "Forbidden",
            Self::NotFound { .. } | Self::NotServed { .. } => "NotFound",
            Self::Conflict { .. } => "Conflict",
            Self::Invalid(_) => "Invalid",
            Self::TooManyRequests { .. } => "TooManyRequests",
            Self::Server { reason, .. } => reason,
            Self::Connection { .. } | Self::Timeout | Self::Malformed => return None,
        })
    }

    /// The error with its texts of the server put through `rewrite`.
    pub(crate) fn rewritten(mut self, rewrite: impl Fn(&str) -> String) -> Self {
        match &mut self {
            Self::Forbidden { message, .. }
            | Self::NotFound { message }
            | Self::NotServed { message }
            | Self::Conflict { message }
            | Self::Invalid(message)
            | Self::TooManyRequests { message, .. }
            | Self::Server { message, .. }
            | Self::Connection { message, .. } => *message = rewrite(message),
            Self::Timeout | Self::Malformed => {}
        }
        self
    }

    /// Whether the server refused, so that a write was certainly not done. Anything else leaves that open: a gateway's
    /// 5xx or a lost connection says nothing of what the API server did.
    pub fn is_refusal(&self) -> bool {
        match self {
            Self::Server { code, .. } => (400..500).contains(code) && *code != 408,
            Self::Connection { .. } | Self::Timeout | Self::Malformed => false,
            _ => true,
        }
    }

    /// Whether asking again may help.
    pub(crate) fn is_transient(&self) -> bool {
        match self {
            Self::Server { code, .. } => matches!(code, 408 | 500 | 502 | 503 | 504),
            Self::TooManyRequests { .. } | Self::Connection { .. } | Self::Timeout => true,
            _ => false,
        }
    }

    /// Whether it is about a list that grew too old while it was read.
    pub(crate) fn is_expired(&self) -> bool {
        matches!(self, Self::Server { code: 410, .. })
    }
}

/// What a request is about, for its errors.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Target {
    pub(crate) verb: &'static str,
    /// `daemonsets.apps`
    pub(crate) resource: String,
    pub(crate) namespace: Option<String>,
}

/// Reads an answer that is not a success. `body` is a Status, or whatever a gateway sends.
pub(crate) fn refused(
    target: &Target,
    status: StatusCode,
    retry_after: Option<Duration>,
    body: &[u8],
) -> RequestError {
    let parsed: Value = serde_json::from_slice(body).unwrap_or_default();
    let text = |pointer: &str| parsed.pointer(pointer).and_then(Value::as_str);
    let message = text("/message").map_or_else(|| plain(status, body), clean);
    match status.as_u16() {
        403 => RequestError::Forbidden {
            verb: target.verb.into(),
            resource: target.resource.clone(),
            namespace: target.namespace.clone(),
            message,
        },
        404 if text("/details/name").is_some() => RequestError::NotFound { message },
        404 => RequestError::NotServed { message },
        409 => RequestError::Conflict { message },
        422 => RequestError::Invalid(message),
        429 => RequestError::TooManyRequests {
            retry_after,
            message,
        },
        code => RequestError::Server {
            code,
            reason: text("/reason").map_or_else(|| words(status), clean),
            message,
        },
    }
}

/// A gateway's page is not shown; one short line is.
fn plain(status: StatusCode, body: &[u8]) -> String {
    let line = String::from_utf8_lossy(&body[..body.len().min(400)]);
    let line = line.trim();
    if line.is_empty() || line.contains(['<', '\n']) || body.len() > 400 {
        format!("{} {}", status.as_u16(), words(status))
            .trim_end()
            .to_owned()
    } else {
        clean(line)
    }
}

fn words(status: StatusCode) -> String {
    status.canonical_reason().unwrap_or_default().to_owned()
}

/// The innermost cause, which is the one that says something: `Connection refused (os error 111)`.
pub(crate) fn connection(host: &str, error: &(dyn Error + 'static)) -> RequestError {
    let mut cause = error;
    loop {
        if let Some(auth) = cause.downcast_ref::<kube::client::AuthError>() {
            return RequestError::Connection {
                host: host.into(),
                message: credentials(auth),
            };
        }
        if let Some(io) = cause.downcast_ref::<io::Error>()
            && io.kind() == io::ErrorKind::TimedOut
        {
            return RequestError::Timeout;
        }
        match cause.source() {
            Some(source) => cause = source,
            None => break,
        }
    }
    RequestError::Connection {
        host: host.into(),
        message: clean(&cause.to_string()),
    }
}

/// What is wrong with the credentials, without what a plugin printed: that may be the token itself.
pub(crate) fn credentials(error: &kube::client::AuthError) -> String {
    use kube::client::AuthError;
    match error {
        AuthError::AuthExecStart(source) => clean(&format!(
            "the credential plugin cannot be started: {source}"
        )),
        // The command is kube's text of it, with the arguments and the environment: these may be credentials.
        AuthError::AuthExecRun { out, .. } => {
            format!("the credential plugin failed: {}", out.status)
        }
        AuthError::AuthExecParse(_) | AuthError::ExecPluginFailed => {
            "the credential plugin's answer is not usable".into()
        }
        AuthError::ReadTokenFile(source, path) => clean(&format!(
            "the token file {} cannot be read: {source}",
            path.display()
        )),
        AuthError::MissingCommand => "the credential plugin has no command".into(),
        AuthError::InvalidBearerToken(_) | AuthError::InvalidBasicAuth(_) => {
            "the token or password holds characters that no header can carry".into()
        }
        _ => "the credentials of the kubeconfig are not usable".into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn target() -> Target {
        Target {
            verb: "list",
            resource: "daemonsets.apps".into(),
            namespace: Some("kube-system".into()),
        }
    }

    fn of(code: u16, body: &str) -> RequestError {
        refused(
            &target(),
            StatusCode::from_u16(code).unwrap(),
            Some(Duration::from_secs(2)),
            body.as_bytes(),
        )
    }

    #[test]
    fn a_status_keeps_the_servers_words_cleaned() {
        assert_eq!(
            of(403, "{\"message\": \"no\\u001b[2J way\"}"),
            RequestError::Forbidden {
                verb: "list".into(),
                resource: "daemonsets.apps".into(),
                namespace: Some("kube-system".into()),
                message: "no\u{fffd}[2J way".into(),
            }
        );
        assert_eq!(
            of(
                500,
                r#"{"message": "etcdserver: leader changed", "reason": "InternalError"}"#
            ),
            RequestError::Server {
                code: 500,
                reason: "InternalError".into(),
                message: "etcdserver: leader changed".into(),
            }
        );
    }

    #[test]
    fn a_missing_object_is_not_a_missing_kind() {
        let object = r#"{"message": "not found", "details": {"name": "x", "kind": "pods"}}"#;
        assert!(matches!(of(404, object), RequestError::NotFound { .. }));
        assert_eq!(
            of(404, "404 page not found\n"),
            RequestError::NotServed {
                message: "404 page not found".into()
            }
        );
    }

    #[test]
    fn a_gateways_page_is_not_shown() {
        assert_eq!(
            of(502, "<html>\n<b>Bad</b></html>").to_string(),
            "502 Bad Gateway"
        );
        assert_eq!(of(502, "").to_string(), "502 Bad Gateway");
    }

    #[test]
    fn only_an_answer_of_the_4xx_kind_is_a_refusal() {
        for code in [400, 401, 403, 404, 409, 413, 415, 422, 429] {
            assert!(of(code, "{}").is_refusal(), "{code}");
        }
        for code in [302, 408, 500, 502, 503, 504] {
            assert!(!of(code, "{}").is_refusal(), "{code}");
        }
        assert!(!RequestError::Timeout.is_refusal());
        assert!(!RequestError::Malformed.is_refusal());
    }
}
