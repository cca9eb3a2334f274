//! From options to a connection: which cluster, as whom, and how long to wait for it.
//!
//! kube's own loader is not used, because its defaults differ from kubectl's where it matters (cli.md, "kube 5 defaults
//! to change"). Credential plugins are still run by kube, when the connection is made.

mod choose;

use std::ffi::OsString;
use std::fmt;
use std::path::PathBuf;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use http::header::{HeaderValue, USER_AGENT};
use kube::client::ClientBuilder;
use kube::config::{KubeConfigOptions, Kubeconfig, KubeconfigError};
use kube::{Client, Config};
use nks_core::message::clean;

use crate::cluster::{Cluster, Inner};
use crate::error::credentials;
use crate::kubeconfig::{self, nonempty};
use crate::proxy::{self, ProxySettings};
use choose::{apply_user_flags, choose};

/// The longest wait for a TCP and TLS connection.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);
/// The longest silence in the middle of an answer.
const IDLE_TIMEOUT: Duration = Duration::from_secs(30);
/// For a credential plugin that nobody can answer.
const PLUGIN_TIMEOUT: Duration = Duration::from_secs(60);
/// For one whole request, where nothing else is asked for. The API server's own limit is 60 s.
const REQUEST_TIMEOUT: Duration = Duration::from_secs(75);

/// What was asked for, flags before environment before files. Everything that comes from the environment is passed in.
#[derive(Clone, Default)]
pub struct ConnectOptions {
    /// `--kubeconfig`; the only file then, and it has to be there.
    pub kubeconfig: Option<PathBuf>,
    /// `--context`
    pub context: Option<String>,
    /// `--cluster`
    pub cluster: Option<String>,
    /// `--user`
    pub user: Option<String>,
    /// `--server`
    pub server: Option<String>,
    /// `--tls-server-name`
    pub tls_server_name: Option<String>,
    /// `--insecure-skip-tls-verify`
    pub insecure_skip_tls_verify: Option<bool>,
    /// `--certificate-authority`
    pub certificate_authority: Option<String>,
    /// `--client-certificate`
    pub client_certificate: Option<String>,
    /// `--client-key`
    pub client_key: Option<String>,
    /// `--token`
    pub token: Option<String>,
    /// `--as`
    pub as_user: Option<String>,
    /// `--as-uid`
    pub as_uid: Option<String>,
    /// `--as-group`
    pub as_groups: Vec<String>,
    /// `--request-timeout`: for each whole request. `None` is 75 s, zero is no limit.
    pub request_timeout: Option<Duration>,
    /// `kubectl-nks/VERSION (os/arch)`
    pub user_agent: String,
    /// The variable KUBECONFIG.
    pub kubeconfig_env: Option<OsString>,
    /// The home folder, for `.kube/config` in it.
    pub home: Option<PathBuf>,
    /// The proxy variables.
    pub proxy: ProxySettings,
    /// Whether a person can answer a credential plugin that asks.
    pub terminal: bool,
    /// Told of every request once it is answered or lost.
    pub trace: Option<Trace>,
    /// Told of each text that the API server warns with, once, cleaned.
    pub warned: Option<Warned>,
}

/// Is told of a warning.
pub type Warned = Arc<dyn Fn(&str) + Send + Sync>;

/// Is told of a request: method, URL, status (`None` where no answer came) and how long it took. Nothing that could be a
/// credential is in it.
pub type Trace = Arc<dyn Fn(&str, &str, Option<u16>, Duration) + Send + Sync>;

impl fmt::Debug for ConnectOptions {
    /// Names only what cannot be a credential.
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.debug_struct("ConnectOptions")
            .field("kubeconfig", &self.kubeconfig)
            .field("context", &self.context)
            .field("cluster", &self.cluster)
            .field("user", &self.user)
            .finish_non_exhaustive()
    }
}

/// Why there is no connection to speak of. No request was sent yet.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ConnectError {
    /// No kubeconfig, no `--server`, and not in a cluster.
    #[error("no configuration has been provided")]
    NoConfiguration,
    /// There are contexts, and none is chosen.
    #[error("no current context is set")]
    NoCurrentContext,
    /// A file that cannot be used.
    #[error("{}: {message}", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// Why not.
        message: String,
    },
    /// A context that the kubeconfig does not have.
    #[error("context \"{0}\" does not exist")]
    NoContext(String),
    /// A cluster that the kubeconfig does not have.
    #[error("cluster \"{0}\" does not exist")]
    NoCluster(String),
    /// A user that the kubeconfig does not have.
    #[error("auth info \"{0}\" does not exist")]
    NoUser(String),
    /// A server address that is missing or is no http or https URL.
    #[error("cluster \"{0}\" has no usable server address")]
    Server(String),
    /// A certificate authority, and that no certificate is to be checked.
    #[error(
        "cluster \"{0}\" has a certificate authority and insecure-skip-tls-verify; only one of them can hold"
    )]
    InsecureWithAuthority(String),
    /// `--as-group` or `--as-uid` without `--as`.
    #[error("groups and uid can be impersonated only together with a user")]
    GroupsWithoutUser,
    /// A certificate, key, token or credential plugin that cannot be used.
    #[error("{0}")]
    Credentials(String),
    /// A proxy that cannot be used.
    #[error("{0}")]
    Proxy(String),
    /// A cluster of another vendor that calls its service NKS, too.
    #[error(
        "{0} is a NAVER Cloud cluster; kubectl nks is for NHN Cloud's NKS, which only shares the letters"
    )]
    Naver(String),
}

impl Cluster {
    /// Finds the cluster that `options` name and prepares a connection. Runs a credential plugin if one is configured;
    /// sends nothing to the cluster. Has to be called within a tokio runtime.
    pub async fn connect(options: &ConnectOptions) -> Result<Self, ConnectError> {
        if options.as_user.is_none() && !(options.as_groups.is_empty() && options.as_uid.is_none())
        {
            return Err(ConnectError::GroupsWithoutUser);
        }
        let kubeconfig = kubeconfig::load(options)?;
        let Chosen {
            mut config,
            name,
            context,
        } = match choose(&kubeconfig, options)? {
            Some((kubeconfig, context, name)) => Chosen {
                config: from_kubeconfig(kubeconfig).await?,
                name,
                context,
            },
            None => in_cluster(options)?,
        };
        adjust(&mut config, options)?;
        let host = config.cluster_url.host().unwrap_or_default().to_owned();
        let url = config.cluster_url.to_string();
        let client = client(config, options.terminal).await?;
        Ok(Self {
            inner: Arc::new(Inner {
                client,
                name,
                context,
                host,
                timeout: match options.request_timeout {
                    None => Some(REQUEST_TIMEOUT),
                    Some(limit) => Some(limit).filter(|limit| !limit.is_zero()),
                },
                trace: options.trace.clone(),
                warned: options.warned.clone(),
                url,
                warnings: Mutex::default(),
                served: Mutex::default(),
            }),
        })
    }
}

/// Runs the credential plugin, if there is one: on a thread of its own, so that Ctrl-C is heard while it is waited for.
/// A person at the terminal may take long to sign in somewhere; where there is none, a plugin that hangs is given up.
async fn client(config: Config, terminal: bool) -> Result<Client, ConnectError> {
    let built = tokio::task::spawn_blocking(move || Ok(ClientBuilder::try_from(config)?.build()));
    let built = match terminal {
        true => built.await,
        false => tokio::time::timeout(PLUGIN_TIMEOUT, built)
            .await
            .map_err(|_| {
                ConnectError::Credentials(format!(
                    "the credential plugin has not answered within {} s",
                    PLUGIN_TIMEOUT.as_secs()
                ))
            })?,
    };
    built
        .map_err(|_| ConnectError::Credentials("the credential plugin ended oddly".into()))?
        .map_err(|error: kube::Error| client_error(&error))
}

struct Chosen {
    config: Config,
    name: String,
    context: String,
}

/// kube reads the service account's files and the two variables that name the server by itself.
fn in_cluster(options: &ConnectOptions) -> Result<Chosen, ConnectError> {
    let mut config = Config::incluster().map_err(|_| ConnectError::NoConfiguration)?;
    apply_user_flags(&mut config.auth_info, options);
    Ok(Chosen {
        config,
        name: "in-cluster".into(),
        context: String::new(),
    })
}

async fn from_kubeconfig(kubeconfig: Kubeconfig) -> Result<Config, ConnectError> {
    let proxy = kubeconfig.clusters[0].cluster.as_ref();
    let proxy = proxy.and_then(|cluster| cluster.proxy_url.clone());
    let mut config = Config::from_custom_kubeconfig(kubeconfig, &KubeConfigOptions::default())
        .await
        .map_err(|error| ConnectError::Credentials(words(&error)))?;
    // kube has looked at the environment by itself; `adjust` decides instead.
    config.proxy_url = match nonempty(&proxy) {
        Some(url) => Some(proxy::parse(url)?),
        None => None,
    };
    Ok(config)
}

fn adjust(config: &mut Config, options: &ConnectOptions) -> Result<(), ConnectError> {
    config.default_retry = false;
    config.connect_timeout = Some(CONNECT_TIMEOUT);
    config.read_timeout = Some(match options.request_timeout {
        Some(limit) if !limit.is_zero() => limit.min(IDLE_TIMEOUT),
        _ => IDLE_TIMEOUT,
    });
    config.reset_reader_on_write = true;
    if config.proxy_url.is_none() {
        config.proxy_url = options.proxy.for_server(&config.cluster_url)?;
    }
    if let Ok(agent) = HeaderValue::from_str(&options.user_agent) {
        config.headers.push((USER_AGENT, agent));
    }
    Ok(())
}

fn words(error: &KubeconfigError) -> String {
    match error {
        // Both may quote what they could not parse.
        KubeconfigError::Parse(_) | KubeconfigError::ParseProxyUrl(_) => {
            "the kubeconfig is not usable".into()
        }
        other => clean(&other.to_string()),
    }
}

fn client_error(error: &kube::Error) -> ConnectError {
    match error {
        kube::Error::Auth(error) => ConnectError::Credentials(credentials(error)),
        kube::Error::ProxyProtocolUnsupported { .. }
        | kube::Error::ProxyProtocolDisabled { .. } => {
            ConnectError::Proxy("the proxy has to be an http or https URL".into())
        }
        kube::Error::InferKubeconfig(error) => ConnectError::Credentials(words(error)),
        other => ConnectError::Credentials(clean(&other.to_string())),
    }
}
