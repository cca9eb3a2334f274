//! The rules on the text, one by one, and what is to come of each folder in `cases`.

use std::fs;
use std::path::Path;

use nks_core::manifest::Manifest;
use nks_core::{demand, source};
use nks_fixer::{Change, Context, Fixer, Input, Outcome, Report};

use crate::CinderResize;
use crate::config::{Setting, read, with_option};

/// Case, findings, steps.
type Expected = (
    &'static str,
    &'static [&'static str],
    &'static [&'static str],
);

const WHOLE: [&str; 3] = ["set-option", "restart-node-plugin", "restart-controller"];

const CASES: [Expected; 22] = [
    (
        "addon-managed",
        &["option-missing"],
        &[
            "set-option-addon",
            "restart-node-plugin",
            "restart-controller",
        ],
    ),
    ("already-on", &[], &[]),
    ("crlf-without-final-line-end", &["option-missing"], &WHOLE),
    (
        "expanded-volumes",
        &["option-missing"],
        &[
            "set-option",
            "restart-node-plugin",
            "restart-controller",
            "check-volumes",
        ],
    ),
    ("guide-example", &["option-missing"], &WHOLE),
    ("immutable", &["secret-immutable"], &[]),
    ("items-renamed", &["option-missing"], &WHOLE),
    (
        "many-expanded-volumes",
        &["option-missing"],
        &[
            "set-option",
            "restart-node-plugin",
            "restart-controller",
            "check-volumes",
        ],
    ),
    ("names-in-other-cases", &[], &[]),
    ("no-driver", &[], &[]),
    ("no-truth-value", &["option-unreadable"], &[]),
    ("not-ini", &["not-ini"], &[]),
    (
        "older-pods",
        &["older-than-configuration"],
        &["restart-node-plugin"],
    ),
    ("other-keys-only", &["no-configuration"], &[]),
    ("restarted-since", &[], &[]),
    (
        "reversed-names",
        &["older-than-configuration"],
        &["restart-controller"],
    ),
    ("secret-missing", &["secret-missing"], &[]),
    ("section-there", &["option-missing"], &WHOLE),
    ("set-to-false", &["option-missing"], &WHOLE),
    ("subsection-only", &["option-missing"], &WHOLE),
    ("two-keys-one-in-use", &[], &[]),
    ("two-keys-untold", &["option-missing"], &WHOLE),
];

#[test]
fn the_option_is_read_as_the_driver_reads_it() {
    for (text, expected) in [
        ("[BlockStorage]\nrescan-on-resize = true\n", Setting::On),
        ("[BLOCKSTORAGE]\nRESCAN-ON-RESIZE=\"Yes\"", Setting::On),
        ("[BlockStorage]\nrescan-on-resize\n", Setting::On),
        (
            "[BlockStorage]\nrescan-on-resize=no\n",
            Setting::Off { line: 1 },
        ),
        (
            "[BlockStorage]\nrescan-on-resize=1\n[Global]\n[BlockStorage]\nrescan-on-resize=0\n",
            Setting::Off { line: 4 },
        ),
        (
            "[Global]\nrescan-on-resize=true\n[BlockStorage]\n",
            Setting::Missing { section: Some(2) },
        ),
        (
            "[Global]\n# [BlockStorage]\n",
            Setting::Missing { section: None },
        ),
        (
            "[BlockStorage]\na = nks-secret-0 \\\n  rescan-on-resize=true\n",
            Setting::Missing { section: Some(0) },
        ),
        (
            "[BlockStorage]\nrescan-on-resize = nks-secret-0\n",
            Setting::Unreadable,
        ),
        ("[BlockStorage]\nrescan-on-resize =\n", Setting::Unreadable),
        ("nks-secret-0", Setting::NotIni),
    ] {
        assert_eq!(read(text), expected, "{text}");
    }
}

#[test]
fn the_edit_keeps_every_other_byte_and_is_made_once() {
    for (text, expected) in [
        (
            "[BlockStorage]\r\na=b\r\n",
            "[BlockStorage]\r\nrescan-on-resize = true\r\na=b\r\n",
        ),
        ("[BlockStorage]", "[BlockStorage]\nrescan-on-resize = true"),
        (
            "[Global]\na=b",
            "[Global]\na=b\n[BlockStorage]\nrescan-on-resize = true",
        ),
        (
            "[Global]\n",
            "[Global]\n[BlockStorage]\nrescan-on-resize = true\n",
        ),
        (
            "[BlockStorage]\n\trescan-on-resize =  False \n",
            "[BlockStorage]\n\trescan-on-resize =  true \n",
        ),
        (
            "[BlockStorage]\nrescan-on-resize=0",
            "[BlockStorage]\nrescan-on-resize=true",
        ),
    ] {
        let edited = with_option(text).unwrap();
        assert_eq!(edited, expected);
        assert_eq!(read(&edited), Setting::On);
        assert_eq!(with_option(&edited), None);
    }
}

fn folder() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn manifest() -> Manifest {
    Manifest::from_yaml(&fs::read_to_string(folder().join("fixer.yaml")).unwrap()).unwrap()
}

fn analyze(case: &str) -> Report {
    let text = fs::read_to_string(folder().join("cases").join(case).join("in.yaml")).unwrap();
    let mut objects = source::parse(&text, "default").unwrap();
    objects.sort_by(|one, other| one.id.cmp(&other.id));
    let objects = demand::supply(&manifest(), &objects)
        .into_iter()
        .map(|one| {
            let mut object = nks_fixer::Object::of_value(one.shown);
            object.rule = one.rule;
            object
        })
        .collect();
    let mut context = Context::default();
    if case == "addon-managed" {
        context.cluster = serde_json::json!({"kubernetesVersion": "v1.31.4", "isNks": true});
    }
    match CinderResize::analyze(&Input { context, objects }).unwrap() {
        Outcome::Done(report) => report,
        Outcome::Need(queries) => panic!("{queries:?}"),
    }
}

#[test]
fn every_case_gives_what_is_written_here() {
    for (case, findings, steps) in CASES {
        let report = analyze(case);
        let found: Vec<_> = report
            .findings
            .iter()
            .map(|one| one.message.as_str())
            .collect();
        assert_eq!(found, findings, "{case}");
        let planned: Vec<_> = report
            .steps
            .iter()
            .map(|one| one.message.as_str())
            .collect();
        assert_eq!(planned, steps, "{case}");
    }
}

#[test]
fn every_folder_is_in_the_table() {
    let mut folders: Vec<String> = fs::read_dir(folder().join("cases"))
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    folders.sort();
    assert_eq!(folders, CASES.map(|(case, ..)| case));
}

#[test]
fn no_value_of_the_secret_is_seen() {
    for (case, ..) in CASES {
        let report = analyze(case);
        let seen = serde_json::to_string(&report).unwrap();
        for secret in [
            "not-a-real-one",
            "shop-trust",
            "identity.example.com",
            "0123456789abcdef",
        ] {
            assert!(!seen.contains(secret), "{case}: {secret}");
        }
        for step in &report.steps {
            if let Change::Patch { ops, .. } = &step.change {
                assert!(ops.contains("nks-secret-"), "{case}: values are tokens");
            }
        }
    }
}

#[test]
fn what_is_said_is_what_the_manifest_can_say() {
    let mut said = std::collections::BTreeSet::new();
    for (case, ..) in CASES {
        let report = analyze(case);
        said.extend(report.findings.into_iter().map(|finding| finding.message));
        said.extend(report.steps.into_iter().map(|step| step.message));
    }
    assert!(manifest().spec.messages.keys().eq(&said));
}
