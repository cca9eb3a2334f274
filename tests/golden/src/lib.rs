//! Golden cases: every folder below a fixer's `cases` is a test.
//!
//! `in.yaml` holds the objects; `settings.json` and `cluster.json` stand in for `--set`, or `--set-file`, and the cluster's
//! facts where they are there. `report.json` is what the fixer answers and `diff.txt` what a person is shown.
//! `UPDATE_EXPECT=1 cargo test -p <fixer>` writes both. [`tests!`] makes the tests of a fixer's crate; that the sandbox
//! answers the same is the root package's `tests/cases.rs`.
#![expect(clippy::unwrap_used, reason = "helpers of tests may fail as tests do")]

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

use nks_core::credential::Credentials;
use nks_core::image_probe::{self, Verdict};
use nks_core::manifest::Manifest;
use nks_core::object::Object;
use nks_core::plan::{self, Act, Plan};
use nks_core::report::{self, Outcome, Report};
use nks_core::{demand, source};
use nks_fixer::{Context, Input};
use serde_json::{Value, json};

mod shown;

/// A fixer's own code, run without the sandbox.
pub type Native = fn(&Input) -> Result<nks_fixer::Outcome, String>;

/// When every case runs, in seconds since 1970-01-01 UTC.
pub const NOW: i64 = 1_790_000_000;

/// One folder of `cases`.
#[derive(Clone, Debug)]
pub struct Case {
    /// The folder's name.
    pub name: String,
    /// The folder.
    pub folder: PathBuf,
    /// What is in the cluster, in the order in which the host reads it.
    pub objects: Vec<Object>,
    /// The settings, with the defaults filled in.
    pub settings: Value,
    /// What those of the settings stand for that are secrets.
    pub given: Credentials,
    /// The cluster's facts.
    pub cluster: Value,
}

/// A fixer's manifest and cases.
#[derive(Clone, Debug)]
pub struct Golden {
    /// `fixer.yaml`
    pub manifest: Manifest,
    /// Sorted by name.
    pub cases: Vec<Case>,
}

impl Golden {
    /// Reads the folder of a fixer's crate.
    pub fn open(fixer: impl AsRef<Path>) -> Self {
        let folder = fixer.as_ref();
        let text = fs::read_to_string(folder.join("fixer.yaml")).unwrap();
        let manifest = Manifest::from_yaml(&text).unwrap();
        let mut cases: Vec<Case> = fs::read_dir(folder.join("cases"))
            .unwrap()
            .map(|entry| Case::open(entry.unwrap().path(), &manifest))
            .collect();
        cases.sort_by(|one, other| one.name.cmp(&other.name));
        Self { manifest, cases }
    }

    /// The case of that name.
    pub fn case(&self, name: &str) -> &Case {
        self.cases.iter().find(|case| case.name == name).unwrap()
    }

    /// The manifest as a run with the case's settings has it.
    pub fn manifest_of(&self, case: &Case) -> Manifest {
        self.manifest.with(&case.settings).unwrap()
    }

    /// What the host hands over of a case's objects. What a fixer asks for is handed over from the first round on, so that
    /// it is asked for only where it is not there.
    pub fn input(&self, case: &Case) -> Input {
        self.input_in(case, 0)
    }

    fn input_in(&self, case: &Case, round: u32) -> Input {
        let supplied = demand::supply(&self.manifest_of(case), &case.objects);
        let objects = supplied.into_iter().map(|one| nks_fixer::Object {
            rule: one.rule,
            api_version: one.object.id.api_version.clone(),
            kind: one.object.id.kind.clone(),
            namespace: one.object.id.namespace.clone(),
            name: one.object.id.name.clone(),
            uid: one.object.uid.clone(),
            value: one.shown,
        });
        Input {
            objects: objects.collect(),
            context: Context {
                now_unix: NOW,
                round,
                cluster: case.cluster.clone(),
                settings: case.settings.clone(),
            },
        }
    }

    /// The fixer's answer, in the host's types. What it asks for by its rules is not there.
    pub fn report(&self, case: &Case, native: Native) -> Report {
        let answer = |round| {
            let outcome = native(&self.input_in(case, round)).unwrap();
            serde_json::from_value(serde_json::to_value(outcome).unwrap()).unwrap()
        };
        let queries = match answer(0) {
            Outcome::Done(report) => return report,
            Outcome::Need(queries) => queries,
        };
        let manifest = self.manifest_of(case);
        let supplied = demand::supply(&manifest, &case.objects);
        let further = demand::further(&manifest, &queries, &supplied).unwrap();
        assert!(further.logs.is_empty(), "{}: asks for logs", case.name);
        match answer(1) {
            Outcome::Done(report) => report,
            Outcome::Need(queries) => panic!("{}: asks for {queries:?} again", case.name),
        }
    }

    /// The host's plan, which refuses what it may not carry out.
    pub fn plan(&self, case: &Case, report: &Report) -> Plan {
        let manifest = self.manifest_of(case);
        let supplied: Vec<&Object> = demand::supply(&manifest, &case.objects)
            .into_iter()
            .map(|one| one.object)
            .collect();
        report::check(report, &manifest, supplied.len())
            .unwrap_or_else(|problem| panic!("{}: {problem}", case.name));
        plan::plan(
            &manifest,
            &supplied,
            report,
            &case.given,
            "2026-01-01T00:00:00Z",
        )
        .unwrap_or_else(|problem| panic!("{}: {problem}", case.name))
    }
}

impl Case {
    fn open(folder: PathBuf, manifest: &Manifest) -> Self {
        let json = |file: &str| {
            let text = fs::read_to_string(folder.join(file)).ok()?;
            Some(serde_json::from_str::<Value>(&text).unwrap())
        };
        let text = fs::read_to_string(folder.join("in.yaml")).unwrap();
        let mut objects = source::parse(&text, "default")
            .unwrap_or_else(|problem| panic!("{}: {problem}", folder.display()));
        objects.sort_by(|one, other| one.id.cmp(&other.id));
        let written = json("settings.json").unwrap_or_default();
        let schema = &manifest.spec.settings;
        let (mut typed, mut given) = (Vec::new(), Credentials::default());
        for (name, value) in written.as_object().into_iter().flatten() {
            let text = value.as_str().unwrap();
            if schema.properties[name].is_secret() {
                given.insert(name, text.to_owned());
            } else {
                typed.push(format!("{name}={text}"));
            }
        }
        let facts =
            json!({"kubernetesVersion": "v1.29.3", "isNks": true, "cni": null, "nodes": null});
        Self {
            name: folder.file_name().unwrap().to_string_lossy().into_owned(),
            objects,
            settings: schema.resolve(&typed, &given).unwrap(),
            given,
            cluster: json("cluster.json").unwrap_or(facts),
            folder,
        }
    }

    /// The case with `plan` carried out: what it creates is there, and what it deletes is not. Where it asks nodes for
    /// images, these are the first thing done and all that is done: every node can pull every image.
    pub fn carried_out(&self, plan: &Plan) -> Self {
        if let Some(probes) = plan.probes() {
            let answers = probes.patches().map(|(_, pod)| {
                let pod = Object::new(pod.after.clone(), "default").unwrap();
                image_probe::answer(&pod, &Verdict::Pulled)
            });
            let mut objects: Vec<Object> = self.objects.iter().cloned().chain(answers).collect();
            objects.sort_by(|one, other| one.id.cmp(&other.id));
            return Self {
                objects,
                ..self.clone()
            };
        }
        let after: BTreeMap<_, _> = plan
            .patches()
            .map(|(_, patch)| (&patch.id, &patch.after))
            .collect();
        let kept = self.objects.iter().filter_map(|object| {
            let value = after.get(&object.id).copied().unwrap_or(&object.value);
            (!value.is_null()).then(|| Object {
                value: value.clone(),
                ..object.clone()
            })
        });
        let created = plan
            .patches()
            .filter(|(_, patch)| patch.act() == Act::Create)
            .map(|(_, patch)| Object::new(patch.sent(), "default").unwrap());
        let mut objects: Vec<Object> = kept.chain(created).collect();
        objects.sort_by(|one, other| one.id.cmp(&other.id));
        Self {
            objects,
            ..self.clone()
        }
    }
}

/// Every case gives its `report.json` and its `diff.txt`, and what was expected of its steps holds afterwards.
pub fn every_case_gives_its_report_and_diff(golden: &Golden, native: Native) {
    assert!(golden.cases.len() >= 10, "{} cases", golden.cases.len());
    for case in &golden.cases {
        let report = golden.report(case, native);
        let plan = golden.plan(case, &report);
        let json = serde_json::to_string_pretty(&report).unwrap() + "\n";
        expect(&case.folder.join("report.json"), &json);
        let screens = shown::screens(&golden.manifest, &report, &plan);
        expect(&case.folder.join("diff.txt"), &screens);
    }
}

fn expect(path: &Path, text: &str) {
    expect_test::ExpectFile {
        path: path.to_owned(),
        position: file!(),
    }
    .assert_eq(text);
}

/// On its own result a fixer plans nothing.
pub fn its_own_result_needs_nothing_more(golden: &Golden, native: Native) {
    for case in &golden.cases {
        let plan = |case: &Case| golden.plan(case, &golden.report(case, native));
        let mut after = case.carried_out(&plan(case));
        if plan(case).probes().is_some() {
            after = after.carried_out(&plan(&after));
        }
        let again = plan(&after);
        assert_eq!(again.patches().count(), 0, "{}: {again:#?}", case.name);
    }
}

/// Prefilters are there to read less; they may hide nothing.
pub fn a_prefilter_hides_no_finding(golden: &Golden, native: Native) {
    let mut unfiltered = golden.clone();
    unfiltered
        .manifest
        .spec
        .reads
        .iter_mut()
        .for_each(|rule| rule.when = None);
    for case in &golden.cases {
        let found = |golden: &Golden| {
            let report = golden.report(case, native);
            let supplied: Vec<_> = demand::supply(&golden.manifest_of(case), &case.objects)
                .into_iter()
                .map(|one| one.object.id.clone())
                .collect();
            let about = report.findings.into_iter().map(|finding| {
                let target = finding.target.map(|index| supplied[index as usize].clone());
                (finding.message, target, finding.args)
            });
            about.collect::<Vec<_>>()
        };
        assert_eq!(found(golden), found(&unfiltered), "{}", case.name);
    }
}

/// The cases hear each message of the manifest, and each change that it declares is planned.
pub fn everything_it_can_say_is_said(golden: &Golden, native: Native) {
    let mut said = BTreeSet::new();
    let mut changed = BTreeSet::new();
    for case in &golden.cases {
        let report = golden.report(case, native);
        changed.extend(
            golden
                .plan(case, &report)
                .changes()
                .map(|patch| patch.id.kind.clone()),
        );
        said.extend(report.findings.into_iter().map(|finding| finding.message));
        said.extend(report.steps.into_iter().map(|step| step.message));
    }
    let silent: Vec<_> = golden
        .manifest
        .spec
        .messages
        .keys()
        .filter(|id| !said.contains(*id))
        .collect();
    assert!(silent.is_empty(), "no case hears {silent:?}");
    let declared = golden.manifest.spec.writes.iter().map(|rule| &rule.kind);
    let unused: Vec<_> = declared.filter(|kind| !changed.contains(*kind)).collect();
    assert!(unused.is_empty(), "no case changes {unused:?}");
}

/// The tests that every fixer has: `nks_golden::tests!(MyFixer);` in the tests of its crate.
#[macro_export]
macro_rules! tests {
    ($fixer:ty) => {
        $crate::tests!($fixer:
            every_case_gives_its_report_and_diff
            its_own_result_needs_nothing_more
            a_prefilter_hides_no_finding
            everything_it_can_say_is_said
        );
    };
    ($fixer:ty: $($test:ident)*) => {
        $(
            #[test]
            fn $test() {
                let golden = $crate::Golden::open(env!("CARGO_MANIFEST_DIR"));
                $crate::$test(&golden, <$fixer as ::nks_fixer::Fixer>::analyze);
            }
        )*
    };
}
