//! The journal on disk: one file a run, in the state folder, one folder a cluster. A record is on the disk, and not only
//! with the operating system, before this returns.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use nks_core::record::{self, Begin, Journal, JournalError, Record};

/// A journal being written.
pub(crate) struct Writer {
    file: File,
    checksum: String,
}

impl Writer {
    /// Begins the journal of a run. The file and the folder that names it are flushed.
    pub(crate) fn begin(folder: &Path, begin: Begin) -> io::Result<Self> {
        let folder = folder.join(safe(&begin.cluster_uid)?);
        create_private(&folder)?;
        let path = folder.join(format!("{}.journal", safe(&begin.entry)?));
        let file = private(OpenOptions::new().append(true).create_new(true)).open(path)?;
        let mut writer = Self {
            file,
            checksum: record::FIRST.to_owned(),
        };
        writer.append(&Record::Begin(begin))?;
        File::open(&folder)?.sync_all()?;
        Ok(writer)
    }

    /// Opens a journal that a crash left open, cutting off a torn last line.
    pub(crate) fn reopen(entry: &Entry) -> io::Result<Self> {
        let journal = entry
            .journal
            .as_ref()
            .map_err(|problem| io::Error::other(problem.to_string()))?;
        let file = OpenOptions::new().append(true).open(&entry.path)?;
        file.set_len(journal.good_bytes as u64)?;
        Ok(Self {
            file,
            checksum: journal.checksum.clone(),
        })
    }

    /// Appends a record and flushes it to the disk.
    pub(crate) fn append(&mut self, record: &Record) -> io::Result<()> {
        let (line, checksum) = record::encode(&self.checksum, record).map_err(io::Error::other)?;
        self.file.write_all(line.as_bytes())?;
        self.file.sync_all()?;
        self.checksum = checksum;
        Ok(())
    }
}

/// One journal file.
pub(crate) struct Entry {
    /// Its name, as `history` shows it.
    pub(crate) name: String,
    /// uid of the cluster, from the folder.
    pub(crate) cluster_uid: String,
    /// Where it is.
    pub(crate) path: PathBuf,
    /// What it holds, or why it cannot be used.
    pub(crate) journal: Result<Journal, Unusable>,
}

/// Why a journal file cannot be used.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Unusable {
    /// It cannot be read.
    #[error("it cannot be read: {0}")]
    Io(#[from] io::Error),
    /// It is damaged, or newer than this version.
    #[error(transparent)]
    Journal(#[from] JournalError),
}

/// Every entry there is, oldest first. A folder that is not there holds none.
pub(crate) fn entries(folder: &Path) -> io::Result<Vec<Entry>> {
    let mut entries = Vec::new();
    for cluster in list(folder)? {
        let cluster_uid = cluster
            .file_name()
            .and_then(|name| name.to_str())
            .unwrap_or_default()
            .to_owned();
        for path in list(&cluster)? {
            let Some(name) = path
                .file_name()
                .and_then(|name| name.to_str())
                .and_then(|name| name.strip_suffix(".journal"))
            else {
                continue;
            };
            let journal = fs::read_to_string(&path)
                .map_err(Unusable::from)
                .and_then(|text| Ok(record::decode(&text)?));
            entries.push(Entry {
                name: name.to_owned(),
                cluster_uid: cluster_uid.clone(),
                path: path.clone(),
                journal,
            });
        }
    }
    entries.sort_by(|one, other| one.name.cmp(&other.name));
    Ok(entries)
}

fn list(folder: &Path) -> io::Result<Vec<PathBuf>> {
    match fs::read_dir(folder) {
        Ok(entries) => entries.map(|entry| Ok(entry?.path())).collect(),
        Err(problem)
            if matches!(
                problem.kind(),
                io::ErrorKind::NotFound | io::ErrorKind::NotADirectory
            ) =>
        {
            Ok(Vec::new())
        }
        Err(problem) => Err(problem),
    }
}

/// A part of a path made of what a cluster or a clock said: letters, digits and dashes only.
fn safe(part: &str) -> io::Result<&str> {
    let fine = !part.is_empty()
        && part
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || byte == b'-');
    fine.then_some(part)
        .ok_or_else(|| io::Error::new(io::ErrorKind::InvalidInput, "not a name for a journal"))
}

#[cfg(unix)]
fn private(options: &mut OpenOptions) -> &mut OpenOptions {
    use std::os::unix::fs::OpenOptionsExt;
    options.mode(0o600)
}

#[cfg(not(unix))]
fn private(options: &mut OpenOptions) -> &mut OpenOptions {
    options
}

fn create_private(folder: &Path) -> io::Result<()> {
    let mut builder = fs::DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    {
        use std::os::unix::fs::DirBuilderExt;
        builder.mode(0o700);
    }
    builder.create(folder)
}

/// A name for a new entry: the time to the millisecond, which sorts. A file of that name is never overwritten.
pub(crate) fn new_name(now: jiff::Timestamp) -> String {
    now.strftime("%Y%m%d-%H%M%S-%3f").to_string()
}
