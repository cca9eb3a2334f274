//! What a fixer answers: findings and steps, as data. The one set of types that every world version adapts to.
//!
//! The JSON shape is the one of `nks-fixer`, so that a native run and a WebAssembly run can be compared byte for byte.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::manifest::Manifest;
use crate::message;
use crate::pointer::Pointer;
use crate::token;

/// How bad a finding is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "lowercase")]
pub enum Severity {
    /// Worth knowing.
    Info,
    /// Will become a problem, or is one for somebody.
    Warning,
    /// Something does not work.
    Error,
}

/// What carrying a step out may cost.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "lowercase")]
pub enum Risk {
    /// Nothing restarts.
    Safe,
    /// Something restarts or is briefly away.
    Disruptive,
    /// Something is lost that cannot be brought back.
    Destructive,
}

/// A named value for a message.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Arg {
    /// The placeholder it fills.
    pub name: String,
    /// Untrusted text; cleaned before it is shown.
    pub value: String,
}

/// Something a fixer noticed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Finding {
    /// Message id in the manifest.
    pub message: String,
    /// How bad.
    pub severity: Severity,
    /// Index of the object it is about.
    pub target: Option<u32>,
    /// JSON pointer into the target.
    pub field: Option<String>,
    /// Indexes of further objects that show it.
    pub related: Vec<u32>,
    /// Values for the message.
    pub args: Vec<Arg>,
}

/// One thing to do.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Change {
    /// An RFC 6902 patch of one object.
    Patch {
        /// Index of the object.
        target: u32,
        /// The operations, as JSON text.
        ops: String,
    },
    /// A new object, as JSON text.
    Create(String),
    /// Deletes an object.
    Delete(u32),
    /// A rollout restart of a workload.
    Restart(u32),
    /// Asks whether a node can pull an image.
    #[serde(rename_all = "camelCase")]
    ProbeImage {
        /// Index of the Node.
        node: u32,
        /// The image reference.
        image: String,
        /// Index of the workload that wants it.
        like: u32,
    },
    /// A script of the manifest on a Node.
    RunOnNode {
        /// Index of the Node.
        target: u32,
        /// Its name in the manifest.
        script: String,
        /// Its arguments.
        args: Vec<Arg>,
    },
    /// Cordons a Node and evicts its pods.
    Drain(u32),
    /// Reboots a Node.
    Reboot(u32),
    /// Lifts our own cordon.
    Uncordon(u32),
    /// A person must do what the message says.
    Manual,
}

impl Change {
    /// The contract's word for it, as in `wit/v1/fixer.wit`.
    pub fn word(&self) -> &'static str {
        match self {
            Change::Patch { .. } => "patch",
            Change::Create(_) => "create",
            Change::Delete(_) => "delete",
            Change::Restart(_) => "restart",
            Change::ProbeImage { .. } => "probe-image",
            Change::RunOnNode { .. } => "run-on-node",
            Change::Drain(_) => "drain",
            Change::Reboot(_) => "reboot",
            Change::Uncordon(_) => "uncordon",
            Change::Manual => "manual",
        }
    }
}

/// What must hold after a step.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Expectation {
    /// Index of the object.
    pub target: u32,
    /// JSON pointer into it.
    pub pointer: String,
    /// The value, as JSON text.
    pub equals: String,
}

/// One step of a repair.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Step {
    /// Message id in the manifest.
    pub message: String,
    /// Values for the message.
    pub args: Vec<Arg>,
    /// Indexes of the findings that it mends.
    pub findings: Vec<u32>,
    /// What to do.
    pub change: Change,
    /// What it may cost, in the fixer's eyes; the host has its own floor.
    pub risk: Risk,
    /// Indexes of earlier steps that must have succeeded.
    pub needs: Vec<u32>,
    /// Wait for the rollout before the next step.
    pub wait: bool,
    /// What must hold afterwards.
    pub expect: Vec<Expectation>,
}

/// A whole answer.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Report {
    /// What was noticed.
    pub findings: Vec<Finding>,
    /// What would mend it, in order.
    pub steps: Vec<Step>,
}

impl Report {
    /// Whether something was found that is more than worth knowing.
    pub fn finds_a_problem(&self) -> bool {
        self.findings
            .iter()
            .any(|finding| finding.severity > Severity::Info)
    }
}

/// A further read that a fixer asks for, inside its own rules.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Query {
    /// Index of the rule in `spec.reads`.
    pub rule: u32,
    /// Narrows to a namespace.
    pub namespace: Option<String>,
    /// Narrows to a name.
    pub name: Option<String>,
    /// Values for reads that take some.
    pub args: Vec<Arg>,
}

/// One call's answer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Outcome {
    /// The report.
    Done(Report),
    /// Read these, then ask again.
    Need(Vec<Query>),
}

/// How many findings or steps a report may hold. Far above what a person can act on, far below what costs memory.
pub const MAX_ENTRIES: usize = 10_000;

/// Why a report is not accepted.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum ReportError {
    /// More findings or steps than [`MAX_ENTRIES`].
    #[error("{count} {what}, {MAX_ENTRIES} are the most")]
    TooMany {
        /// `findings` or `steps`.
        what: &'static str,
        /// How many there were.
        count: usize,
    },
    /// A message id that the manifest does not have.
    #[error("message `{0}` is not in the manifest")]
    UnknownMessage(String),
    /// A placeholder without a value.
    #[error("message `{message}` needs `{placeholder}`, which was not given")]
    MissingArg {
        /// Message id.
        message: String,
        /// Name of the placeholder.
        placeholder: String,
    },
    /// An index beyond what was supplied.
    #[error("{what} {index} does not exist")]
    Index {
        /// What is counted.
        what: &'static str,
        /// The index given.
        index: u32,
    },
    /// A token of a Secret in an argument or a field.
    #[error("message `{0}` carries a secret's token")]
    Token(String),
    /// A finding's field that is no JSON pointer, or holds what no terminal may be given. It is printed as it is.
    #[error("message `{0}` names a field that is no plain JSON pointer")]
    Field(String),
    /// A step that needs itself or a later one.
    #[error("step {step} needs step {needs}, which does not come before it")]
    Order {
        /// Index of the step.
        step: usize,
        /// Index that it names.
        needs: u32,
    },
}

/// Checks a report against its manifest and the number of objects that the fixer was shown.
pub fn check(report: &Report, manifest: &Manifest, supplied: usize) -> Result<(), ReportError> {
    for (what, count) in [
        ("findings", report.findings.len()),
        ("steps", report.steps.len()),
    ] {
        if count > MAX_ENTRIES {
            return Err(ReportError::TooMany { what, count });
        }
    }
    for finding in &report.findings {
        check_message(manifest, &finding.message, &finding.args)?;
        check_field(finding)?;
        finding
            .target
            .iter()
            .chain(&finding.related)
            .try_for_each(|&i| within("object", i, supplied))?;
    }
    for (position, step) in report.steps.iter().enumerate() {
        check_message(manifest, &step.message, &step.args)?;
        step.findings
            .iter()
            .try_for_each(|&i| within("finding", i, report.findings.len()))?;
        step.expect
            .iter()
            .try_for_each(|expected| within("object", expected.target, supplied))?;
        targets_of(&step.change)
            .into_iter()
            .flatten()
            .try_for_each(|target| within("object", target, supplied))?;
        if let Some(&needs) = step.needs.iter().find(|&&needs| needs as usize >= position) {
            return Err(ReportError::Order {
                step: position,
                needs,
            });
        }
    }
    Ok(())
}

fn check_field(finding: &Finding) -> Result<(), ReportError> {
    let field = finding.field.as_deref().unwrap_or_default();
    if token::mentions(field) {
        Err(ReportError::Token(finding.message.clone()))
    } else if Pointer::parse(field).is_err() || message::clean(field) != field {
        Err(ReportError::Field(finding.message.clone()))
    } else {
        Ok(())
    }
}

fn within(what: &'static str, index: u32, length: usize) -> Result<(), ReportError> {
    if (index as usize) < length {
        Ok(())
    } else {
        Err(ReportError::Index { what, index })
    }
}

fn targets_of(change: &Change) -> [Option<u32>; 2] {
    match change {
        Change::ProbeImage { node, like, .. } => [Some(*node), Some(*like)],
        Change::Patch { target, .. }
        | Change::RunOnNode { target, .. }
        | Change::Delete(target)
        | Change::Restart(target)
        | Change::Drain(target)
        | Change::Reboot(target)
        | Change::Uncordon(target) => [Some(*target), None],
        Change::Create(_) | Change::Manual => [None, None],
    }
}

fn check_message(manifest: &Manifest, id: &str, args: &[Arg]) -> Result<(), ReportError> {
    let text = manifest
        .spec
        .messages
        .get(id)
        .ok_or_else(|| ReportError::UnknownMessage(message::clean(id)))?;
    if args
        .iter()
        .any(|arg| token::mentions(&arg.value) || token::mentions(&arg.name))
    {
        return Err(ReportError::Token(id.to_owned()));
    }
    let given: BTreeMap<&str, &str> = args
        .iter()
        .map(|arg| (arg.name.as_str(), arg.value.as_str()))
        .collect();
    for placeholder in message::placeholders(&text.en).chain(message::placeholders(&text.ko)) {
        if !given.contains_key(placeholder) {
            return Err(ReportError::MissingArg {
                message: id.to_owned(),
                placeholder: placeholder.to_owned(),
            });
        }
    }
    Ok(())
}

/// Narrows a report to the findings for which `keep` holds, with the steps that mend them. Steps that mend nothing in
/// particular stay as long as a finding does. Indexes are renumbered.
pub fn select(report: &Report, keep: impl Fn(&Finding) -> bool) -> Report {
    let mut findings = BTreeMap::new();
    for (index, finding) in report
        .findings
        .iter()
        .enumerate()
        .filter(|(_, finding)| keep(finding))
    {
        findings.insert(index as u32, (findings.len() as u32, finding.clone()));
    }
    let mut steps: BTreeMap<u32, (u32, Step)> = BTreeMap::new();
    for (index, step) in report.steps.iter().enumerate() {
        let wanted = match step.findings.as_slice() {
            [] => !findings.is_empty(),
            mended => mended.iter().any(|index| findings.contains_key(index)),
        };
        if wanted {
            let mut step = step.clone();
            step.findings = step
                .findings
                .iter()
                .filter_map(|i| findings.get(i).map(|(new, _)| *new))
                .collect();
            step.needs = step
                .needs
                .iter()
                .filter_map(|i| steps.get(i).map(|(new, _)| *new))
                .collect();
            steps.insert(index as u32, (steps.len() as u32, step));
        }
    }
    Report {
        findings: findings.into_values().map(|(_, finding)| finding).collect(),
        steps: steps.into_values().map(|(_, step)| step).collect(),
    }
}

#[cfg(test)]
mod tests;
