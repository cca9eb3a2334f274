//! `kubectl nks fixer`: look at fixers, without running any.

use clap::{Args, Subcommand};
use nks_core::manifest::Limits;
use nks_core::output::{Document, FixerDescription};

use crate::args::{Switch, truth};
use crate::failure::{Ended, Failure};
use crate::fixers::{Fixer, Fixers};
use crate::screen::{Format, Screen, pad};

/// `fixer` and what follows it.
#[derive(Debug, Args)]
pub(crate) struct FixerCommand {
    #[command(subcommand)]
    action: Action,
}

#[derive(Debug, Subcommand)]
enum Action {
    /// List the fixers there are
    List(List),
    /// Print what a fixer is and may do, from its bytes alone
    Inspect(Inspect),
}

#[derive(Debug, Args)]
struct List {
    /// Leave the headers of the table out
    #[arg(long, default_value = "false", value_parser = truth, value_name = "BOOL")]
    no_headers: Switch,
    /// Output format
    #[arg(short, long, value_enum, default_value_t, value_name = "FORMAT")]
    output: Format,
}

#[derive(Debug, Args)]
struct Inspect {
    /// The name of a fixer, or a .wasm file
    #[arg(value_name = "FILE|FIXER")]
    fixer: String,
    /// Output format
    #[arg(short, long, value_enum, default_value_t, value_name = "FORMAT")]
    output: Format,
}

/// Lists or inspects.
pub(crate) fn run(screen: &Screen, command: &FixerCommand) -> Result<Ended, Failure> {
    let mut fixers = Fixers::load(screen)?;
    match &command.action {
        Action::List(command) => list(screen, &fixers, command)?,
        Action::Inspect(command) => {
            let fixer = fixers.find(screen, &command.fixer)?;
            inspect(screen, &fixer, command.output)?;
        }
    }
    Ok(Ended::Done)
}

fn list(screen: &Screen, fixers: &Fixers, command: &List) -> Result<(), Failure> {
    if command.output != Format::Text {
        let items = fixers
            .built_in()
            .iter()
            .map(|fixer| document(fixer).into())
            .collect();
        return screen.value(command.output, Document::FixerList { items });
    }
    let rows: Vec<Vec<String>> = fixers
        .built_in()
        .iter()
        .map(|fixer| {
            let spec = &fixer.manifest.spec;
            // One kind may have a rule for each verb.
            let mut kinds: Vec<&str> = spec.writes.iter().map(|rule| &*rule.kind).collect();
            kinds.dedup();
            let writes = match kinds.as_slice() {
                [] => "-".to_owned(),
                kinds => kinds.join(","),
            };
            vec![
                fixer.manifest.name().to_owned(),
                spec.version.clone(),
                screen.say(
                    if spec.on_request {
                        "asked-by-name"
                    } else {
                        "asked-always"
                    },
                    &[],
                ),
                writes,
                screen.render(&spec.about.title, &[]),
            ]
        })
        .collect();
    screen.table(
        (!command.no_headers).then_some(["NAME", "VERSION", "ASKED", "WRITES", "TITLE"]),
        &rows,
    )
}

fn inspect(screen: &Screen, fixer: &Fixer, format: Format) -> Result<(), Failure> {
    if format != Format::Text {
        return screen.value(format, document(fixer));
    }
    let (manifest, description) = (&fixer.manifest, &fixer.description);
    let Limits {
        fuel,
        fuel_per_object,
        memory_mib,
        output_kib,
        wall_ms,
    } = manifest.spec.limits;
    let kinds = |kinds: Vec<&str>| {
        if kinds.is_empty() {
            "-".to_owned()
        } else {
            kinds.join(", ")
        }
    };
    let rows = [
        (
            "inspect-name",
            format!("{} {}", manifest.name(), manifest.spec.version),
        ),
        ("inspect-digest", format!("sha256:{}", description.digest)),
        (
            "inspect-size",
            format!("{} KiB", description.size.div_ceil(1024)),
        ),
        ("inspect-imports", screen.say("imports-none", &[])),
        ("inspect-exports", description.exports.join(", ")),
        (
            "inspect-reads",
            kinds(
                manifest
                    .spec
                    .reads
                    .iter()
                    .map(|rule| rule.kind.as_str())
                    .collect(),
            ),
        ),
        (
            "inspect-writes",
            kinds(
                manifest
                    .spec
                    .writes
                    .iter()
                    .map(|rule| rule.kind.as_str())
                    .collect(),
            ),
        ),
        (
            "inspect-limits",
            format!(
                "{fuel} + {fuel_per_object}/object fuel, {memory_mib} MiB, {output_kib} KiB output, {wall_ms} ms"
            ),
        ),
    ];
    for (id, value) in rows {
        screen.line(&format!(
            "{}  {}",
            pad(&screen.say(id, &[]), 10),
            nks_core::message::clean(&value)
        ))?;
    }
    Ok(())
}

/// A fixer as data.
fn document(fixer: &Fixer) -> Document {
    let description = &fixer.description;
    Document::FixerDescription(FixerDescription {
        digest: format!("sha256:{}", description.digest),
        size: description.size,
        imports: Vec::new(),
        exports: description.exports.clone(),
        manifest: Box::new(fixer.manifest.clone()),
    })
}
