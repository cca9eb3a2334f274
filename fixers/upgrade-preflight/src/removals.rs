//! API versions that a later release no longer serves, and who still writes objects in them.
//!
//! The objects themselves live on in newer versions; what fails is the next `kubectl apply` or `helm upgrade` of an old
//! manifest. The server notes with each object who wrote it in which version (managedFields). It keeps old notes, so of
//! one writer only the newest counts, and what Kubernetes' own components wrote does not count: they are upgraded too.

mod table;

use nks_fixer::{Finding, Input, Object, Report};
use serde_json::Value;

use crate::found::{Found, about};
use table::{POD_SECURITY_POLICY, REMOVALS, Removal};

/// Writers that come with the release.
const OWN_WRITERS: [&str; 4] = [
    "api-priority-and-fairness-config-",
    "kube-apiserver",
    "kube-controller-manager",
    "kube-scheduler",
];

/// One finding for each kind and version that is removed after `minor` and still used.
pub(crate) fn check(input: &Input, minor: u32, report: &mut Report) {
    for removal in REMOVALS.iter().filter(|removal| removal.minor > minor) {
        let found: Vec<Found> = input
            .indexed()
            .filter(|(_, object)| object.kind == removal.kind)
            .filter_map(|(index, object)| {
                Some(Found::with(index, object, writer(object, removal)?))
            })
            .collect();
        if !found.is_empty() {
            let finding = if removal.minor == minor + 1 {
                Finding::warning("api-removed-next")
            } else {
                Finding::info("api-removed-later")
            };
            report.finding(
                about(finding, &found)
                    .arg("kind", removal.kind)
                    .arg("api", removal.api_version)
                    .arg("instead", removal.instead)
                    .arg("release", release(removal.minor)),
            );
        }
    }
    check_pod_security_policies(input, minor, report);
}

/// There is no other version of these: with 1.25 they are gone, and what they forbade is allowed.
fn check_pod_security_policies(input: &Input, minor: u32, report: &mut Report) {
    let (kind, removed) = POD_SECURITY_POLICY;
    let found: Vec<Found> = input
        .indexed()
        .filter(|(_, object)| object.kind == kind)
        .map(|(index, object)| Found::new(index, object))
        .collect();
    if removed <= minor || found.is_empty() {
        return;
    }
    let finding = if removed == minor + 1 {
        Finding::warning("pod-security-policies")
    } else {
        Finding::info("pod-security-policies")
    };
    report.finding(about(finding, &found).arg("release", release(removed)));
}

/// Who wrote the object in the removed version, and not in another one since; `None` where nobody did.
fn writer<'a>(object: &'a Object, removal: &Removal) -> Option<&'a str> {
    let notes = object
        .value
        .pointer("/metadata/managedFields")?
        .as_array()?;
    let old = notes.iter().find(|note| {
        text(note, "apiVersion") == removal.api_version
            && text(note, "subresource").is_empty()
            && !is_own(text(note, "manager"))
            && !notes.iter().any(|other| supersedes(other, note))
    })?;
    Some(text(old, "manager"))
}

/// Whether `other` is a later note of the same writer in another version. The server writes times in UTC, all in one form,
/// so they are in order as text.
fn supersedes(other: &Value, note: &Value) -> bool {
    ["manager", "subresource"]
        .iter()
        .all(|key| text(other, key) == text(note, key))
        && text(other, "apiVersion") != text(note, "apiVersion")
        && text(other, "time") > text(note, "time")
}

fn is_own(manager: &str) -> bool {
    OWN_WRITERS.iter().any(|own| manager.starts_with(own))
}

fn text<'a>(note: &'a Value, key: &str) -> &'a str {
    note.get(key).and_then(Value::as_str).unwrap_or_default()
}

/// `1.25`
fn release(minor: u32) -> String {
    ["1.", &minor.to_string()].concat()
}
