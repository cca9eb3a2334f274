//! The tools of the bed, built once from Go source into a cache folder outside the tree.

use std::fs::{self, File, TryLockError};
use std::io::ErrorKind;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};

use crate::process::{Guard, tail};
use crate::release::Release;

/// How often a long build says that it is still alive.
const HEARTBEAT: Duration = Duration::from_secs(30);

/// The built tools: etcd, the Kubernetes control plane, kubectl and kwok.
#[derive(Clone, Debug)]
pub struct Binaries {
    release: Release,
    /// Where the release itself is.
    folder: PathBuf,
    /// Where the tools are that it does not have of its own.
    shared: PathBuf,
    version: String,
}

impl Binaries {
    /// Builds the tools of a release, or finds those that an earlier call built.
    ///
    /// `progress` gets a line of text when something slow begins and every half minute while it lasts; a first build
    /// takes about seven minutes on two cores. Of several callers, in whatever process, one builds and the others
    /// wait. A killed build leaves nothing that a later call would take for a finished one.
    ///
    /// # Errors
    /// When there is no `go` command, the sources cannot be fetched, the build fails, or the cache folder cannot be
    /// written.
    pub fn build(release: Release, progress: &mut dyn FnMut(&str)) -> Result<Self> {
        let newest = Release::default();
        let shared = ensure_built(newest, progress)?;
        let folder = if release == newest {
            shared.clone()
        } else {
            ensure_built(release, progress)?
        };
        Ok(Self {
            release,
            folder,
            shared,
            version: release.version()?.to_owned(),
        })
    }

    /// The release that these are of.
    #[must_use]
    pub fn release(&self) -> Release {
        self.release
    }

    /// The path of a tool, such as `kubectl` or `kube-apiserver`. etcd's is called `server`.
    #[must_use]
    pub fn tool(&self, name: &str) -> PathBuf {
        let own = self.release.tools().contains(&name);
        let folder = if own { &self.folder } else { &self.shared };
        folder.join("bin").join(name)
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

/// The folder of a finished build of `release`, which is made if it is not there.
fn ensure_built(release: Release, progress: &mut dyn FnMut(&str)) -> Result<PathBuf> {
    let root = cache_folder()?;
    let digest = release.digest();
    let built = root.join(&digest);
    if built.is_dir() {
        return Ok(built);
    }
    fs::create_dir_all(&root).with_context(|| format!("create {}", root.display()))?;
    let lock = File::create(root.join(format!("{digest}.lock")))?;
    if let Err(TryLockError::WouldBlock) = lock.try_lock() {
        progress("another process builds the test bed's tools; waiting for it");
        lock.lock()?;
    }
    if !built.is_dir() {
        // Only the holder of the lock gets here, so whatever lies under this name was left by a killed build.
        let partial = root.join(format!("{digest}.partial"));
        if partial.exists() {
            fs::remove_dir_all(&partial)?;
        }
        compile(&partial, release, progress)?;
        fs::rename(&partial, &built)?;
    }
    Ok(built)
}

fn compile(partial: &Path, release: Release, progress: &mut dyn FnMut(&str)) -> Result<()> {
    let (tools, version) = (release.tools(), release.version()?);
    fs::create_dir_all(partial)?;
    fs::write(partial.join("go.mod"), release.go_mod())?;
    fs::write(partial.join("go.sum"), release.go_sum())?;
    let log = partial.join("build.log");
    // A compiler that outlived this process would go on writing where the next build writes.
    let guard = Guard::start(partial)?;
    let mut build = spawn_go(partial, release, &log, &guard)?;
    progress(&format!(
        "building the test bed's tools (Kubernetes {version}: {}) from source: about 7 minutes on 2 cores the first \
         time, then kept in {}",
        tools.join(", "),
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
            let done = tools
                .iter()
                .filter(|tool| partial.join("bin").join(tool).exists())
                .count();
            progress(&format!(
                "still building: {done} of {} tools after {} s",
                tools.len(),
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
    for tool in tools {
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
fn spawn_go(folder: &Path, release: Release, log: &Path, guard: &Guard) -> Result<Child> {
    let version = release.version()?;
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
            release
                .go_mod()
                .lines()
                .find_map(|line| line.strip_prefix("go "))
                .unwrap_or("1.26")
        ),
        other => other.context("start `go build`"),
    }
}
