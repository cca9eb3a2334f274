//! What `-o json` and `-o yaml` print. The types are the contract: their JSON Schema is `docs/schemas/output.v1.json`.

use serde::Serialize;
use serde_json::Value;

use crate::facts::ClusterFacts;
use crate::manifest::Manifest;
use crate::object::ObjectId;
use crate::owner::Manager;
use crate::plan::Act;
use crate::report::{Risk, Severity};

/// One document of output.
#[derive(Clone, Debug, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Output {
    /// The version of all kinds.
    #[serde(rename = "apiVersion")]
    pub api_version: ApiVersion,
    /// What it is.
    #[serde(flatten)]
    pub document: Document,
}

impl From<Document> for Output {
    fn from(document: Document) -> Self {
        Self {
            api_version: ApiVersion::V1,
            document,
        }
    }
}

/// The version of all kinds.
#[derive(Clone, Copy, Debug, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub enum ApiVersion {
    /// The one there is.
    #[serde(rename = "output.nks/v1")]
    V1,
}

/// By kind, what commands print.
#[derive(Clone, Debug, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(tag = "kind")]
pub enum Document {
    /// `diagnose`
    Diagnosis(Diagnosis),
    /// `fix --from`
    Plan(PlanOutput),
    /// `explain`
    Explanation(Explanation),
    /// `fixer inspect`
    FixerDescription(FixerDescription),
    /// `fixer list`
    FixerList {
        /// The fixers, sorted by name.
        items: Vec<Output>,
    },
    /// `history ENTRY`
    HistoryEntry(HistoryEntry),
    /// `history`
    HistoryList {
        /// The entries, the latest first.
        items: Vec<HistoryEntry>,
    },
    /// `version`
    Version {
        /// Version of kubectl-nks.
        #[serde(rename = "clientVersion")]
        client_version: String,
        /// `linux/amd64`
        platform: String,
    },
}

/// What was found, and what could not be looked at.
#[derive(Clone, Debug, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Diagnosis {
    /// What is known of the cluster.
    pub cluster: ClusterFacts,
    /// The fixers that were asked.
    pub fixers: Vec<Asked>,
    /// What they found, the worst first, then by fixer.
    pub findings: Vec<Found>,
    /// What could not be read. While there is something here, the rest is not called healthy.
    pub unread: Vec<Unread>,
    /// Facts of the cluster that could not be found out.
    pub unknown: Vec<Unread>,
}

/// A fixer that was asked.
#[derive(Clone, Debug, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Asked {
    /// Its name.
    pub name: String,
    /// Its version.
    pub version: String,
    /// Whether it answered, having seen everything that it reads.
    pub complete: bool,
    /// Why its answer is missing.
    pub error: Option<String>,
}

/// A finding.
#[derive(Clone, Debug, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct Found {
    /// The fixer.
    pub fixer: String,
    /// Message id in the fixer's manifest: the same in every language.
    pub id: String,
    /// How bad.
    pub severity: Severity,
    /// The finding in words.
    pub message: String,
    /// The object it is about.
    pub object: Option<ObjectId>,
    /// JSON pointer into the object.
    pub field: Option<String>,
    /// Further objects that show it.
    pub related: Vec<ObjectId>,
    /// Who else writes the object: a change to it may be put back.
    pub managed_by: Option<Manager>,
    /// Whether the fixer proposes a change that mends it.
    pub mendable: bool,
    /// Whether there are steps by hand, which `fix` shows.
    pub by_hand: bool,
    /// Position in this list of the finding that explains it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub explained_by: Option<usize>,
    /// Whether the baseline has it.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub known: bool,
    /// Who wants to hear nothing of it, and until when.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub suppressed: Option<Suppressed>,
}

/// That somebody decided not to hear of a finding.
#[derive(Clone, Debug, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Suppressed {
    /// Why.
    pub reason: String,
    /// The last day, `2027-01-31`.
    pub expires: String,
}

/// Something that was not read.
#[derive(Clone, Debug, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Unread {
    /// `list pods -n kube-system`, or a file.
    pub what: String,
    /// Why, in the server's or the reader's words.
    pub reason: String,
}

/// What would be done.
#[derive(Clone, Debug, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct PlanOutput {
    /// The fixer.
    pub fixer: String,
    /// The steps, in order.
    pub steps: Vec<StepOutput>,
}

/// One step of a plan.
#[derive(Clone, Debug, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct StepOutput {
    /// What it does, in words.
    pub message: String,
    /// The object that is changed; null where a person must act.
    pub object: Option<ObjectId>,
    /// What is done to it; null where a person must act.
    pub act: Option<Act>,
    /// What it may cost.
    pub risk: Risk,
    /// Whether the rollout is waited for.
    pub wait: bool,
    /// Positions of earlier steps that must have succeeded, counted from 0.
    pub needs: Vec<usize>,
    /// Who else writes this object.
    pub managed_by: Option<Manager>,
    /// The RFC 6902 patch of an object that is changed in place.
    pub patch: Option<Vec<Value>>,
    /// The object that is created.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub created: Option<Value>,
}

/// A fixer, for the cluster's administrator.
#[derive(Clone, Debug, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Explanation {
    /// What it declares.
    pub manifest: Box<Manifest>,
    /// Role and ClusterRole objects that hold exactly the rights it needs.
    pub roles: Vec<Value>,
}

/// A fixer's component, looked at without running it.
#[derive(Clone, Debug, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct FixerDescription {
    /// `sha256:…` of the component.
    pub digest: String,
    /// Bytes of the component.
    pub size: u64,
    /// Always empty: a component with any import is refused.
    pub imports: Vec<String>,
    /// What it exports.
    pub exports: Vec<String>,
    /// What it declares.
    pub manifest: Box<Manifest>,
}

/// An entry of the journal.
#[derive(Clone, Debug, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct HistoryEntry {
    /// Its name.
    pub entry: String,
    /// The run as it was approved; null where the journal cannot be read.
    pub begin: Option<Value>,
    /// What was recorded after it.
    pub records: Vec<Value>,
    /// How it ended; null while it is open.
    pub outcome: Option<Value>,
    /// Why the journal cannot be read.
    pub error: Option<String>,
}
