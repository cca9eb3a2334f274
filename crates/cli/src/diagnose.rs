//! `kubectl nks diagnose`: what is wrong, why, and which command mends it.

use clap::Args;
use nks_core::credential::Credentials;
use nks_core::manifest;
use nks_core::output::{Asked, Diagnosis, Document, Found};
use nks_core::owner::{self, Manager};
use nks_core::report::{Change, Finding, Severity};
use nks_core::triage::{self, Baseline};
use serde_json::Value;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::Instant;

mod shown;
mod suppressions;

use crate::args::Global;
use crate::failure::{Ended, Failure};
use crate::fixers::{Analysis, Fixer, Fixers};
use crate::flow::{self, Checked};
use crate::screen::{Format, Screen};
use crate::source::{Gap, Seen, Source};
use suppressions::Suppressions;

/// Flags of `diagnose`.
#[derive(Debug, Args)]
pub(crate) struct Diagnose {
    /// The fixers to ask; when none is named, all but those that `fixer list` marks as asked on request
    #[arg(value_name = "FIXER")]
    fixers: Vec<String>,
    /// Read a file, a folder, an archive or standard input (-) instead of a cluster; `demo` is a bundled picture of a broken one
    #[arg(long, value_name = "PATH")]
    from: Option<String>,
    /// Output format
    #[arg(short, long, value_enum, default_value_t, value_name = "FORMAT")]
    output: DiagnoseFormat,
    /// Leave the headers of the table out
    #[arg(long)]
    no_headers: bool,
    /// Leave out what this earlier output of `diagnose -o json` holds already
    #[arg(long, value_name = "FILE")]
    baseline: Option<PathBuf>,
    /// Leave out what this file names, each with a reason and a last day
    #[arg(long, value_name = "FILE")]
    suppressions: Option<PathBuf>,
    /// The least severity that makes the exit code 1
    #[arg(long, value_enum, default_value_t, value_name = "SEVERITY")]
    fail_on: FailOn,
}

/// From which severity on a finding makes the exit code 1.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, clap::ValueEnum)]
enum FailOn {
    Error,
    #[default]
    Warning,
    Info,
}

impl FailOn {
    fn severity(self) -> Severity {
        match self {
            Self::Error => Severity::Error,
            Self::Warning => Severity::Warning,
            Self::Info => Severity::Info,
        }
    }
}

/// Output formats of `diagnose`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, clap::ValueEnum)]
enum DiagnoseFormat {
    #[default]
    Text,
    // One line a finding.
    Wide,
    // One line an object with a finding, as other commands take it.
    Name,
    Json,
    Yaml,
}

/// Reads, asks the fixers, and prints. Changes nothing.
pub(crate) async fn run(
    screen: &Screen,
    global: &Global,
    command: &Diagnose,
) -> Result<Ended, Failure> {
    let mut fixers = Fixers::load(screen)?;
    let namespace = global.namespace.as_deref();
    let chosen = choose(screen, &mut fixers, command, namespace)?;
    let source = Source::open(screen, global, command.from.as_deref()).await?;
    let started = Instant::now();
    let (seen, checked) = flow::look(screen, (&source, &[]), &mut fixers, &chosen).await?;
    let took = started.elapsed().as_secs_f64();
    let findings = triage(screen, command, &checked)?;
    let ended = ended((&seen, &checked), &findings, command.fail_on);
    match command.output {
        DiagnoseFormat::Text => {
            let look = Look {
                seen: &seen,
                checked: &checked,
                findings: &findings,
                all: global.verbosity > 0,
            };
            shown::print(screen, &look, took, command)?;
        }
        DiagnoseFormat::Wide => {
            let headers = !command.no_headers;
            shown::print_table(screen, (&seen, &checked), &findings, headers)?;
        }
        DiagnoseFormat::Name => shown::print_names(screen, (&seen, &checked), &findings)?,
        DiagnoseFormat::Json => screen.value(Format::Json, document(&seen, &checked, findings))?,
        DiagnoseFormat::Yaml => screen.value(Format::Yaml, document(&seen, &checked, findings))?,
    }
    Ok(ended)
}

/// What is shown of a diagnosis.
struct Look<'a> {
    seen: &'a Seen,
    checked: &'a [Checked],
    findings: &'a [Found],
    /// Those that others explain, too.
    all: bool,
}

/// Orders and folds the findings, and marks those that nobody wants to hear of.
fn triage(screen: &Screen, command: &Diagnose, checked: &[Checked]) -> Result<Vec<Found>, Failure> {
    let mut findings = findings(screen, checked);
    if let Some(path) = &command.baseline {
        let baseline = Baseline::parse(&read(screen, path)?)
            .map_err(|problem| cannot_read(screen, path, &problem.to_string()))?;
        for found in &mut findings {
            found.known = baseline.knows(found);
        }
    }
    if let Some(path) = &command.suppressions {
        let suppressions = Suppressions::parse(&read(screen, path)?)
            .map_err(|problem| cannot_read(screen, path, &problem))?;
        suppressions.apply(screen, &mut findings, jiff::Zoned::now().date());
    }
    triage::order(&mut findings);
    let manifests = checked.iter().map(|one| &one.fixer.manifest);
    let symptoms: BTreeMap<&str, &[String]> = manifests
        .map(|manifest| (manifest.name(), manifest.spec.symptoms.as_slice()))
        .collect();
    triage::fold(&mut findings, |found| {
        let symptoms = symptoms.get(found.fixer.as_str());
        symptoms.is_some_and(|ids| ids.iter().any(|id| *id == found.id || id == manifest::ALL))
    });
    Ok(findings)
}

fn read(screen: &Screen, path: &Path) -> Result<String, Failure> {
    std::fs::read_to_string(path).map_err(|problem| cannot_read(screen, path, &problem.to_string()))
}

fn cannot_read(screen: &Screen, path: &Path, problem: &str) -> Failure {
    let path = path.display().to_string();
    Failure::error(screen.say("cannot-read", &[("path", &path), ("problem", problem)]))
}

fn choose(
    screen: &Screen,
    fixers: &mut Fixers,
    command: &Diagnose,
    namespace: Option<&str>,
) -> Result<Vec<(Fixer, Value)>, Failure> {
    let chosen = if command.fixers.is_empty() {
        let asked = |fixer: &&Fixer| !fixer.manifest.spec.on_request;
        fixers.built_in().iter().filter(asked).cloned().collect()
    } else {
        let found: Result<Vec<Fixer>, Failure> = command
            .fixers
            .iter()
            .map(|name| fixers.find(screen, name))
            .collect();
        found?
    };
    chosen
        .into_iter()
        .map(|fixer| {
            only_from_files(screen, &fixer, command.from.is_some())?;
            let settings = fixer
                .manifest
                .spec
                .settings
                .resolve(&[], &Credentials::default())
                .map_err(|problem| Failure::error(problem.to_string()))?;
            let fixer = fixer
                .within(namespace)
                .with(&settings)
                .map_err(|problem| Failure::error(problem.to_string()))?;
            Ok((fixer, settings))
        })
        .collect()
}

/// A fixer from a file has been granted nothing, so it may not be shown a cluster.
pub(crate) fn only_from_files(
    screen: &Screen,
    fixer: &Fixer,
    from_files: bool,
) -> Result<(), Failure> {
    let built_in = matches!(fixer.source, nks_sandbox::protocol::Source::BuiltIn(_));
    if built_in || from_files {
        return Ok(());
    }
    Err(
        Failure::error(screen.say("file-fixer-refused", &[("name", fixer.manifest.name())]))
            .hint(screen.say("file-fixer-hint", &[])),
    )
}

/// Incomplete before found: an answer that leaves something out is no basis for a gate.
fn ended((seen, checked): (&Seen, &[Checked]), findings: &[Found], fail_on: FailOn) -> Ended {
    let least = fail_on.severity();
    let counts = |found: &Found| found.severity >= least && is_wanted(found);
    // Whatever was not read, somebody asked for.
    if !(seen.gaps.is_empty() && checked.iter().all(Checked::complete)) {
        Ended::Incomplete
    } else if findings.iter().any(counts) {
        Ended::Found
    } else {
        Ended::Done
    }
}

/// Whether somebody wants to hear of it.
fn is_wanted(found: &Found) -> bool {
    !found.known && found.suppressed.is_none()
}

fn managed_by(analysis: &Analysis, finding: &Finding) -> Option<Manager> {
    let target = finding.target?;
    owner::manager(&analysis.supplied[target as usize])
}

/// Whether a step mends the finding, and whether there are steps by hand for it.
fn remedies(analysis: &Analysis, index: usize) -> (bool, bool) {
    let steps = analysis.report.steps.iter();
    let steps = steps.filter(|step| step.findings.contains(&(index as u32)));
    let (manual, ours): (Vec<_>, Vec<_>) = steps.partition(|step| step.change == Change::Manual);
    (!ours.is_empty(), !manual.is_empty())
}

/// What the fixers found, one after the other.
fn findings(screen: &Screen, checked: &[Checked]) -> Vec<Found> {
    let mut findings = Vec::new();
    for one in checked {
        let manifest = &one.fixer.manifest;
        let Ok(analysis) = &one.result else { continue };
        for (index, finding) in analysis.report.findings.iter().enumerate() {
            let (mendable, by_hand) = remedies(analysis, index);
            let object = |index: u32| analysis.supplied[index as usize].id.clone();
            findings.push(Found {
                fixer: manifest.name().to_owned(),
                id: finding.message.clone(),
                severity: finding.severity,
                message: screen.render(&manifest.spec.messages[&finding.message], &finding.args),
                object: finding.target.map(object),
                field: finding.field.clone(),
                managed_by: managed_by(analysis, finding),
                related: finding.related.iter().map(|&index| object(index)).collect(),
                mendable,
                by_hand,
                explained_by: None,
                known: false,
                suppressed: None,
            });
        }
    }
    findings
}

/// The diagnosis as data.
fn document(seen: &Seen, checked: &[Checked], findings: Vec<Found>) -> Document {
    let asked = |one: &Checked| Asked {
        name: one.fixer.manifest.name().to_owned(),
        version: one.fixer.manifest.spec.version.clone(),
        complete: one.complete(),
        error: one.result.as_ref().err().cloned(),
    };
    let unread = |gaps: &[Gap]| gaps.iter().map(Gap::output).collect();
    Document::Diagnosis(Diagnosis {
        cluster: seen.facts.clone(),
        fixers: checked.iter().map(asked).collect(),
        findings,
        unread: unread(&seen.gaps),
        unknown: unread(&seen.unknown),
    })
}
