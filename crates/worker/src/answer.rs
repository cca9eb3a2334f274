//! From what a fixer answered to `nks_core::report`: measured first, then moved, never copied.
//!
//! Wasmtime itself stops an answer of more than 8 MiB while it is read out of the fixer's memory (the same bytes may be
//! named many times over, so a small memory can hold a large answer). The manifest's own limit is kept here, before
//! anything else looks at the answer.

use nks_core::report;

use crate::bindings::exports::nks::fixer::analysis as wit;

/// Bytes that an answer may still take.
struct Meter(usize);

/// The answer is over its limit.
pub(crate) struct TooLarge;

impl Meter {
    fn take(&mut self, bytes: usize) -> Result<(), TooLarge> {
        self.0 = self.0.checked_sub(bytes).ok_or(TooLarge)?;
        Ok(())
    }

    /// A text costs its bytes.
    fn text(&mut self, text: &str) -> Result<(), TooLarge> {
        self.take(text.len())
    }

    /// A list costs what its entries take in the fixer's own memory, beside what they point at.
    fn list<T>(&mut self, list: &[T], entry: usize) -> Result<(), TooLarge> {
        self.take(list.len().saturating_mul(entry))
    }

    fn args(&mut self, args: &[wit::Arg]) -> Result<(), TooLarge> {
        self.list(args, 16)?;
        for arg in args {
            self.text(&arg.name)?;
            self.text(&arg.value)?;
        }
        Ok(())
    }

    fn finding(&mut self, finding: &wit::Finding) -> Result<(), TooLarge> {
        self.text(&finding.message)?;
        self.text(finding.field.as_deref().unwrap_or_default())?;
        self.list(&finding.related, 4)?;
        self.args(&finding.args)
    }

    fn step(&mut self, step: &wit::Step) -> Result<(), TooLarge> {
        self.text(&step.message)?;
        self.args(&step.args)?;
        self.list(&step.findings, 4)?;
        self.list(&step.needs, 4)?;
        self.list(&step.expect, 20)?;
        for expected in &step.expect {
            self.text(&expected.pointer)?;
            self.text(&expected.equals)?;
        }
        match &step.change {
            wit::Change::Patch(patch) => self.text(&patch.ops),
            wit::Change::Create(object) => self.text(object),
            wit::Change::ProbeImage(probe) => self.text(&probe.image),
            wit::Change::RunOnNode(script) => {
                self.text(&script.script)?;
                self.args(&script.args)
            }
            wit::Change::Delete(_)
            | wit::Change::Restart(_)
            | wit::Change::Drain(_)
            | wit::Change::Reboot(_)
            | wit::Change::Uncordon(_)
            | wit::Change::Manual => Ok(()),
        }
    }

    fn query(&mut self, query: &wit::Query) -> Result<(), TooLarge> {
        self.text(query.namespace.as_deref().unwrap_or_default())?;
        self.text(query.name.as_deref().unwrap_or_default())?;
        self.args(&query.args)
    }
}

/// Takes an answer of at most `limit` bytes of texts and list entries.
pub(crate) fn take(outcome: wit::Outcome, limit: usize) -> Result<report::Outcome, TooLarge> {
    let mut meter = Meter(limit);
    match &outcome {
        wit::Outcome::Done(report) => {
            meter.list(&report.findings, 48)?;
            meter.list(&report.steps, 72)?;
            report.findings.iter().try_for_each(|f| meter.finding(f))?;
            report.steps.iter().try_for_each(|s| meter.step(s))?;
        }
        wit::Outcome::Need(queries) => {
            meter.list(queries, 36)?;
            queries.iter().try_for_each(|query| meter.query(query))?;
        }
    }
    Ok(match outcome {
        wit::Outcome::Done(report) => report::Outcome::Done(report::Report {
            findings: report.findings.into_iter().map(finding).collect(),
            steps: report.steps.into_iter().map(step).collect(),
        }),
        wit::Outcome::Need(queries) => {
            report::Outcome::Need(queries.into_iter().map(query).collect())
        }
    })
}

fn args(args: Vec<wit::Arg>) -> Vec<report::Arg> {
    let arg = |wit::Arg { name, value }| report::Arg { name, value };
    args.into_iter().map(arg).collect()
}

fn finding(finding: wit::Finding) -> report::Finding {
    report::Finding {
        message: finding.message,
        severity: match finding.severity {
            wit::Severity::Info => report::Severity::Info,
            wit::Severity::Warning => report::Severity::Warning,
            wit::Severity::Error => report::Severity::Error,
        },
        target: finding.target,
        field: finding.field,
        related: finding.related,
        args: args(finding.args),
    }
}

fn step(step: wit::Step) -> report::Step {
    let expectation = |expected: wit::Expectation| report::Expectation {
        target: expected.target,
        pointer: expected.pointer,
        equals: expected.equals,
    };
    report::Step {
        message: step.message,
        args: args(step.args),
        findings: step.findings,
        change: change(step.change),
        risk: match step.risk {
            wit::Risk::Safe => report::Risk::Safe,
            wit::Risk::Disruptive => report::Risk::Disruptive,
            wit::Risk::Destructive => report::Risk::Destructive,
        },
        needs: step.needs,
        wait: step.wait,
        expect: step.expect.into_iter().map(expectation).collect(),
    }
}

fn change(change: wit::Change) -> report::Change {
    match change {
        wit::Change::Patch(wit::Patch { target, ops }) => report::Change::Patch { target, ops },
        wit::Change::Create(object) => report::Change::Create(object),
        wit::Change::Delete(target) => report::Change::Delete(target),
        wit::Change::Restart(target) => report::Change::Restart(target),
        wit::Change::ProbeImage(wit::ImageProbe { node, image, like }) => {
            report::Change::ProbeImage { node, image, like }
        }
        wit::Change::RunOnNode(script) => report::Change::RunOnNode {
            target: script.target,
            script: script.script,
            args: args(script.args),
        },
        wit::Change::Drain(target) => report::Change::Drain(target),
        wit::Change::Reboot(target) => report::Change::Reboot(target),
        wit::Change::Uncordon(target) => report::Change::Uncordon(target),
        wit::Change::Manual => report::Change::Manual,
    }
}

fn query(query: wit::Query) -> report::Query {
    report::Query {
        rule: query.rule,
        namespace: query.namespace,
        name: query.name,
        args: args(query.args),
    }
}
