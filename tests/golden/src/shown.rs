//! What a person is shown of a case, in one text.

use std::fmt::Write as _;

use nks_core::diff;
use nks_core::image_probe;
use nks_core::manifest::Manifest;
use nks_core::message::Language;
use nks_core::plan::{Act, Action, Plan};
use nks_core::report::Report;

const LANGUAGES: [Language; 2] = [Language::English, Language::Korean];

/// Findings and steps in both languages, then the diffs.
pub(crate) fn screens(manifest: &Manifest, report: &Report, plan: &Plan) -> String {
    let mut text = String::new();
    for finding in &report.findings {
        for language in LANGUAGES {
            let message = &manifest.spec.messages[&finding.message];
            let message = message.render(language, &finding.args);
            writeln!(text, "{:?} {message}", finding.severity).unwrap();
        }
    }
    for (position, step) in plan.steps.iter().enumerate() {
        let subject = match &step.action {
            Action::Patch(patch) => {
                let object = match patch.act() {
                    Act::Patch => patch.id.to_string(),
                    act => format!("{} {}", act.verb(), patch.id),
                };
                match patch.managed_by {
                    Some(manager) => format!("{object}, managed by {manager}"),
                    None => object,
                }
            }
            Action::ProbeImage(pod) => {
                let (image, node) = image_probe::asked(&pod.after);
                format!("ask node {node} for {image}")
            }
            Action::Manual => "by hand".to_owned(),
        };
        let number = position + 1;
        let (risk, wait, needs) = (step.risk, step.wait, &step.needs);
        writeln!(
            text,
            "\n{number}. {subject} ({risk:?}, wait {wait}, needs {needs:?})"
        )
        .unwrap();
        for language in LANGUAGES {
            writeln!(text, "   {}", step.message.render(language, &step.args)).unwrap();
        }
    }
    for patch in plan.changes() {
        let diff = diff::unified(&patch.id, &patch.before, &patch.after);
        write!(text, "\n{diff}").unwrap();
    }
    text
}
