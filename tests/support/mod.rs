//! Runs the built executables with a home of their own, so that no test reads or writes what belongs to the person who
//! runs it.
#![allow(dead_code, reason = "each test binary uses a part of this")]

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use tempfile::TempDir;

/// The folder of the executables under test.
pub(crate) fn bin() -> PathBuf {
    Path::new(env!("CARGO_BIN_EXE_kubectl-nks"))
        .parent()
        .expect("an executable is in a folder")
        .to_owned()
}

/// A file below the root of the repository.
pub(crate) fn root(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(path)
}

/// A user with an empty home.
pub(crate) struct User {
    /// The home folder.
    pub(crate) home: TempDir,
    /// The kubeconfig to use, if any.
    pub(crate) kubeconfig: Option<PathBuf>,
}

/// What a command did.
#[derive(Debug)]
pub(crate) struct Ran {
    /// Its exit code; -1 when a signal ended it.
    pub(crate) code: i32,
    /// What it printed as data.
    pub(crate) stdout: String,
    /// Everything else it printed.
    pub(crate) stderr: String,
}

impl User {
    /// A user without a cluster.
    pub(crate) fn new() -> Self {
        Self {
            home: TempDir::new().expect("a temporary folder"),
            kubeconfig: None,
        }
    }

    /// A user with a kubeconfig.
    pub(crate) fn with(kubeconfig: &Path) -> Self {
        Self {
            kubeconfig: Some(kubeconfig.to_owned()),
            ..Self::new()
        }
    }

    /// One of the executables, not started yet.
    pub(crate) fn command(&self, executable: &str, arguments: &[&str]) -> Command {
        let mut command = Command::new(bin().join(executable));
        command.args(arguments).env_clear().stdin(Stdio::null());
        for (name, value) in self.environment() {
            command.env(name, value);
        }
        command
    }

    /// The whole environment of a command.
    pub(crate) fn environment(&self) -> Vec<(&'static str, PathBuf)> {
        let home = self.home.path();
        let mut environment = vec![
            ("HOME", home.to_owned()),
            ("XDG_CONFIG_HOME", home.join("config")),
            ("XDG_CACHE_HOME", home.join("cache")),
            ("XDG_STATE_HOME", home.join("state")),
            ("XDG_DATA_HOME", home.join("data")),
            ("PATH", "/usr/bin:/bin".into()),
            ("USER", "tester".into()),
            ("LANG", "C.UTF-8".into()),
        ];
        environment.extend(self.kubeconfig.clone().map(|path| ("KUBECONFIG", path)));
        environment
    }

    /// Runs `kubectl-nks` to its end.
    pub(crate) fn nks(&self, arguments: &[&str]) -> Ran {
        run(&mut self.command("kubectl-nks", arguments))
    }

    /// The journal files, oldest first.
    pub(crate) fn journals(&self) -> Vec<PathBuf> {
        let folder = self.home.path().join("state/kubectl-nks/journal");
        let mut files = Vec::new();
        for cluster in std::fs::read_dir(folder).into_iter().flatten().flatten() {
            files.extend(
                std::fs::read_dir(cluster.path())
                    .into_iter()
                    .flatten()
                    .flatten()
                    .map(|entry| entry.path()),
            );
        }
        files.sort();
        files
    }

    /// The name of the only or newest journal entry.
    pub(crate) fn entry(&self) -> String {
        let newest = self.journals().pop().expect("there is a journal");
        newest
            .file_stem()
            .expect("a file has a name")
            .to_string_lossy()
            .into_owned()
    }
}

/// Runs a command to its end.
pub(crate) fn run(command: &mut Command) -> Ran {
    let output = command.output().expect("the executable starts");
    Ran {
        code: output.status.code().unwrap_or(-1),
        stdout: String::from_utf8(output.stdout).expect("stdout is UTF-8"),
        stderr: String::from_utf8(output.stderr).expect("stderr is UTF-8"),
    }
}

/// Fails with everything that was printed unless the exit code is `code`.
#[track_caller]
pub(crate) fn expect(ran: &Ran, code: i32) {
    assert_eq!(
        ran.code, code,
        "\n--- stdout\n{}\n--- stderr\n{}",
        ran.stdout, ran.stderr
    );
}
