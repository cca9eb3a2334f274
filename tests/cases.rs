//! The sandbox gives the answers that are written down in `fixers/<id>/cases/<case>/report.json`; that the fixers' own
//! code gives them natively, and what else holds of them, are the tests of their crates (tests/golden).
#![expect(clippy::unwrap_used, reason = "helpers of tests may fail as tests do")]

mod support;

use std::fs;
use std::time::Duration;

use nks_core::demand;
use nks_core::report::{Outcome, Report};
use nks_golden::{Case, Golden, NOW};
use nks_sandbox::Sandbox;
use nks_sandbox::protocol::{Analyze, Source, Supplied};

fn sandboxed(sandbox: &mut Sandbox, golden: &Golden, case: &Case) -> Report {
    let objects = demand::supply(&golden.manifest, &case.objects)
        .iter()
        .map(|one| Supplied {
            rule: one.rule,
            api_version: one.object.id.api_version.clone(),
            kind: one.object.id.kind.clone(),
            namespace: one.object.id.namespace.clone(),
            name: one.object.id.name.clone(),
            uid: one.object.uid.clone(),
            json: one.shown.to_string(),
        })
        .collect();
    let call = Analyze {
        fixer: Source::BuiltIn(golden.manifest.name().to_owned()),
        now_unix: NOW,
        round: 0,
        cluster: case.cluster.to_string(),
        settings: case.settings.to_string(),
        objects,
    };
    let answer = sandbox
        .analyze(&call, Duration::from_secs(10))
        .unwrap()
        .unwrap_or_else(|fault| panic!("{}: {fault}", case.name));
    match answer.outcome {
        Outcome::Done(report) => report,
        Outcome::Need(queries) => panic!("{}: asks for {queries:?}", case.name),
    }
}

#[test]
fn the_sandbox_gives_every_case_its_report() {
    let mut sandbox = Sandbox::start(&support::bin().join("nks-worker"), None).unwrap();
    let mut fixers = 0;
    for entry in fs::read_dir(support::root("fixers")).unwrap() {
        let golden = Golden::open(entry.unwrap().path());
        fixers += 1;
        for case in &golden.cases {
            let written = fs::read_to_string(case.folder.join("report.json")).unwrap();
            let written: Report = serde_json::from_str(&written).unwrap();
            let place = format!("{}/{}", golden.manifest.name(), case.name);
            assert_eq!(sandboxed(&mut sandbox, &golden, case), written, "{place}");
        }
    }
    assert!(fixers >= 4, "{fixers} fixers");
}
