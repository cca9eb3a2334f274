//! What is to come of each folder in `cases`, supplied as the host supplies it and edited as the host edits it.

use std::fs;
use std::path::Path;

use nks_core::manifest::Manifest;
use nks_core::object::Object;
use nks_core::plan::{self, Plan};
use nks_core::{demand, secret, source};
use nks_fixer::{Context, Input, Report};
use serde_json::Value;

use super::{analyze, findings, steps};

/// Case, findings, steps. `NODE` and `CONTROLLER` stand for the names that NKS gives.
type Expected = (
    &'static str,
    &'static [&'static str],
    &'static [&'static str],
);

const MISSING: &[&str] = &["warning option-missing cloud-config"];
const OFF: &[&str] = &["warning option-off cloud-config"];
const WHOLE_PLAN: &[&str] = &[
    "set-option cloud-config needs []",
    "restart-plugin NODE needs [0]",
    "restart-plugin CONTROLLER needs [0, 1]",
];

const CASES: &[Expected] = &[
    (
        "addon-managed",
        MISSING,
        &[
            "set-option-addon cloud-config needs []",
            "restart-plugin NODE needs [0]",
            "restart-plugin CONTROLLER needs [0, 1]",
        ],
    ),
    ("already-on", &[], &[]),
    ("both-keys-by-argument", MISSING, WHOLE_PLAN),
    (
        "both-keys-one-read",
        &["warning option-missing cloud.conf"],
        &[
            "set-option cloud.conf needs []",
            "restart-plugin NODE needs [0]",
            "restart-plugin CONTROLLER needs [0, 1]",
        ],
    ),
    ("both-keys-renamed-file", MISSING, WHOLE_PLAN),
    ("both-keys-sub-path", MISSING, WHOLE_PLAN),
    (
        "both-keys-unclear",
        &[
            "warning option-missing cloud-config",
            "warning option-missing cloud.conf",
            "info keys-unclear",
        ],
        &[
            "set-option cloud-config, cloud.conf needs []",
            "restart-plugin NODE needs [0]",
            "restart-plugin CONTROLLER needs [0, 1]",
        ],
    ),
    ("both-keys-unused-is-off", &[], &[]),
    (
        "controller-before-change",
        &["warning restart-needed deployment.apps/csi-cinder-controllerplugin"],
        &["restart-plugin deployment.apps/csi-cinder-controllerplugin needs []"],
    ),
    ("guide-script-and-off-again", OFF, WHOLE_PLAN),
    ("immutable", &["warning immutable cloud-config"], &[]),
    ("immutable-and-on", &[], &[]),
    ("key-missing", &["warning key-missing"], &[]),
    ("last-value-wins", &[], &[]),
    (
        "many-volumes",
        MISSING,
        &[
            "set-option cloud-config needs []",
            "restart-plugin NODE needs [0]",
            "restart-plugin CONTROLLER needs [0, 1]",
            "check-volumes 12 needs [0, 1, 2]",
        ],
    ),
    ("no-cinder", &[], &[]),
    ("no-final-newline", MISSING, WHOLE_PLAN),
    ("not-ini", &["warning not-ini cloud-config"], &[]),
    ("only-other-section", MISSING, WHOLE_PLAN),
    ("plugin-not-found", &["info plugin-not-found"], &[]),
    (
        "pods-before-change",
        &[
            "warning restart-needed NODE",
            "warning restart-needed CONTROLLER",
        ],
        &[
            "restart-plugin NODE needs []",
            "restart-plugin CONTROLLER needs [0]",
        ],
    ),
    (
        "restart-unfinished",
        &["warning restart-unfinished NODE"],
        &[],
    ),
    (
        "reversed-names",
        &["warning option-missing cloud.conf"],
        &[
            "set-option cloud.conf needs []",
            "restart-plugin daemonset.apps/cinder-csi-nodeplugin needs [0]",
            "restart-plugin deployment.apps/cinder-csi-controllerplugin needs [0, 1]",
        ],
    ),
    ("secret-missing", &["warning secret-missing"], &[]),
    ("secret-unused", &["warning secret-unused"], &[]),
    (
        "section-missing",
        MISSING,
        &[
            "set-option cloud-config needs []",
            "restart-plugin NODE needs [0]",
            "restart-plugin CONTROLLER needs [0, 1]",
            "check-volumes 1 needs [0, 1, 2]",
        ],
    ),
    ("section-there", MISSING, WHOLE_PLAN),
    (
        "value-with-comment",
        &["warning option-unreadable cloud-config"],
        &[],
    ),
    ("version-too-old", &["info version-too-old"], &[]),
    ("volumes-left-out", MISSING, WHOLE_PLAN),
    ("windows-line-ends", OFF, WHOLE_PLAN),
];

fn folder() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn manifest() -> Manifest {
    let text = fs::read_to_string(folder().join("fixer.yaml")).unwrap();
    Manifest::from_yaml(&text).unwrap()
}

/// In the order in which the host supplies them.
fn objects(case: &str) -> Vec<Object> {
    let text = fs::read_to_string(folder().join("cases").join(case).join("in.yaml")).unwrap();
    let mut objects = source::parse(&text, "default").unwrap();
    objects.sort_by(|one, other| one.id.cmp(&other.id));
    objects
}

/// The input that the host makes of the objects.
fn input(manifest: &Manifest, case: &str, objects: &[Object]) -> Input {
    let supplied = demand::supply(manifest, objects);
    let objects = supplied.into_iter().map(|one| nks_fixer::Object {
        rule: one.rule,
        api_version: one.object.id.api_version.clone(),
        kind: one.object.id.kind.clone(),
        namespace: one.object.id.namespace.clone(),
        name: one.object.id.name.clone(),
        uid: one.object.uid.clone(),
        value: one.shown,
    });
    let cluster = folder().join("cases").join(case).join("cluster.json");
    let cluster = fs::read_to_string(cluster)
        .map_or(Value::Null, |text| serde_json::from_str(&text).unwrap());
    let context = Context {
        cluster,
        ..Context::default()
    };
    Input {
        context,
        objects: objects.collect(),
    }
}

fn shortened(lines: Vec<String>) -> Vec<String> {
    let short = |line: String| {
        line.replace("daemonset.apps/csi-cinder-nodeplugin", "NODE")
            .replace("statefulset.apps/csi-cinder-controllerplugin", "CONTROLLER")
    };
    lines.into_iter().map(short).collect()
}

/// The host's plan, which refuses what it may not carry out.
fn planned(manifest: &Manifest, objects: &[Object], report: &Report) -> Plan {
    let answer = serde_json::to_value(report).unwrap();
    let answer: nks_core::report::Report = serde_json::from_value(answer).unwrap();
    let supplied: Vec<&Object> = demand::supply(manifest, objects)
        .into_iter()
        .map(|one| one.object)
        .collect();
    nks_core::report::check(&answer, manifest, supplied.len()).unwrap();
    plan::plan(manifest, &supplied, &answer, "2026-01-01T00:00:00Z").unwrap()
}

/// The objects with the plan carried out.
fn carried_out(objects: &[Object], plan: &Plan) -> Vec<Object> {
    let after = |object: &Object| {
        let patch = plan.patches().find(|(_, patch)| patch.id == object.id);
        let value = patch.map_or(&object.value, |(_, patch)| &patch.after);
        Object {
            value: value.clone(),
            ..object.clone()
        }
    };
    objects.iter().map(after).collect()
}

#[test]
fn every_case_gives_what_is_written_here() {
    let manifest = manifest();
    for (case, expected_findings, expected_steps) in CASES {
        let report = analyze(&input(&manifest, case, &objects(case)));
        assert_eq!(shortened(findings(&report)), *expected_findings, "{case}");
        assert_eq!(shortened(steps(&report)), *expected_steps, "{case}");
    }
}

#[test]
fn every_folder_is_in_the_table() {
    let mut folders: Vec<String> = fs::read_dir(folder().join("cases"))
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    folders.sort();
    let table: Vec<&str> = CASES.iter().map(|(case, ..)| *case).collect();
    assert_eq!(folders, table);
}

#[test]
fn the_result_of_a_plan_needs_no_further_step() {
    let manifest = manifest();
    for (case, ..) in CASES {
        let objects = objects(case);
        let report = analyze(&input(&manifest, case, &objects));
        let objects = carried_out(&objects, &planned(&manifest, &objects, &report));
        let again = analyze(&input(&manifest, case, &objects));
        assert_eq!(again.steps, [], "{case}");
        let is_done = !report.steps.is_empty();
        let about_texts = again.findings.iter().any(|one| one.field.is_some());
        assert!(!(is_done && about_texts), "{case}: {again:#?}");
    }
}

/// The lines of a text that are neither empty nor the option's nor the section's.
fn other_lines(text: &str) -> Vec<&str> {
    let is_other = |line: &&str| {
        let is_option = line.to_lowercase().contains("rescan-on-resize");
        !is_option && !line.is_empty() && *line != "[BlockStorage]"
    };
    text.lines().filter(is_other).collect()
}

/// With the values back in their places, only the option's line differs, and the section's where there was none.
#[test]
fn an_edited_secret_differs_by_the_option_alone() {
    let manifest = manifest();
    let mut edited = 0;
    for (case, ..) in CASES {
        let objects = objects(case);
        let report = analyze(&input(&manifest, case, &objects));
        let plan = planned(&manifest, &objects, &report);
        for (_, patch) in plan.patches().filter(|(_, one)| one.id.kind == "Secret") {
            for (key, before) in patch.before["data"].as_object().unwrap() {
                let before = secret::decode(before).unwrap();
                let after = secret::decode(&patch.after["data"][key]).unwrap();
                assert_eq!(other_lines(&before), other_lines(&after), "{case}");
                if before.contains("\r\n") {
                    let ends = |end: &str| after.matches(end).count();
                    assert_eq!(ends("\n"), ends("\r\n"), "{case}");
                }
                edited += usize::from(before != after);
            }
        }
    }
    assert!(edited >= 12, "{edited}");
}

#[test]
fn no_more_volumes_are_named_than_a_person_reads() {
    let report = analyze(&input(
        &manifest(),
        "many-volumes",
        &objects("many-volumes"),
    ));
    let volumes = &report.steps[3].args[1].value;
    assert!(volumes.starts_with("finance/data-ledger-0, finance/data-ledger-1, "));
    assert!(
        volumes.ends_with(", …") && volumes.matches('/').count() == 10,
        "{volumes}"
    );
}

#[test]
fn what_is_said_is_what_the_manifest_can_say() {
    let manifest = manifest();
    let mut said = std::collections::BTreeSet::new();
    for (case, ..) in CASES {
        let report = analyze(&input(&manifest, case, &objects(case)));
        said.extend(report.findings.into_iter().map(|finding| finding.message));
        said.extend(report.steps.into_iter().map(|step| step.message));
    }
    assert!(manifest.spec.messages.keys().eq(&said));
}
