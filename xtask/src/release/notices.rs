//! The licences of what is linked into the executables. Which crates these are is cargo's own answer for the platform;
//! cargo joins the features of the whole workspace in it, so that a crate too many may be named but never one too few.
//! What a procedural macro writes into the code it expands in is its author's, so such crates count as well.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};
use serde::Deserialize;

use crate::run::{cargo, output};

/// The executables that are shipped and carry what they need.
const SHIPPED: [&str; 2] = ["kubectl-nks", "nks-worker"];
/// Fixers are not linked into the worker: they lie in it, compiled from WebAssembly, with the crates that they use.
const FIXERS: &str = "fixers";
const FIXERS_TARGET: &str = "wasm32-unknown-unknown";
const FILES: [&str; 6] = [
    "LICENSE",
    "LICENCE",
    "COPYING",
    "COPYRIGHT",
    "NOTICE",
    "UNLICENSE",
];

/// What `cargo metadata` says, as far as it is needed.
#[derive(Debug, Deserialize)]
struct Metadata {
    packages: Vec<Package>,
    workspace_members: BTreeSet<String>,
    resolve: Resolve,
}

#[derive(Debug, Deserialize)]
struct Package {
    id: String,
    name: String,
    version: String,
    license: Option<String>,
    license_file: Option<PathBuf>,
    manifest_path: PathBuf,
}

#[derive(Debug, Deserialize)]
struct Resolve {
    nodes: Vec<Node>,
}

#[derive(Debug, Deserialize)]
struct Node {
    id: String,
    deps: Vec<Dependency>,
}

#[derive(Debug, Deserialize)]
struct Dependency {
    pkg: String,
    dep_kinds: Vec<DependencyKind>,
}

#[derive(Debug, Deserialize)]
struct DependencyKind {
    /// Nothing for a normal dependency, `build` or `dev`.
    kind: Option<String>,
}

/// A crate of others, with what it says of its licence.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Crate {
    name: String,
    version: String,
    license: Option<String>,
    /// File names with their texts, sorted by name.
    texts: Vec<(String, String)>,
}

/// The notices for this platform and the version of what is released.
pub(super) fn collect() -> Result<(String, String)> {
    let compiler = output(std::process::Command::new("rustc").arg("-vV"))
        .context("rustc does not say its version")?;
    let line = |key: &str| {
        let mut lines = compiler.lines();
        lines.find_map(|line| line.strip_prefix(key).map(str::to_owned))
    };
    let host = line("host: ").context("rustc does not say its host")?;
    let release = line("release: ").context("rustc does not say its version")?;
    let native = Metadata::read(&host)?;
    let shipped = |package: &Package| SHIPPED.contains(&package.name.as_str());
    let mut crates = native.crates(shipped)?;
    crates.extend(Metadata::read(FIXERS_TARGET)?.crates(|package| package.is_in(FIXERS))?);
    let version = native.packages.iter().find(|package| shipped(package));
    let version = version.context("kubectl-nks is in no package")?;
    Ok((
        render(&crates, &version.version, &release),
        version.version.clone(),
    ))
}

impl Metadata {
    fn read(target: &str) -> Result<Self> {
        let arguments = ["metadata", "--format-version", "1", "--locked"];
        let json = output(cargo(&arguments).args(["--filter-platform", target]))
            .context("cargo metadata failed: is Cargo.lock up to date?")?;
        serde_json::from_str(&json).context("cargo metadata cannot be read")
    }

    /// The crates of others that the chosen members of the workspace reach by normal dependencies.
    fn crates(&self, is_root: impl Fn(&Package) -> bool) -> Result<BTreeSet<Crate>> {
        let members = |package: &&Package| self.workspace_members.contains(&package.id);
        let roots = self.packages.iter().filter(members);
        let roots: Vec<_> = roots.filter(|package| is_root(package)).collect();
        if roots.is_empty() {
            bail!("nothing that is shipped is in the workspace");
        }
        let reached = self.reach(roots.iter().map(|package| package.id.as_str()))?;
        let foreign = self.packages.iter().filter(|package| {
            reached.contains(package.id.as_str()) && !self.workspace_members.contains(&package.id)
        });
        foreign.map(Package::notice).collect()
    }

    fn reach<'a>(&'a self, roots: impl Iterator<Item = &'a str>) -> Result<BTreeSet<&'a str>> {
        let nodes = self.resolve.nodes.iter();
        let nodes: BTreeMap<_, _> = nodes.map(|node| (node.id.as_str(), node)).collect();
        let mut queue: VecDeque<_> = roots.collect();
        let mut reached = BTreeSet::new();
        while let Some(id) = queue.pop_front() {
            if !reached.insert(id) {
                continue;
            }
            let node = nodes.get(id);
            let node = node.with_context(|| format!("cargo metadata resolves no {id}"))?;
            let normal = node.deps.iter().filter(|dependency| {
                let mut kinds = dependency.dep_kinds.iter();
                kinds.any(|kind| kind.kind.is_none())
            });
            queue.extend(normal.map(|dependency| dependency.pkg.as_str()));
        }
        Ok(reached)
    }
}

impl Package {
    fn folder(&self) -> &Path {
        self.manifest_path.parent().unwrap_or(Path::new("."))
    }

    fn is_in(&self, folder: &str) -> bool {
        let parent = self.folder().parent().and_then(Path::file_name);
        parent.is_some_and(|name| name == folder)
    }

    fn notice(&self) -> Result<Crate> {
        let (name, version) = (self.name.clone(), self.version.clone());
        let texts = texts(self.folder(), self.license_file.as_deref())
            .with_context(|| format!("cannot read the licence of {name} {version}"))?;
        if self.license.is_none() && texts.is_empty() {
            bail!("{name} {version} has no licence: no expression and no file");
        }
        Ok(Crate {
            name,
            version,
            license: self.license.clone(),
            texts,
        })
    }
}

/// The licence files in a crate's folder, and the one that its Cargo.toml names, which may be called anything.
fn texts(folder: &Path, named: Option<&Path>) -> Result<Vec<(String, String)>> {
    let mut paths: BTreeSet<_> = named.map(|named| folder.join(named)).into_iter().collect();
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        let name = entry.file_name().to_string_lossy().to_uppercase();
        if FILES.iter().any(|start| name.starts_with(start)) && entry.path().is_file() {
            paths.insert(entry.path());
        }
    }
    paths
        .into_iter()
        .map(|path| {
            let name = path.file_name().unwrap_or(path.as_os_str());
            let text = String::from_utf8_lossy(&fs::read(&path)?).into_owned();
            // The same text is often kept with other line ends, or with empty lines around it.
            let text = text.replace("\r\n", "\n");
            let text = text.trim_start_matches('\n').trim_end().to_owned();
            Ok((name.to_string_lossy().into_owned(), text))
        })
        .collect()
}

/// The file: first the crates, each with the numbers of its texts, then each text once.
fn render(crates: &BTreeSet<Crate>, version: &str, rustc: &str) -> String {
    let mut numbers: BTreeMap<&str, usize> = BTreeMap::new();
    let mut printed = String::new();
    let mut page = format!(
        "Third-party software in kubectl nks {version}\n\n\
         kubectl nks is under Apache-2.0, the text of which is the file LICENSE. Its executables contain the crates below;\n\
         the numbers lead to the texts that each of them carries, which follow. A crate without a number carries none.\n\
         They also contain the standard library of Rust {rustc}, copyright The Rust Project Developers, under Apache-2.0\n\
         or MIT.\n\n"
    );
    for linked in crates {
        let license = linked.license.as_deref().unwrap_or("see its text");
        let mut own = BTreeSet::new();
        for (name, text) in &linked.texts {
            let next = numbers.len() + 1;
            let number = *numbers.entry(text).or_insert_with(|| {
                // Writing to a string cannot fail.
                let _ = write!(printed, "\n{}\n[{next}] {name}\n\n{text}\n", "-".repeat(80));
                next
            });
            own.insert(number);
        }
        let own: String = own.iter().map(|number| format!(" [{number}]")).collect();
        let _ = writeln!(page, "{} {}: {license}{own}", linked.name, linked.version);
    }
    page + &printed
}

#[cfg(test)]
mod tests {
    use super::*;

    fn package(folder: &Path, license: Option<&str>) -> Package {
        Package {
            id: "some 1".to_owned(),
            name: "some".to_owned(),
            version: "1.0.0".to_owned(),
            license: license.map(str::to_owned),
            license_file: None,
            manifest_path: folder.join("Cargo.toml"),
        }
    }

    #[test]
    fn files_are_found_by_their_names_in_a_fixed_order() {
        let folder = tempfile::tempdir().unwrap();
        for name in ["license-mit", "NOTICE", "LICENCE", "COPYING.txt", "main.rs"] {
            fs::write(folder.path().join(name), format!("{name}\r\n")).unwrap();
        }
        let texts = package(folder.path(), None).notice().unwrap().texts;
        let expected = ["COPYING.txt", "LICENCE", "NOTICE", "license-mit"];
        assert_eq!(texts, expected.map(|name| (name.into(), name.into())));
    }

    #[test]
    fn a_crate_without_any_licence_is_named() {
        let folder = tempfile::tempdir().unwrap();
        let error = package(folder.path(), None).notice().unwrap_err();
        assert!(error.to_string().contains("some 1.0.0"), "{error}");
        assert!(package(folder.path(), Some("MIT")).notice().is_ok());
        let mut named = package(folder.path(), None);
        named.license_file = Some("terms".into());
        assert!(named.notice().is_err(), "the named file is not there");
        fs::write(folder.path().join("terms"), "terms").unwrap();
        assert_eq!(named.notice().unwrap().texts.len(), 1);
    }

    #[test]
    fn the_same_text_is_printed_once() {
        let linked = |name: &str, texts: &[&str]| Crate {
            name: name.to_owned(),
            version: "1.0.0".to_owned(),
            license: Some("MIT".to_owned()),
            texts: texts
                .iter()
                .map(|text| ("LICENSE".to_owned(), (*text).to_owned()))
                .collect(),
        };
        let crates = BTreeSet::from([
            linked("b", &["same", "other"]),
            linked("a", &["same"]),
            linked("c", &[]),
        ]);
        let page = render(&crates, "0.1.0", "1.95.0");
        assert_eq!(page.matches("\nsame\n").count(), 1);
        assert!(page.contains("a 1.0.0: MIT [1]\nb 1.0.0: MIT [1] [2]\nc 1.0.0: MIT\n"));
        assert!(page.ends_with("[2] LICENSE\n\nother\n"), "{page}");
    }

    #[test]
    fn build_and_dev_dependencies_are_not_followed() {
        let metadata: Metadata = serde_json::from_value(serde_json::json!({
            "packages": [],
            "workspace_members": [],
            "resolve": {"nodes": [
                {"id": "root", "deps": [
                    {"pkg": "normal", "dep_kinds": [{"kind": "dev"}, {"kind": null}]},
                    {"pkg": "build", "dep_kinds": [{"kind": "build"}]},
                    {"pkg": "dev", "dep_kinds": [{"kind": "dev"}]},
                ]},
                {"id": "normal", "deps": [{"pkg": "root", "dep_kinds": [{"kind": null}]}]},
            ]},
        }))
        .unwrap();
        let reached = metadata.reach(["root"].into_iter()).unwrap();
        assert_eq!(reached, BTreeSet::from(["normal", "root"]));
    }
}
