//! The tools of the bed, built once from Go source into a cache folder outside the tree.

use std::fs::{self, File, TryLockError};
use std::io::ErrorKind;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};
use sha2::{Digest, Sha256};

use crate::process::{Guard, tail};

const GO_MOD: &str = include_str!("../go.mod");
const GO_SUM: &str = include_str!("../go.sum");

/// Raised when the way of building changes, because the folder of a build is named by its inputs.
const RECIPE: &str = "1";

/// How often a long build says that it is still alive.
const HEARTBEAT: Duration = Duration::from_secs(30);

/// What a build must have made. The etcd tool takes its name from the last part of its package path: `server`.
const TOOLS: [&str; 6] = [
    "server",
    "kube-apiserver",
    "kube-controller-manager",
    "kube-scheduler",
    "kubectl",
    "kwok",
];

/// The built tools: etcd, the Kubernetes control plane, kubectl and kwok.
#[derive(Clone, Debug)]
pub struct Binaries {
    folder: PathBuf,
    version: String,
}

impl Binaries {
    /// Builds the tools, or finds those that an earlier call built.
    ///
    /// `progress` gets a line of text when something slow begins and every half minute while it lasts; a first build
    /// takes about seven minutes on two cores. Of several callers, in whatever process, one builds and the others
    /// wait. A killed build leaves nothing that a later call would take for a finished one.
    ///
    /// # Errors
    /// When there is no `go` command, the sources cannot be fetched, the build fails, or the cache folder cannot be
    /// written.
    pub fn build(progress: &mut dyn FnMut(&str)) -> Result<Self> {
        let root = cache_folder()?;
        let digest = digest();
        let built = Self {
            folder: root.join(&digest),
            version: kubernetes_version()?.to_owned(),
        };
        if built.folder.is_dir() {
            return Ok(built);
        }
        fs::create_dir_all(&root).with_context(|| format!("create {}", root.display()))?;
        let lock = File::create(root.join(format!("{digest}.lock")))?;
        if let Err(TryLockError::WouldBlock) = lock.try_lock() {
            progress("another process builds the test bed's tools; waiting for it");
            lock.lock()?;
        }
        if !built.folder.is_dir() {
            // Only the holder of the lock gets here, so whatever lies under this name was left by a killed build.
            let partial = root.join(format!("{digest}.partial"));
            if partial.exists() {
                fs::remove_dir_all(&partial)?;
            }
            compile(&partial, &built.version, progress)?;
            fs::rename(&partial, &built.folder)?;
        }
        Ok(built)
    }

    /// The path of a tool, such as `kubectl` or `kube-apiserver`. etcd's is called `server`.
    #[must_use]
    pub fn tool(&self, name: &str) -> PathBuf {
        self.folder.join("bin").join(name)
    }

    /// The version of Kubernetes that was built, with its leading `v`.
    #[must_use]
    pub fn version(&self) -> &str {
        &self.version
    }
}

/// The folder that keeps built tools and the record of a running bed: `kubectl-nks-bed` in the user's cache folder.
///
/// # Errors
/// When neither `XDG_CACHE_HOME` nor `HOME` is an absolute path.
pub fn cache_folder() -> Result<PathBuf> {
    let absolute = |name| {
        std::env::var_os(name)
            .map(PathBuf::from)
            .filter(|path| path.is_absolute())
    };
    absolute("XDG_CACHE_HOME")
        .or_else(|| absolute("HOME").map(|home| home.join(".cache")))
        .map(|cache| cache.join("kubectl-nks-bed"))
        .context("no cache folder: neither XDG_CACHE_HOME nor HOME is set to an absolute path")
}

fn digest() -> String {
    let mut hasher = Sha256::new();
    for part in [RECIPE, GO_MOD, GO_SUM] {
        hasher.update(part.as_bytes());
        hasher.update([0]);
    }
    hasher
        .finalize()
        .iter()
        .take(8)
        .map(|byte| format!("{byte:02x}"))
        .collect()
}

/// The version of Kubernetes that `go.mod` asks for, so that it is written down once.
fn kubernetes_version() -> Result<&'static str> {
    GO_MOD
        .lines()
        .find_map(|line| line.trim().strip_prefix("k8s.io/kubernetes "))
        .and_then(|rest| rest.split_whitespace().next())
        .context("go.mod names no version of k8s.io/kubernetes")
}

fn compile(partial: &Path, version: &str, progress: &mut dyn FnMut(&str)) -> Result<()> {
    fs::create_dir_all(partial)?;
    fs::write(partial.join("go.mod"), GO_MOD)?;
    fs::write(partial.join("go.sum"), GO_SUM)?;
    let log = partial.join("build.log");
    // A compiler that outlived this process would go on writing where the next build writes.
    let guard = Guard::start(partial)?;
    let mut build = spawn_go(partial, version, &log, &guard)?;
    progress(&format!(
        "building the test bed's tools (etcd, Kubernetes {version}, kwok) from source: about 7 minutes on 2 cores the \
         first time, then kept in {}",
        partial.parent().unwrap_or(partial).display()
    ));
    let begun = Instant::now();
    let mut told = begun;
    let status = loop {
        if let Some(status) = build.try_wait()? {
            break status;
        }
        if told.elapsed() >= HEARTBEAT {
            told = Instant::now();
            let done = TOOLS
                .iter()
                .filter(|tool| partial.join("bin").join(tool).exists())
                .count();
            progress(&format!(
                "still building: {done} of {} tools after {} s",
                TOOLS.len(),
                begun.elapsed().as_secs()
            ));
        }
        thread::sleep(Duration::from_millis(200));
    };
    ensure!(
        status.success(),
        "building the test bed's tools failed ({status}):\n{}",
        tail(&log, 30)
    );
    for tool in TOOLS {
        ensure!(
            partial.join("bin").join(tool).is_file(),
            "the build made no {tool}:\n{}",
            tail(&log, 30)
        );
    }
    progress(&format!("built in {} s", begun.elapsed().as_secs()));
    Ok(())
}

/// Starts `go build tool`. The version goes in by linker flags; without them the server says `v0.0.0`.
fn spawn_go(folder: &Path, version: &str, log: &Path, guard: &Guard) -> Result<Child> {
    let mut numbers = version.trim_start_matches('v').split('.');
    let (major, minor) = (
        numbers.next().unwrap_or_default(),
        numbers.next().unwrap_or_default(),
    );
    let variable =
        |name: &str, value: &str| format!(" -X k8s.io/component-base/version.{name}={value}");
    let flags = format!(
        "-s -w{}{}{}",
        variable("gitVersion", version),
        variable("gitMajor", major),
        variable("gitMinor", minor)
    );
    let output = File::create(log)?;
    let spawned = Command::new("go")
        .args([
            "build",
            "-trimpath",
            "-o",
            "bin/",
            "-ldflags",
            &flags,
            "tool",
        ])
        .current_dir(folder)
        // A workspace or a vendor folder of the surrounding tree is none of this build's business.
        .env("GOWORK", "off")
        .env("PWD", folder)
        .process_group(guard.group())
        .stdin(Stdio::null())
        .stdout(output.try_clone()?)
        .stderr(output)
        .spawn();
    match spawned {
        Err(error) if error.kind() == ErrorKind::NotFound => bail!(
            "the test bed is built from Go source and there is no `go` on the PATH: install Go {} or newer (package \
             `golang` or `go` of your system, or from the Go project's download page) and run this again",
            GO_MOD
                .lines()
                .find_map(|line| line.strip_prefix("go "))
                .unwrap_or("1.26")
        ),
        other => other.context("start `go build`"),
    }
}

#[cfg(test)]
mod tests {
    use super::{digest, kubernetes_version};

    #[test]
    fn the_version_is_read_from_go_mod() {
        let version = kubernetes_version().expect("go.mod requires Kubernetes");
        assert!(version.starts_with("v1."), "{version}");
        assert_eq!(digest().len(), 16);
    }
}
