//! Namespaces whose deletion does not end, because the API server cannot say what is in them.
//!
//! The condition says which parts of the API failed: `Discovery failed for some groups, 1 failing: unable to retrieve the
//! complete list of server APIs: metrics.k8s.io/v1beta1: …`. It stays after the namespace's other content is gone.

use nks_fixer::{Input, Object};
use serde_json::Value;

use crate::condition::{Broken, text};

/// The namespaces that wait for any of these to answer.
pub(crate) fn waiting_for<'a>(input: &'a Input, broken: &[Broken]) -> Vec<(u32, &'a Object)> {
    let parts: Vec<String> = broken
        .iter()
        .map(|one| [one.group, one.version].join("/"))
        .collect();
    let waits = |namespace: &Object| {
        let failed = failed_discovery(namespace).unwrap_or_default();
        parts.iter().any(|part| names(failed, part))
    };
    input
        .indexed()
        .filter(|(_, object)| object.kind == "Namespace" && object.is_being_deleted())
        .filter(|(_, namespace)| waits(namespace))
        .collect()
}

/// What the condition says failed.
fn failed_discovery(namespace: &Object) -> Option<&str> {
    let conditions = namespace.value.pointer("/status/conditions")?.as_array()?;
    let failed = |condition: &&Value| {
        text(condition, "type") == "NamespaceDeletionDiscoveryFailure"
            && text(condition, "status") == "True"
    };
    Some(text(conditions.iter().find(failed)?, "message"))
}

/// Whether a text names a part of the API: `metrics.k8s.io/v1beta1` is not named by `custom.metrics.k8s.io/v1beta1`.
pub(crate) fn names(text: &str, part: &str) -> bool {
    let is_in_name = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'-');
    text.match_indices(part).any(|(at, _)| {
        let before = text[..at].bytes().next_back();
        let after = text[at + part.len()..].bytes().next();
        // A full stop may follow at the end of a sentence.
        let goes_on = after.is_some_and(|byte| byte.is_ascii_alphanumeric());
        !before.is_some_and(is_in_name) && !goes_on
    })
}
