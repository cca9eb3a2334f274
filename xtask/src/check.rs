//! Every check there is, in the order in which they are cheap, with the tests counted.
#![expect(
    clippy::print_stdout,
    reason = "what the tests print is this command's data"
)]

use std::io::{BufRead, BufReader};
use std::process::Stdio;
use std::time::Instant;

use anyhow::{Context, Result, bail};
use nks_bed::{Binaries, Release};

use crate::run::{cargo, run, say};
use crate::{artifacts, catalogue, schemas};

/// Runs everything; the last line counts the tests.
pub(crate) fn all() -> Result<()> {
    step("format", || run(&mut cargo(&["fmt", "--all", "--check"])))?;
    step("schemas are current", schemas::check)?;
    step("catalogue is current", catalogue::check)?;
    step("fixers, executables and tests", artifacts::build_for_tests)?;
    step("clippy", || {
        run(&mut cargo(&[
            "clippy",
            "--workspace",
            "--all-targets",
            "--",
            "-D",
            "warnings",
        ]))
    })?;
    step("documentation", || {
        run(cargo(&[
            "doc",
            "--workspace",
            "--no-deps",
            "--document-private-items",
        ])
        .env("RUSTDOCFLAGS", "-D warnings"))
    })?;
    step("control planes for the test bed", || {
        Release::ALL
            .into_iter()
            .try_for_each(|release| Binaries::build(release, &mut |line| say(line)).map(|_| ()))
    })?;
    let (passed, failed) = step("tests", tests)?;
    println!("{passed} passed, {failed} failed");
    if failed > 0 {
        bail!("{failed} tests failed");
    }
    Ok(())
}

fn step<T>(name: &str, check: impl FnOnce() -> Result<T>) -> Result<T> {
    say(&format!("{name} …"));
    let started = Instant::now();
    let result = check().with_context(|| name.to_owned());
    let ended = if result.is_ok() { "ok" } else { "FAILED" };
    say(&format!(
        "{name}: {ended} after {} s",
        started.elapsed().as_secs()
    ));
    result
}

/// Runs all tests of the workspace and counts them from the lines with which each binary closes.
fn tests() -> Result<(u32, u32)> {
    let mut command = cargo(&["test", "--release", "--workspace", "--no-fail-fast"]);
    let mut child = command
        .stdout(Stdio::piped())
        .spawn()
        .context("cannot start cargo")?;
    let (mut passed, mut failed) = (0, 0);
    for line in BufReader::new(child.stdout.take().context("stdout is piped")?).lines() {
        let line = line?;
        println!("{line}");
        if let Some(rest) = line.strip_prefix("test result:") {
            let count = |word: &str| {
                let before = rest.split(word).next()?;
                before.split_whitespace().next_back()?.parse::<u32>().ok()
            };
            passed += count(" passed").unwrap_or(0);
            failed += count(" failed").unwrap_or(0);
        }
    }
    let status = child.wait()?;
    if !status.success() && failed == 0 {
        bail!("the tests did not run: cargo ended with {status}");
    }
    Ok((passed, failed))
}
