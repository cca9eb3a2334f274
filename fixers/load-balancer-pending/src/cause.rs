//! Why a Service gets no load balancer: by the newest warning about it, or by the address that it asks for.
//!
//! The cloud's words differ from version to version, so only what they have in common is looked for. Sources:
//! cloud-provider-openstack (`pkg/openstack/loadbalancer.go`), Neutron and Octavia (their exceptions).

use std::net::IpAddr;

use nks_fixer::{Input, Object};

use crate::service::Service;

/// How much of an event's message is shown.
const MOST_CHARACTERS: usize = 200;

/// What comes before the cloud's own words.
const PREFIXES: [&str; 2] = [
    "Error syncing load balancer: ",
    "failed to ensure load balancer: ",
];

/// Where Neutron and Octavia say the reason, in the answers that an event quotes whole.
const REASON_KEYS: [&str; 2] = ["\"message\"", "\"faultstring\""];

/// The kinds of causes, in the order in which they are shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Kind {
    Quota,
    NoAddress,
    AddressTaken,
    AddressOfOther,
    AddressRefused,
    AddressMalformed,
    SecurityGroup,
    Other,
    Silent,
}

/// Why one Service waits.
pub(crate) struct Cause {
    pub(crate) kind: Kind,
    /// In the cloud's words; empty where it said nothing.
    pub(crate) reason: String,
    /// The address that the Service asks for; empty where it asks for none.
    pub(crate) address: String,
    /// The Service that has the address.
    pub(crate) other: String,
    /// The event that says so.
    pub(crate) event: Option<u32>,
}

impl Kind {
    /// Its message in the manifest.
    pub(crate) fn message(self) -> &'static str {
        match self {
            Self::Quota => "quota-exceeded",
            Self::NoAddress => "addresses-exhausted",
            Self::AddressTaken => "address-taken",
            Self::AddressOfOther => "address-of-other-service",
            Self::AddressRefused => "address-refused",
            Self::AddressMalformed => "address-malformed",
            Self::SecurityGroup => "security-group",
            Self::Other => "sync-failed",
            Self::Silent => "no-event",
        }
    }
}

impl Cause {
    /// Services whose causes agree in this, and in kind, wait for the same reason.
    pub(crate) fn same_as(&self) -> &str {
        match self.kind {
            Kind::Quota | Kind::NoAddress | Kind::SecurityGroup | Kind::Silent => "",
            Kind::Other => &self.reason,
            _ => &self.address,
        }
    }
}

/// Why `service` waits.
pub(crate) fn of(input: &Input, services: &[Service], service: &Service) -> Cause {
    let event = newest_warning(input, service);
    let message = event
        .and_then(|(_, event)| event.text("/message"))
        .unwrap_or_default();
    let address = service.wanted_address().unwrap_or_default();
    let other = services
        .iter()
        .find(|other| !address.is_empty() && other.has_address(address));
    let kind = if !address.is_empty() && address.parse::<IpAddr>().is_err() {
        Kind::AddressMalformed
    } else if other.is_some() {
        Kind::AddressOfOther
    } else if event.is_none() {
        Kind::Silent
    } else {
        classify(message, !address.is_empty())
    };
    Cause {
        kind,
        reason: shorten(message),
        address: address.to_owned(),
        other: other.map(Service::title).unwrap_or_default(),
        event: event.map(|(index, _)| index),
    }
}

/// What the cloud's words mean.
pub(crate) fn classify(message: &str, asks_for_address: bool) -> Kind {
    let message = message.to_ascii_lowercase();
    let has = |parts: &[&str]| parts.iter().any(|part| message.contains(part));
    if has(&["quota"]) {
        Kind::Quota
    } else if has(&[
        "no more ip addresses available",
        "externalipaddressexhausted",
        "ipaddressgenerationfailure",
    ]) {
        Kind::NoAddress
    } else if asks_for_address
        && has(&[
            "is not available",
            "already allocated",
            "already associated",
        ])
    {
        Kind::AddressTaken
    } else if asks_for_address
        && has(&[
            "not a valid ip",
            "invalid ip",
            "invalid input for floating_ip_address",
            "create_floatingip:floating_ip_address",
            "does not belong",
        ])
    {
        Kind::AddressRefused
    } else if has(&["security group", "securitygroup", "security_group"]) {
        Kind::SecurityGroup
    } else {
        Kind::Other
    }
}

/// The newest warning about the Service. A Service of the same name that was there before has another uid.
fn newest_warning<'a>(input: &'a Input, service: &Service) -> Option<(u32, &'a Object)> {
    let object = service.object;
    let is_about = |event: &Object| {
        let uid = event.text("/involvedObject/uid");
        event.kind == "Event"
            && event.text("/type") == Some("Warning")
            && event.text("/involvedObject/kind") == Some("Service")
            && event.text("/involvedObject/name") == Some(&object.name)
            && event.namespace == object.namespace
            && uid.is_none_or(|uid| uid == object.uid)
    };
    input
        .indexed()
        .filter(|(_, event)| is_about(event))
        .max_by_key(|(_, event)| time(event))
}

/// When it was seen last. Times of the API server are in UTC and sort as they are written.
fn time(event: &Object) -> &str {
    [
        "/lastTimestamp",
        "/eventTime",
        "/metadata/creationTimestamp",
    ]
    .into_iter()
    .find_map(|field| event.text(field))
    .unwrap_or_default()
}

/// The cloud's own words, not all of them.
pub(crate) fn shorten(message: &str) -> String {
    let mut rest = message.trim();
    for prefix in PREFIXES {
        rest = rest.strip_prefix(prefix).unwrap_or(rest);
    }
    let rest = REASON_KEYS
        .iter()
        .find_map(|key| quoted(rest, key))
        .unwrap_or(rest);
    let mut short: String = rest.chars().take(MOST_CHARACTERS).collect();
    if short.len() < rest.len() {
        short.push('…');
    }
    short
}

/// The text that a JSON body within `message` has for a key; `None` where there is none.
fn quoted<'a>(message: &'a str, key: &str) -> Option<&'a str> {
    let (_, rest) = message.split_once(key)?;
    let rest = rest.trim_start().strip_prefix(':')?;
    let rest = rest.trim_start().strip_prefix('"')?;
    let (text, _) = rest.split_once('"')?;
    (!text.is_empty()).then_some(text)
}
