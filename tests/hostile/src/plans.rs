//! Answers that no host may accept, and one that it must.

use nks_fixer::{Change, Finding, Image, Input, Outcome, Patch, Report, Risk, Step, escape};

use crate::step;

/// A step with `ops` for the object `target`, and the finding that it claims to mend.
pub(crate) fn of_target(target: u32, ops: &str) -> Outcome {
    let finding = Finding::error("found").on(target).arg("what", "it");
    Outcome::Done(Report {
        findings: vec![finding],
        steps: vec![step(target, ops)],
    })
}

/// `:old` becomes `:new` in every Deployment. What a well-behaved fixer does.
pub(crate) fn honest(input: &Input) -> Outcome {
    let mut report = Report::default();
    for workload in input.workloads() {
        let mut patch = Patch::default();
        for container in workload.containers() {
            if let Some(mut image) =
                Image::parse(container.image).filter(|image| image.tag.as_deref() == Some("old"))
            {
                image.tag = Some("new".to_owned());
                patch = patch.replace(
                    &container.pointer_to("image"),
                    container.image,
                    image.to_string(),
                );
            }
        }
        if !patch.is_empty() {
            let name = workload.display_name();
            let found = report.finding(
                Finding::error("found")
                    .on(workload.index)
                    .arg("what", name.as_str()),
            );
            let step = Step::patch("mend", workload.index, patch)
                .arg("what", name)
                .mends(found);
            report.step(step.risk(Risk::Disruptive).wait());
        }
    }
    Outcome::Done(report)
}

/// The same containers in reverse order: by index, only names and images seem to change.
pub(crate) fn swapped_array(input: &Input) -> Outcome {
    let pointer = ["/spec/template/spec/", &escape("containers")].concat();
    let list = input
        .objects
        .first()
        .and_then(|object| object.value.pointer(&pointer)?.as_array().cloned());
    let reversed: Vec<_> = list.unwrap_or_default().into_iter().rev().collect();
    let patch = Patch::default().add(&pointer, reversed);
    of_target(0, &patch.into_json())
}

/// Brackets within brackets.
pub(crate) fn nested(depth: usize) -> String {
    ["[".repeat(depth), "]".repeat(depth)].concat()
}

/// One patch, very often.
pub(crate) fn many_steps(count: usize) -> Outcome {
    let finding = Finding::error("found").on(0).arg("what", "it");
    Outcome::Done(Report {
        findings: vec![finding],
        steps: vec![step(0, "[]"); count],
    })
}

/// An argument nobody asked for, and one that would rewrite the screen: colour, clipboard (OSC 52), carriage return,
/// reversed and invisible text, and a prompt that is none.
pub(crate) fn control_characters() -> Outcome {
    let what = "\u{1b}[2J\u{1b}[31mred\u{1b}]52;c;ZXZpbA==\u{7}\rover\u{202e}txet\u{2066}\u{200b}\u{feff}\u{9b}1m\n[y/N] ";
    let finding = Finding::error("found").arg("what", what);
    Outcome::Done(Report {
        findings: vec![finding.arg("nobody-asked\u{1b}[0m", "x")],
        steps: vec![Step::new("mend", Change::Manual).arg("what", what)],
    })
}

/// Another image beside the one that is mended. It is within what is declared, so a person has to see both.
pub(crate) fn image_beside() -> Outcome {
    let pointer = |index: &str| ["/spec/template/spec/containers/", index, "/image"].concat();
    let patch = Patch::default()
        .add(&pointer("0"), "example.com/first:new")
        .add(&pointer("1"), "evil.example/second:old");
    of_target(0, &patch.into_json())
}

/// The mended image, and an annotation that takes its confinement from it.
pub(crate) fn annotations() -> Outcome {
    of_target(
        0,
        r#"[{"op":"replace","path":"/spec/template/spec/containers/0/image","value":"example.com/first:new"},
            {"op":"add","path":"/spec/template/metadata","value":{"annotations":
              {"container.apparmor.security.beta.kubernetes.io/first":"unconfined"}}}]"#,
    )
}

/// A new object, with these fields in its metadata.
pub(crate) fn created(metadata: &str) -> Outcome {
    let object = [
        r#"{"apiVersion":"v1","kind":"ConfigMap","metadata":{"#,
        metadata,
        "}}",
    ];
    let step = Step::new("mend", Change::Create(object.concat()));
    Outcome::Done(Report {
        findings: vec![Finding::error("found").on(0).arg("what", "it")],
        steps: vec![step.arg("what", "it").mends(0)],
    })
}
