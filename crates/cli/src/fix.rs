//! `kubectl nks fix`: plan, diff, question, apply, wait, check again.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use clap::{ArgAction, Args};
use nks_core::object::Object;
use nks_core::plan::{self, Plan};
use nks_core::report::{self, Finding};

mod on_cluster;
mod paper;
mod settings;

use crate::args::{Global, Switch, duration, truth};
use crate::diagnose::only_from_files;
use crate::failure::{Ended, Failure, Kind};
use crate::fixers::{Analysis, Fixer, Fixers};
use crate::flow;
use crate::interrupt::Interrupt;
use crate::plan_screen;
use crate::screen::{Format, Screen};
use crate::source::Source;
use crate::writing::WriteFlags;
use crate::{files, journal};
use settings::Settings;

/// How often a plan is made again because an object changed meanwhile, before giving up.
const ATTEMPTS: usize = 5;

/// Flags of `fix`.
#[derive(Debug, Args)]
pub(crate) struct Fix {
    /// The fixer
    #[arg(value_name = "FIXER")]
    fixer: String,
    /// Only what was found on these objects: calico-node or daemonset/calico-node
    #[arg(value_name = "NAME")]
    names: Vec<String>,
    /// Read a file, a folder, an archive or standard input (-) instead of a cluster, and only show the plan; `demo` is bundled
    #[arg(long, value_name = "PATH")]
    from: Option<String>,
    /// With --from: write the patched objects into this folder
    #[arg(long, value_name = "FOLDER", requires = "from")]
    write: Option<PathBuf>,
    /// A setting of the fixer, name=value; may be repeated
    #[arg(long, value_name = "NAME=VALUE", action = ArgAction::Append)]
    set: Vec<String>,
    /// A secret setting of the fixer, read from a file or standard input (-), name=FILE; may be repeated
    #[arg(long, value_name = "NAME=FILE", action = ArgAction::Append)]
    set_file: Vec<String>,
    #[command(flatten)]
    writing: WriteFlags,
    /// Wait for each rollout before the next step
    #[arg(long, default_value = "true", value_parser = truth, value_name = "BOOL")]
    wait: Switch,
    /// How long to wait for one rollout
    #[arg(long, default_value = "5m", value_parser = duration, value_name = "TIME")]
    timeout: Duration,
    /// Output format of the plan; json and yaml only with --from
    #[arg(short, long, value_enum, default_value_t, value_name = "FORMAT")]
    output: Format,
}

/// Mends what the fixer finds.
pub(crate) async fn run(
    screen: &Screen,
    global: &Global,
    command: &Fix,
    interrupt: &Interrupt,
) -> Result<Ended, Failure> {
    let mut fixers = Fixers::load(screen)?;
    let fixer = fixers
        .find(screen, &command.fixer)?
        .within(global.namespace.as_deref());
    only_from_files(screen, &fixer, command.from.is_some())?;
    let settings = settings::read(screen, command, &fixer.manifest)?;
    let fixer = fixer
        .with(&settings.shown)
        .map_err(|problem| Failure::error(problem.to_string()))?;
    let source = interrupt
        .or(
            screen,
            Source::open(screen, global, command.from.as_deref()),
        )
        .await?;
    let mut mending = Mending {
        screen,
        command,
        namespace: global.namespace.clone(),
        fixer,
        settings,
        fixers,
        answers: Vec::new(),
    };
    match &source {
        Source::Files(_) => mending.on_paper(&source).await,
        Source::Cluster(cluster) => {
            if command.output != Format::Text {
                return Err(Failure::error(screen.say("output-only-from", &[])));
            }
            let lock = interrupt.or(screen, flow::lock(screen, cluster)).await?;
            let ended = mending
                .on_cluster(&source, cluster, lock.as_ref(), interrupt)
                .await
                .or_else(Failure::unread_plan);
            if let Some(lock) = lock {
                // A lease that cannot be given back expires by itself.
                let _ = lock.release().await;
            }
            ended
        }
    }
}

struct Mending<'a> {
    screen: &'a Screen,
    command: &'a Fix,
    /// `-n`
    namespace: Option<String>,
    fixer: Fixer,
    settings: Settings,
    fixers: Fixers,
    /// What nodes answered when they were asked for images.
    answers: Vec<Arc<Object>>,
}

/// What was found and what would mend it.
struct Planned {
    analysis: Analysis,
    plan: Plan,
}

impl Mending<'_> {
    /// Reads and analyses. A partial reading is a failure.
    async fn analyze(&mut self, source: &Source) -> Result<Analysis, Failure> {
        let chosen = [(self.fixer.clone(), self.settings.shown.clone())];
        let (_, mut checked) = flow::look(
            self.screen,
            (source, &self.answers),
            &mut self.fixers,
            &chosen,
        )
        .await?;
        let Some(one) = checked.pop() else {
            return Err(Failure::error("no fixer was run"));
        };
        if one.gaps.is_empty() {
            return one.result.map_err(|problem| self.unusable(&problem));
        }
        let mut failure = Failure::new(Kind::Incomplete, self.screen.say("plan-incomplete", &[]));
        for gap in &one.gaps {
            let values = [("what", &*gap.what), ("reason", &*gap.reason)];
            failure = failure.hint(self.screen.say("unread", &values));
        }
        let fixer = [("fixer", self.fixer.manifest.name())];
        Err(failure.hint(self.screen.say("rights-hint", &fixer)))
    }

    fn unusable(&self, problem: &str) -> Failure {
        let values = [("fixer", self.fixer.manifest.name()), ("problem", problem)];
        Failure::error(self.screen.say("fixer-refused", &values))
    }

    /// Reads, analyses and plans, for the objects named on the command line or for all.
    async fn plan(&mut self, source: &Source) -> Result<Planned, Failure> {
        let mut analysis = self.analyze(source).await?;
        for name in &self.command.names {
            let namespace = self.namespace.as_deref();
            let about = |finding: &Finding| answers(&analysis, finding, name, namespace);
            if !analysis.report.findings.iter().any(about) {
                let values = [("fixer", self.fixer.manifest.name()), ("name", name)];
                return Err(Failure::error(self.screen.say("nothing-found-on", &values)));
            }
        }
        analysis.report = self.named(&analysis);
        let supplied: Vec<&Object> = analysis
            .supplied
            .iter()
            .map(|object| object.as_ref())
            .collect();
        let plan = plan::plan(
            &self.fixer.manifest,
            &supplied,
            &analysis.report,
            &self.settings.given,
            &flow::now(),
        )
        .map_err(|problem| {
            settings::refused(self.screen, &problem)
                .unwrap_or_else(|| self.unusable(&problem.to_string()))
        })?;
        Ok(Planned { analysis, plan })
    }

    /// The report narrowed to the objects named on the command line.
    fn named(&self, analysis: &Analysis) -> report::Report {
        let names = &self.command.names;
        report::select(&analysis.report, |finding| {
            let namespace = self.namespace.as_deref();
            let about = |name: &String| answers(analysis, finding, name, namespace);
            names.is_empty() || names.iter().any(about)
        })
    }

    /// Prints the findings; says whether there is a change to make.
    fn show_findings(&self, planned: &Planned) -> Result<bool, Failure> {
        let Planned { analysis, plan } = planned;
        if analysis.report.findings.is_empty() {
            self.screen.note(
                &self
                    .screen
                    .say("nothing-to-mend", &[("fixer", self.fixer.manifest.name())]),
            );
            return Ok(false);
        }
        for finding in &analysis.report.findings {
            let target = finding
                .target
                .map(|target| analysis.supplied[target as usize].id.to_string())
                .unwrap_or_default();
            let text = self.screen.render(
                &self.fixer.manifest.spec.messages[&finding.message],
                &finding.args,
            );
            self.screen.line(&format!(
                "{} {target}",
                crate::screen::mark(finding.severity)
            ))?;
            self.screen.prose(&text, "    ")?;
        }
        self.screen.line("")?;
        if plan.patches().next().is_some() {
            return Ok(true);
        }
        if !plan.steps.is_empty() {
            plan_screen::show_steps(self.screen, plan)?;
        }
        self.screen.note(&self.screen.say("no-change-planned", &[]));
        Ok(false)
    }
}

/// Whether a finding is about the object that somebody typed the name of, and with `-n` the namespace.
fn answers(analysis: &Analysis, finding: &Finding, name: &str, namespace: Option<&str>) -> bool {
    finding.target.is_some_and(|target| {
        let id = &analysis.supplied[target as usize].id;
        id.answers_to(name) && namespace.is_none_or(|namespace| namespace == id.namespace)
    })
}

/// A run that a crash left open comes first: what it did is not known yet.
pub(crate) fn refuse_open(screen: &Screen, cluster_uid: &str) -> Result<(), Failure> {
    let entries = journal::entries(&files::journals(screen)?)?;
    let open = entries.iter().find(|entry| {
        entry.cluster_uid == cluster_uid
            && entry
                .journal
                .as_ref()
                .is_ok_and(|journal| journal.outcome().is_none())
    });
    match open {
        Some(entry) => Err(
            Failure::error(screen.say("entry-open", &[("entry", &entry.name)]))
                .hint("kubectl nks resume"),
        ),
        None => Ok(()),
    }
}
