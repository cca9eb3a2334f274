//! How a diagnosis is shown to people, and as names to other commands.

use std::collections::BTreeSet;

use nks_core::message::clean;
use nks_core::object::ObjectId;
use nks_core::output::Found;
use nks_core::report::Severity;

use super::{Diagnose, Look, is_wanted};
use crate::failure::Failure;
use crate::fixers::Analysis;
use crate::flow::Checked;
use crate::screen::{DIM, Screen, mark, paint};
use crate::source::Seen;

pub(super) fn print(
    screen: &Screen,
    look: &Look<'_>,
    took: f64,
    command: &Diagnose,
) -> Result<(), Failure> {
    screen.line(&headline(screen, look.seen))?;
    let values = [
        ("fixers", &*screen.count("fixers", look.checked.len())),
        (
            "objects",
            &*screen.count("objects", look.seen.objects.len()),
        ),
        ("seconds", &*format!("{took:.1}")),
    ];
    screen.line(&screen.say("checked", &values))?;
    screen.line("")?;
    for (index, found) in look.findings.iter().enumerate() {
        if is_wanted(found) && (look.all || found.explained_by.is_none()) {
            print_finding(screen, look, index, command)?;
        }
    }
    for (fixer, problem) in failed(look.checked) {
        let said = screen.say("fixer-failed", &[("fixer", fixer), ("problem", problem)]);
        screen.line(&format!("{} {said}", mark(Severity::Warning)))?;
    }
    print_unread(screen, look.seen)?;
    summary(screen, look)
}

/// The fixers that did not finish, and why.
fn failed(checked: &[Checked]) -> impl Iterator<Item = (&str, &str)> {
    checked.iter().filter_map(|one| {
        let problem = one.result.as_ref().err()?;
        Some((one.fixer.manifest.name(), problem.as_str()))
    })
}

/// `type.group/name` of what was found; what is missing from it goes to stderr.
pub(super) fn print_names(
    screen: &Screen,
    look: (&Seen, &[Checked]),
    findings: &[Found],
) -> Result<(), Failure> {
    let objects = own(findings).filter_map(|found| found.object.as_ref());
    let names: BTreeSet<String> = objects.map(ObjectId::short).collect();
    for name in names {
        screen.line(&clean(&name))?;
    }
    note_missing(screen, look);
    Ok(())
}

/// One line a finding, the worst first; what is missing goes to stderr.
pub(super) fn print_table(
    screen: &Screen,
    look: (&Seen, &[Checked]),
    findings: &[Found],
    headers: bool,
) -> Result<(), Failure> {
    let row = |found: &Found| {
        let object = found.object.as_ref().map(ToString::to_string);
        let severity = format!("{:?}", found.severity);
        vec![
            severity,
            found.fixer.clone(),
            clean(&object.unwrap_or_default()),
            found
                .message
                .split_whitespace()
                .collect::<Vec<_>>()
                .join(" "),
        ]
    };
    let rows: Vec<Vec<String>> = own(findings).map(row).collect();
    let headers = headers.then_some(["SEVERITY", "FIXER", "OBJECT", "FINDING"]);
    if !rows.is_empty() {
        screen.table(headers, &rows)?;
    }
    note_missing(screen, look);
    Ok(())
}

/// What somebody wants to hear of, and no other finding explains.
fn own(findings: &[Found]) -> impl Iterator<Item = &Found> {
    let is_own = |found: &&Found| is_wanted(found) && found.explained_by.is_none();
    findings.iter().filter(is_own)
}

/// Whether a fixer saw everything and found nothing.
fn is_clean(one: &Checked) -> bool {
    let found_nothing = |one: &Analysis| one.report.findings.is_empty();
    one.complete() && one.result.as_ref().is_ok_and(found_nothing)
}

fn note_missing(screen: &Screen, (seen, checked): (&Seen, &[Checked])) {
    for (fixer, problem) in failed(checked) {
        screen.note(&screen.say("fixer-failed", &[("fixer", fixer), ("problem", problem)]));
    }
    for gap in &seen.gaps {
        screen.note(&screen.say("unread", &[("what", &gap.what), ("reason", &gap.reason)]));
    }
    let whole = seen.gaps.is_empty() && checked.iter().all(Checked::complete);
    if whole && checked.iter().all(is_clean) {
        let clean = screen.count("checks", checked.len());
        screen.note(&screen.say("no-problems", &[("clean", &clean)]));
    }
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

fn summary(screen: &Screen, look: &Look<'_>) -> Result<(), Failure> {
    let incomplete = look.checked.iter().filter(|one| !one.complete()).count();
    let clean = look.checked.iter().filter(|one| is_clean(one)).count();
    let whole = incomplete == 0 && look.seen.gaps.is_empty();
    if look.findings.is_empty() && whole {
        let clean = screen.count("checks", clean);
        screen.note(&screen.say("no-problems", &[("clean", &clean)]));
        return Ok(());
    }
    let count =
        |test: &dyn Fn(&Found) -> bool| look.findings.iter().filter(|one| test(one)).count();
    let is_own = |found: &Found| is_wanted(found) && found.explained_by.is_none();
    let objects = look.findings.iter().filter(|found| is_own(found));
    let objects: BTreeSet<&ObjectId> = objects.filter_map(|found| found.object.as_ref()).collect();
    let counts = [
        ("findings", &*screen.count("findings", count(&is_own))),
        ("objects", &*screen.count("objects", objects.len())),
        ("clean", &*screen.count("checks", clean)),
        ("incomplete", &*incomplete.to_string()),
    ];
    let id = if whole {
        "summary"
    } else {
        "summary-incomplete"
    };
    screen.line(&screen.say(id, &counts))?;
    let left_out: [(&str, usize); 3] = [
        (
            "left-out-explained",
            count(&|found| is_wanted(found) && found.explained_by.is_some()),
        ),
        ("left-out-known", count(&|found| found.known)),
        (
            "left-out-suppressed",
            count(&|found| found.suppressed.is_some()),
        ),
    ];
    for (id, count) in left_out {
        if count > 0 {
            screen.line(&screen.say(id, &[("findings", &screen.count("findings", count))]))?;
        }
    }
    Ok(())
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
    look: &Look<'_>,
    index: usize,
    command: &Diagnose,
) -> Result<(), Failure> {
    let found = &look.findings[index];
    let name = &found.fixer;
    let object = found.object.as_ref().map(ToString::to_string);
    let object = clean(&object.unwrap_or_default());
    let line = format!("{} {name}   {object}", mark(found.severity));
    screen.line(line.trim_end())?;
    screen.prose(&found.message, "    ")?;
    if let Some(manager) = &found.managed_by {
        let values = [("manager", &*manager.to_string())];
        screen.line(&format!("    {}", screen.say("managed-by", &values)))?;
    }
    let explains = |other: &&Found| other.explained_by == Some(index) && is_wanted(other);
    let explained = look.findings.iter().filter(explains).count();
    if explained > 0 {
        let values = [("findings", &*screen.count("findings", explained))];
        screen.line(&format!("    {}", screen.say("explains", &values)))?;
    }
    if let Some(cause) = found
        .explained_by
        .and_then(|cause| look.findings.get(cause))
    {
        let values = [("fixer", &*cause.fixer)];
        screen.line(&format!("    {}", screen.say("explained-by", &values)))?;
    }
    let id = match (found.mendable, found.by_hand) {
        (true, _) => "mend",
        (false, true) => "mend-by-hand",
        (false, false) => return Ok(()),
    };
    let from = command.from.as_ref();
    let from = from
        .map(|path| format!(" --from {path}"))
        .unwrap_or_default();
    let command = format!("kubectl nks fix {name}{from}");
    let mend = screen.say(id, &[("command", &command)]);
    screen.line(&paint(DIM, &format!("    {mend}")))
}
