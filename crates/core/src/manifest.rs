//! What a fixer declares: read, never run.
//!
//! Authors write YAML (`fixer.yaml`); a built component carries the same as JSON in the custom section
//! [`SECTION`]. Unknown fields, missing translations and rules that could never apply are errors, with the field named.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::message::Text;
use crate::pointer::Pattern;
use crate::settings::Schema;

mod check;
mod label;
mod narrow;

pub use label::Label;

/// The custom section of a component that holds its manifest.
pub const SECTION: &str = "nks.fixer";

/// Stands for every message in a list of them.
pub const ALL: &str = "*";

/// The largest manifest taken, in bytes.
pub const MAX_BYTES: usize = 256 * 1024;

/// A fixer's manifest.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Manifest {
    /// `fixer.nks/v1`
    pub api_version: String,
    /// `Fixer`
    pub kind: String,
    /// Its name.
    pub metadata: Metadata,
    /// Everything else.
    pub spec: Spec,
}

/// The name of a fixer.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct Metadata {
    /// Lower-case letters, digits and dashes; a community fixer carries its publisher, `acme/missing-limits`.
    pub name: String,
}

/// What a fixer does, reads, writes and says.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Spec {
    /// Semantic version of the fixer.
    pub version: String,
    /// Anchor of the troubleshooting guide's section, where there is one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub guide: Option<String>,
    /// For `explain`.
    pub about: About,
    /// Asked only when somebody names it: what it says is for an occasion.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub on_request: bool,
    /// Messages of findings that are symptoms, `*` for all: where another fixer finds something about the same objects,
    /// they point to that.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub symptoms: Vec<String>,
    /// The objects it is shown.
    pub reads: Vec<ReadRule>,
    /// The changes it may propose.
    #[serde(default)]
    pub writes: Vec<WriteRule>,
    /// How Secrets reach it.
    #[serde(default)]
    pub secrets: Secrets,
    /// Scripts for nodes, by name. This version carries none out.
    #[serde(default)]
    pub node_scripts: BTreeMap<String, NodeScript>,
    /// What `--set` accepts.
    #[serde(default)]
    pub settings: Schema,
    /// What a run may use.
    #[serde(default)]
    pub limits: Limits,
    /// Everything it can say, by message id.
    pub messages: BTreeMap<String, Text>,
}

/// What a fixer is for.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct About {
    /// A short noun phrase.
    pub title: Text,
    /// Why the fault happens, in a few sentences.
    pub cause: Text,
}

/// One kind of object that the host fetches for the fixer.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ReadRule {
    /// `apps/v1`
    pub api_version: String,
    /// `DaemonSet`
    pub kind: String,
    /// Only these namespaces; none named means all.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub namespaces: Vec<String>,
    /// Only objects of these names, each read by itself. A Secret is never read in another way. `{setting}` is the name
    /// that a setting holds.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub names: Vec<String>,
    /// Only objects with this label: `key`, or `key=value`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub labels: Option<Label>,
    /// Read only when the fixer asks, by namespace and name, once it has seen the rest.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub asked: bool,
    /// A prefilter.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub when: Option<When>,
    /// A regular expression. For a container's log: of the lines that are worth showing. For an image probe: of the
    /// references that may be asked for, from their first letter on.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub filter: Option<String>,
    /// Many clusters have neither this kind nor these namespaces: then there are no such objects, and nothing is missing.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub optional: bool,
    /// JSON pointers of what is handed over; identity, labels, annotations and owners always are.
    #[cfg_attr(feature = "schema", schemars(with = "Vec<String>"))]
    pub fields: Vec<Pattern>,
}

/// Prefilters that let the host fetch less. They may hide nothing that a fixer would report.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "kebab-case")]
pub enum When {
    /// Pods that are not Ready or not Running, and have not succeeded.
    Unhealthy,
    /// Objects with a deletion timestamp.
    Terminating,
    /// Events of type Warning.
    WarningEvents,
    /// Pods that no controller would make again.
    Bare,
}

/// One kind of object that the fixer may change, and where.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct WriteRule {
    /// `apps/v1`
    pub api_version: String,
    /// `DaemonSet`
    pub kind: String,
    /// Only these namespaces; none named means those of the reads.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub namespaces: Vec<String>,
    /// What may be done.
    pub verbs: Vec<Verb>,
    /// For `patch` and `create`: JSON pointers, `*` for any one step. Every changed place must lie at or below one of them,
    /// and of a new object every place but its name, namespace and labels.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[cfg_attr(feature = "schema", schemars(with = "Vec<String>"))]
    pub paths: Vec<Pattern>,
    /// How many objects of this kind one run may change.
    pub max: u32,
}

/// What may be done to an object.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "lowercase")]
pub enum Verb {
    /// Change it in place.
    Patch,
    /// Make a new one.
    Create,
    /// Remove it.
    Delete,
    /// Roll a workload out again, as it is.
    Restart,
}

/// How declared Secrets reach the fixer.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "lowercase")]
pub enum Secrets {
    /// Not at all.
    #[default]
    None,
    /// Their keys only.
    Keys,
    /// Decoded, every value replaced by a token.
    Tokens,
}

/// A script for a node.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct NodeScript {
    /// `safe`, `disruptive` or `destructive`.
    pub risk: String,
    /// Shell text, static.
    pub run: String,
    /// Argument names and their types.
    #[serde(default)]
    pub args: BTreeMap<String, String>,
}

/// What one run of a fixer may use. Deterministic but for `wallMs`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct Limits {
    /// Units of fuel for a call, roughly WebAssembly instructions.
    pub fuel: u64,
    /// More fuel for each object supplied.
    pub fuel_per_object: u64,
    /// Linear memory, in MiB.
    #[serde(rename = "memoryMiB")]
    pub memory_mib: u32,
    /// Size of the answer, in KiB.
    #[serde(rename = "outputKiB")]
    pub output_kib: u32,
    /// Wall clock for a call, in milliseconds.
    pub wall_ms: u32,
}

impl Default for Limits {
    /// The defaults of the contract.
    fn default() -> Self {
        Self {
            fuel: 50_000_000,
            fuel_per_object: 1_000_000,
            memory_mib: 64,
            output_kib: 1_024,
            wall_ms: 2_000,
        }
    }
}

/// The host's ceiling: a manifest that asks for more is refused.
pub const CEILING: Limits = Limits {
    fuel: 1_000_000_000,
    fuel_per_object: 3_000_000,
    memory_mib: 128,
    output_kib: 4_096,
    wall_ms: 10_000,
};

/// Why a manifest is not accepted.
#[derive(Debug, thiserror::Error)]
pub enum ManifestError {
    /// Larger than [`MAX_BYTES`].
    #[error("the manifest has {0} bytes, {MAX_BYTES} are the most")]
    TooLarge(usize),
    /// Not YAML, or a field is missing, unknown or of the wrong type.
    #[error("{0}")]
    Yaml(#[from] crate::yaml::YamlError),
    /// Not JSON, or a field is missing, unknown or of the wrong type.
    #[error("{0}")]
    Json(#[from] crate::json::JsonError),
    /// A field holds something that is not allowed.
    #[error("{field}: {problem}")]
    Field {
        /// Where, such as `spec.version`.
        field: String,
        /// What is wrong.
        problem: String,
    },
}

impl Manifest {
    /// Reads `fixer.yaml`.
    pub fn from_yaml(text: &str) -> Result<Self, ManifestError> {
        if text.len() > MAX_BYTES {
            return Err(ManifestError::TooLarge(text.len()));
        }
        let manifest: Self = crate::yaml::parse(text)?;
        manifest.check()?;
        Ok(manifest)
    }

    /// Reads the custom section of a component.
    pub fn from_section(bytes: &[u8]) -> Result<Self, ManifestError> {
        if bytes.len() > MAX_BYTES {
            return Err(ManifestError::TooLarge(bytes.len()));
        }
        let text = std::str::from_utf8(bytes).map_err(|_| check::field(SECTION, "is not UTF-8"))?;
        let manifest: Self = crate::json::parse(text)?;
        manifest.check()?;
        Ok(manifest)
    }

    /// What the custom section holds: the manifest as JSON, the same bytes for the same manifest.
    pub fn to_section(&self) -> Result<Vec<u8>, ManifestError> {
        serde_json::to_vec(self).map_err(|problem| ManifestError::Json(problem.into()))
    }

    /// The fixer's name.
    pub fn name(&self) -> &str {
        &self.metadata.name
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MINIMAL: &str = "
apiVersion: fixer.nks/v1
kind: Fixer
metadata: {name: acme/missing-limits}
spec:
  version: 1.0.0
  about: {title: {en: a, ko: 가}, cause: {en: b, ko: 나}}
  reads: [{apiVersion: apps/v1, kind: Deployment, fields: [/spec]}]
  writes: [{apiVersion: apps/v1, kind: Deployment, verbs: [patch], paths: [/spec/replicas], max: 1}]
  messages: {found: {en: 'in {where}', ko: '{where}에서'}}
";

    fn problem(from: &str, to: &str) -> String {
        assert!(MINIMAL.contains(from), "{from}");
        Manifest::from_yaml(&MINIMAL.replace(from, to))
            .expect_err("must be refused")
            .to_string()
    }

    #[test]
    fn the_section_holds_what_the_yaml_says() {
        let manifest = Manifest::from_yaml(MINIMAL).unwrap();
        let section = manifest.to_section().unwrap();
        assert_eq!(Manifest::from_section(&section).unwrap(), manifest);
    }

    #[test]
    fn what_is_wrong_is_named() {
        for (from, to, expected) in [
            ("fixer.nks/v1", "fixer.nks/v2", "apiVersion:"),
            ("acme/missing-limits", "Acme/x", "metadata.name:"),
            ("acme/missing-limits", "сalico", "metadata.name:"),
            ("1.0.0", "one", "spec.version:"),
            (
                "'{where}에서'",
                "''",
                "spec.messages.found: a language is empty",
            ),
            ("'{where}에서'", "'{wo}에서'", "different placeholders"),
            ("/spec/replicas", "/status/replicas", "spec.writes[0].paths"),
            ("/spec/replicas", "/metadata/uid", "spec.writes[0].paths"),
            ("max: 1", "max: 1, extra: 2", "extra"),
            (
                "kind: Deployment, verbs",
                "kind: Secret, verbs",
                "must be read too",
            ),
        ] {
            let said = problem(from, to);
            assert!(said.contains(expected), "{to}: {said}");
        }
    }

    #[test]
    fn limits_above_the_ceiling_are_refused() {
        assert!(
            problem("  messages:", "  limits: {memoryMiB: 4096}\n  messages:")
                .contains("spec.limits")
        );
    }
}
