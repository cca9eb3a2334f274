//! What a pod, or the template of one, says about fsGroup.

use nks_fixer::Object;
use serde_json::Value;

/// The value that lets the kubelet leave the files alone.
pub(crate) const ON_ROOT_MISMATCH: &str = "OnRootMismatch";

/// Where a pod says it.
pub(crate) const OF_POD: &str = "/spec/securityContext";

/// Where a workload says it.
pub(crate) const OF_TEMPLATE: &str = "/spec/template/spec/securityContext";

/// What fsGroup makes the kubelet do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Walk<'a> {
    /// No fsGroup, so nothing.
    Never,
    /// Every file, at every mount. Holds the policy as it is written, if it is.
    Always(Option<&'a str>),
    /// Every file, but only when the root directory is not as it should be.
    OnRootMismatch,
}

impl<'a> Walk<'a> {
    /// Reads the `securityContext` at `pointer`.
    pub(crate) fn of(object: &'a Object, pointer: &str) -> Self {
        let Some(context) = object.value.pointer(pointer) else {
            return Self::Never;
        };
        if !context.get("fsGroup").is_some_and(Value::is_number) {
            return Self::Never;
        }
        match context.get("fsGroupChangePolicy").and_then(Value::as_str) {
            Some(ON_ROOT_MISMATCH) => Self::OnRootMismatch,
            policy => Self::Always(policy),
        }
    }
}
