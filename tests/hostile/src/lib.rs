//! A guest that does what no guest may do, one thing for each value of its setting `attack`. For tests of the host.
//!
//! The table is the function `attack`; `honest` is the one that must pass.

mod exhaust;
mod plans;
mod tokens;

use nks_fixer::{Finding, Fixer, Input, Outcome, Query, Report, Step};

/// The fixer.
#[derive(Debug)]
pub struct Hostile;

nks_fixer::export!(Hostile);

/// Every value of the setting.
pub const ATTACKS: [&str; 39] = [
    "honest",
    "outside-path",
    "array-shift",
    "swapped-array",
    "bad-pointer",
    "index-out-of-range",
    "deep-json",
    "endless-need",
    "queries-outside",
    "huge-output",
    "many-steps",
    "unknown-message",
    "unknown-arg-control-characters",
    "uid-edit",
    "status-edit",
    "finalizers-edit",
    "spin",
    "recursion",
    "grow",
    "trap",
    "bad-ops",
    "error",
    "nan",
    "state",
    "token-edit",
    "token-moved",
    "token-dropped",
    "token-copied",
    "token-told",
    "token-told-bare",
    "token-smuggled",
    "token-escaped",
    "image-beside",
    "nan-literal",
    "large-number",
    "annotations",
    "create-elsewhere",
    "create-generated",
    "owners",
];

impl Fixer for Hostile {
    fn analyze(input: &Input) -> Result<Outcome, String> {
        attack(input.context.setting("attack").unwrap_or("honest"), input)
    }
}

fn attack(name: &str, input: &Input) -> Result<Outcome, String> {
    Ok(match name {
        "honest" => plans::honest(input),
        "outside-path" => replaced("/spec/replicas", "99"),
        "array-shift" => patched(r#"[{"op":"remove","path":"/spec/template/spec/containers/0"}]"#),
        "swapped-array" => plans::swapped_array(input),
        "bad-pointer" => replaced("/spec/template/~2", "1"),
        "index-out-of-range" => plans::of_target(4_000_000_000, "[]"),
        "deep-json" => replaced(
            "/spec/template/spec/containers/0/image",
            &plans::nested(10_000),
        ),
        "endless-need" => need(0),
        "queries-outside" => need(99),
        "huge-output" => found(&"x".repeat(2 * 1024 * 1024)),
        "many-steps" => plans::many_steps(100_000),
        "unknown-message" => done(Finding::error("not-in-the-manifest")),
        "unknown-arg-control-characters" => plans::control_characters(),
        "uid-edit" => replaced("/metadata/uid", r#""00000000-0000-4000-8000-000000000000""#),
        "status-edit" => patched(r#"[{"op":"add","path":"/status","value":{}}]"#),
        "finalizers-edit" => patched(r#"[{"op":"add","path":"/metadata/finalizers","value":[]}]"#),
        "spin" => exhaust::spin(),
        "recursion" => found(&exhaust::recurse(0).to_string()),
        "grow" => exhaust::grow(),
        "trap" => panic!("a guest may panic"),
        "bad-ops" => patched("[{"),
        "error" => return Err("no reason \u{1b}[31mgiven".to_owned()),
        "nan" => replaced("/spec/template/spec/containers/0/image", "1e999"),
        "state" => exhaust::carry_state(input),
        "token-edit" => tokens::edited(input),
        "token-moved" => tokens::moved(input),
        "token-dropped" => tokens::dropped(input),
        "token-copied" => tokens::copied(input),
        "token-told" => tokens::told(input),
        "token-told-bare" => tokens::told_without_tokens(input),
        "token-smuggled" => tokens::smuggled(input),
        "token-escaped" => tokens::escaped(input),
        "setting-created" => tokens::created(input, "", ""),
        "setting-longer" => tokens::created(input, " ", ""),
        "setting-label" => tokens::created(input, "", &tokens::setting(input)),
        "setting-told" => found(&tokens::setting(input)),
        "setting-told-bare" => found(
            &input
                .context
                .settings
                .to_string()
                .replace("nks-secret-", "#"),
        ),
        "setting-smuggled" => tokens::setting_smuggled(input),
        "image-beside" => plans::image_beside(),
        "nan-literal" => replaced("/spec/template/spec/containers/0/image", "NaN"),
        "large-number" => replaced("/spec/template/spec/containers/0/image", "1e308"),
        "annotations" => plans::annotations(),
        "create-elsewhere" => plans::created(r#""name":"x","namespace":"kube-system""#),
        "create-generated" => plans::created(r#""generateName":"x-""#),
        "owners" => patched(r#"[{"op":"remove","path":"/metadata/ownerReferences"}]"#),
        other => return Err(["no such attack: ", other].concat()),
    })
}

fn done(finding: Finding) -> Outcome {
    Outcome::Done(Report {
        findings: vec![finding],
        steps: Vec::new(),
    })
}

fn found(what: &str) -> Outcome {
    done(Finding::error("found").arg("what", what))
}

fn need(rule: u32) -> Outcome {
    Outcome::Need(vec![Query {
        rule,
        namespace: None,
        name: None,
        args: Vec::new(),
    }])
}

fn patched(ops: &str) -> Outcome {
    plans::of_target(0, ops)
}

fn replaced(pointer: &str, value: &str) -> Outcome {
    patched(
        &[
            r#"[{"op":"replace","path":""#,
            pointer,
            r#"","value":"#,
            value,
            "}]",
        ]
        .concat(),
    )
}

fn step(target: u32, ops: &str) -> Step {
    let change = nks_fixer::Change::Patch {
        target,
        ops: ops.to_owned(),
    };
    Step::new("mend", change).arg("what", "it").mends(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Those that never come back, or not natively.
    const FATAL: [&str; 4] = ["spin", "recursion", "grow", "trap"];

    #[test]
    fn every_attack_of_the_list_exists() {
        for name in ATTACKS.into_iter().filter(|name| !FATAL.contains(name)) {
            let outcome = attack(name, &Input::default());
            assert_eq!(outcome.is_err(), name == "error", "{name}");
        }
        assert!(attack("no-such", &Input::default()).is_err());
    }
}
