//! Which context, cluster and user, with the flags applied: client-go's `client_config.go` in short.

use http::Uri;
use kube::config::{AuthInfo, Cluster as ClusterEntry, Context, ExecInteractiveMode, Kubeconfig};
use kube::config::{NamedAuthInfo, NamedCluster, NamedContext};
use nks_core::message::clean;

use super::{ConnectError, ConnectOptions};
use crate::kubeconfig::{check_file, nonempty};

/// A kubeconfig that holds just the chosen context, cluster and user with the flags applied, and the names of context
/// and cluster; `None` when nothing is configured at all.
pub(super) fn choose(
    all: &Kubeconfig,
    options: &ConnectOptions,
) -> Result<Option<(Kubeconfig, String, String)>, ConnectError> {
    let wanted = nonempty(&options.context).or_else(|| nonempty(&all.current_context));
    let context = match wanted {
        Some(name) => {
            let found = all.contexts.iter().find(|context| context.name == *name);
            found
                .and_then(|found| found.context.clone())
                .ok_or_else(|| ConnectError::NoContext(clean(name)))?
        }
        None if options.server.is_some() || options.cluster.is_some() => Context::default(),
        None if all.contexts.is_empty() && all.clusters.is_empty() => return Ok(None),
        None => return Err(ConnectError::NoCurrentContext),
    };
    let cluster_name = nonempty(&options.cluster).unwrap_or(&context.cluster);
    let known = all
        .clusters
        .iter()
        .find(|known| known.name == *cluster_name);
    let mut cluster = match known.and_then(|known| known.cluster.clone()) {
        Some(cluster) => cluster,
        None if options.server.is_some() && options.cluster.is_none() => ClusterEntry::default(),
        None => return Err(ConnectError::NoCluster(clean(cluster_name))),
    };
    apply_cluster_flags(&mut cluster, options);
    let server = cluster.server.as_deref().unwrap_or_default();
    cluster.server = Some(address(server).ok_or_else(|| {
        // The address itself is not shown: it may hold a password.
        ConnectError::Server(clean(cluster_name))
    })?);
    let mut user = chosen_user(all, &context, options)?;
    apply_user_flags(&mut user, options);
    if is_naver(&cluster, &user) {
        return Err(ConnectError::Naver(clean(cluster_name)));
    }
    if !options.terminal {
        without_terminal(&mut user)?;
    }
    let authority = nonempty(&cluster.certificate_authority)
        .or_else(|| nonempty(&cluster.certificate_authority_data));
    if cluster.insecure_skip_tls_verify == Some(true) && authority.is_some() {
        return Err(ConnectError::InsecureWithAuthority(clean(cluster_name)));
    }
    check_files(&cluster, &user)?;
    let names = (wanted.cloned().unwrap_or_default(), cluster_name.clone());
    let kubeconfig = single(cluster, user);
    Ok(Some((kubeconfig, names.0, names.1)))
}

/// A credential plugin is told that nobody can answer it; one that has to ask is not run (client-go,
/// plugin/pkg/client/auth/exec).
fn without_terminal(user: &mut AuthInfo) -> Result<(), ConnectError> {
    let Some(exec) = &mut user.exec else {
        return Ok(());
    };
    if exec.interactive_mode == Some(ExecInteractiveMode::Always) {
        let command = clean(exec.command.as_deref().unwrap_or_default());
        return Err(ConnectError::Credentials(format!(
            "the credential plugin `{command}` asks questions, and there is no terminal"
        )));
    }
    exec.interactive_mode = Some(ExecInteractiveMode::Never);
    Ok(())
}

/// NAVER Cloud's service of the same letters: its API servers are below this domain, and its users are asked for by its
/// own plugin (its guides "View kubeconfig" and "IAM authentication").
fn is_naver(cluster: &ClusterEntry, user: &AuthInfo) -> bool {
    let host = cluster
        .server
        .as_ref()
        .and_then(|server| server.parse::<Uri>().ok())
        .and_then(|uri| uri.host().map(str::to_owned));
    let plugin = user.exec.as_ref().and_then(|exec| exec.command.as_deref());
    host.is_some_and(|host| host.ends_with(".ntruss.com"))
        || plugin.is_some_and(|command| {
            let name = command.rsplit(['/', '\\']).next().unwrap_or_default();
            name.trim_end_matches(".exe") == "ncp-iam-authenticator"
        })
}

fn chosen_user(
    all: &Kubeconfig,
    context: &Context,
    options: &ConnectOptions,
) -> Result<AuthInfo, ConnectError> {
    let find = |name: &String| {
        let found = all.auth_infos.iter().find(|known| known.name == *name);
        found.and_then(|found| found.auth_info.clone())
    };
    match (nonempty(&options.user), nonempty(&context.user)) {
        (Some(name), _) => find(name).ok_or_else(|| ConnectError::NoUser(clean(name))),
        // A context's user that is not there is nobody, as in client-go.
        (None, name) => Ok(name.and_then(find).unwrap_or_default()),
    }
}

fn apply_cluster_flags(cluster: &mut ClusterEntry, options: &ConnectOptions) {
    if nonempty(&options.server).is_some() {
        cluster.server.clone_from(&options.server);
        // The name was for the other server (client-go, client_config.go, getCluster).
        cluster.tls_server_name = None;
    }
    if nonempty(&options.tls_server_name).is_some() {
        cluster.tls_server_name.clone_from(&options.tls_server_name);
    }
    if nonempty(&options.certificate_authority).is_some() {
        cluster
            .certificate_authority
            .clone_from(&options.certificate_authority);
        cluster.certificate_authority_data = None;
        cluster.insecure_skip_tls_verify = None;
    }
    if let Some(insecure) = options.insecure_skip_tls_verify {
        cluster.insecure_skip_tls_verify = Some(insecure);
    }
}

pub(super) fn apply_user_flags(user: &mut AuthInfo, options: &ConnectOptions) {
    if nonempty(&options.client_certificate).is_some() {
        user.client_certificate
            .clone_from(&options.client_certificate);
        user.client_certificate_data = None;
    }
    if nonempty(&options.client_key).is_some() {
        user.client_key.clone_from(&options.client_key);
        user.client_key_data = None;
    }
    if let Some(token) = nonempty(&options.token) {
        user.token = Some(token.as_str().into());
        (user.token_file, user.exec, user.auth_provider) = (None, None, None);
    }
    if nonempty(&options.as_user).is_some() {
        user.impersonate.clone_from(&options.as_user);
        user.impersonate_uid.clone_from(&options.as_uid);
        user.impersonate_groups = Some(options.as_groups.clone());
        user.impersonate_user_extra = None;
    }
}

/// A server address as a URL; kubectl takes one without a scheme as http.
fn address(server: &str) -> Option<String> {
    let full = if server.contains("://") {
        server.to_owned()
    } else {
        format!("http://{server}")
    };
    let uri: Uri = full.parse().ok()?;
    let known = matches!(uri.scheme_str(), Some("http" | "https"));
    (known && uri.host().is_some_and(|host| !host.is_empty())).then_some(full)
}

fn check_files(cluster: &ClusterEntry, user: &AuthInfo) -> Result<(), ConnectError> {
    let files = [
        (
            &cluster.certificate_authority,
            cluster.certificate_authority_data.is_some(),
        ),
        (
            &user.client_certificate,
            user.client_certificate_data.is_some(),
        ),
        (&user.client_key, user.client_key_data.is_some()),
        (&user.token_file, user.token.is_some()),
    ];
    files
        .into_iter()
        .filter(|(_, replaced)| !replaced)
        .filter_map(|(file, _)| nonempty(file))
        .try_for_each(|file| check_file(file))
}

const ONLY: &str = "chosen";

fn single(cluster: ClusterEntry, user: AuthInfo) -> Kubeconfig {
    Kubeconfig {
        clusters: vec![NamedCluster {
            name: ONLY.into(),
            cluster: Some(cluster),
            ..NamedCluster::default()
        }],
        auth_infos: vec![NamedAuthInfo {
            name: ONLY.into(),
            auth_info: Some(user),
            ..NamedAuthInfo::default()
        }],
        contexts: vec![NamedContext {
            name: ONLY.into(),
            context: Some(Context {
                cluster: ONLY.into(),
                user: Some(ONLY.into()),
                ..Context::default()
            }),
            ..NamedContext::default()
        }],
        current_context: Some(ONLY.into()),
        ..Kubeconfig::default()
    }
}

#[cfg(test)]
mod tests;
