//! Compiles the built-in fixers into the pack that the worker carries: `nks-precompile --out FILE A.wasm B.wasm…`
//!
//! Used by `cargo xtask fixers` alone, and shipped to nobody.

use std::io::{self, Write};
use std::path::Path;
use std::process::ExitCode;

use nks_worker::builtin;
use nks_worker::engine::Engine;

fn main() -> ExitCode {
    match run() {
        Ok(()) => ExitCode::SUCCESS,
        Err(problem) => {
            let _ = writeln!(io::stderr(), "nks-precompile: {problem}");
            ExitCode::FAILURE
        }
    }
}

fn run() -> Result<(), Box<dyn std::error::Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [option, out, files @ ..] = arguments.as_slice() else {
        return Err("usage: nks-precompile --out FILE A.wasm…".into());
    };
    if option != "--out" {
        return Err("usage: nks-precompile --out FILE A.wasm…".into());
    }
    let mut components = Vec::new();
    for file in files {
        let bytes = std::fs::read(file).map_err(|problem| format!("{file}: {problem}"))?;
        components.push((file.clone(), bytes));
    }
    let pack = builtin::pack(&Engine::new()?, &components)?;
    // Written beside and moved, so that a build running at the same time never embeds half a pack.
    let beside = Path::new(out).with_extension("new");
    std::fs::write(&beside, pack)?;
    std::fs::rename(&beside, out)?;
    Ok(())
}
