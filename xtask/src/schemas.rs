//! JSON Schemas of what people write by hand, made from the types that read it.

use std::fs;
use std::path::PathBuf;

use anyhow::{Context, Result, bail};
use nks_core::manifest::Manifest;

use crate::run::{root, say};

fn manifest() -> Result<(PathBuf, String)> {
    let schema = serde_json::to_string_pretty(&schemars::schema_for!(Manifest))?;
    Ok((root().join("docs/schemas/fixer.v1.json"), schema + "\n"))
}

/// Writes the schemas.
pub(crate) fn write() -> Result<()> {
    let (path, schema) = manifest()?;
    fs::create_dir_all(path.parent().context("the schema is in a folder")?)?;
    fs::write(&path, schema)?;
    say(&format!("wrote {}", path.display()));
    Ok(())
}

/// Fails when a schema on disk is not what the types say.
pub(crate) fn check() -> Result<()> {
    let (path, schema) = manifest()?;
    if fs::read_to_string(&path).unwrap_or_default() != schema {
        bail!("{} is out of date: cargo xtask schemas", path.display());
    }
    Ok(())
}
