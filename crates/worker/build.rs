//! Two facts that the code needs at build time: the target, and the pack of compiled built-in fixers.
//!
//! The pack is written by this crate's own `nks-precompile`, so the first build has none. It then puts an empty one in
//! its place: Cargo can watch a file that is there, but takes a missing one for changed at every build.

use std::env;
use std::path::PathBuf;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    println!("cargo::rustc-env=NKS_TARGET={}", env::var("TARGET")?);
    println!("cargo::rerun-if-env-changed=NKS_BUILTINS");
    let pack = match env::var_os("NKS_BUILTINS") {
        Some(named) => PathBuf::from(named),
        None => {
            let root = PathBuf::from(env::var("CARGO_MANIFEST_DIR")?).join("../..");
            let folder = root.join("target/nks");
            std::fs::create_dir_all(&folder)?;
            let pack = folder.join("builtins.pack");
            if !pack.is_file() {
                std::fs::write(&pack, b"")?;
            }
            pack
        }
    };
    let pack = pack
        .canonicalize()
        .map_err(|problem| format!("NKS_BUILTINS names {}: {problem}", pack.display()))?;
    println!("cargo::rerun-if-changed={}", pack.display());
    println!("cargo::rustc-env=NKS_BUILTINS_PACK={}", pack.display());
    Ok(())
}
