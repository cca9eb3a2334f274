//! What is shipped: fixers as components, the worker with the compiled fixers inside, and the command line.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result};
use nks_core::manifest::{Manifest, SECTION};
use wasm_encoder::{ComponentSection, CustomSection};
use wit_component::ComponentEncoder;

use crate::run::{cargo, root, run, say};
use crate::toolchain::{self, Toolchain};

/// Where the components of the built-in fixers are left, below the root.
pub(crate) const COMPONENTS: &str = "target/nks/fixers";
/// The component of tests/hostile, for the tests.
pub(crate) const HOSTILE: &str = "target/nks/hostile.wasm";
const PACK: &str = "target/nks/builtins.pack";

/// Builds fixers, worker and command line in release; returns the folder of the executables.
pub(crate) fn build() -> Result<PathBuf> {
    let components = fixers(toolchain::setup()?)?;
    say("building the worker's compiler (the first time this takes some minutes)");
    let precompiler = [
        "build",
        "--release",
        "--package",
        "nks-worker",
        "--bin",
        "nks-precompile",
    ];
    run(&mut cargo(&precompiler))?;
    precompile(&components)?;
    say("building the executables");
    run(&mut cargo(&[
        "build",
        "--release",
        "--package",
        "kubectl-nks",
        "--package",
        "nks-worker",
        "--bins",
    ]))?;
    Ok(root().join("target/release"))
}

/// Builds all that the tests need, in release. Test binaries and executables come from one build of the whole workspace:
/// cargo builds a dependency anew for each set of features, and for wasmtime and kube that takes minutes.
pub(crate) fn build_for_tests() -> Result<()> {
    let toolchain = toolchain::setup()?;
    let components = fixers(toolchain)?;
    compile(toolchain, &["hostile".to_owned()])?;
    fs::write(
        root().join(HOSTILE),
        assemble(&root().join("tests/hostile"), "hostile")?,
    )?;
    say(
        "building the workspace and its tests (the first time this takes about a quarter of an hour)",
    );
    run(&mut cargo(&[
        "build",
        "--release",
        "--workspace",
        "--all-targets",
    ]))?;
    precompile(&components)
}

/// Compiles the fixers with the worker's own compiler into the pack that the worker's build takes in.
fn precompile(components: &[PathBuf]) -> Result<()> {
    say("compiling the fixers with it");
    let program = root().join("target/release/nks-precompile");
    let pack = root().join(PACK);
    let fresh = pack.with_extension("new");
    run(Command::new(program)
        .arg("--out")
        .arg(&fresh)
        .args(components))?;
    // The same pack again would only make cargo build the worker anew.
    if fs::read(&fresh)? == fs::read(&pack).unwrap_or_default() {
        return Ok(fs::remove_file(&fresh)?);
    }
    Ok(fs::rename(&fresh, &pack)?)
}

/// Builds the fixers and copies their components to `out`.
pub(crate) fn fixers_into(out: &Path) -> Result<()> {
    fs::create_dir_all(out)?;
    for component in fixers(toolchain::setup()?)? {
        let name = component.file_name().context("a component has a name")?;
        fs::copy(&component, out.join(name))?;
        say(&format!("wrote {}", out.join(name).display()));
    }
    Ok(())
}

/// Compiles every fixer and makes a component of each; returns their paths, sorted.
fn fixers(toolchain: Toolchain) -> Result<Vec<PathBuf>> {
    let names = names()?;
    say(&format!("building {} fixers for WebAssembly", names.len()));
    compile(toolchain, &names)?;
    let folder = root().join(COMPONENTS);
    fs::create_dir_all(&folder)?;
    names
        .iter()
        .map(|name| {
            let path = folder.join(format!("{name}.wasm"));
            let component = assemble(&root().join("fixers").join(name), name)?;
            say(&format!("  {name}: {} KiB", component.len().div_ceil(1024)));
            fs::write(&path, component)?;
            Ok(path)
        })
        .collect()
}

/// The folders of `fixers/`.
fn names() -> Result<Vec<String>> {
    let mut names = Vec::new();
    for entry in fs::read_dir(root().join("fixers"))? {
        let entry = entry?;
        if entry.path().join("fixer.yaml").is_file() {
            names.push(entry.file_name().to_string_lossy().into_owned());
        }
    }
    names.sort();
    Ok(names)
}

fn compile(toolchain: Toolchain, names: &[String]) -> Result<()> {
    let mut command = toolchain.cargo_build();
    for name in names {
        command.args(["--package", name]);
    }
    run(&mut command)
}

/// The component of one crate, its manifest in the custom section at the top level, where it can be read without looking
/// into any module.
fn assemble(folder: &Path, name: &str) -> Result<Vec<u8>> {
    let manifest_path = folder.join("fixer.yaml");
    let yaml = fs::read_to_string(&manifest_path)
        .with_context(|| format!("cannot read {}", manifest_path.display()))?;
    let manifest =
        Manifest::from_yaml(&yaml).with_context(|| manifest_path.display().to_string())?;
    let module = fs::read(root().join(toolchain::module_path(name)))?;
    let mut component = ComponentEncoder::default()
        .validate(true)
        .module(&module)
        .and_then(|encoder| encoder.encode())
        .with_context(|| format!("{name} is no component of the fixer world"))?;
    let section = CustomSection {
        name: SECTION.into(),
        data: manifest.to_section()?.into(),
    };
    section.append_to_component(&mut component);
    Ok(component)
}
