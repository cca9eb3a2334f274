//! The main job, shown on the bundled picture of a broken cluster.

use std::process::Command;

use anyhow::{Result, bail};

use crate::artifacts;
use crate::run::say;

/// Builds, then runs `diagnose` and the plan of `fix` on `--from demo`. Both end with exit code 1: something was found.
pub(crate) fn show() -> Result<()> {
    let program = artifacts::build()?.join("kubectl-nks");
    for arguments in [
        &["diagnose", "--from", "demo"][..],
        &["fix", "calico-images", "--from", "demo"][..],
    ] {
        eprintln!();
        say(&format!("kubectl nks {}", arguments.join(" ")));
        let status = Command::new(&program).args(arguments).status()?;
        if status.code() != Some(1) {
            bail!("expected findings (exit code 1), but it ended with {status}");
        }
    }
    say(&format!(
        "the executables are in {}; put that folder on PATH to use `kubectl nks`",
        program.with_file_name("").display()
    ));
    Ok(())
}
