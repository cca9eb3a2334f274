//! The fixers there are, and the process that runs them.

use std::io::Read;
use std::sync::Arc;
use std::time::Duration;

use nks_core::demand;
use nks_core::facts::ClusterFacts;
use nks_core::manifest::Manifest;
use nks_core::message;
use nks_core::object::Object;
use nks_core::report::{self, Outcome, Report};
use nks_core::settings::SettingsError;
use nks_sandbox::Sandbox;
use nks_sandbox::protocol::{Analyze, Description, Fault, Source, Supplied};
use serde_json::Value;

use crate::failure::Failure;
use crate::files;
use crate::screen::Screen;
use crate::source::{Gap, Seen, Source as Reads};

/// How often a fixer may ask for more before it has to answer (contract.md, "World").
const ROUNDS: u32 = 3;

/// The largest component that is read, in bytes. The worker, which accepts no larger one, is not given it.
const MAX_COMPONENT: u64 = 8 * 1024 * 1024;

/// One fixer: what it declares, and where its code is.
#[derive(Clone, Debug)]
pub(crate) struct Fixer {
    /// What it declares.
    pub(crate) manifest: Manifest,
    /// Digest, size and exports.
    pub(crate) description: Description,
    /// Where its code is.
    pub(crate) source: Source,
}

impl Fixer {
    /// The fixer with its reads kept to one namespace, where `-n` gives one.
    pub(crate) fn within(mut self, namespace: Option<&str>) -> Self {
        if let Some(namespace) = namespace {
            self.manifest = self.manifest.within(namespace);
        }
        self
    }

    /// The fixer with the names that its settings hold.
    pub(crate) fn with(mut self, settings: &Value) -> Result<Self, SettingsError> {
        self.manifest = self.manifest.with(settings)?;
        Ok(self)
    }
}

/// What a fixer answered, and about which objects.
#[derive(Clone, Debug)]
pub(crate) struct Analysis {
    /// The objects that the report's indexes mean, whole. They are those that were read, and not a copy for each fixer.
    pub(crate) supplied: Vec<Arc<Object>>,
    /// Its report, checked against the manifest.
    pub(crate) report: Report,
}

/// The worker and the fixers that it carries.
pub(crate) struct Fixers {
    sandbox: Sandbox,
    built_in: Vec<Fixer>,
}

impl Fixers {
    /// Starts the worker and asks what it carries.
    pub(crate) fn load(screen: &Screen) -> Result<Self, Failure> {
        let cache = files::cache(screen).ok();
        let cannot = |problem: nks_sandbox::SandboxError| {
            Failure::error(screen.say("worker-failed", &[("problem", &problem.to_string())]))
                .hint(screen.say("worker-missing-hint", &[]))
        };
        let mut sandbox =
            Sandbox::start(&files::worker(screen)?, cache.as_deref()).map_err(cannot)?;
        let mut built_in = Vec::new();
        for description in sandbox.list().map_err(cannot)? {
            let manifest = Manifest::from_section(&description.manifest)
                .map_err(|problem| Failure::error(problem.to_string()))?;
            let source = Source::BuiltIn(manifest.name().to_owned());
            built_in.push(Fixer {
                manifest,
                description,
                source,
            });
        }
        built_in.sort_by(|one, other| one.manifest.name().cmp(other.manifest.name()));
        if built_in.is_empty() {
            return Err(Failure::error(screen.say("no-fixers", &[]))
                .hint(screen.say("worker-missing-hint", &[])));
        }
        Ok(Self { sandbox, built_in })
    }

    /// The fixers that the worker carries, by name.
    pub(crate) fn built_in(&self) -> &[Fixer] {
        &self.built_in
    }

    /// The fixer of this name, or the one in this `.wasm` file.
    pub(crate) fn find(&mut self, screen: &Screen, asked: &str) -> Result<Fixer, Failure> {
        if let Some(fixer) = self
            .built_in
            .iter()
            .find(|fixer| fixer.manifest.name() == asked)
        {
            return Ok(fixer.clone());
        }
        if std::path::Path::new(asked)
            .extension()
            .is_some_and(|extension| extension == "wasm" || extension == "cwasm")
        {
            return self.open(screen, asked);
        }
        let names: Vec<&str> = self
            .built_in
            .iter()
            .map(|fixer| fixer.manifest.name())
            .collect();
        Err(
            Failure::error(screen.say("no-such-fixer", &[("name", asked)]))
                .hint(screen.say("fixers-are", &[("names", &names.join(", "))])),
        )
    }

    /// Looks at a component file without running any of it.
    fn open(&mut self, screen: &Screen, path: &str) -> Result<Fixer, Failure> {
        let cannot = |problem: String| {
            Failure::error(screen.say("cannot-read", &[("path", path), ("problem", &problem)]))
        };
        let mut bytes = Vec::new();
        files::open(path.as_ref())
            .and_then(|file| {
                let read = file.take(MAX_COMPONENT + 1).read_to_end(&mut bytes);
                read.map_err(|problem| problem.to_string())
            })
            .map_err(cannot)?;
        if bytes.len() as u64 > MAX_COMPONENT {
            return Err(cannot(format!("it has more than {MAX_COMPONENT} bytes")));
        }
        let description = self
            .sandbox
            .inspect(&bytes)
            .map_err(|problem| cannot(problem.to_string()))?;
        let description =
            description.map_err(|fault| cannot(message::clean(&fault.to_string())))?;
        let manifest = Manifest::from_section(&description.manifest)
            .map_err(|problem| cannot(problem.to_string()))?;
        Ok(Fixer {
            manifest,
            description,
            source: Source::Component(bytes),
        })
    }

    /// Runs a fixer over what was read, and reads what it asks for. The error is for people, cleaned. What of that could not
    /// be read comes back beside the answer.
    pub(crate) async fn analyze(
        &mut self,
        fixer: &Fixer,
        settings: &Value,
        source: &Reads,
        seen: &Seen,
    ) -> (Result<Analysis, String>, Vec<Gap>) {
        let (mut further, mut gaps) = (Vec::new(), Vec::new());
        for round in 0..=ROUNDS {
            let objects: Vec<&Arc<Object>> = seen.objects.iter().chain(&further).collect();
            let supplied = demand::supply(
                &fixer.manifest,
                objects.iter().map(|object| object.as_ref()),
            );
            match self.ask(fixer, settings, &seen.facts, (round, &supplied)) {
                Ok(Outcome::Done(report)) => {
                    let supplied = supplied.iter();
                    let supplied = supplied
                        .map(|one| Arc::clone(objects[one.position]))
                        .collect();
                    return (Ok(Analysis { supplied, report }), gaps);
                }
                // Whatever else is declared was read before the first round.
                Ok(Outcome::Need(queries)) => {
                    match demand::further(&fixer.manifest, &queries, &supplied) {
                        Ok(wanted) => {
                            let (read, unread) = source.further(&wanted).await;
                            further.extend(read.into_iter().map(Arc::new));
                            gaps.extend(unread);
                        }
                        Err(problem) => {
                            let problem = format!("asked to read outside its rules: {problem}");
                            return (Err(problem), gaps);
                        }
                    }
                }
                Err(problem) => return (Err(problem), gaps),
            }
        }
        let asked = ROUNDS + 1;
        let problem = format!("asked for more reads {asked} times; {ROUNDS} are allowed");
        (Err(problem), gaps)
    }

    /// One round.
    fn ask(
        &mut self,
        fixer: &Fixer,
        settings: &Value,
        facts: &ClusterFacts,
        (round, supplied): (u32, &[demand::Supplied<'_>]),
    ) -> Result<Outcome, String> {
        let call = Analyze {
            fixer: fixer.source.clone(),
            now_unix: jiff::Timestamp::now().as_second(),
            round,
            cluster: facts.to_json().to_string(),
            settings: settings.to_string(),
            objects: supplied.iter().map(frame).collect(),
        };
        let wall = Duration::from_millis(fixer.manifest.spec.limits.wall_ms.into());
        let answer = self.sandbox.analyze(&call, wall);
        let answer = answer.map_err(|problem| problem.to_string())?;
        let outcome = answer.map_err(|fault| said(&fault))?.outcome;
        if let Outcome::Done(report) = &outcome {
            report::check(report, &fixer.manifest, supplied.len())
                .map_err(|problem| problem.to_string())?;
        }
        Ok(outcome)
    }
}

fn said(fault: &Fault) -> String {
    message::clean(&fault.to_string())
}

fn frame(one: &demand::Supplied<'_>) -> Supplied {
    let id = &one.object.id;
    Supplied {
        rule: one.rule,
        api_version: id.api_version.clone(),
        kind: id.kind.clone(),
        namespace: id.namespace.clone(),
        name: id.name.clone(),
        uid: one.object.uid.clone(),
        json: one.shown.to_string(),
    }
}
