//! Debian's programs of a real node. They are unpacked into the cache folder and never installed: an installed containerd
//! would run as a service, and would take the place of the one that a container engine has brought along.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context, Result, ensure};

use crate::binaries::cache_folder;

/// What `apt-get` is asked for. Their dependencies are on every Debian.
const PACKAGES: [&str; 5] = [
    "busybox-static",
    "containerd",
    "containernetworking-plugins",
    "docker-registry",
    "runc",
];

/// What a node starts, in the folder into which the packages are unpacked.
const PROGRAMS: [&str; 5] = [
    "bin/busybox",
    "usr/bin/containerd",
    "usr/bin/docker-registry",
    "usr/lib/cni/bridge",
    "usr/sbin/runc",
];

/// The folder with the unpacked packages, which are fetched if they are not there.
pub(crate) fn folder() -> Result<PathBuf> {
    let root = cache_folder()?;
    let ready = root.join("debian");
    fs::create_dir_all(&root)?;
    let lock = File::create(root.join("debian.lock"))?;
    lock.lock()?;
    if !ready.is_dir() {
        // Only the holder of the lock gets here, so whatever lies under this name was left by a killed process.
        let partial = root.join("debian.partial");
        if partial.exists() {
            fs::remove_dir_all(&partial)?;
        }
        fs::create_dir_all(&partial)?;
        unpack(&partial).with_context(|| {
            format!(
                "a real node is made of these packages of Debian, which must be fetched once, as root and with a way to \
                 a mirror: {}",
                PACKAGES.join(", ")
            )
        })?;
        fs::rename(&partial, &ready)?;
    }
    Ok(ready)
}

fn unpack(partial: &Path) -> Result<()> {
    let download: Vec<&str> = ["download"].into_iter().chain(PACKAGES).collect();
    // A fresh machine has no lists of packages.
    if run("apt-get", &download, partial).is_err() {
        run("apt-get", &["update"], partial)?;
        run("apt-get", &download, partial)?;
    }
    for entry in fs::read_dir(partial)? {
        let package = entry?.path();
        if package.extension().is_some_and(|it| it == "deb") {
            run("dpkg", &["-x", &package.to_string_lossy(), "."], partial)?;
            fs::remove_file(package)?;
        }
    }
    for program in PROGRAMS {
        ensure!(
            partial.join(program).is_file(),
            "there is no /{program} in the packages"
        );
    }
    Ok(())
}

/// Runs a program to its end. The error holds what it wrote to standard error.
pub(crate) fn run(program: &str, arguments: &[&str], folder: &Path) -> Result<String> {
    let output = Command::new(program)
        .args(arguments)
        .current_dir(folder)
        .stdin(Stdio::null())
        .output()
        .with_context(|| format!("run {program}"))?;
    ensure!(
        output.status.success(),
        "{program} {} failed: {}",
        arguments.join(" "),
        String::from_utf8_lossy(&output.stderr).trim()
    );
    Ok(String::from_utf8_lossy(&output.stdout).into_owned())
}
