//! Where objects come from: a cluster, or files (`--from`).

use std::collections::BTreeSet;
use std::io::IsTerminal;
use std::sync::Arc;

use nks_cluster::{Cluster, ConnectOptions, ProxySettings, Trace, Unread};
use nks_core::demand::{Fetch, Further};
use nks_core::facts::{self, ClusterFacts};
use nks_core::kinds;
use nks_core::manifest::Manifest;
use nks_core::object::Object;
use nks_core::probe;
use regex_lite::Regex;

mod archive;
mod files;

use files::Files;

use crate::args::Global;
use crate::failure::Failure;
use crate::screen::Screen;
use crate::version;

/// A cluster, or files.
pub(crate) enum Source {
    /// A live cluster.
    Cluster(Box<Cluster>),
    /// Objects from files.
    Files(Files),
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
            if rule.api_version == probe::API_VERSION {
                return rule.kind == *resource;
            }
            kinds::qualified(&rule.api_version, &rule.kind).is_none_or(|read| read == *resource)
        })
    }
}

/// What was read.
pub(crate) struct Seen {
    /// The cluster as a whole.
    pub(crate) facts: ClusterFacts,
    /// Every object, sorted.
    pub(crate) objects: Vec<Arc<Object>>,
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
    /// It fails where nobody answers; whatever else cannot be read is a gap.
    pub(crate) async fn read(
        &self,
        screen: &Screen,
        demand: &BTreeSet<Fetch>,
        progress: &dyn Fn(usize),
    ) -> Result<Seen, Failure> {
        match self {
            Self::Files(files) => Ok(files.read(demand)),
            Self::Cluster(cluster) => {
                let (mut facts, unknown) = cluster
                    .facts()
                    .await
                    .map_err(|problem| Failure::request(screen, &problem))?;
                let reading = cluster.read(demand, progress).await;
                facts.cni = facts::calico(&reading.objects);
                let gaps = reading.unread.into_iter().map(Gap::from).collect();
                Ok(Seen {
                    facts,
                    objects: reading.objects.into_iter().map(Arc::new).collect(),
                    gaps,
                    unknown: unknown.into_iter().map(Gap::from).collect(),
                })
            }
        }
    }
}

impl Source {
    /// What a fixer asks for, logs as objects, and what of that could not be read. Files hold no logs, and everything else
    /// of them was read before.
    pub(crate) async fn further(&self, wanted: &Further) -> (Vec<Object>, Vec<Gap>) {
        let Self::Cluster(cluster) = self else {
            return (Vec::new(), Vec::new());
        };
        let reading = cluster.read(&wanted.objects, &|_| {}).await;
        let mut objects = reading.objects;
        let mut gaps: Vec<Gap> = reading.unread.into_iter().map(Gap::from).collect();
        for log in &wanted.logs {
            let Ok(filter) = Regex::new(&log.filter) else {
                continue;
            };
            let place = (&*log.namespace, &*log.pod, &*log.container);
            match cluster.previous_log(place).await {
                Ok(Some(text)) => objects.push(probe::container_log(place, &text, &filter)),
                Ok(None) => {}
                Err(unread) => gaps.push(Gap::from(unread)),
            }
        }
        (objects, gaps)
    }
}

/// Connects to the cluster that the flags, the environment and the kubeconfig name.
pub(crate) async fn connect(screen: &Screen, global: &Global) -> Result<Cluster, Failure> {
    let options = ConnectOptions {
        kubeconfig: global.kubeconfig.clone(),
        context: global.context.clone(),
        cluster: global.cluster.clone(),
        user: global.user.clone(),
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
            "kubectl-nks/{} ({})",
            env!("CARGO_PKG_VERSION"),
            version::platform()
        ),
        kubeconfig_env: std::env::var_os("KUBECONFIG"),
        home: directories::BaseDirs::new().map(|folders| folders.home_dir().to_owned()),
        proxy: ProxySettings {
            https_proxy: proxy_variable("HTTPS_PROXY"),
            http_proxy: proxy_variable("HTTP_PROXY"),
            no_proxy: proxy_variable("NO_PROXY"),
        },
        terminal: std::io::stdin().is_terminal(),
        warned: Some({
            let screen = *screen;
            Arc::new(move |text| screen.note(&format!("Warning: {text}")))
        }),
        trace: (global.verbosity >= 6).then(|| {
            let screen = *screen;
            let trace: Trace = Arc::new(move |method, url, status, took| {
                let status = status.map_or_else(|| "-".to_owned(), |status| status.to_string());
                screen.note(&format!(
                    "{method} {url} {status} in {} milliseconds",
                    took.as_millis()
                ));
            });
            trace
        }),
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
            resource: Some(unread.hides),
        }
    }
}
