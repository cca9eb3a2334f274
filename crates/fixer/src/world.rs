//! The WebAssembly side: `wit/v1` on one hand, this crate's types on the other. Not for authors: see
//! [`export!`](crate::export).

use std::marker::PhantomData;

use bindings::exports::nks::fixer::analysis as wit;

use crate::{
    Arg, Change, Context, Expectation, Finding, Fixer, Input, Object, Outcome, Query, Report, Risk,
    Severity, Step,
};

#[expect(missing_docs, reason = "generated: the documentation is in the WIT")]
pub mod bindings {
    //! Generated from `wit/v1/fixer.wit`.

    wit_bindgen::generate!({
        path: "wit/v1",
        world: "fixer",
        pub_export_macro: true,
        export_macro_name: "export_component",
    });
}

pub use bindings::export_component;

/// What [`export!`](crate::export) exports: `F` behind the bindings.
#[derive(Debug)]
pub struct Exported<F>(PhantomData<F>);

impl<F: Fixer> wit::Guest for Exported<F> {
    fn analyze(context: wit::Context, objects: Vec<wit::Object>) -> Result<wit::Outcome, String> {
        let input = read(context, objects).map_err(|problem| problem.to_string())?;
        let outcome = F::analyze(&input);
        // Every call has an instance of its own, whose whole memory goes with it; taking the objects apart one by one
        // first would cost a fifth of the time.
        std::mem::forget(input);
        Ok(match outcome? {
            Outcome::Done(report) => wit::Outcome::Done(write_report(report)),
            Outcome::Need(queries) => wit::Outcome::Need(each(queries, write_query)),
        })
    }
}

fn read(context: wit::Context, objects: Vec<wit::Object>) -> Result<Input, serde_json::Error> {
    let context = Context {
        now_unix: context.now_unix,
        round: context.round,
        cluster: serde_json::from_str(&context.cluster)?,
        settings: serde_json::from_str(&context.settings)?,
    };
    let objects = objects
        .into_iter()
        .map(read_object)
        .collect::<Result<_, _>>()?;
    Ok(Input { context, objects })
}

fn read_object(object: wit::Object) -> Result<Object, serde_json::Error> {
    Ok(Object {
        rule: object.rule,
        api_version: object.api_version,
        kind: object.kind,
        namespace: object.namespace,
        name: object.name,
        uid: object.uid,
        value: serde_json::from_str(&object.json)?,
    })
}

fn each<A, B>(entries: Vec<A>, write: impl Fn(A) -> B) -> Vec<B> {
    entries.into_iter().map(write).collect()
}

fn write_report(report: Report) -> wit::Report {
    wit::Report {
        findings: each(report.findings, write_finding),
        steps: each(report.steps, write_step),
    }
}

fn write_query(query: Query) -> wit::Query {
    wit::Query {
        rule: query.rule,
        namespace: query.namespace,
        name: query.name,
        args: each(query.args, write_arg),
    }
}

fn write_arg(arg: Arg) -> wit::Arg {
    wit::Arg {
        name: arg.name,
        value: arg.value,
    }
}

fn write_finding(finding: Finding) -> wit::Finding {
    wit::Finding {
        message: finding.message,
        severity: match finding.severity {
            Severity::Info => wit::Severity::Info,
            Severity::Warning => wit::Severity::Warning,
            Severity::Error => wit::Severity::Error,
        },
        target: finding.target,
        field: finding.field,
        related: finding.related,
        args: each(finding.args, write_arg),
    }
}

fn write_step(step: Step) -> wit::Step {
    wit::Step {
        message: step.message,
        args: each(step.args, write_arg),
        findings: step.findings,
        change: write_change(step.change),
        risk: match step.risk {
            Risk::Safe => wit::Risk::Safe,
            Risk::Disruptive => wit::Risk::Disruptive,
            Risk::Destructive => wit::Risk::Destructive,
        },
        needs: step.needs,
        wait: step.wait,
        expect: each(step.expect, write_expectation),
    }
}

fn write_expectation(expectation: Expectation) -> wit::Expectation {
    let Expectation {
        target,
        pointer,
        equals,
    } = expectation;
    wit::Expectation {
        target,
        pointer,
        equals,
    }
}

fn write_change(change: Change) -> wit::Change {
    match change {
        Change::Patch { target, ops } => wit::Change::Patch(wit::Patch { target, ops }),
        Change::Create(json) => wit::Change::Create(json),
        Change::Delete(target) => wit::Change::Delete(target),
        Change::Restart(target) => wit::Change::Restart(target),
        Change::ProbeImage { node, image, like } => {
            wit::Change::ProbeImage(wit::ImageProbe { node, image, like })
        }
        Change::RunOnNode {
            target,
            script,
            args,
        } => wit::Change::RunOnNode(wit::NodeScript {
            target,
            script,
            args: each(args, write_arg),
        }),
        Change::Drain(node) => wit::Change::Drain(node),
        Change::Reboot(node) => wit::Change::Reboot(node),
        Change::Uncordon(node) => wit::Change::Uncordon(node),
        Change::Manual => wit::Change::Manual,
    }
}
