//! The catalogue: a page for each fixer and the table of them in the READMEs, in both languages, made from the manifests
//! and from what the cases show. An operator reads here what `kubectl nks explain` prints, and what a fixer can say.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};
use nks_core::manifest::Manifest;
use nks_core::message::Language;

use crate::run::{root, say};

mod markdown;
mod page;
mod said;
mod words;

use markdown::{code, table, text};
use page::{Acts, Fixer};
use said::Said;
use words::Words;

const BEGIN: &str = "<!-- fixers -->\n";
const END: &str = "<!-- /fixers -->";

/// Writes the catalogue.
pub(crate) fn write() -> Result<()> {
    let files = all(&root())?;
    fs::create_dir_all(root().join(PAGES))?;
    for (path, text) in &files {
        if read(path)? != *text {
            fs::write(path, text).with_context(|| format!("cannot write {}", path.display()))?;
            say(&format!("wrote {}", path.display()));
        }
    }
    no_strangers(&root(), &files)
}

/// Fails when a page or a table on disk is not what the manifests and cases say.
pub(crate) fn check() -> Result<()> {
    let files = all(&root())?;
    for (path, text) in &files {
        if read(path)? != *text {
            bail!("{} is out of date: cargo xtask catalogue", path.display());
        }
    }
    no_strangers(&root(), &files)
}

/// Where the pages are.
const PAGES: &str = "docs/fixers";

/// The files of the catalogue, by path.
fn all(root: &Path) -> Result<BTreeMap<PathBuf, String>> {
    let fixers = fixers(root)?;
    let mut files = BTreeMap::new();
    for language in [Language::English, Language::Korean] {
        let words = Words::load(language)?;
        let ending = words::ending(language);
        for fixer in &fixers {
            let path = format!("{PAGES}/{}.{ending}", fixer.manifest.name());
            files.insert(root.join(path), fixer.page(&words)?);
        }
        let readme = root.join(format!("README.{ending}"));
        let changed = between_markers(&read(&readme)?, &overview(&fixers, &words)?)
            .with_context(|| format!("{}", readme.display()))?;
        files.insert(readme, changed);
    }
    Ok(files)
}

/// The fixers of the repository, by name.
fn fixers(root: &Path) -> Result<Vec<Fixer>> {
    let folder = root.join("fixers");
    let mut fixers = Vec::new();
    for entry in fs::read_dir(&folder).with_context(|| format!("{}", folder.display()))? {
        let folder = entry?.path();
        let path = folder.join("fixer.yaml");
        if path.exists() {
            let manifest = Manifest::from_yaml(&read(&path)?)
                .with_context(|| format!("{}", path.display()))?;
            let said = Said::read(&folder.join("cases"))?;
            fixers.push(Fixer { manifest, said });
        }
    }
    fixers.sort_by(|one, other| one.manifest.name().cmp(other.manifest.name()));
    Ok(fixers)
}

/// The table of all fixers.
fn overview(fixers: &[Fixer], words: &Words) -> Result<String> {
    let rows = fixers.iter().map(|fixer| {
        let (name, spec) = (fixer.manifest.name(), &fixer.manifest.spec);
        let acts = match fixer.acts() {
            Acts::Mends => "mends",
            Acts::WhenAsked => "mends-when-asked",
            Acts::Reports => "reports",
        };
        let guide = spec.guide.as_deref();
        Ok(vec![
            format!(
                "[{}]({PAGES}/{name}.{})",
                code(name),
                words::ending(words.language)
            ),
            text(words.of(&spec.about.title)),
            words.say(acts)?.to_owned(),
            guide.map_or_else(|| page::NONE.to_owned(), text),
        ])
    });
    let rows = rows.collect::<Result<Vec<_>>>()?;
    Ok(table(
        &words.each(["fixer", "about", "acts", "section"])?,
        &rows,
    ))
}

/// `text` with what is between the markers replaced.
fn between_markers(text: &str, table: &str) -> Result<String> {
    let parts = text.split_once(BEGIN).and_then(|(before, rest)| {
        let (_, after) = rest.split_once(END)?;
        Some((before, after))
    });
    let (before, after) =
        parts.with_context(|| format!("has no lines `{}` and `{END}`", BEGIN.trim_end()))?;
    Ok(format!("{before}{BEGIN}\n{table}\n{END}{after}"))
}

/// Fails when there is a page of a fixer that there is not. Nothing is deleted for somebody who put a page there.
fn no_strangers(root: &Path, known: &BTreeMap<PathBuf, String>) -> Result<()> {
    let folder = root.join(PAGES);
    for entry in fs::read_dir(&folder).with_context(|| format!("{}", folder.display()))? {
        let path = entry?.path();
        if !known.contains_key(&path) {
            bail!("{} is of no fixer: remove it", path.display());
        }
    }
    Ok(())
}

/// A file's text; empty when there is none.
fn read(path: &Path) -> Result<String> {
    match fs::read_to_string(path) {
        Err(problem) if problem.kind() == std::io::ErrorKind::NotFound => Ok(String::new()),
        other => other.with_context(|| format!("cannot read {}", path.display())),
    }
}

#[cfg(test)]
mod tests;
