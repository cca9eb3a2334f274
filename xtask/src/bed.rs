//! `cargo xtask bed up | down`: a test bed for a person to play with.
//!
//! It outlives the command. A record of it lies in the cache folder, so there is one at a time. Standard output gets
//! what a shell can evaluate, and standard error everything else: `eval "$(cargo xtask bed up)"`.
#![expect(
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "xtask talks to a person and to the person's shell"
)]

use std::fs;
use std::path::PathBuf;

use anyhow::{Context, Result, bail};
use nks_bed::{Bed, Binaries, Detached, Options, Release};

/// Starts a bed with `nodes` simulated nodes and perhaps a real one, puts `scenario` into it if one is named, and leaves it
/// running.
///
/// # Errors
/// When one is up already, or it cannot be built, started or brought into the scenario's state; nothing is left
/// running then.
pub(crate) fn up(nodes: u32, scenario: Option<&str>, real_node: bool) -> Result<()> {
    let path = record()?;
    if let Some(bed) = Detached::load(&path)? {
        if bed.is_running() {
            bail!(
                "a test bed is up already. To use it:\n\n    export KUBECONFIG={}\n\nTo have another, stop this one \
                 first: cargo xtask bed down",
                quoted(&bed.kubeconfig().to_string_lossy())
            );
        }
        // It ended without `down`, with the machine for example; this removes what it left.
        bed.stop()?;
    }
    let binaries = Binaries::build(Release::default(), &mut |line| eprintln!("{line}"))?;
    eprintln!("starting etcd, the control plane and {nodes} nodes: about 10 seconds");
    let bed = Bed::start_with(
        binaries,
        Options {
            nodes,
            real_node,
            ..Options::default()
        },
    )?;
    if let Some(name) = scenario {
        eprintln!("applying scenario {name}");
        bed.scenario(name)?;
    }
    if real_node {
        eprintln!(
            "{} is real; it can pull {} and no other image",
            bed.real_node(),
            nks_bed::SMALL_IMAGE
        );
    }
    let kubectl = bed.binaries().tool("kubectl");
    let bed = bed.detach();
    if let Err(error) = bed.save(&path) {
        bed.stop()?;
        return Err(error);
    }
    eprintln!("the bed is up; its kubeconfig is an administrator's, whom RBAC does not stop");
    eprintln!("logs:    {}", bed.folder().display());
    eprintln!("kubectl: {}", kubectl.display());
    eprintln!("stop it: cargo xtask bed down");
    println!(
        "export KUBECONFIG={}",
        quoted(&bed.kubeconfig().to_string_lossy())
    );
    Ok(())
}

/// Stops the bed that [`up`] started and removes its folder. Without one it says so, and that is no error.
///
/// # Errors
/// When the record cannot be read, or the folder or the record cannot be removed.
pub(crate) fn down() -> Result<()> {
    let path = record()?;
    let Some(bed) = Detached::load(&path)? else {
        eprintln!("no test bed is up");
        return Ok(());
    };
    bed.stop()?;
    fs::remove_file(&path).with_context(|| format!("remove {}", path.display()))?;
    eprintln!("the test bed is down");
    println!("unset KUBECONFIG");
    Ok(())
}

fn record() -> Result<PathBuf> {
    Ok(nks_bed::cache_folder()?.join("bed.json"))
}

/// `text` as one word of a POSIX shell.
fn quoted(text: &str) -> String {
    format!("'{}'", text.replace('\'', r"'\''"))
}
