//! Reading kubeconfigs as client-go reads them, which kube's own reader does not.
//!
//! Rules taken from client-go, `tools/clientcmd/loader.go` and `client_config.go`: the first file to name a cluster, user
//! or context wins as a whole; the first `current-context` that is not empty wins; a listed file that is not there is
//! skipped, one named by `--kubeconfig` is not; paths inside a file are relative to that file. Files are read up to a
//! bound, so that a device in their place cannot hang or fill the program.

use std::fs::{self, File};
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use kube::config::{Kubeconfig, KubeconfigError};
use nks_core::message::clean;

use crate::connect::{ConnectError, ConnectOptions};

/// The largest kubeconfig, certificate, key or token file that is read, in bytes.
const MAX_FILE: u64 = 4 << 20;

/// The kubeconfig that the options name, merged; empty when no file is there.
pub(crate) fn load(options: &ConnectOptions) -> Result<Kubeconfig, ConnectError> {
    if let Some(path) = &options.kubeconfig {
        return read(path)?.ok_or_else(|| ConnectError::Read {
            path: path.clone(),
            message: "no such file or directory".into(),
        });
    }
    let mut merged = Kubeconfig::default();
    for path in listed(options) {
        if let Some(next) = read(&path)? {
            merge(&mut merged, next);
        }
    }
    Ok(merged)
}

fn listed(options: &ConnectOptions) -> Vec<PathBuf> {
    let listed: Vec<PathBuf> = options
        .kubeconfig_env
        .iter()
        .flat_map(std::env::split_paths)
        .filter(|path| !path.as_os_str().is_empty())
        .collect();
    if !listed.is_empty() {
        return listed;
    }
    let home = options.home.as_ref();
    home.map(|home| home.join(".kube").join("config"))
        .into_iter()
        .collect()
}

/// One file, its paths made absolute or relative to where we are; `None` when it is not there.
fn read(path: &Path) -> Result<Option<Kubeconfig>, ConnectError> {
    let failed = |message: String| ConnectError::Read {
        path: path.to_owned(),
        message: clean(&message),
    };
    let file = match File::open(path) {
        Ok(file) => file,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(failed(error.to_string())),
    };
    let mut bytes = Vec::new();
    file.take(MAX_FILE + 1)
        .read_to_end(&mut bytes)
        .map_err(|error| failed(error.to_string()))?;
    if bytes.len() as u64 > MAX_FILE {
        return Err(failed(format!("larger than {} MiB", MAX_FILE >> 20)));
    }
    let text = String::from_utf8(bytes).map_err(|_| failed("not UTF-8 text".into()))?;
    let text = text.trim_start_matches('\u{feff}');
    if text.trim().is_empty() {
        return Ok(Some(Kubeconfig::default()));
    }
    let mut config = Kubeconfig::from_yaml(text).map_err(|error| failed(place(&error)))?;
    resolve(&mut config, path.parent().unwrap_or(Path::new("")));
    Ok(Some(config))
}

/// Where the file is wrong. What the parser says of it may quote a token, so only the place is passed on.
fn place(error: &KubeconfigError) -> String {
    match error {
        KubeconfigError::Parse(source) => match source.location() {
            Some(at) => format!(
                "not a kubeconfig: line {}, column {}",
                at.line(),
                at.column()
            ),
            None => "not a kubeconfig".into(),
        },
        other => other.to_string(),
    }
}

fn resolve(config: &mut Kubeconfig, folder: &Path) {
    let absolute = |file: &mut Option<String>| {
        if let Some(path) = file.as_mut().filter(|path| !path.is_empty()) {
            *path = folder.join(&*path).to_string_lossy().into_owned();
        }
    };
    for cluster in config
        .clusters
        .iter_mut()
        .filter_map(|c| c.cluster.as_mut())
    {
        absolute(&mut cluster.certificate_authority);
    }
    for user in config
        .auth_infos
        .iter_mut()
        .filter_map(|u| u.auth_info.as_mut())
    {
        absolute(&mut user.client_certificate);
        absolute(&mut user.client_key);
        absolute(&mut user.token_file);
        // A bare word such as `aws` is looked up in PATH.
        if let Some(exec) = &mut user.exec
            && let Some(command) = &exec.command
            && command.contains(std::path::is_separator)
        {
            absolute(&mut exec.command);
        }
    }
}

fn merge(into: &mut Kubeconfig, next: Kubeconfig) {
    for cluster in next.clusters {
        if into.clusters.iter().all(|known| known.name != cluster.name) {
            into.clusters.push(cluster);
        }
    }
    for user in next.auth_infos {
        if into.auth_infos.iter().all(|known| known.name != user.name) {
            into.auth_infos.push(user);
        }
    }
    for context in next.contexts {
        if into.contexts.iter().all(|known| known.name != context.name) {
            into.contexts.push(context);
        }
    }
    if nonempty(&into.current_context).is_none() {
        into.current_context = next.current_context;
    }
}

/// Text that is there and not empty: in a kubeconfig an empty value is an unset one.
pub(crate) fn nonempty(text: &Option<String>) -> Option<&String> {
    text.as_ref().filter(|text| !text.is_empty())
}

/// Refuses a certificate, key or token file that kube could read for ever: anything but a regular file, or a huge one.
pub(crate) fn check_file(path: &str) -> Result<(), ConnectError> {
    let failed = |message: String| ConnectError::Read {
        path: path.into(),
        message: clean(&message),
    };
    let metadata = fs::metadata(path).map_err(|error| failed(error.to_string()))?;
    if !metadata.is_file() {
        return Err(failed("not a regular file".into()));
    }
    if metadata.len() > MAX_FILE {
        return Err(failed(format!("larger than {} MiB", MAX_FILE >> 20)));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    const FIRST: &str = "current-context: ''\nclusters:\n- name: a\n  cluster: {server: 'https://one', certificate-authority: ca.crt}\n";
    const SECOND: &str = "current-context: two\nclusters:\n- name: a\n  cluster: {server: 'https://other'}\n- name: b\n  cluster: {server: 'https://two'}\ncontexts:\n- name: two\n  context: {cluster: b}\n";

    fn options(paths: &[&Path]) -> ConnectOptions {
        ConnectOptions {
            kubeconfig_env: Some(std::env::join_paths(paths).unwrap()),
            ..ConnectOptions::default()
        }
    }

    #[test]
    fn the_first_file_wins_and_missing_ones_are_skipped() {
        let folder = tempfile::tempdir().unwrap();
        let (one, two) = (folder.path().join("one"), folder.path().join("two"));
        fs::write(&one, FIRST).unwrap();
        fs::write(&two, SECOND).unwrap();
        let missing = folder.path().join("missing");
        let config = load(&options(&[&missing, &one, Path::new(""), &two])).unwrap();
        let server = |index: usize| config.clusters[index].cluster.clone().unwrap();
        assert_eq!(config.clusters.len(), 2);
        assert_eq!(server(0).server.as_deref(), Some("https://one"));
        assert_eq!(
            server(0).certificate_authority.as_deref(),
            folder.path().join("ca.crt").to_str()
        );
        assert_eq!(config.current_context.as_deref(), Some("two"));
    }

    #[test]
    fn a_named_file_has_to_be_there() {
        let options = ConnectOptions {
            kubeconfig: Some("/nonexistent/config".into()),
            ..ConnectOptions::default()
        };
        assert!(matches!(load(&options), Err(ConnectError::Read { .. })));
    }

    #[test]
    fn nothing_at_all_is_empty() {
        let folder = tempfile::tempdir().unwrap();
        let options = ConnectOptions {
            home: Some(folder.path().into()),
            ..ConnectOptions::default()
        };
        assert!(load(&options).unwrap().clusters.is_empty());
    }

    #[test]
    fn an_error_never_quotes_the_file() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("config");
        for text in [
            "users:\n- name: u\n  user: {token: [s3cret-token]}\n",
            "clusters: s3cret-token\n",
            "s3cret-token: [\n",
        ] {
            fs::write(&file, text).unwrap();
            let error = load(&options(&[&file])).unwrap_err();
            let said = format!("{error} {error:?}");
            assert!(!said.contains("s3cret"), "{said}");
        }
    }

    #[test]
    fn a_device_is_not_read_for_ever() {
        let device = Path::new("/dev/zero");
        if device.exists() {
            assert!(load(&options(&[device])).is_err());
            assert!(check_file("/dev/zero").is_err());
        }
    }
}
