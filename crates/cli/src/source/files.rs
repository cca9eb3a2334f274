//! Objects from files, folders, archives and standard input.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::{self, File};
use std::io::Read;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use nks_core::demand::Fetch;
use nks_core::facts::{self, ClusterFacts};
use nks_core::kinds;
use nks_core::object::{Object, ObjectId};
use nks_core::source as manifests;

use super::archive::{self, Form};
use super::{Gap, Seen};
use crate::failure::Failure;
use crate::files::open;
use crate::screen::Screen;

/// A broken NKS cluster to look at without having one.
const DEMO: &str = include_str!("../../demo.yaml");

/// What files hold.
pub(crate) struct Files {
    name: String,
    objects: BTreeMap<ObjectId, Object>,
    uids: BTreeMap<String, ObjectId>,
    gaps: Vec<Gap>,
}

impl Files {
    pub(super) fn open(screen: &Screen, path: &str, namespace: &str) -> Result<Self, Failure> {
        let mut files = Self {
            name: path.to_owned(),
            objects: BTreeMap::new(),
            uids: BTreeMap::new(),
            gaps: Vec::new(),
        };
        let cannot = |path: &str, problem: &dyn std::fmt::Display| {
            Failure::error(screen.say(
                "cannot-read",
                &[("path", path), ("problem", &problem.to_string())],
            ))
        };
        match path {
            "demo" => files
                .take(screen, "demo", DEMO, namespace)
                .map_err(|problem| cannot(path, &problem))?,
            "-" => {
                let mut text = String::new();
                let limit = manifests::MAX_BYTES as u64 + 1;
                std::io::stdin()
                    .take(limit)
                    .read_to_string(&mut text)
                    .map_err(|problem| cannot("-", &problem))?;
                files
                    .take(screen, "-", &text, namespace)
                    .map_err(|problem| cannot("-", &problem))?;
            }
            _ if Path::new(path).is_dir() => files.folder(screen, Path::new(path), namespace),
            _ => files
                .file(screen, Path::new(path), namespace)
                .map_err(|problem| cannot(path, &problem))?,
        }
        if files.objects.is_empty() && files.gaps.is_empty() {
            return Err(Failure::error(
                screen.say("nothing-in-files", &[("path", path)]),
            ));
        }
        Ok(files)
    }

    /// Reads one file, or what an archive holds. A damaged archive is a gap, and what came before the damage counts.
    fn file(&mut self, screen: &Screen, path: &Path, namespace: &str) -> Result<(), String> {
        let shown = path.display().to_string();
        let mut file = open(path)?;
        let form = archive::form(&mut file).map_err(|problem| problem.to_string())?;
        if form == Form::Plain {
            return self.take(screen, &shown, &text_of(file)?, namespace);
        }
        let mut problems = Vec::new();
        let whole = archive::read(file, form, &mut |name, text| {
            let name = format!("{shown}: {name}");
            let taken = text.and_then(|text| self.take(screen, &name, &text, namespace));
            problems.extend(taken.err().map(|problem| (name, problem)));
        });
        problems.extend(whole.err().map(|problem| (shown.clone(), problem)));
        self.miss(problems);
        Ok(())
    }

    fn miss(&mut self, problems: Vec<(String, String)>) {
        self.gaps
            .extend(problems.into_iter().map(|(what, reason)| Gap {
                what,
                reason,
                resource: None,
            }));
    }

    /// Reads every manifest below a folder. One that cannot be read is a gap, and the others count.
    fn folder(&mut self, screen: &Screen, folder: &Path, namespace: &str) {
        let mut paths = Vec::new();
        let mut problems = Vec::new();
        collect(folder, &mut paths, &mut problems);
        paths.sort();
        for path in paths {
            let shown = path.display().to_string();
            let taken = open(&path)
                .and_then(text_of)
                .and_then(|text| self.take(screen, &shown, &text, namespace));
            if let Err(problem) = taken {
                problems.push((shown, problem));
            }
        }
        self.miss(problems);
    }

    /// Takes the objects of one text. The same object a second time, and not the same, is a gap: which one is true cannot
    /// be said. So is one of another cluster.
    fn take(
        &mut self,
        screen: &Screen,
        name: &str,
        text: &str,
        namespace: &str,
    ) -> Result<(), String> {
        for object in manifests::parse(text, namespace).map_err(|problem| problem.to_string())? {
            if let Some(reason) = self.objection(screen, &object) {
                self.miss(vec![(name.to_owned(), reason)]);
                continue;
            }
            self.uids.insert(object.uid.clone(), object.id.clone());
            self.objects.insert(object.id.clone(), object);
        }
        if manifests::is_cut(text) {
            self.miss(vec![(name.to_owned(), screen.say("dump-cut", &[]))]);
        }
        Ok(())
    }

    /// Why an object is left out, if it is. The same object under two versions of the API has one uid, and is fine.
    fn objection(&self, screen: &Screen, object: &Object) -> Option<String> {
        if let Err(problem) = object.check_containers() {
            return Some(problem.to_string());
        }
        let (id, shown) = (&object.id, object.id.to_string());
        match self.objects.get(id) {
            Some(known) if known.value == object.value => None,
            Some(known) => {
                let told = !known.uid.is_empty() && !object.uid.is_empty();
                let another = told && known.uid != object.uid;
                let message = match another {
                    true => "object-other-uid",
                    false => "object-twice",
                };
                Some(screen.say(message, &[("object", &shown)]))
            }
            None => {
                let other = self.uids.get(&object.uid)?;
                let same = (&other.kind, &other.namespace, &other.name)
                    == (&id.kind, &id.namespace, &id.name);
                let arguments = [("object", &*shown), ("other", &*other.to_string())];
                (!same && !object.uid.is_empty()).then(|| screen.say("uid-twice", &arguments))
            }
        }
    }

    /// A kind that a fixer reads and that no file holds is a gap: its absence proves nothing.
    pub(super) fn read(&self, demand: &BTreeSet<Fetch>) -> Seen {
        let mut gaps = self.gaps.clone();
        let kinds: BTreeSet<(&str, &str)> = demand
            .iter()
            .filter(|fetch| !fetch.optional)
            .map(|fetch| (fetch.api_version.as_str(), fetch.kind.as_str()))
            .collect();
        for (api_version, kind) in kinds {
            let holds = |id: &ObjectId| id.api_version == api_version && id.kind == kind;
            if !self.objects.keys().any(holds) {
                gaps.push(Gap {
                    what: self.name.clone(),
                    reason: format!("holds no {kind} ({api_version})"),
                    resource: kinds::qualified(api_version, kind),
                });
            }
        }
        let objects: Vec<Object> = self.objects.values().cloned().collect();
        Seen {
            facts: self.facts(&objects),
            objects: objects.into_iter().map(Arc::new).collect(),
            gaps,
            unknown: Vec::new(),
        }
    }

    fn facts(&self, objects: &[Object]) -> ClusterFacts {
        let nodes: Vec<&Object> = objects
            .iter()
            .filter(|object| object.id.kind == "Node")
            .collect();
        ClusterFacts {
            name: self.name.clone(),
            kubernetes_version: nodes
                .first()
                .and_then(|node| node.text("/status/nodeInfo/kubeletVersion"))
                .map(str::to_owned),
            is_nks: facts::nks_namespace(objects),
            cni: facts::calico(objects),
            nodes: (!nodes.is_empty())
                .then(|| nodes.iter().map(|node| node.id.name.clone()).collect()),
        }
    }
}

fn text_of(file: File) -> Result<String, String> {
    let mut text = String::new();
    let read = file
        .take(manifests::MAX_BYTES as u64 + 1)
        .read_to_string(&mut text);
    read.map_err(|problem| problem.to_string())?;
    Ok(text)
}

/// Paths of the manifests below `folder`; links are not followed, so there is no way out of it.
fn collect(folder: &Path, paths: &mut Vec<PathBuf>, problems: &mut Vec<(String, String)>) {
    let entries = match fs::read_dir(folder) {
        Ok(entries) => entries,
        Err(problem) => return problems.push((folder.display().to_string(), problem.to_string())),
    };
    for entry in entries.flatten() {
        let path = entry.path();
        match entry.file_type() {
            Ok(kind) if kind.is_dir() => collect(&path, paths, problems),
            Ok(kind) if kind.is_file() && is_manifest(&path) => paths.push(path),
            _ => {}
        }
    }
}

fn is_manifest(path: &Path) -> bool {
    path.extension().is_some_and(|extension| {
        ["yaml", "yml", "json"]
            .iter()
            .any(|known| extension.eq_ignore_ascii_case(known))
    })
}
