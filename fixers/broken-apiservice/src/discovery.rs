//! What a failed request to a server tells, in the words of the API server's HTTP client.
//!
//! `failing or missing response from https://10.254.7.20:443/apis/metrics.k8s.io/v1beta1: Get "https://…": dial tcp
//! 10.254.7.20:443: connect: connection refused`. Source: kube-aggregator, `remote_available_controller.go`, and Go's
//! `net/http`, `net` and `crypto/x509`.

/// Why the request failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Failure<'a> {
    /// 401 or 403: the server does not know who asks.
    Unauthorised,
    /// Another status than that of success.
    Status(&'a str),
    /// The server's certificate is not accepted, or the API server's is not.
    Certificate,
    /// Nobody listens at that address.
    Refused,
    /// No connection comes about.
    Unreachable,
    /// No answer in time, with or without a connection.
    Silent,
    /// Something else.
    Other,
}

const UNREACHABLE: [&str; 4] = [
    "no route to host",
    "network is unreachable",
    "connection timed out",
    // Of a request that has not yet got a connection.
    "while waiting for connection",
];

const SILENT: [&str; 5] = [
    "i/o timeout",
    "context deadline exceeded",
    "awaiting headers",
    "timed out waiting for",
    "TLS handshake timeout",
];

/// Reads the message of the condition.
pub(crate) fn failure(message: &str) -> Failure<'_> {
    // The address in front may hold any word.
    let told = short(message);
    let says = |words: &[&str]| words.iter().any(|word| told.contains(word));
    if let Some((_, status)) = message.split_once("bad status from ") {
        let status = status.rsplit(' ').next().unwrap_or_default();
        return match status {
            "401" | "403" => Failure::Unauthorised,
            status => Failure::Status(status),
        };
    }
    if says(&["x509:"]) || (says(&["tls:"]) && says(&[" certificate"])) {
        Failure::Certificate
    } else if says(&["connection refused"]) {
        Failure::Refused
    } else if says(&UNREACHABLE) || (says(&["dial "]) && says(&["i/o timeout"])) {
        Failure::Unreachable
    } else if says(&SILENT) {
        Failure::Silent
    } else {
        Failure::Other
    }
}

/// The message without the addresses that it begins with: `dial tcp 10.254.7.20:443: connect: connection refused`.
pub(crate) fn short(message: &str) -> &str {
    let mut rest = message;
    for start in ["failing or missing response from ", "Get "] {
        if let Some((_, after)) = rest
            .strip_prefix(start)
            .and_then(|url| url.split_once(": "))
        {
            rest = after;
        }
    }
    rest
}
