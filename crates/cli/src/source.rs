//! Where objects come from: a cluster, or files (`--from`).

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::io::Read;
use std::path::{Path, PathBuf};

use nks_cluster::{Cluster, ConnectOptions, ProxySettings, Unread};
use nks_core::demand::Fetch;
use nks_core::facts::{self, ClusterFacts};
use nks_core::kinds;
use nks_core::manifest::Manifest;
use nks_core::object::{Object, ObjectId};
use nks_core::source as manifests;

use crate::args::Global;
use crate::failure::Failure;
use crate::screen::Screen;

/// A broken NKS cluster to look at without having one.
const DEMO: &str = include_str!("../demo.yaml");

/// A cluster, or files.
pub(crate) enum Source {
    /// A live cluster.
    Cluster(Box<Cluster>),
    /// Objects from files.
    Files(Files),
}

/// What files hold.
pub(crate) struct Files {
    name: String,
    objects: Vec<Object>,
    gaps: Vec<Gap>,
}

/// Something that was not read. While there is one, nothing is called healthy.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Gap {
    /// What: `list pods -n kube-system`, or a file.
    pub(crate) what: String,
    /// Why, in the server's or the reader's words.
    pub(crate) reason: String,
    /// The resource that it hides, `daemonsets.apps`; `None` when that is not known, and it could be any.
    pub(crate) resource: Option<String>,
}

impl Gap {
    /// For a program.
    pub(crate) fn output(&self) -> nks_core::output::Unread {
        nks_core::output::Unread {
            what: self.what.clone(),
            reason: self.reason.clone(),
        }
    }

    /// Whether it hides something that a fixer reads.
    pub(crate) fn concerns(&self, manifest: &Manifest) -> bool {
        let Some(resource) = &self.resource else {
            return true;
        };
        manifest.spec.reads.iter().any(|rule| {
            kinds::qualified(&rule.api_version, &rule.kind).is_none_or(|read| read == *resource)
        })
    }
}

/// What was read.
pub(crate) struct Seen {
    /// The cluster as a whole.
    pub(crate) facts: ClusterFacts,
    /// Every object, sorted.
    pub(crate) objects: Vec<Object>,
    /// What is missing.
    pub(crate) gaps: Vec<Gap>,
    /// Facts that could not be found out; they are shown as unknown and hide no finding.
    pub(crate) unknown: Vec<Gap>,
}

impl Source {
    /// Connects, or reads the files.
    pub(crate) async fn open(
        screen: &Screen,
        global: &Global,
        from: Option<&str>,
    ) -> Result<Self, Failure> {
        match from {
            None => Ok(Self::Cluster(Box::new(connect(screen, global).await?))),
            Some(path) => Ok(Self::Files(Files::open(
                screen,
                path,
                global.namespace.as_deref().unwrap_or("default"),
            )?)),
        }
    }

    /// Reads what is demanded. `progress` is told how many objects have arrived.
    pub(crate) async fn read(&self, demand: &BTreeSet<Fetch>, progress: &dyn Fn(usize)) -> Seen {
        match self {
            Self::Files(files) => files.read(demand),
            Self::Cluster(cluster) => {
                let (mut facts, unknown) = cluster.facts().await;
                let reading = cluster.read(demand, progress).await;
                facts.cni = facts::calico(&reading.objects);
                let gaps = reading.unread.into_iter().map(Gap::from).collect();
                Seen {
                    facts,
                    objects: reading.objects,
                    gaps,
                    unknown: unknown.into_iter().map(Gap::from).collect(),
                }
            }
        }
    }
}

/// Connects to the cluster that the flags, the environment and the kubeconfig name.
pub(crate) async fn connect(screen: &Screen, global: &Global) -> Result<Cluster, Failure> {
    let options = ConnectOptions {
        kubeconfig: global.kubeconfig.clone(),
        context: global.context.clone(),
        cluster: global.cluster.clone(),
        user: global.user.clone(),
        namespace: global.namespace.clone(),
        server: global.server.clone(),
        tls_server_name: global.tls_server_name.clone(),
        insecure_skip_tls_verify: global.insecure_skip_tls_verify.then_some(true),
        certificate_authority: global.certificate_authority.clone(),
        client_certificate: global.client_certificate.clone(),
        client_key: global.client_key.clone(),
        token: global.token.clone(),
        as_user: global.as_user.clone(),
        as_uid: global.as_uid.clone(),
        as_groups: global.as_groups.clone(),
        request_timeout: global.request_timeout,
        user_agent: format!(
            "kubectl-nks/{} ({}/{})",
            env!("CARGO_PKG_VERSION"),
            std::env::consts::OS,
            std::env::consts::ARCH
        ),
        kubeconfig_env: std::env::var_os("KUBECONFIG"),
        home: directories::BaseDirs::new().map(|folders| folders.home_dir().to_owned()),
        proxy: ProxySettings {
            https_proxy: proxy_variable("HTTPS_PROXY"),
            http_proxy: proxy_variable("HTTP_PROXY"),
            no_proxy: proxy_variable("NO_PROXY"),
        },
    };
    Cluster::connect(&options)
        .await
        .map_err(|problem| Failure::connect(screen, &problem))
}

/// A proxy variable in upper case, or else in lower case, as Go reads them.
fn proxy_variable(name: &str) -> Option<String> {
    std::env::var(name)
        .or_else(|_| std::env::var(name.to_ascii_lowercase()))
        .ok()
}

impl From<Unread> for Gap {
    fn from(unread: Unread) -> Self {
        let scope = unread
            .namespace
            .as_ref()
            .map(|namespace| format!(" -n {namespace}"))
            .unwrap_or_default();
        let name = unread
            .name
            .map(|name| format!("/{name}"))
            .unwrap_or_default();
        let what = format!("{} {}{name}{scope}", unread.verb, unread.resource);
        Self {
            what,
            reason: unread.reason,
            resource: Some(unread.resource),
        }
    }
}

impl Files {
    fn open(screen: &Screen, path: &str, namespace: &str) -> Result<Self, Failure> {
        let mut files = Self {
            name: path.to_owned(),
            objects: Vec::new(),
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
            _ => {
                let text = read_file(Path::new(path)).map_err(|problem| cannot(path, &problem))?;
                files
                    .take(screen, path, &text, namespace)
                    .map_err(|problem| cannot(path, &problem))?;
            }
        }
        if files.objects.is_empty() && files.gaps.is_empty() {
            return Err(Failure::error(
                screen.say("nothing-in-files", &[("path", path)]),
            ));
        }
        files.objects.sort_by(|one, other| one.id.cmp(&other.id));
        Ok(files)
    }

    /// Reads every manifest below a folder. One that cannot be read is a gap, and the others count.
    fn folder(&mut self, screen: &Screen, folder: &Path, namespace: &str) {
        let mut paths = Vec::new();
        let mut problems = Vec::new();
        collect(folder, &mut paths, &mut problems);
        paths.sort();
        for path in paths {
            let shown = path.display().to_string();
            let taken =
                read_file(&path).and_then(|text| self.take(screen, &shown, &text, namespace));
            if let Err(problem) = taken {
                problems.push((shown, problem));
            }
        }
        self.gaps
            .extend(problems.into_iter().map(|(what, reason)| Gap {
                what,
                reason,
                resource: None,
            }));
    }

    /// Takes the objects of one text. The same object a second time is a gap: which one is true cannot be said.
    fn take(
        &mut self,
        screen: &Screen,
        name: &str,
        text: &str,
        namespace: &str,
    ) -> Result<(), String> {
        let known: BTreeSet<ObjectId> = self
            .objects
            .iter()
            .map(|object| object.id.clone())
            .collect();
        let mut taken = BTreeMap::new();
        for object in manifests::parse(text, namespace).map_err(|problem| problem.to_string())? {
            if known.contains(&object.id) || taken.contains_key(&object.id) {
                let reason = screen.say("object-twice", &[("object", &object.id.to_string())]);
                self.gaps.push(Gap {
                    what: name.to_owned(),
                    reason,
                    resource: None,
                });
            } else {
                taken.insert(object.id.clone(), object);
            }
        }
        self.objects.extend(taken.into_values());
        Ok(())
    }

    /// A kind that a fixer reads and that no file holds is a gap: its absence proves nothing.
    fn read(&self, demand: &BTreeSet<Fetch>) -> Seen {
        let mut gaps = self.gaps.clone();
        let kinds: BTreeSet<(&str, &str)> = demand
            .iter()
            .filter(|fetch| !fetch.optional)
            .map(|fetch| (fetch.api_version.as_str(), fetch.kind.as_str()))
            .collect();
        for (api_version, kind) in kinds {
            if !self
                .objects
                .iter()
                .any(|object| object.id.api_version == api_version && object.id.kind == kind)
            {
                gaps.push(Gap {
                    what: self.name.clone(),
                    reason: format!("holds no {kind} ({api_version})"),
                    resource: kinds::qualified(api_version, kind),
                });
            }
        }
        Seen {
            facts: self.facts(),
            objects: self.objects.clone(),
            gaps,
            unknown: Vec::new(),
        }
    }

    fn facts(&self) -> ClusterFacts {
        let nodes: Vec<&Object> = self
            .objects
            .iter()
            .filter(|object| object.id.kind == "Node")
            .collect();
        ClusterFacts {
            name: self.name.clone(),
            kubernetes_version: nodes
                .first()
                .and_then(|node| node.text("/status/nodeInfo/kubeletVersion"))
                .map(str::to_owned),
            is_nks: facts::nks_namespace(&self.objects),
            cni: facts::calico(&self.objects),
            nodes: (!nodes.is_empty())
                .then(|| nodes.iter().map(|node| node.id.name.clone()).collect()),
        }
    }
}

fn read_file(path: &Path) -> Result<String, String> {
    let metadata = fs::metadata(path).map_err(|problem| problem.to_string())?;
    // A device or a pipe never ends, and a kubeconfig or manifest is neither.
    if !metadata.is_file() {
        return Err("it is not a regular file".into());
    }
    if metadata.len() > manifests::MAX_BYTES as u64 {
        return Err(manifests::SourceError::TooLarge(metadata.len() as usize).to_string());
    }
    fs::read_to_string(path).map_err(|problem| problem.to_string())
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
