//! What a manifest has to hold beyond its types. Each problem names its field.

use super::narrow::{is_object_name, setting_of};
use super::{ALL, CEILING, Manifest, ManifestError, ReadRule, Secrets, Verb, WriteRule};
use crate::{image_probe, message, probe};

impl Manifest {
    pub(super) fn check(&self) -> Result<(), ManifestError> {
        expect(
            "apiVersion",
            self.api_version == "fixer.nks/v1",
            "this version knows `fixer.nks/v1` only",
        )?;
        expect("kind", self.kind == "Fixer", "must be `Fixer`")?;
        expect(
            "metadata.name",
            is_name(self.name()),
            "lower-case letters, digits and dashes, with at most one publisher before a `/`",
        )?;
        semver::Version::parse(&self.spec.version)
            .map_err(|problem| field("spec.version", problem.to_string()))?;
        expect(
            "spec.reads",
            !self.spec.reads.is_empty(),
            "a fixer that is shown nothing can find nothing",
        )?;
        for (index, rule) in self.spec.reads.iter().enumerate() {
            self.check_read(index, rule)?;
        }
        for (index, rule) in self.spec.writes.iter().enumerate() {
            self.check_write(index, rule)?;
        }
        self.check_limits()?;
        self.check_messages()?;
        self.spec
            .settings
            .check()
            .map_err(|problem| field("spec.settings", problem.to_string()))
    }

    fn check_read(&self, index: usize, rule: &ReadRule) -> Result<(), ManifestError> {
        let at = |name: &str| format!("spec.reads[{index}].{name}");
        check_probe(rule).map_err(|problem| field(at("kind"), problem))?;
        let secret = rule.api_version == "v1" && rule.kind == "Secret";
        expect(
            &at("names"),
            !secret || (!rule.names.is_empty() && (rule.asked || !rule.namespaces.is_empty())),
            "Secrets are never listed: name each, with its namespace, or as one that is `asked` for",
        )?;
        expect(
            &at("names"),
            rule.names.iter().all(|name| self.is_known_name(name)),
            "a name in braces is a string setting, no secret, whose default is a name",
        )?;
        expect(
            &at("asked"),
            !rule.asked || !rule.names.is_empty(),
            "what is asked for is named",
        )?;
        expect(
            &at("kind"),
            !secret || self.spec.secrets != Secrets::None,
            "a Secret is read only with `secrets: keys` or `secrets: tokens`",
        )?;
        expect(
            &at("labels"),
            rule.names.is_empty() || rule.labels.is_none(),
            "what is named is not chosen by label too",
        )
    }

    fn is_known_name(&self, name: &str) -> bool {
        let Some(setting) = setting_of(name) else {
            return true;
        };
        let property = self.spec.settings.properties.get(setting);
        property
            .and_then(|property| property.default.as_ref()?.as_str())
            .is_some_and(is_object_name)
    }

    fn check_write(&self, index: usize, rule: &WriteRule) -> Result<(), ManifestError> {
        let at = |name: &str| format!("spec.writes[{index}].{name}");
        expect(&at("verbs"), !rule.verbs.is_empty(), "names no verb")?;
        let takes_paths = |verb: &Verb| matches!(verb, Verb::Patch | Verb::Create);
        expect(
            &at("paths"),
            rule.verbs.iter().any(takes_paths) != rule.paths.is_empty(),
            "`patch` and `create` need paths, other verbs take none",
        )?;
        let workload = rule.api_version == "apps/v1"
            && matches!(
                rule.kind.as_str(),
                "DaemonSet" | "Deployment" | "StatefulSet"
            );
        expect(
            &at("verbs"),
            workload || !rule.verbs.contains(&Verb::Restart),
            "only a DaemonSet, Deployment or StatefulSet can be restarted",
        )?;
        let read = self
            .spec
            .reads
            .iter()
            .any(|read| read.api_version == rule.api_version && read.kind == rule.kind);
        expect(&at("kind"), read, "what is changed must be read too")?;
        for path in &rule.paths {
            crate::scope::check_declared(path)
                .map_err(|problem| field(at("paths"), problem.to_string()))?;
        }
        Ok(())
    }

    fn check_limits(&self) -> Result<(), ManifestError> {
        let (asked, most) = (&self.spec.limits, &CEILING);
        let fits = asked.fuel <= most.fuel
            && asked.fuel_per_object <= most.fuel_per_object
            && asked.memory_mib <= most.memory_mib
            && asked.output_kib <= most.output_kib
            && asked.wall_ms <= most.wall_ms;
        expect("spec.limits", fits, "above the host's ceiling")
    }

    fn check_messages(&self) -> Result<(), ManifestError> {
        let is_known = |id: &String| id == ALL || self.spec.messages.contains_key(id);
        expect(
            "spec.symptoms",
            self.spec.symptoms.iter().all(is_known),
            "names a message that there is none of",
        )?;
        let about = [
            ("about.title", &self.spec.about.title),
            ("about.cause", &self.spec.about.cause),
        ];
        let catalogue = self
            .spec
            .messages
            .iter()
            .map(|(id, text)| (id.as_str(), text));
        for (id, text) in about.into_iter().chain(catalogue) {
            let at = format!("spec.messages.{}", message::clean(id));
            expect(
                &at,
                !text.en.trim().is_empty() && !text.ko.trim().is_empty(),
                "a language is empty",
            )?;
            let names = |template| {
                let mut names: Vec<String> =
                    message::placeholders(template).map(str::to_owned).collect();
                names.sort();
                names.dedup();
                names
            };
            expect(
                &at,
                names(&text.en) == names(&text.ko),
                "the languages have different placeholders",
            )?;
            let plain = |template: &str| message::clean_lines(template) == template;
            expect(
                &at,
                plain(&text.en) && plain(&text.ko),
                "holds control or invisible characters",
            )?;
        }
        Ok(())
    }
}

/// Reads that are no API objects: those that this version carries out.
fn check_probe(rule: &ReadRule) -> Result<(), String> {
    let filter = rule.filter.as_deref().map(regex_lite::Regex::new);
    match (rule.api_version.as_str(), rule.kind.as_str(), filter) {
        (probe::API_VERSION, image_probe::KIND, Some(Ok(_))) => {
            let anchored = rule.filter.as_deref().is_some_and(|it| it.starts_with('^'));
            let problem =
                "the `filter` of image probes starts with `^`, so that it names registries";
            anchored.then_some(()).ok_or_else(|| problem.into())
        }
        (probe::API_VERSION, probe::CONTAINER_LOG, Some(Ok(_)))
        | (probe::API_VERSION, probe::DISCOVERY, None) => Ok(()),
        (_, _, Some(Err(problem))) => Err(format!("its filter is not usable: {problem}")),
        (probe::API_VERSION, probe::CONTAINER_LOG | image_probe::KIND, None) => {
            Err("it is read with a `filter` only".into())
        }
        (probe::API_VERSION, ..) => Err("this version does not read it".into()),
        (_, _, Some(Ok(_))) => {
            Err("only a container's log and image probes have a `filter`".into())
        }
        _ => Ok(()),
    }
}

pub(super) fn field(field: impl Into<String>, problem: impl Into<String>) -> ManifestError {
    ManifestError::Field {
        field: field.into(),
        problem: problem.into(),
    }
}

fn expect(at: &str, holds: bool, problem: &str) -> Result<(), ManifestError> {
    if holds {
        Ok(())
    } else {
        Err(field(at, problem))
    }
}

/// `calico-images`, or `acme/missing-limits`. ASCII only, so that no look-alike letter can pass for another name.
fn is_name(name: &str) -> bool {
    let part = |text: &str| {
        !text.is_empty()
            && text.len() <= 63
            && text
                .bytes()
                .all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-')
            && !text.starts_with('-')
            && !text.ends_with('-')
    };
    match name.split_once('/') {
        None => part(name),
        Some((publisher, name)) => part(publisher) && part(name),
    }
}
