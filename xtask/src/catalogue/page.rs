//! The page of one fixer: what an operator asks before running it, in short sections.

use anyhow::Result;
use nks_core::image_probe;
use nks_core::kinds;
use nks_core::manifest::{ALL, Manifest, ReadRule, Secrets, Verb, When};
use nks_core::probe;
use nks_core::rights;
use nks_core::settings::{Property, PropertyType};
use nks_core::yaml;
use serde_json::Value;

use super::markdown::{code, codes, table, text};
use super::said::{Finding, Mended, Said, Step};
use super::words::{self, Words};

/// The cell of what there is not.
pub(super) const NONE: &str = "—";

/// A fixer with what its cases show.
pub(super) struct Fixer {
    pub(super) manifest: Manifest,
    pub(super) said: Said,
}

/// Whether a fixer changes anything.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Acts {
    Mends,
    WhenAsked,
    Reports,
}

impl Fixer {
    /// Whether it changes anything. Without cases, its manifest decides.
    pub(super) fn acts(&self) -> Acts {
        if self.manifest.spec.writes.is_empty() {
            Acts::Reports
        } else if self.said.cases == 0 || self.said.mends_unasked() {
            Acts::Mends
        } else {
            Acts::WhenAsked
        }
    }

    /// The whole page.
    pub(super) fn page(&self, words: &Words) -> Result<String> {
        let sections = [
            self.head(words)?,
            section(
                words.say("cause")?,
                &text(words.of(&self.manifest.spec.about.cause)),
            ),
            self.reads(words)?,
            self.writes(words)?,
            self.settings(words)?,
            self.rights(words)?,
            self.findings(words)?,
            self.steps(words)?,
            self.not_in_cases(words)?,
            self.cases(words)?,
        ];
        let sections: Vec<String> = sections.into_iter().filter(|it| !it.is_empty()).collect();
        Ok(sections.join("\n"))
    }

    fn head(&self, words: &Words) -> Result<String> {
        let (name, spec) = (self.manifest.name(), &self.manifest.spec);
        let (acts, fix) = match self.acts() {
            Acts::Mends => ("it-mends", Some("")),
            Acts::WhenAsked => ("it-mends-when-asked", Some(" --set NAME=VALUE")),
            Acts::Reports => ("it-reports", None),
        };
        let mut sentences = vec![words.say(acts)?.to_owned()];
        if spec.on_request {
            sentences.push(words.say("on-request")?.to_owned());
        }
        if spec.symptoms.iter().any(|id| id == ALL) {
            sentences.push(words.say("symptoms")?.to_owned());
        }
        let guide = match &spec.guide {
            Some(anchor) => format!("\n{}\n", words.fill("guide", &code(anchor))?),
            None => String::new(),
        };
        let mut commands = format!("kubectl nks diagnose {name}\n");
        if let Some(setting) = fix {
            let secrets = spec.settings.properties.iter();
            let secrets = secrets.filter(|(_, property)| property.is_secret());
            let files: String = secrets
                .map(|(secret, _)| format!(" --set-file {secret}=FILE"))
                .collect();
            commands += &format!("kubectl nks fix {name}{setting}{files}\n");
        }
        let anchor = words.say("fixers-anchor")?;
        let readme = format!("../../README.{}#{anchor}", words::ending(words.language));
        Ok(format!(
            "<!-- {} -->\n# {name}\n\n**{}** · {} · {}\n\n{}\n{guide}\n```\n{commands}```\n",
            words.fill("made", &format!("fixers/{name}/fixer.yaml"))?,
            text(words.of(&spec.about.title)),
            words.link(
                "other-language",
                &format!("{name}.{}", words::ending(words::other(words.language)))
            )?,
            words.link("all-fixers", &readme)?,
            sentences.join(" "),
        ))
    }

    /// The findings, the worst first.
    fn findings(&self, words: &Words) -> Result<String> {
        let mut findings: Vec<(&String, &Finding)> = self.said.findings.iter().collect();
        findings.sort_by_key(|(id, finding)| (std::cmp::Reverse(finding.severities.last()), *id));
        let rows = findings.into_iter().map(|(id, finding)| {
            let severities: Vec<&str> = finding
                .severities
                .iter()
                .rev()
                .map(|severity| words.say(words::severity(*severity)))
                .collect::<Result<_>>()?;
            let mended = words.say(match finding.mended() {
                Mended::Yes => "mended-yes",
                Mended::Sometimes => "mended-sometimes",
                Mended::WhenAsked => "mended-when-asked",
                Mended::ByHand => "mended-by-hand",
                Mended::No => "mended-no",
            })?;
            Ok(vec![
                code(id),
                severities.join(", "),
                self.message(words, id),
                mended.to_owned(),
            ])
        });
        let headings = words.each(["finding", "severity", "says", "mended"])?;
        table_section(words.say("finds")?, &headings, rows)
    }

    /// The steps: those that are carried out, then those for a person.
    fn steps(&self, words: &Words) -> Result<String> {
        let mut steps: Vec<(&String, &Step)> = self.said.steps.iter().collect();
        steps.sort_by_key(|(id, step)| (step.risks.is_empty(), *id));
        let rows = steps.into_iter().map(|(id, step)| {
            let changes: Vec<&str> = step
                .changes
                .iter()
                .map(|change| words.say(change))
                .collect::<Result<_>>()?;
            let risks: Vec<&str> = step
                .risks
                .iter()
                .map(|risk| words.say(words::risk(*risk)))
                .collect::<Result<_>>()?;
            Ok(vec![
                code(id),
                self.message(words, id),
                changes.join(", "),
                or_none(risks.join(", ")),
            ])
        });
        let headings = words.each(["step", "says", "how", "risk"])?;
        table_section(words.say("does")?, &headings, rows)
    }

    /// Messages that no case shows: whether they are findings or steps is not known.
    fn not_in_cases(&self, words: &Words) -> Result<String> {
        let shown =
            |id: &String| self.said.findings.contains_key(id) || self.said.steps.contains_key(id);
        let messages = self.manifest.spec.messages.keys();
        let rows = messages
            .filter(|id| !shown(id))
            .map(|id| Ok(vec![code(id), self.message(words, id)]));
        let headings = words.each(["message", "says"])?;
        table_section(words.say("also-says")?, &headings, rows)
    }

    fn message(&self, words: &Words, id: &str) -> String {
        let message = self.manifest.spec.messages.get(id);
        message.map_or_else(String::new, |message| text(words.of(message)))
    }

    fn settings(&self, words: &Words) -> Result<String> {
        let rows = self.manifest.spec.settings.properties.iter();
        let rows = rows.map(|(name, property)| {
            let default = property.default.as_ref().map(plain).unwrap_or_default();
            let meaning = property.description.as_ref();
            Ok(vec![
                code(name),
                values(words, property)?,
                if default.is_empty() {
                    NONE.to_owned()
                } else {
                    code(&default)
                },
                or_none(meaning.map_or_else(String::new, |meaning| text(words.of(meaning)))),
            ])
        });
        let headings = words.each(["setting", "values", "default", "meaning"])?;
        table_section(words.say("settings")?, &headings, rows)
    }

    fn reads(&self, words: &Words) -> Result<String> {
        let spec = &self.manifest.spec;
        let rows = spec.reads.iter().map(|rule| {
            Ok(vec![
                kind(&rule.api_version, &rule.kind),
                namespaces(words, (&rule.api_version, &rule.kind), &rule.namespaces)?,
                which(words, rule)?,
                or_none(codes(&rule.fields)),
            ])
        });
        let headings = words.each(["kind", "namespaces", "which", "fields"])?;
        let secrets = words.say(match spec.secrets {
            Secrets::None => "secrets-none",
            Secrets::Keys => "secrets-keys",
            Secrets::Tokens => "secrets-tokens",
        })?;
        let rows = table(&headings, &rows.collect::<Result<Vec<_>>>()?);
        let body = format!("{}\n\n{rows}\n{secrets}", words.say("reads-of-each")?);
        Ok(section(words.say("reads")?, &body))
    }

    fn writes(&self, words: &Words) -> Result<String> {
        let heading = words.say("writes")?;
        let spec = &self.manifest.spec;
        if spec.writes.is_empty() {
            return Ok(section(heading, words.say("writes-nothing")?));
        }
        let rows = spec.writes.iter().map(|rule| {
            let verbs = rule.verbs.iter().map(|verb| {
                words.say(match verb {
                    Verb::Patch => "patch",
                    Verb::Create => "create",
                    Verb::Delete => "delete",
                    Verb::Restart => "restart",
                })
            });
            let within = rights::written_in(&self.manifest, rule);
            Ok(vec![
                kind(&rule.api_version, &rule.kind),
                namespaces(words, (&rule.api_version, &rule.kind), within)?,
                verbs.collect::<Result<Vec<_>>>()?.join(", "),
                or_none(codes(&rule.paths)),
                rule.max.to_string(),
            ])
        });
        let headings = words.each(["kind", "namespaces", "how", "places", "at-most"])?;
        table_section(heading, &headings, rows)
    }

    fn rights(&self, words: &Words) -> Result<String> {
        let command = format!("kubectl nks explain {} -o rbac", self.manifest.name());
        let roles: Vec<String> = rights::roles_of(&self.manifest)
            .iter()
            .map(yaml::write)
            .collect();
        let body = format!(
            "{}\n\n<details>\n<summary>{}</summary>\n\n```yaml\n{}```\n\n</details>",
            words.fill("rights-as-roles", &code(&command))?,
            words.say("roles")?,
            roles.join("---\n")
        );
        Ok(section(words.say("rights")?, &body))
    }

    fn cases(&self, words: &Words) -> Result<String> {
        if self.said.cases == 0 {
            return Ok(String::new());
        }
        let folder = format!("fixers/{}/cases", self.manifest.name());
        let body = format!(
            "{}: [{folder}](../../{folder})",
            words.fill("cases-are", &self.said.cases.to_string())?
        );
        Ok(section(words.say("cases")?, &body))
    }
}

fn section(heading: &str, body: &str) -> String {
    format!("## {heading}\n\n{}\n", body.trim_end())
}

/// A section that is a table; nothing where the table has no rows.
fn table_section(
    heading: &str,
    headings: &[String],
    rows: impl Iterator<Item = Result<Vec<String>>>,
) -> Result<String> {
    let rows = rows.collect::<Result<Vec<_>>>()?;
    if rows.is_empty() {
        return Ok(String::new());
    }
    Ok(section(heading, &table(headings, &rows)))
}

fn or_none(cell: String) -> String {
    if cell.is_empty() {
        NONE.to_owned()
    } else {
        cell
    }
}

/// `DaemonSet` of `apps/v1`.
fn kind(api_version: &str, kind: &str) -> String {
    format!("{kind} ({api_version})")
}

fn namespaces(
    words: &Words,
    (api_version, kind): (&str, &str),
    named: &[String],
) -> Result<String> {
    let known = kinds::lookup(api_version, kind);
    if api_version == probe::API_VERSION && kind == probe::DISCOVERY {
        Ok(NONE.to_owned())
    } else if !named.is_empty() {
        Ok(named.join(", "))
    } else if known.is_some_and(|kind| !kind.namespaced) {
        words.say("cluster-scoped").map(str::to_owned)
    } else {
        words.say("all").map(str::to_owned)
    }
}

/// Which objects of a kind are read.
fn which(words: &Words, rule: &ReadRule) -> Result<String> {
    let mut parts = Vec::new();
    if !rule.names.is_empty() {
        parts.push(codes(&rule.names));
    }
    if let Some(label) = &rule.labels {
        parts.push(words.fill("labelled", &code(&label.to_string()))?);
    }
    match rule.when {
        None => {}
        Some(When::Unhealthy) => parts.push(words.say("unhealthy")?.to_owned()),
        Some(When::Terminating) => parts.push(words.say("terminating")?.to_owned()),
        Some(When::WarningEvents) => parts.push(words.say("warning-events")?.to_owned()),
        Some(When::Bare) => parts.push(words.say("bare")?.to_owned()),
    }
    if rule.api_version == probe::API_VERSION && rule.kind == probe::DISCOVERY {
        parts.push(words.say("discovery")?.to_owned());
    }
    if let Some(filter) = &rule.filter {
        let probe = rule.kind == image_probe::KIND;
        let what = if probe {
            "image-probe"
        } else {
            "container-log"
        };
        parts.push(words.fill(what, &code(filter))?);
    }
    if parts.is_empty() {
        parts.push(words.say("all")?.to_owned());
    }
    if rule.optional {
        parts.push(words.say("optional")?.to_owned());
    }
    Ok(parts.join("; "))
}

/// What a setting takes.
fn values(words: &Words, property: &Property) -> Result<String> {
    if !property.r#enum.is_empty() {
        let allowed: Vec<String> = property.r#enum.iter().map(plain).collect();
        return Ok(codes(&allowed));
    }
    match property.r#type {
        _ if property.is_secret() => words.say("secret").map(str::to_owned),
        PropertyType::String => words.say("text").map(str::to_owned),
        PropertyType::Integer => words.say("integer").map(str::to_owned),
        PropertyType::Boolean => Ok(codes(&["true", "false"])),
    }
}

/// A value as `--set` takes it.
fn plain(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}
