//! Golden cases: every folder below `fixers/<id>/cases` is a test.
//!
//! `in.yaml` holds the objects; `settings.json` and `cluster.json` stand in for `--set` and the cluster's facts where
//! they are there. `report.json` is what the fixer answers, natively and in the sandbox alike, and `diff.txt` is what a
//! person is shown. `UPDATE_EXPECT=1 cargo test --release --test cases` writes both.
#![expect(clippy::unwrap_used, reason = "helpers of tests may fail as tests do")]

mod support;

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use nks_core::manifest::Manifest;
use nks_core::message::Language;
use nks_core::object::Object;
use nks_core::plan::{self, Action, Plan};
use nks_core::report::{self, Outcome, Report};
use nks_core::{demand, diff, source};
use nks_fixer::Fixer;
use nks_sandbox::Sandbox;
use nks_sandbox::protocol::{Analyze, Source, Supplied};
use serde_json::{Value, json};

/// A fixer's own code, run without the sandbox.
type Native = fn(&nks_fixer::Input) -> Result<nks_fixer::Outcome, String>;

const FIXERS: [(&str, Native); 4] = [
    ("calico-images", calico_images::CalicoImages::analyze),
    ("cinder-resize", cinder_resize::CinderResize::analyze),
    ("ebpf-udp-ctlb", ebpf_udp_ctlb::EbpfUdpCtlb::analyze),
    (
        "stuck-finalizers",
        stuck_finalizers::StuckFinalizers::analyze,
    ),
];
const NOW: i64 = 1_790_000_000;

struct Case {
    name: String,
    folder: PathBuf,
    objects: Vec<Object>,
    settings: Value,
    cluster: Value,
}

fn cases(manifest: &Manifest) -> Vec<Case> {
    let folder = support::root("fixers").join(manifest.name()).join("cases");
    let mut cases: Vec<Case> = fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .map(|folder| {
            let json = |file: &str| Some(serde_json::from_str::<Value>(&fs::read_to_string(folder.join(file)).ok()?).unwrap());
            let text = fs::read_to_string(folder.join("in.yaml")).unwrap();
            let mut objects = source::parse(&text, "default").unwrap_or_else(|problem| panic!("{folder:?}: {problem}"));
            objects.sort_by(|one, other| one.id.cmp(&other.id));
            let typed: Vec<String> = json("settings.json")
                .and_then(|settings| settings.as_object().cloned())
                .into_iter()
                .flatten()
                .map(|(name, value)| format!("{name}={}", value.as_str().unwrap()))
                .collect();
            Case {
                name: folder.file_name().unwrap().to_string_lossy().into_owned(),
                objects,
                settings: manifest.spec.settings.resolve(&typed).unwrap(),
                cluster: json("cluster.json").unwrap_or_else(|| json!({"kubernetesVersion": "v1.29.3", "isNks": true, "cni": null, "nodes": null})),
                folder,
            }
        })
        .collect();
    cases.sort_by(|one, other| one.name.cmp(&other.name));
    cases
}

fn natively(native: Native, manifest: &Manifest, case: &Case) -> Report {
    let objects = demand::supply(manifest, &case.objects)
        .into_iter()
        .map(|one| nks_fixer::Object {
            rule: one.rule,
            api_version: one.object.id.api_version.clone(),
            kind: one.object.id.kind.clone(),
            namespace: one.object.id.namespace.clone(),
            name: one.object.id.name.clone(),
            uid: one.object.uid.clone(),
            value: one.shown,
        })
        .collect();
    let context = nks_fixer::Context {
        now_unix: NOW,
        round: 0,
        cluster: case.cluster.clone(),
        settings: case.settings.clone(),
    };
    let outcome = native(&nks_fixer::Input { context, objects }).unwrap();
    match serde_json::from_value(serde_json::to_value(outcome).unwrap()).unwrap() {
        Outcome::Done(report) => report,
        Outcome::Need(queries) => panic!("{}: asks for {queries:?}", case.name),
    }
}

fn sandboxed(sandbox: &mut Sandbox, manifest: &Manifest, case: &Case) -> Report {
    let objects = demand::supply(manifest, &case.objects)
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
        fixer: Source::BuiltIn(manifest.name().to_owned()),
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

fn planned(manifest: &Manifest, case: &Case, report: &Report) -> Plan {
    let supplied: Vec<&Object> = demand::supply(manifest, &case.objects)
        .into_iter()
        .map(|one| one.object)
        .collect();
    report::check(report, manifest, supplied.len())
        .unwrap_or_else(|problem| panic!("{}: {problem}", case.name));
    plan::plan(manifest, &supplied, report, "2026-01-01T00:00:00Z")
        .unwrap_or_else(|problem| panic!("{}: {problem}", case.name))
}

/// What a person is shown, in one text: findings and steps in both languages, then the diffs.
fn shown(manifest: &Manifest, report: &Report, plan: &Plan) -> String {
    let mut text = String::new();
    for finding in &report.findings {
        for language in [Language::English, Language::Korean] {
            writeln!(
                text,
                "{:?} {}",
                finding.severity,
                manifest.spec.messages[&finding.message].render(language, &finding.args)
            )
            .unwrap();
        }
    }
    for (position, step) in plan.steps.iter().enumerate() {
        let subject = match &step.action {
            Action::Patch(patch) => match patch.managed_by {
                Some(manager) => format!("{}, managed by {manager}", patch.id),
                None => patch.id.to_string(),
            },
            Action::Manual => "by hand".to_owned(),
        };
        writeln!(
            text,
            "\n{}. {subject} ({:?}, wait {}, needs {:?})",
            position + 1,
            step.risk,
            step.wait,
            step.needs
        )
        .unwrap();
        for language in [Language::English, Language::Korean] {
            writeln!(text, "   {}", step.message.render(language, &step.args)).unwrap();
        }
    }
    for (_, patch) in plan.patches() {
        write!(
            text,
            "\n{}",
            diff::unified(&patch.id, &patch.before, &patch.after)
        )
        .unwrap();
    }
    text
}

/// The objects of a case with the plan carried out.
fn carried_out(case: &Case, plan: &Plan) -> Vec<Object> {
    let after: BTreeMap<_, _> = plan
        .patches()
        .map(|(_, patch)| (&patch.id, &patch.after))
        .collect();
    let apply = |object: &Object| match after.get(&object.id) {
        Some(value) => Object {
            value: (*value).clone(),
            ..object.clone()
        },
        None => object.clone(),
    };
    case.objects.iter().map(apply).collect()
}

fn manifest(id: &str) -> Manifest {
    let text = fs::read_to_string(support::root("fixers").join(id).join("fixer.yaml")).unwrap();
    Manifest::from_yaml(&text).unwrap()
}

fn expect(path: &Path, text: &str) {
    expect_test::ExpectFile {
        path: path.to_owned(),
        position: file!(),
    }
    .assert_eq(text);
}

#[test]
fn every_case_gives_its_report_and_diff_natively_and_in_the_sandbox() {
    let mut sandbox = Sandbox::start(&support::bin().join("nks-worker"), None).unwrap();
    for (id, native) in FIXERS {
        let manifest = manifest(id);
        let cases = cases(&manifest);
        assert!(cases.len() >= 12, "{id} has {} cases", cases.len());
        for case in &cases {
            let report = natively(native, &manifest, case);
            assert_eq!(
                report,
                sandboxed(&mut sandbox, &manifest, case),
                "{id}/{}: native and sandboxed differ",
                case.name
            );
            let plan = planned(&manifest, case, &report);
            expect(
                &case.folder.join("report.json"),
                &(serde_json::to_string_pretty(&report).unwrap() + "\n"),
            );
            expect(
                &case.folder.join("diff.txt"),
                &shown(&manifest, &report, &plan),
            );
        }
    }
}

#[test]
fn on_its_own_output_a_fixer_plans_nothing() {
    for (id, native) in FIXERS {
        let manifest = manifest(id);
        let mut changed = 0;
        for mut case in cases(&manifest) {
            let plan = planned(&manifest, &case, &natively(native, &manifest, &case));
            changed += plan.patches().count();
            case.objects = carried_out(&case, &plan);
            let again = planned(&manifest, &case, &natively(native, &manifest, &case));
            assert_eq!(again.patches().count(), 0, "{id}/{}: {again:#?}", case.name);
        }
        assert!(changed > 10, "{id}: the cases plan only {changed} changes");
    }
}

/// Prefilters are there to read less; they may hide nothing.
#[test]
fn a_prefilter_hides_no_finding() {
    for (id, native) in FIXERS {
        let filtered = manifest(id);
        let mut unfiltered = filtered.clone();
        unfiltered
            .spec
            .reads
            .iter_mut()
            .for_each(|rule| rule.when = None);
        for case in cases(&filtered) {
            let found = |manifest: &Manifest| {
                let report = natively(native, manifest, &case);
                let supplied: Vec<_> = demand::supply(manifest, &case.objects)
                    .into_iter()
                    .map(|one| one.object.id.clone())
                    .collect();
                let about = report.findings.iter().map(|finding| {
                    (
                        finding.message.clone(),
                        finding.target.map(|index| supplied[index as usize].clone()),
                        finding.args.clone(),
                    )
                });
                about.collect::<Vec<_>>()
            };
            assert_eq!(found(&filtered), found(&unfiltered), "{id}/{}", case.name);
        }
    }
}
