//! `kubectl nks explain`: cause, reads and writes, risk, settings and rights of a fixer. No cluster needed.

use clap::{Args, ValueEnum};
use nks_core::image_probe;
use nks_core::manifest::{Manifest, Secrets, Verb, WriteRule};
use nks_core::output::{Document, Explanation};
use nks_core::rights;
use nks_core::yaml;
use serde_json::Value;

use crate::failure::{Ended, Failure};
use crate::fixers::Fixers;
use crate::plan_screen;
use crate::screen::{BOLD, Format, PAGE, Screen, paint, wrap};

/// Flags of `explain`.
#[derive(Debug, Args)]
pub(crate) struct Explain {
    /// The fixer
    #[arg(value_name = "FIXER")]
    fixer: String,
    /// Output format; rbac prints the least roles as manifests for kubectl apply
    #[arg(short, long, value_enum, default_value_t, value_name = "FORMAT")]
    output: ExplainFormat,
}

/// The formats of `explain -o`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
enum ExplainFormat {
    /// For people.
    #[default]
    Text,
    /// JSON, versioned.
    Json,
    /// YAML, versioned.
    Yaml,
    /// The roles that `diagnose` and `fix` need.
    Rbac,
}

/// Prints what there is to know of a fixer.
pub(crate) fn run(screen: &Screen, command: &Explain) -> Result<Ended, Failure> {
    let fixer = Fixers::load(screen)?.find(screen, &command.fixer)?;
    let manifest = &fixer.manifest;
    match command.output {
        ExplainFormat::Text => print(screen, &manifest.by_default())?,
        ExplainFormat::Json => screen.value(Format::Json, document(manifest))?,
        ExplainFormat::Yaml => screen.value(Format::Yaml, document(manifest))?,
        ExplainFormat::Rbac => {
            let roles: Vec<String> = rights::roles_of(manifest).iter().map(yaml::write).collect();
            screen.print(&roles.join("---\n"))?;
        }
    }
    Ok(Ended::Done)
}

fn print(screen: &Screen, manifest: &Manifest) -> Result<(), Failure> {
    let spec = &manifest.spec;
    let heading = |id: &str| screen.line(&format!("\n{}", paint(BOLD, &screen.say(id, &[]))));
    screen.line(&format!(
        "{} {}   {}",
        paint(BOLD, manifest.name()),
        spec.version,
        screen.render(&spec.about.title, &[])
    ))?;
    screen.line(&format!(
        "\n{}",
        wrap(&screen.render(&spec.about.cause, &[]), "", PAGE)
    ))?;
    if let Some(guide) = &spec.guide {
        screen.line(&screen.say("explain-guide", &[("anchor", guide)]))?;
    }
    heading_of(screen, "explain-reads")?;
    for rule in &spec.reads {
        let scope = if rule.namespaces.is_empty() {
            screen.say("all-namespaces", &[])
        } else {
            rule.namespaces.join(", ")
        };
        let fields: Vec<String> = rule.fields.iter().map(ToString::to_string).collect();
        let names: Vec<String> = rule.names.iter().map(|name| format!("/{name}")).collect();
        screen.line(&format!("  {}{} ({scope})", rule.kind, names.join(", ")))?;
        screen.line(&wrap(&fields.join(", "), "      ", PAGE))?;
        if let (image_probe::KIND, Some(filter)) = (rule.kind.as_str(), &rule.filter) {
            let said = screen.say("explain-probes", &[("filter", filter)]);
            screen.line(&wrap(&said, "      ", PAGE))?;
        }
    }
    let secrets = match spec.secrets {
        Secrets::None => screen.say("secrets-none", &[]),
        Secrets::Keys => screen.say("secrets-keys", &[]),
        Secrets::Tokens => screen.say("secrets-tokens", &[]),
    };
    screen.line(&format!("  {secrets}"))?;
    print_writes(screen, &spec.writes)?;
    if !spec.settings.properties.is_empty() {
        heading("explain-settings")?;
    }
    for (name, property) in &spec.settings.properties {
        let plain = |value: &Value| match value {
            Value::String(text) => text.clone(),
            other => other.to_string(),
        };
        let default = property.default.as_ref().map(plain).unwrap_or_default();
        let allowed: Vec<String> = property.r#enum.iter().map(plain).collect();
        let line = match property.is_secret() {
            true => format!("  --set-file {name}={}", screen.say("explain-file", &[])),
            false => format!("  --set {name}={default}   {}", allowed.join(" | ")),
        };
        screen.line(line.trim_end())?;
        if let Some(description) = &property.description {
            screen.line(&wrap(&screen.render(description, &[]), "      ", PAGE))?;
        }
    }
    print_rights(screen, manifest)
}

fn print_writes(screen: &Screen, writes: &[WriteRule]) -> Result<(), Failure> {
    heading_of(screen, "explain-writes")?;
    if writes.is_empty() {
        screen.line(&format!("  {}", screen.say("writes-nothing", &[])))?;
    }
    for rule in writes {
        let mut said = screen.say("at-most", &[("count", &rule.max.to_string())]);
        for (verb, id) in [
            (Verb::Create, "may-be-created"),
            (Verb::Delete, "may-be-deleted"),
        ] {
            if rule.verbs.contains(&verb) {
                said += &format!(", {}", screen.say(id, &[]));
            }
        }
        screen.line(&format!("  {} ({said})", rule.kind))?;
        for path in &rule.paths {
            screen.line(&format!("      {path}"))?;
        }
    }
    Ok(())
}

fn heading_of(screen: &Screen, id: &str) -> Result<(), Failure> {
    screen.line(&format!("\n{}", paint(BOLD, &screen.say(id, &[]))))
}

fn print_rights(screen: &Screen, manifest: &Manifest) -> Result<(), Failure> {
    screen.line(&format!(
        "\n{}",
        paint(BOLD, &screen.say("explain-rights", &[]))
    ))?;
    let reads = rights::to_read(manifest);
    for right in &reads {
        screen.line(&format!("  {}", plan_screen::right(right)))?;
    }
    let writes = rights::to_write(manifest);
    if !writes.is_empty() {
        screen.line(&format!("  {}", screen.say("rights-for-fix", &[])))?;
        for right in writes.difference(&reads) {
            screen.line(&format!("  {}", plan_screen::right(right)))?;
        }
    }
    let command = format!("kubectl nks explain {} -o rbac", manifest.name());
    screen.line(&format!(
        "  {}",
        screen.say("rights-as-roles", &[("command", &command)])
    ))
}

/// The explanation as data: the manifest, and the roles that follow from it.
fn document(manifest: &Manifest) -> Document {
    Document::Explanation(Explanation {
        manifest: Box::new(manifest.clone()),
        roles: rights::roles_of(manifest),
    })
}
