//! Where our own files are, how those of others are opened, and the executable beside us.

use std::fs::{self, File, OpenOptions};
use std::io;
use std::path::{Path, PathBuf};

use directories::ProjectDirs;

use crate::failure::Failure;
use crate::screen::Screen;

/// The folder of the journals: the platform's place for state that has to last.
pub(crate) fn journals(screen: &Screen) -> Result<PathBuf, Failure> {
    let project = project(screen)?;
    Ok(project
        .state_dir()
        .unwrap_or_else(|| project.data_local_dir())
        .join("journal"))
}

/// The folder of compiled code, which may be deleted at any time.
pub(crate) fn cache(screen: &Screen) -> Result<PathBuf, Failure> {
    Ok(project(screen)?.cache_dir().join("compiled"))
}

fn project(screen: &Screen) -> Result<ProjectDirs, Failure> {
    ProjectDirs::from("", "", "kubectl-nks")
        .ok_or_else(|| Failure::error(screen.say("no-home", &[])))
}

/// Opens a regular file: a device or a pipe never ends, and nothing that we read is one.
pub(crate) fn open(path: &Path) -> Result<File, String> {
    let metadata = fs::metadata(path).map_err(|problem| problem.to_string())?;
    if !metadata.is_file() {
        return Err("it is not a regular file".into());
    }
    File::open(path).map_err(|problem| problem.to_string())
}

/// Makes a file that is not there yet; with a secret in it, one that nobody else can read.
pub(crate) fn create(path: &Path, secret: bool) -> io::Result<File> {
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    if secret {
        std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    }
    options.open(path)
}

/// The worker: beside our own executable once links are followed, as krew links only one file. Never looked for on PATH,
/// where somebody else could have put one.
pub(crate) fn worker(screen: &Screen) -> Result<PathBuf, Failure> {
    let name = format!("nks-worker{}", std::env::consts::EXE_SUFFIX);
    let own = std::env::current_exe().and_then(|path| path.canonicalize())?;
    let path = own.with_file_name(name);
    if path.is_file() {
        return Ok(path);
    }
    let shown = path.display().to_string();
    Err(
        Failure::error(screen.say("worker-missing", &[("path", &shown)]))
            .hint(screen.say("worker-missing-hint", &[])),
    )
}
