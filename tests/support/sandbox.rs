//! Golden cases in the sandbox.

use std::time::Duration;

use nks_core::demand;
use nks_core::report::{Outcome, Report};
use nks_golden::{Case, Golden};
use nks_sandbox::Sandbox;
use nks_sandbox::protocol::{Analyze, Source, Supplied};

/// What the sandboxed fixer answers to a case at a time, in seconds since 1970-01-01 UTC.
pub(crate) fn analyze(
    sandbox: &mut Sandbox,
    golden: &Golden,
    case: &Case,
    now_unix: i64,
) -> Report {
    let manifest = golden.manifest_of(case);
    let supplied = demand::supply(&manifest, &case.objects);
    let frame = |one: &demand::Supplied<'_>| Supplied {
        rule: one.rule,
        api_version: one.object.id.api_version.clone(),
        kind: one.object.id.kind.clone(),
        namespace: one.object.id.namespace.clone(),
        name: one.object.id.name.clone(),
        uid: one.object.uid.clone(),
        json: one.shown.to_string(),
    };
    // What it asks for is not there, or it would have been handed over.
    for round in 0..2 {
        let call = Analyze {
            fixer: Source::BuiltIn(golden.manifest.name().to_owned()),
            now_unix,
            round,
            cluster: case.cluster.to_string(),
            settings: case.settings.to_string(),
            objects: supplied.iter().map(frame).collect(),
        };
        let answer = sandbox
            .analyze(&call, Duration::from_secs(10))
            .unwrap()
            .unwrap_or_else(|fault| panic!("{}: {fault}", case.name));
        if let Outcome::Done(report) = answer.outcome {
            return report;
        }
    }
    panic!("{}: asks for more again", case.name)
}
