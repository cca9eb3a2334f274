//! The WebAssembly toolchain. Two routes lead to it: rustup's target, and Debian's own compiler with the sources of the
//! standard library. Which one is taken is said.

use std::path::Path;
use std::process::Command;

use anyhow::{Result, bail};

use crate::run::{cargo, output, run, say};

const TARGET: &str = "wasm32-unknown-unknown";
const DEBIAN_PACKAGES: [&str; 4] = ["rustc-web", "cargo-web", "rust-web-src", "lld-19"];
const DEBIAN_LINKER: &str = "/usr/bin/wasm-ld-19";
const DEBIAN_SOURCES: &str = "/usr/lib/rustlib/src";

/// How fixers are compiled.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Toolchain {
    /// The toolchain that runs us, with the target from rustup.
    Rustup,
    /// Debian's rustc, which builds the standard library itself.
    Debian,
}

/// Finds a toolchain, or gets one.
pub(crate) fn setup() -> Result<Toolchain> {
    if has_target() {
        say(&format!(
            "fixers are compiled by this toolchain: its target {TARGET} is installed"
        ));
        return Ok(Toolchain::Rustup);
    }
    if has_debian() {
        say("fixers are compiled by Debian's rustc with the sources of the standard library");
        return Ok(Toolchain::Debian);
    }
    say(&format!(
        "the target {TARGET} is missing; asking rustup for it"
    ));
    if run(Command::new("rustup").args(["target", "add", TARGET])).is_ok() && has_target() {
        return Ok(Toolchain::Rustup);
    }
    say("rustup could not get it; asking Debian's packages for a compiler that can do without");
    let install = ["install", "--yes", "--no-install-recommends"];
    let updated = run(Command::new("apt-get").arg("update")).is_ok();
    if updated
        && run(Command::new("apt-get").args(install).args(DEBIAN_PACKAGES)).is_ok()
        && has_debian()
    {
        return Ok(Toolchain::Debian);
    }
    bail!(
        "there is no WebAssembly toolchain. Either\n  rustup target add {TARGET}\nor, on Debian and Ubuntu, as root\n  \
         apt-get install --no-install-recommends {}\nand run this again",
        DEBIAN_PACKAGES.join(" ")
    )
}

fn has_target() -> bool {
    let sysroot = output(Command::new("rustc").args(["--print", "sysroot"]));
    sysroot.is_some_and(|sysroot| {
        Path::new(sysroot.trim())
            .join("lib/rustlib")
            .join(TARGET)
            .join("lib")
            .is_dir()
    })
}

fn has_debian() -> bool {
    [
        "/usr/bin/rustc",
        "/usr/bin/cargo",
        DEBIAN_LINKER,
        DEBIAN_SOURCES,
    ]
    .iter()
    .all(|path| Path::new(path).exists())
}

impl Toolchain {
    /// A cargo that compiles for WebAssembly, before its package arguments.
    pub(crate) fn cargo_build(self) -> Command {
        let mut command = match self {
            Self::Rustup => cargo(&["build"]),
            Self::Debian => {
                let mut command = Command::new("/usr/bin/cargo");
                command
                    .args(["build", "-Z", "build-std=std,panic_abort"])
                    .current_dir(crate::run::root())
                    .env("RUSTC", "/usr/bin/rustc")
                    .env("RUSTC_BOOTSTRAP", "1")
                    .env("CARGO_TARGET_WASM32_UNKNOWN_UNKNOWN_LINKER", DEBIAN_LINKER)
                    .env_remove("RUSTUP_TOOLCHAIN");
                command
            }
        };
        command
            .args([
                "--profile",
                "fixer",
                "--target",
                TARGET,
                "--target-dir",
                "target/wasm",
            ])
            .env_remove("RUSTFLAGS");
        command
    }
}

/// Where a compiled crate ends up, below the root.
pub(crate) fn module_path(crate_name: &str) -> String {
    format!(
        "target/wasm/{TARGET}/fixer/{}.wasm",
        crate_name.replace('-', "_")
    )
}
