//! `kubectl nks diagnose`: what is wrong, why, and which command mends it.

use clap::Args;
use nks_core::output::{Asked, Diagnosis, Document, Found};
use nks_core::owner::{self, Manager};
use nks_core::report::{Finding, Severity};
use serde_json::Value;
use std::time::Instant;

mod shown;

use crate::args::Global;
use crate::failure::{Ended, Failure};
use crate::fixers::{Analysis, Fixer, Fixers};
use crate::flow::{self, Checked};
use crate::screen::{Format, Screen};
use crate::source::{Gap, Seen, Source};

/// Flags of `diagnose`.
#[derive(Debug, Args)]
pub(crate) struct Diagnose {
    /// The fixers to ask; all of them when none is named
    #[arg(value_name = "FIXER")]
    fixers: Vec<String>,
    /// Read a file, a folder, an archive or standard input (-) instead of a cluster; `demo` is a bundled picture of a broken one
    #[arg(long, value_name = "PATH")]
    from: Option<String>,
    /// Output format
    #[arg(short, long, value_enum, default_value_t, value_name = "FORMAT")]
    output: DiagnoseFormat,
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
    let (seen, checked) = flow::look(screen, &source, &mut fixers, &chosen).await?;
    let took = started.elapsed().as_secs_f64();
    let document = || document(screen, &seen, &checked);
    match command.output {
        DiagnoseFormat::Text => shown::print(screen, &seen, &checked, took, command)?,
        DiagnoseFormat::Name => shown::print_names(screen, &seen, &checked)?,
        DiagnoseFormat::Json => screen.value(Format::Json, document())?,
        DiagnoseFormat::Yaml => screen.value(Format::Yaml, document())?,
    }
    Ok(ended(&checked, command.fail_on))
}

fn choose(
    screen: &Screen,
    fixers: &mut Fixers,
    command: &Diagnose,
    namespace: Option<&str>,
) -> Result<Vec<(Fixer, Value)>, Failure> {
    let chosen = if command.fixers.is_empty() {
        fixers.built_in().to_vec()
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
                .resolve(&[])
                .map_err(|problem| Failure::error(problem.to_string()))?;
            Ok((fixer.within(namespace), settings))
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
fn ended(checked: &[Checked], fail_on: FailOn) -> Ended {
    let least = fail_on.severity();
    let found = |analysis: &Analysis| {
        let mut findings = analysis.report.findings.iter();
        findings.any(|finding| finding.severity >= least)
    };
    if !checked.iter().all(Checked::complete) {
        Ended::Incomplete
    } else if checked
        .iter()
        .any(|one| one.result.as_ref().is_ok_and(found))
    {
        Ended::Found
    } else {
        Ended::Done
    }
}

fn managed_by(analysis: &Analysis, finding: &Finding) -> Option<Manager> {
    let target = finding.target?;
    owner::manager(&analysis.supplied[target as usize])
}

fn text(screen: &Screen, one: &Checked, finding: &Finding) -> String {
    let message = &one.fixer.manifest.spec.messages[&finding.message];
    screen.render(message, &finding.args)
}

fn mendable(analysis: &Analysis, index: usize) -> bool {
    let mends = |step: &nks_core::report::Step| {
        step.findings.contains(&(index as u32)) && step.change != nks_core::report::Change::Manual
    };
    analysis.report.steps.iter().any(mends)
}

/// The diagnosis as data.
fn document(screen: &Screen, seen: &Seen, checked: &[Checked]) -> Document {
    let mut findings = Vec::new();
    for one in checked {
        let Ok(analysis) = &one.result else { continue };
        for (index, finding) in analysis.report.findings.iter().enumerate() {
            let object = |index: u32| analysis.supplied[index as usize].id.clone();
            findings.push(Found {
                fixer: one.fixer.manifest.name().to_owned(),
                id: finding.message.clone(),
                severity: finding.severity,
                message: text(screen, one, finding),
                object: finding.target.map(object),
                field: finding.field.clone(),
                managed_by: managed_by(analysis, finding),
                related: finding.related.iter().map(|&index| object(index)).collect(),
                mendable: mendable(analysis, index),
            });
        }
    }
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
