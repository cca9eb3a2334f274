//! Child processes that cannot be left behind.

use std::fs::{self, File};
use std::io::Write;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, Command, ExitStatus, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use rustix::process::{Pid, Signal, kill_process};
use serde::{Deserialize, Serialize};

/// How long a process may take to end after SIGTERM. An API server drains for a while; nobody needs it to.
const PATIENCE: Duration = Duration::from_secs(3);

/// How often a process is looked at while it is waited for.
const GLANCE: Duration = Duration::from_millis(20);

/// What the guard does. A line means that it is no longer needed; the end of the pipe means that this process is gone.
/// etcd's data are the only large files, so they go too, with what a real node has left behind; the logs stay.
const GUARD: &str = r#"if read -r word; then exit 0; fi
[ ! -e "$1/node-end.sh" ] || /bin/sh "$1/node-end.sh" "$1"
rm -rf "$1/etcd"
kill -s KILL 0"#;

/// A shell in a process group of its own that kills that group once this process has ended, however it ended.
///
/// `PR_SET_PDEATHSIG` would not do: it fires when the *thread* that started the child ends, and tests run in threads.
pub(crate) struct Guard {
    shell: Child,
    pipe: Option<ChildStdin>,
}

impl Guard {
    pub(crate) fn start(folder: &Path) -> Result<Self> {
        let mut shell = Command::new("/bin/sh")
            .args(["-c", GUARD, "nks-bed-guard"])
            .arg(folder)
            .current_dir("/")
            .process_group(0)
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .context("start the shell that guards the test bed")?;
        let pipe = shell.stdin.take();
        Ok(Self { shell, pipe })
    }

    /// The process group that this guard looks after.
    pub(crate) fn group(&self) -> i32 {
        Pid::from_child(&self.shell).as_raw_pid()
    }

    pub(crate) fn process(&self) -> u32 {
        self.shell.id()
    }

    /// Ends the guard and lets its group live.
    pub(crate) fn release(&mut self) {
        if let Some(mut pipe) = self.pipe.take() {
            // A guard that does not take the word has died already, which comes to the same.
            let _ = pipe.write_all(b"release\n");
        }
        let _ = self.shell.wait();
    }
}

impl Drop for Guard {
    fn drop(&mut self) {
        drop(self.pipe.take());
        let _ = self.shell.wait();
    }
}

/// One running process of the bed.
pub(crate) struct Component {
    pub(crate) name: &'static str,
    pub(crate) log: PathBuf,
    child: Child,
}

impl Component {
    /// Starts `program`, in the group of `guard` and with `<folder>/<name>.log` for its output.
    pub(crate) fn start(
        name: &'static str,
        program: &Path,
        arguments: &[String],
        folder: &Path,
        guard: &Guard,
    ) -> Result<Self> {
        let log = folder.join(format!("{name}.log"));
        let output = File::create(&log)?;
        let child = Command::new(program)
            .args(arguments)
            .current_dir(folder)
            // Proxies, kubeconfigs and feature switches of the caller must not reach the bed.
            .env_clear()
            .env("HOME", folder)
            .env("PATH", "/usr/sbin:/usr/bin:/sbin:/bin")
            .process_group(guard.group())
            .stdin(Stdio::null())
            .stdout(output.try_clone()?)
            .stderr(output)
            .spawn()
            .with_context(|| format!("start {}", program.display()))?;
        Ok(Self { name, log, child })
    }

    pub(crate) fn process(&self) -> u32 {
        self.child.id()
    }

    /// How the process ended, if it has.
    pub(crate) fn ended(&mut self) -> Option<ExitStatus> {
        self.child.try_wait().ok().flatten()
    }

    /// Asks the process to end, and ends it if it does not.
    pub(crate) fn stop(&mut self) {
        if self.ended().is_some() {
            return;
        }
        // Not reaped yet, so its id still belongs to it.
        let _ = kill_process(Pid::from_child(&self.child), Signal::TERM);
        if !within(PATIENCE, || self.ended().is_some()) {
            let _ = self.child.kill();
            let _ = self.child.wait();
        }
    }
}

/// A bed that outlives the process that started it. It can be written to a file and stopped from another process.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Detached {
    version: u32,
    folder: PathBuf,
    kubeconfig: PathBuf,
    /// In the order in which they were started.
    processes: Vec<i32>,
}

/// The version of the record of a detached bed.
const RECORD: u32 = 1;

impl Detached {
    pub(crate) fn new(folder: &Path, kubeconfig: &Path, components: &[Component]) -> Self {
        let processes = components
            .iter()
            .map(|component| Pid::from_child(&component.child).as_raw_pid());
        Self {
            version: RECORD,
            folder: folder.to_owned(),
            kubeconfig: kubeconfig.to_owned(),
            processes: processes.collect(),
        }
    }

    /// Where the logs are.
    #[must_use]
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// The administrator's kubeconfig.
    #[must_use]
    pub fn kubeconfig(&self) -> &Path {
        &self.kubeconfig
    }

    /// Writes the record of this bed to `path`.
    ///
    /// # Errors
    /// When the file cannot be written.
    pub fn save(&self, path: &Path) -> Result<()> {
        fs::write(path, serde_json::to_vec_pretty(self)?)
            .with_context(|| format!("write {}", path.display()))
    }

    /// Reads the record at `path`; `None` when there is none.
    ///
    /// # Errors
    /// When the file cannot be read, is no record, or was written by a newer version.
    pub fn load(path: &Path) -> Result<Option<Self>> {
        if !path.exists() {
            return Ok(None);
        }
        let record: Self = serde_json::from_slice(&fs::read(path)?)
            .with_context(|| format!("{} is no record of a test bed", path.display()))?;
        ensure!(
            record.version <= RECORD,
            "{} was written by a newer version",
            path.display()
        );
        Ok(Some(record))
    }

    /// Whether any process of the bed is still there.
    #[must_use]
    pub fn is_running(&self) -> bool {
        self.processes.iter().any(|process| self.owns(*process))
    }

    /// Stops the bed, newest process first and etcd last, and removes its folder.
    ///
    /// # Errors
    /// When the folder cannot be removed.
    pub fn stop(self) -> Result<()> {
        for process in self.processes.iter().rev() {
            let Some(id) = Pid::from_raw(*process) else {
                continue;
            };
            for signal in [Signal::TERM, Signal::KILL] {
                if self.owns(*process) {
                    let _ = kill_process(id, signal);
                    within(PATIENCE, || !self.owns(*process));
                }
            }
        }
        let end = self.folder.join("node-end.sh");
        if end.exists() {
            Command::new("/bin/sh")
                .arg(end)
                .arg(&self.folder)
                .status()?;
        }
        match fs::remove_dir_all(&self.folder) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
                Err(error).with_context(|| format!("remove {}", self.folder.display()))
            }
            _ => Ok(()),
        }
    }

    /// Whether `process` is one of this bed's. Its id may have gone to another since, but every process of the bed
    /// names the bed's folder in its arguments; those of a process that has ended are empty.
    fn owns(&self, process: i32) -> bool {
        let folder = self.folder.to_string_lossy();
        fs::read(format!("/proc/{process}/cmdline"))
            .is_ok_and(|arguments| String::from_utf8_lossy(&arguments).contains(folder.as_ref()))
    }
}

/// Waits until `condition` holds, but no longer than `limit`; says whether it holds.
pub(crate) fn within(limit: Duration, mut condition: impl FnMut() -> bool) -> bool {
    let begun = Instant::now();
    loop {
        if condition() {
            return true;
        }
        if begun.elapsed() >= limit {
            return false;
        }
        thread::sleep(GLANCE);
    }
}

/// The last `lines` lines of a file, or a word on why there are none.
pub(crate) fn tail(path: &Path, lines: usize) -> String {
    let Ok(bytes) = fs::read(path) else {
        return format!("(no {})", path.display());
    };
    let text = String::from_utf8_lossy(&bytes);
    let all: Vec<&str> = text.lines().collect();
    all[all.len().saturating_sub(lines)..].join("\n")
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::{Component, Guard, within};

    #[test]
    fn the_guard_kills_its_group_when_the_pipe_closes() -> anyhow::Result<()> {
        let folder = tempfile::tempdir()?;
        std::fs::create_dir(folder.path().join("etcd"))?;
        let guard = Guard::start(folder.path())?;
        let sleep = "/bin/sleep".as_ref();
        let mut component =
            Component::start("sleep", sleep, &["1000".to_owned()], folder.path(), &guard)?;
        assert!(component.ended().is_none());
        // Dropping it closes the pipe and says nothing, which is what the kernel does for a killed process.
        drop(guard);
        assert!(within(Duration::from_secs(5), || component
            .ended()
            .is_some()));
        assert!(!folder.path().join("etcd").exists());
        Ok(())
    }

    #[test]
    fn a_released_guard_leaves_its_group_alone() -> anyhow::Result<()> {
        let folder = tempfile::tempdir()?;
        let mut guard = Guard::start(folder.path())?;
        let sleep = "/bin/sleep".as_ref();
        let mut component =
            Component::start("sleep", sleep, &["1000".to_owned()], folder.path(), &guard)?;
        guard.release();
        drop(guard);
        assert!(component.ended().is_none());
        component.stop();
        assert!(component.ended().is_some());
        Ok(())
    }
}
