//! How a diagnosis is shown to people, and as names to other commands.

use std::collections::BTreeSet;

use nks_core::message::clean;
use nks_core::report::Severity;

use super::{Diagnose, managed_by, mendable, text};
use crate::failure::Failure;
use crate::fixers::Analysis;
use crate::flow::Checked;
use crate::screen::{DIM, Screen, mark, paint};
use crate::source::Seen;

pub(super) fn print(
    screen: &Screen,
    seen: &Seen,
    checked: &[Checked],
    took: f64,
    command: &Diagnose,
) -> Result<(), Failure> {
    screen.line(&headline(screen, seen))?;
    let count = |what: &str, count: usize| screen.count(what, count);
    let values = [
        ("fixers", &*count("fixers", checked.len())),
        ("objects", &*count("objects", seen.objects.len())),
        ("seconds", &*format!("{took:.1}")),
    ];
    screen.line(&screen.say("checked", &values))?;
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
pub(super) fn print_names(
    screen: &Screen,
    seen: &Seen,
    checked: &[Checked],
) -> Result<(), Failure> {
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
        screen.line(&clean(&name))?;
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
        let clean = screen.count("checks", clean);
        screen.note(&screen.say("no-problems", &[("clean", &clean)]));
        return Ok(());
    }
    let counts = [
        ("findings", &*screen.count("findings", findings)),
        ("objects", &*screen.count("objects", targets)),
        ("clean", &*screen.count("checks", clean)),
        ("incomplete", &*incomplete.to_string()),
    ];
    if incomplete == 0 {
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
        parts.push(screen.count("nodes", nodes.len()));
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
    clean(&parts.join("  "))
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
        clean(&target)
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
