//! What holds for any input: no parser panics or takes long, and no value of a Secret is seen or lost.

use std::time::{Duration, Instant};

use nks_core::manifest::{Label, Manifest};
use nks_core::pointer::Pointer;
use nks_core::token::{Sealed, seal};
use nks_core::{record, scope, source};
use proptest::prelude::*;
use serde_json::Value;

/// Far above what a few kilobytes take on a slow machine, far below what a person would wait for.
const BUDGET: Duration = Duration::from_secs(5);

fn within_budget<T>(work: impl FnOnce() -> T) -> T {
    let started = Instant::now();
    let result = work();
    assert!(started.elapsed() < BUDGET, "took {:?}", started.elapsed());
    result
}

/// Text with much of what makes YAML, JSON and INI hard.
fn text() -> impl Strategy<Value = String> {
    let piece = prop_oneof![
        Just("---\n".to_owned()),
        Just("&a [*a, *a]\n".to_owned()),
        Just("[".repeat(200)),
        Just("{\"a\":".repeat(50)),
        Just("apiVersion: v1\nkind: List\nitems:\n- ".to_owned()),
        Just("kind: Pod\nmetadata: {name: ../x}\n".to_owned()),
        Just("!!binary x\n".to_owned()),
        Just("\u{feff}\r\n\0".to_owned()),
        Just("==== START logs for container ".to_owned()),
        Just("==== END logs for container a ====\n".to_owned()),
        Just("{\"a\": NaN, \"a\": -Infinity, \u{e9}: 1e400}\n".to_owned()),
        Just("a: !x &b [0644, .nan, *b]\n".to_owned()),
        Just("1e999, 0o17, NO, 123456789012345678901234567890\n".to_owned()),
        "[ -~\n]{0,40}",
        "\\PC{0,20}",
    ];
    proptest::collection::vec(piece, 0..20).prop_map(|pieces| pieces.concat())
}

/// INI with values that say what they are, and the odd line.
fn ini() -> impl Strategy<Value = String> {
    let line = prop_oneof![
        "\\[[A-Za-z]{1,8}\\]",
        "[a-z-]{1,8} ?= ?value-[a-z0-9=;#\"]{1,12}",
        "; [a-z]{1,5} = value-[a-z]{1,9}",
        "[a-z]{1,8} = value-[a-z]{1,5} \\\\",
        "[a-z]{1,8} = (true|no|1)",
        Just(String::new()),
    ];
    let end = prop_oneof![Just("\n"), Just("\r\n")];
    (proptest::collection::vec(line, 1..20), end, any::<bool>()).prop_map(|(lines, end, last)| {
        let text = lines.join(end);
        if last { text + end } else { text }
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn no_parser_panics_or_takes_long(text in text()) {
        within_budget(|| {
            let _ = source::parse(&text, "default");
            let _ = source::is_cut(&text);
            let _ = Manifest::from_yaml(&text);
            let _ = Manifest::from_section(text.as_bytes());
            let _ = record::decode(&text);
            let _ = Pointer::parse(&text);
            let _ = Label::try_from(text.clone());
            let _ = nks_core::json::parse::<Value>(&text);
        });
    }

    #[test]
    fn a_secret_comes_back_as_it_was_and_is_not_seen(text in ini()) {
        let sealed = within_budget(|| Sealed::new(&text, 0));
        let shown = sealed.shown();
        prop_assert!(!shown.contains("value-"), "{shown}");
        prop_assert!(!sealed.masked().contains("value-"));
        prop_assert_eq!(sealed.restore(&shown).expect("it holds"), text);
    }

    #[test]
    fn an_edit_of_a_secret_is_kept_without_values_and_taken_back(text in ini(), at in 0..20_usize) {
        let sealed = Sealed::new(&text, 0);
        prop_assume!(sealed.shown().contains('[') && sealed.restore(&(sealed.shown() + "\n")).is_ok());
        let mut lines: Vec<String> = sealed.shown().split_inclusive('\n').map(str::to_owned).collect();
        let at = at.min(lines.len());
        // A line is put in front of another, or behind one that has a line end.
        prop_assume!(at == 0 || lines[at - 1].ends_with('\n'));
        lines.insert(at, "added = yes\n".to_owned());
        let after = sealed.restore(&lines.concat()).expect("it holds");
        if let Some(edit) = seal(&text, &after) {
            prop_assert!(!serde_json::to_string(&edit).expect("it holds").contains("value-"));
            prop_assert_eq!(edit.undo(&after), Some(text));
        }
    }

    #[test]
    fn the_difference_of_two_states_makes_one_of_the_other(
        before in proptest::collection::vec("[a-c]", 0..5),
        after in proptest::collection::vec("[a-c]", 0..5),
    ) {
        let state = |names: &[String]| {
            let list = names.iter().map(|name| serde_json::json!({"name": name, "value": name}));
            serde_json::json!({"list": list.collect::<Vec<_>>()})
        };
        let (before, after) = (state(&before), state(&after));
        let edits = scope::edits(&before, &after);
        let operations = Value::Array(scope::operations(&edits));
        let patch: json_patch::Patch = serde_json::from_value(operations).expect("it holds");
        let mut patched = before;
        json_patch::patch(&mut patched, &patch).expect("it holds");
        prop_assert_eq!(&patched, &after);
        prop_assert!(scope::are_done(&edits, &after));
    }
}
