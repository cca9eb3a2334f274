//! One case as a scenario: found, mended, looked at again, put back.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;
use std::process::Stdio;

use nks_core::credential::Credentials;
use nks_core::demand;
use nks_core::object::ObjectId;
use nks_core::plan::{Act, Plan, WayBack};
use nks_core::report::{Report, Severity};
use nks_golden::{Case, Golden, NOW};
use nks_sandbox::Sandbox;
use rexpect::session::spawn_command;
use serde_json::Value;

use crate::clock;
use crate::load::Loader;
use crate::node::{self, Node};
use crate::operator::Operator;
use crate::rollout::{as_rolled_out, roll_out, without_restarts};
use crate::sandbox;
use crate::store::{Keys, changed};
use crate::support::{Ran, User};

/// How long a run on a terminal may take, in milliseconds.
const PATIENCE: u64 = 60_000;

/// How much of what a command printed is shown where it went wrong.
const LINES: usize = 12;

/// Findings by severity, message and object, and how often there is each.
pub(crate) type Findings = BTreeMap<String, usize>;

/// What a case gave.
#[derive(Default)]
pub(crate) struct Shown {
    /// What the fixer says without settings and answers of nodes, which `diagnose` does not have.
    pub(crate) expected: Findings,
    /// What `diagnose` found.
    pub(crate) found: Findings,
    /// Whether it was mended and put back.
    pub(crate) mended: bool,
    /// Everything that was not as it should be.
    pub(crate) problems: Vec<String>,
}

/// A fixer's cases, and all that one of them is run with.
pub(crate) struct Stage<'a> {
    pub(crate) golden: &'a Golden,
    pub(crate) loader: &'a mut Loader,
    pub(crate) operator: &'a Operator,
    pub(crate) worker: &'a mut Sandbox,
    /// Of the server's administrator.
    pub(crate) kubeconfig: &'a Path,
}

impl Stage<'_> {
    /// Runs a case.
    pub(crate) fn run(&mut self, case: &Case) -> Shown {
        let mut shown = Shown {
            expected: self.expected(case),
            ..Shown::default()
        };
        let (objects, answered) = (without_answers(case).objects, self.answered(case));
        self.loader.begin(&objects);
        let namespaces = Loader::namespaces(&objects);
        let roles = self.operator.admit(self.loader, &namespaces);
        if let Err(refused) = self
            .loader
            .load(&objects, &case.cluster["kubernetesVersion"])
        {
            shown.problems.push(format!("not accepted: {refused}"));
            return shown;
        }
        self.operator.await_rights(self.loader, &roles);
        let user = self.operator.user(case.cluster["isNks"] == true);
        match self.diagnose(&user) {
            Ok(found) => shown.found = found,
            Err(problem) => {
                shown.problems.push(problem);
                return shown;
            }
        }
        let differences = differences(&shown.expected, &shown.found);
        shown.problems.extend(differences);
        let plan = match &answered {
            Some((answered, report)) => self.golden.plan(answered, report),
            None => self.golden.plan(case, &written(case)),
        };
        let asks = answered.is_some();
        if shown.problems.is_empty() && (asks || plan.patches().count() > 0) {
            shown.mended = plan.patches().count() > 0;
            let answered = answered.as_ref().map_or(case, |(answered, _)| answered);
            let node = Node::of(&answered.objects);
            let mended =
                node.while_it_answers(self.kubeconfig, || self.mend(answered, &plan, &user));
            shown.problems.extend(mended.err());
        }
        shown
    }

    /// Where `fix` asks nodes for images first: the case with all answers, and what the fixer says then. Nodes can pull
    /// whatever the case does not say more of.
    fn answered(&mut self, case: &Case) -> Option<(Case, Report)> {
        let before = without_answers(case);
        let plan = self.golden.plan(&before, &self.report(&before));
        plan.probes()?;
        let mut answered = case.clone();
        loop {
            let report = self.report(&answered);
            let plan = self.golden.plan(&answered, &report);
            if plan.probes().is_none() {
                return Some((answered, report));
            }
            answered = answered.carried_out(&plan);
        }
    }

    /// What the fixer says of a case.
    fn report(&mut self, case: &Case) -> Report {
        sandbox::analyze(self.worker, self.golden, case, NOW)
    }

    /// What `diagnose` should find.
    fn expected(&mut self, case: &Case) -> Findings {
        // `diagnose` asks no node.
        let case = without_answers(case);
        let report = self.without_settings(&case);
        findings(self.golden, &case, &report)
    }

    fn without_settings(&mut self, case: &Case) -> Report {
        let defaults = self
            .golden
            .manifest
            .spec
            .settings
            .resolve(&[], &Credentials::default());
        let case = Case {
            settings: defaults.expect("defaults are settings"),
            ..case.clone()
        };
        self.report(&case)
    }

    fn diagnose(&self, user: &User) -> Result<Findings, String> {
        let ran = user.nks(&["diagnose", self.golden.manifest.name(), "-o", "json"]);
        let answer: Value = serde_json::from_str(&ran.stdout).unwrap_or_default();
        match (ran.code, answer["findings"].as_array()) {
            (0 | 1, Some(found)) => {
                let mut findings = Findings::new();
                for finding in found {
                    let id = serde_json::from_value::<ObjectId>(finding["object"].clone()).ok();
                    let text = |field: &str| finding[field].as_str().unwrap_or_default();
                    *findings
                        .entry(line(text("severity"), text("id"), id.as_ref()))
                        .or_default() += 1;
                }
                Ok(findings)
            }
            _ => Err(printed("diagnose", &ran)),
        }
    }

    /// Mends what was found, looks again, and puts everything back.
    fn mend(&mut self, case: &Case, plan: &Plan, user: &User) -> Result<(), String> {
        let fixer = self.golden.manifest.name().to_owned();
        let mut before = self.loader.store.all();
        let mut arguments = vec!["fix", &fixer, "--yes", "--wait=false"];
        let managed = plan.patches().any(|(_, patch)| patch.managed_by.is_some());
        let managed = managed.then_some("--even-if-managed");
        arguments.extend(managed);
        let settings = self.flags(case, user);
        arguments.extend(settings.iter().map(String::as_str));
        let is_guarded = plan.guarded().next().is_some();
        let ran = answered(user, &arguments, is_guarded);
        if !matches!(ran.code, 0 | 1) || user.journals().is_empty() {
            return Err(printed("fix", &ran));
        }
        self.is_carried_out(plan, &before)
            .map_err(|problem| format!("{problem}\n{}", printed("fix", &ran)))?;

        before.extend(roll_out(&self.loader.store, plan, &clock::now()));
        let after = self.after(case, plan);
        let found = self.diagnose(user)?;
        let problems = differences(&after, &found);
        if !problems.is_empty() {
            return Err(format!("after the fix, {}", problems.join("\n")));
        }
        let entry = user.entry();
        let mut arguments = vec!["undo", &entry, "--yes"];
        arguments.extend(managed);
        let ran = answered(user, &arguments, is_guarded || makes_something(plan));
        if takes_leave(plan) {
            // The server takes no new finalizer for what is being deleted, so nothing at all is put back.
            return (ran.code == 2)
                .then_some(())
                .ok_or_else(|| printed("undo", &ran));
        }
        let now = self.loader.store.all();
        let mut left = changed(&without_restarts(&before), &without_restarts(&now));
        left.retain(|name| !made_anew(plan).contains(name));
        if ran.code != 0 || !left.is_empty() {
            return Err(format!("not put back: {left:?}\n{}", printed("undo", &ran)));
        }
        Ok(())
    }

    /// The case's settings as they are typed; a secret is in a file of the user's.
    fn flags(&self, case: &Case, user: &User) -> Vec<String> {
        let properties = &self.golden.manifest.spec.settings.properties;
        let flag = |(name, value): (String, Value)| {
            let text = value.as_str().unwrap_or_default().to_owned();
            if !properties[&name].is_secret() {
                return ["--set".to_owned(), format!("{name}={text}")];
            }
            let file = user.home.path().join(&name);
            fs::write(&file, text).expect("the secret is written");
            [
                "--set-file".to_owned(),
                format!("{name}={}", file.display()),
            ]
        };
        settings(case).into_iter().flat_map(flag).collect()
    }

    /// Whether the objects of the plan, and no others, are changed.
    fn is_carried_out(&self, plan: &Plan, before: &Keys) -> Result<(), String> {
        let planned: BTreeSet<String> = plan
            .patches()
            .map(|(_, patch)| patch.id.to_string())
            .collect();
        let changed = changed(before, &self.loader.store.all());
        (changed == planned)
            .then_some(())
            .ok_or_else(|| format!("planned {planned:?}\nchanged {changed:?}"))
    }

    /// What the fixer finds on its own result, once pods are started anew.
    fn after(&mut self, case: &Case, plan: &Plan) -> Findings {
        let mut after = without_answers(&case.carried_out(plan));
        let objects = after.objects.iter_mut();
        as_rolled_out(
            objects.map(|object| &mut object.value).collect(),
            plan,
            &clock::then(),
        );
        after.objects.retain(|object| !is_let_go(&object.value));
        let report = self.without_settings(&after);
        findings(self.golden, &after, &report)
    }
}

/// The case without what nodes have answered.
fn without_answers(case: &Case) -> Case {
    let mut case = case.clone();
    case.objects.retain(|object| !node::is_answer(object));
    case
}

/// Whether the plan makes an object, of which the deletion gets a question of its own when it is undone.
fn makes_something(plan: &Plan) -> bool {
    plan.patches().any(|(_, patch)| patch.act() == Act::Create)
}

/// What the plan deletes: pods that a controller, which the server does not have, would make again, and what an undo
/// makes again as another object.
fn made_anew(plan: &Plan) -> BTreeSet<String> {
    let is_anew = |way: WayBack| matches!(way, WayBack::Remade | WayBack::NewObject);
    plan.patches()
        .filter(|(_, patch)| is_anew(patch.way_back()))
        .map(|(_, patch)| patch.id.to_string())
        .collect()
}

/// Whether the plan takes a finalizer off an object that is being deleted.
fn takes_leave(plan: &Plan) -> bool {
    let is_leaving = |object: &Value| object["metadata"]["deletionTimestamp"].is_string();
    plan.patches().any(|(_, patch)| is_leaving(&patch.before))
}

/// Whether nothing keeps an object that is being deleted.
fn is_let_go(object: &Value) -> bool {
    let metadata = &object["metadata"];
    let finalizers = metadata["finalizers"].as_array();
    metadata["deletionTimestamp"].is_string() && finalizers.is_none_or(Vec::is_empty)
}

/// What `report.json` says.
fn written(case: &Case) -> Report {
    let path = case.folder.join("report.json");
    let text = fs::read_to_string(path).expect("a case has a report");
    serde_json::from_str(&text).expect("a report is one")
}

/// The case's settings, as they are written down.
fn settings(case: &Case) -> serde_json::Map<String, Value> {
    let text = fs::read_to_string(case.folder.join("settings.json")).unwrap_or_default();
    let settings: Value = serde_json::from_str(&text).unwrap_or_default();
    settings.as_object().cloned().unwrap_or_default()
}

/// The findings of a report on a case.
fn findings(golden: &Golden, case: &Case, report: &Report) -> Findings {
    let supplied = demand::supply(&golden.manifest_of(case), &case.objects);
    let mut findings = Findings::new();
    for finding in &report.findings {
        let severity = match finding.severity {
            Severity::Info => "info",
            Severity::Warning => "warning",
            Severity::Error => "error",
        };
        let target = finding
            .target
            .map(|index| &supplied[index as usize].object.id);
        *findings
            .entry(line(severity, &finding.message, target))
            .or_default() += 1;
    }
    findings
}

fn line(severity: &str, message: &str, target: Option<&ObjectId>) -> String {
    let target = target.map_or("the cluster".to_owned(), ToString::to_string);
    format!("{severity} {message} on {target}")
}

fn differences(expected: &Findings, found: &Findings) -> Vec<String> {
    let lines: BTreeSet<&String> = expected.keys().chain(found.keys()).collect();
    let count = |findings: &Findings, line| findings.get(line).copied().unwrap_or(0);
    lines
        .into_iter()
        .map(|line| (line, count(expected, line), count(found, line)))
        .filter(|(_, expected, found)| expected != found)
        .map(|(line, expected, found)| format!("expected {expected}, found {found}: {line}"))
        .collect()
}

/// Runs a command; where it has questions of its own that `--yes` does not answer, on a terminal that says yes.
fn answered(user: &User, arguments: &[&str], has_questions: bool) -> Ran {
    if !has_questions {
        return user.nks(arguments);
    }
    let mut command = user.command("kubectl-nks", arguments);
    command.env("TERM", "xterm").stdin(Stdio::inherit());
    let mut session = spawn_command(command, Some(PATIENCE)).expect("a pseudo-terminal");
    let mut said = String::new();
    while let Ok((before, _)) = session.exp_regex(r"\[y/N\] ") {
        said += &before;
        session.send_line("y").expect("the answer is given");
    }
    said += &session.exp_eof().unwrap_or_default();
    let status = session.process().wait().expect("it has a status");
    // rexpect does not export the type of the status, only its text: `Exited(Pid(7), 0)`.
    let code = format!("{status:?}");
    let code = code
        .rsplit([' ', ')'])
        .nth(1)
        .and_then(|code| code.parse().ok());
    Ran {
        code: code.unwrap_or(-1),
        stdout: said,
        stderr: String::new(),
    }
}

/// The end of what a command printed.
fn printed(command: &str, ran: &Ran) -> String {
    let lines: Vec<&str> = ran
        .stdout
        .lines()
        .chain(ran.stderr.lines())
        .flat_map(|line| line.split('\r'))
        .filter(|line| !line.trim().is_empty())
        .collect();
    let end = lines.len().saturating_sub(LINES);
    format!(
        "{command} ended with {}\n{}",
        ran.code,
        lines[end..].join("\n")
    )
}
