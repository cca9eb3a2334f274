//! The sandbox gives the answers that are written down in `fixers/<id>/cases/<case>/report.json`; that the fixers' own
//! code gives them natively, and what else holds of them, are the tests of their crates (tests/golden).
#![expect(clippy::unwrap_used, reason = "helpers of tests may fail as tests do")]

#[path = "support/sandbox.rs"]
mod sandbox;
mod support;

use std::fs;

use nks_core::report::Report;
use nks_golden::{Golden, NOW};
use nks_sandbox::Sandbox;

#[test]
fn the_sandbox_gives_every_case_its_report() {
    let mut worker = Sandbox::start(&support::bin().join("nks-worker"), None).unwrap();
    let mut fixers = 0;
    for entry in fs::read_dir(support::root("fixers")).unwrap() {
        let golden = Golden::open(entry.unwrap().path());
        fixers += 1;
        for case in &golden.cases {
            let written = fs::read_to_string(case.folder.join("report.json")).unwrap();
            let written: Report = serde_json::from_str(&written).unwrap();
            let place = format!("{}/{}", golden.manifest.name(), case.name);
            assert_eq!(
                sandbox::analyze(&mut worker, &golden, case, NOW),
                written,
                "{place}"
            );
        }
    }
    assert!(fixers >= 4, "{fixers} fixers");
}
