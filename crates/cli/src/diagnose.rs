//! `kubectl nks diagnose`: what is wrong, why, and which command mends it.

use clap::Args;
use nks_core::output::{Asked, Diagnosis, Document, Found};
use nks_core::owner::{self, Manager};
use nks_core::report::{Finding, Severity};
use serde_json::Value;
use std::collections::BTreeSet;
use std::time::Instant;

use crate::args::Global;
use crate::failure::{Ended, Failure};
use crate::fixers::{Analysis, Fixer, Fixers};
use crate::flow::{self, Checked};
use crate::screen::{DIM, Format, Screen, mark, paint};
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
    let chosen = choose(screen, &mut fixers, command)?;
    let source = Source::open(screen, global, command.from.as_deref()).await?;
    let started = Instant::now();
    let (seen, checked) = flow::look(screen, &source, &mut fixers, &chosen).await;
    let took = started.elapsed().as_secs_f64();
    let document = || document(screen, &seen, &checked);
    match command.output {
        DiagnoseFormat::Text => print(screen, &seen, &checked, took, command)?,
        DiagnoseFormat::Name => print_names(screen, &seen, &checked)?,
        DiagnoseFormat::Json => screen.value(Format::Json, document())?,
        DiagnoseFormat::Yaml => screen.value(Format::Yaml, document())?,
    }
    Ok(ended(&checked))
}

fn choose(
    screen: &Screen,
    fixers: &mut Fixers,
    command: &Diagnose,
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
fn ended(checked: &[Checked]) -> Ended {
    let found = |analysis: &Analysis| analysis.report.finds_a_problem();
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

fn print(
    screen: &Screen,
    seen: &Seen,
    checked: &[Checked],
    took: f64,
    command: &Diagnose,
) -> Result<(), Failure> {
    screen.line(&headline(screen, seen))?;
    let (count, objects, seconds) = (
        checked.len().to_string(),
        seen.objects.len().to_string(),
        format!("{took:.1}"),
    );
    screen.line(&screen.say(
        "checked",
        &[
            ("fixers", &count),
            ("objects", &objects),
            ("seconds", &seconds),
        ],
    ))?;
    screen.line("")?;
    let (mut findings, mut targets, mut clean) = (0, BTreeSet::new(), 0);
    for one in checked {
        match &one.result {
            Ok(analysis) => {
                for (index, finding) in analysis.report.findings.iter().enumerate() {
                    print_finding(screen, one, analysis, index, command)?;
                    findings += 1;
                    targets.extend(
                        finding
                            .target
                            .map(|target| &analysis.supplied[target as usize].id),
                    );
                }
                clean += usize::from(analysis.report.findings.is_empty() && one.gaps.is_empty());
            }
            Err(problem) => {
                let name = one.fixer.manifest.name();
                screen.line(&format!(
                    "{} {}",
                    mark(Severity::Warning),
                    screen.say("fixer-failed", &[("fixer", name), ("problem", problem)])
                ))?;
            }
        }
    }
    print_unread(screen, seen)?;
    summary(screen, checked, [findings, targets.len(), clean])
}

/// `type.group/name` of what was found; what is missing from it goes to stderr.
fn print_names(screen: &Screen, seen: &Seen, checked: &[Checked]) -> Result<(), Failure> {
    let mut names = BTreeSet::new();
    for one in checked {
        match &one.result {
            Ok(analysis) => {
                let targets = analysis.report.findings.iter().filter_map(|one| one.target);
                names.extend(targets.map(|index| analysis.supplied[index as usize].id.short()));
            }
            Err(problem) => {
                let values = [("fixer", one.fixer.manifest.name()), ("problem", problem)];
                screen.note(&screen.say("fixer-failed", &values));
            }
        }
    }
    for name in names {
        screen.line(&nks_core::message::clean(&name))?;
    }
    for gap in &seen.gaps {
        screen.note(&screen.say("unread", &[("what", &gap.what), ("reason", &gap.reason)]));
    }
    Ok(())
}

fn print_unread(screen: &Screen, seen: &Seen) -> Result<(), Failure> {
    for gap in &seen.gaps {
        screen.line(&format!(
            "{} {}",
            mark(Severity::Warning),
            screen.say("unread", &[("what", &gap.what), ("reason", &gap.reason)])
        ))?;
    }
    for gap in &seen.unknown {
        screen.note(&screen.say(
            "unknown-fact",
            &[("what", &gap.what), ("reason", &gap.reason)],
        ));
    }
    Ok(())
}

fn summary(
    screen: &Screen,
    checked: &[Checked],
    [findings, targets, clean]: [usize; 3],
) -> Result<(), Failure> {
    let incomplete = checked.iter().filter(|one| !one.complete()).count();
    if findings == 0 && incomplete == 0 {
        screen.note(&screen.say("no-problems", &[("clean", &clean.to_string())]));
        return Ok(());
    }
    let [findings, targets, clean, incomplete] =
        [findings, targets, clean, incomplete].map(|count| count.to_string());
    let counts = [
        ("findings", &*findings),
        ("objects", &*targets),
        ("clean", &*clean),
        ("incomplete", &*incomplete),
    ];
    if incomplete == "0" {
        screen.line(&screen.say("summary", &counts))
    } else {
        screen.line(&screen.say("summary-incomplete", &counts))
    }
}

/// `NHN Cloud NKS  cluster shop  v1.29.3  12 nodes  Calico v3.24.1 (etcd datastore)`, with only what is known.
fn headline(screen: &Screen, seen: &Seen) -> String {
    let facts = &seen.facts;
    let mut parts = vec![match facts.is_nks {
        Some(true) => screen.say("headline-nks", &[("name", &facts.name)]),
        _ => screen.say("headline-other", &[("name", &facts.name)]),
    }];
    parts.extend(facts.kubernetes_version.clone());
    if let Some(nodes) = &facts.nodes {
        parts.push(screen.say("headline-nodes", &[("count", &nodes.len().to_string())]));
    }
    if let Some(cni) = &facts.cni {
        let version = cni
            .version
            .as_deref()
            .map(|version| format!(" {version}"))
            .unwrap_or_default();
        let detail = [
            cni.datastore
                .map(|store| screen.say("headline-datastore", &[("store", store)])),
            cni.ebpf.then(|| "eBPF".to_owned()),
        ];
        let detail: Vec<String> = detail.into_iter().flatten().collect();
        let detail = if detail.is_empty() {
            String::new()
        } else {
            format!(" ({})", detail.join(", "))
        };
        parts.push(format!("{}{version}{detail}", cni.name));
    }
    nks_core::message::clean(&parts.join("  "))
}

fn print_finding(
    screen: &Screen,
    one: &Checked,
    analysis: &Analysis,
    index: usize,
    command: &Diagnose,
) -> Result<(), Failure> {
    let finding = &analysis.report.findings[index];
    let name = one.fixer.manifest.name();
    let target = finding
        .target
        .map(|target| analysis.supplied[target as usize].id.to_string())
        .unwrap_or_default();
    screen.line(&format!(
        "{} {name}   {}",
        mark(finding.severity),
        nks_core::message::clean(&target)
    ))?;
    screen.prose(&text(screen, one, finding), "    ")?;
    if let Some(manager) = managed_by(analysis, finding) {
        let values = [("manager", &*manager.to_string())];
        screen.line(&format!("    {}", screen.say("managed-by", &values)))?;
    }
    let from = command
        .from
        .as_ref()
        .map(|path| format!(" --from {path}"))
        .unwrap_or_default();
    let mend = if mendable(analysis, index) {
        screen.say(
            "mend",
            &[("command", &format!("kubectl nks fix {name}{from}"))],
        )
    } else {
        screen.say(
            "mend-by-hand",
            &[("command", &format!("kubectl nks explain {name}"))],
        )
    };
    screen.line(&paint(DIM, &format!("    {mend}")))
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
