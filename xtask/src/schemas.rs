//! JSON Schemas of what people write by hand and what programs read, made from the types that read it.

use std::fs;
use std::path::PathBuf;

use anyhow::{Context, Result, bail};
use nks_core::manifest::Manifest;
use nks_core::output::Output;
use schemars::Schema;

use crate::run::{root, say};

/// The schemas, by path.
fn all() -> Result<[(PathBuf, String); 2]> {
    let text = |schema: Schema| serde_json::to_string_pretty(&schema).map(|text| text + "\n");
    let folder = root().join("docs/schemas");
    Ok([
        (
            folder.join("fixer.v1.json"),
            text(schemars::schema_for!(Manifest))?,
        ),
        (
            folder.join("output.v1.json"),
            text(schemars::schema_for!(Output))?,
        ),
    ])
}

/// Writes the schemas.
pub(crate) fn write() -> Result<()> {
    for (path, schema) in all()? {
        fs::create_dir_all(path.parent().context("the schema is in a folder")?)?;
        fs::write(&path, schema)?;
        say(&format!("wrote {}", path.display()));
    }
    Ok(())
}

/// Fails when a schema on disk is not what the types say.
pub(crate) fn check() -> Result<()> {
    for (path, schema) in all()? {
        if fs::read_to_string(&path).unwrap_or_default() != schema {
            bail!("{} is out of date: cargo xtask schemas", path.display());
        }
    }
    Ok(())
}
