//! The figures, measured now on this machine and held beside their aims. A miss is printed, not hidden, and fails nothing:
//! a machine's speed is not a property of the code.

use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};

use crate::artifacts::{self, COMPONENTS};
use crate::bench_cluster;
use crate::run::{cargo, root, run};

/// Builds everything in release and prints the figures.
pub(crate) fn all() -> Result<()> {
    artifacts::build_for_tests()?;
    eprintln!();
    run(
        cargo(&["bench", "--quiet", "--workspace", "--bench", "fixer"])
            .env("NKS_BENCH_TARGET", root().join("target")),
    )?;
    let folder = root().join("target/release");
    command_line(&folder.join("kubectl-nks"))?;
    sizes(&folder)?;
    bench_cluster::all(&folder.join("kubectl-nks"))
}

fn command_line(program: &Path) -> Result<()> {
    let home = std::env::temp_dir().join(format!("nks-bench-{}", std::process::id()));
    std::fs::create_dir_all(&home)?;
    let diagnose = ["diagnose", "--from", "demo"];
    show(
        "kubectl-nks version",
        median(30, program, &home, &["version"])?,
        Some(50),
    );
    show(
        "kubectl-nks __complete fix",
        median(20, program, &home, &["__complete", "fix", ""])?,
        Some(200),
    );
    show(
        "diagnose --from demo, first run ever",
        time(program, &home, &diagnose)?,
        None,
    );
    show(
        "diagnose --from demo, later runs",
        median(20, program, &home, &diagnose)?,
        None,
    );
    std::fs::remove_dir_all(&home).context("cannot remove the temporary home")
}

fn time(program: &Path, home: &Path, arguments: &[&str]) -> Result<Duration> {
    let started = Instant::now();
    let mut command = Command::new(program);
    command
        .args(arguments)
        .env_clear()
        .env("HOME", home)
        .stdout(Stdio::null())
        .stderr(Stdio::null());
    let status = command
        .status()
        .with_context(|| format!("cannot start {}", program.display()))?;
    let took = started.elapsed();
    if !matches!(status.code(), Some(0 | 1)) {
        bail!(
            "{} {} ended with {status}",
            program.display(),
            arguments.join(" ")
        );
    }
    Ok(took)
}

fn median(times: usize, program: &Path, home: &Path, arguments: &[&str]) -> Result<Duration> {
    let mut taken = (0..times)
        .map(|_| time(program, home, arguments))
        .collect::<Result<Vec<_>>>()?;
    taken.sort();
    Ok(taken[taken.len() / 2])
}

fn show(name: &str, time: Duration, aim: Option<u32>) {
    let aim = aim
        .map(|aim| format!("   aim ≤ {aim} ms"))
        .unwrap_or_default();
    eprintln!("{name:<40} {:>9.3} ms{aim}", time.as_secs_f64() * 1e3);
}

fn sizes(folder: &Path) -> Result<()> {
    let size = |path: &Path| {
        std::fs::metadata(path)
            .map(|file| file.len())
            .with_context(|| path.display().to_string())
    };
    let whole = size(&folder.join("kubectl-nks"))?;
    let worker = size(&folder.join("nks-worker"))?;
    let mib = |bytes: u64| bytes as f64 / (1024.0 * 1024.0);
    eprintln!(
        "{:<40} {:>9.2} MiB   aim ≤ 12 MB",
        "kubectl-nks",
        mib(whole)
    );
    eprintln!(
        "{:<40} {:>9.2} MiB   aim ≤ 25 MB",
        "kubectl-nks and nks-worker",
        mib(whole + worker)
    );
    for thin in ["kubectl-nks-diagnose", "kubectl-nks-fix"] {
        eprintln!("{thin:<40} {:>9} KiB", size(&folder.join(thin))? / 1024);
    }
    let component = root().join(COMPONENTS).join("calico-images.wasm");
    eprintln!(
        "{:<40} {:>9} KiB   aim ≤ 150 KB",
        "calico-images.wasm",
        size(&component)? / 1024
    );
    Ok(())
}
