//! `KUBECTL_EXTERNAL_DIFF`: another program shows the difference, as it does for `kubectl diff`. It is given what our own
//! diff would show: credentials masked, and nothing that the server keeps for itself.

use std::fs;
use std::process::Command;

use nks_core::diff;
use nks_core::plan::ObjectPatch;
use serde_json::Value;

use crate::failure::Failure;
use crate::screen::Screen;

/// The program with its arguments, split at spaces as kubectl splits it.
pub(crate) fn program() -> Option<Vec<String>> {
    let command = std::env::var("KUBECTL_EXTERNAL_DIFF").ok()?;
    let words: Vec<String> = command.split_whitespace().map(str::to_owned).collect();
    (!words.is_empty()).then_some(words)
}

/// Runs it on two folders with one file an object. As with diff, exit code 1 says that there are differences.
pub(crate) fn show(
    screen: &Screen,
    program: &[String],
    changes: &[(&ObjectPatch, Value)],
) -> Result<(), Failure> {
    let folder = tempfile::Builder::new().prefix("kubectl-nks-").tempdir()?;
    let [live, planned] = ["LIVE", "PLANNED"].map(|name| folder.path().join(name));
    for path in [&live, &planned] {
        fs::create_dir(path)?;
    }
    for (patch, after) in changes {
        let name = diff::file_name(&patch.id);
        fs::write(live.join(&name), diff::readable(&patch.before))?;
        fs::write(planned.join(&name), diff::readable(after))?;
    }
    let (name, arguments) = program.split_first().expect("it has a name");
    let failed = |problem: &str| {
        let values = [("program", &**name), ("problem", problem)];
        Failure::error(screen.say("external-diff-failed", &values))
    };
    let status = Command::new(name)
        .args(arguments)
        .args([&live, &planned])
        .status()
        .map_err(|problem| failed(&problem.to_string()))?;
    match status.code() {
        Some(0 | 1) => Ok(()),
        _ => Err(failed(&status.to_string())),
    }
}
