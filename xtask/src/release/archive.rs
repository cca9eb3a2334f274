//! Archives that come out the same, byte for byte, whoever makes them: sorted, with one time, one owner and two modes.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use anyhow::{Context, Result, bail};
use flate2::read::GzDecoder;
use flate2::{Compression, GzBuilder};
use sha2::{Digest, Sha256};
use tar::{Archive, Builder, EntryType, Header};

/// Whether a file can be started.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Mode {
    /// 0755.
    Executable,
    /// 0644.
    Plain,
}

impl Mode {
    fn bits(self) -> u32 {
        match self {
            Self::Executable => 0o755,
            Self::Plain => 0o644,
        }
    }
}

/// What an archive is to hold, by path inside it; sorted, because a map of this kind is.
#[derive(Clone, Debug, Default)]
pub(super) struct Contents(BTreeMap<String, (Mode, Vec<u8>)>);

impl Contents {
    /// Adds a file; a second one at the same path is an error, for one of them would be lost.
    pub(super) fn add(&mut self, path: &str, mode: Mode, data: Vec<u8>) -> Result<()> {
        match self.0.insert(path.to_owned(), (mode, data)) {
            Some(_) => bail!("{path} is in the archive twice"),
            None => Ok(()),
        }
    }

    /// Adds the file at `from`.
    pub(super) fn add_file(&mut self, path: &str, mode: Mode, from: &Path) -> Result<()> {
        let data = fs::read(from).with_context(|| format!("cannot read {}", from.display()))?;
        self.add(path, mode, data)
    }

    /// Adds every file right below `from` as plain files of `folder`; none at all is an error.
    pub(super) fn add_folder(&mut self, folder: &str, from: &Path) -> Result<()> {
        let mut count = 0_usize;
        for entry in
            fs::read_dir(from).with_context(|| format!("cannot read {}", from.display()))?
        {
            let entry = entry?;
            let name = entry.file_name().to_string_lossy().into_owned();
            self.add_file(&format!("{folder}/{name}"), Mode::Plain, &entry.path())?;
            count += 1;
        }
        if count == 0 {
            bail!("{} is empty", from.display());
        }
        Ok(())
    }

    /// The tar.gz of these files, all of them of `time` (seconds since 1970) and of uid and gid 0.
    pub(super) fn to_tar_gz(&self, time: u64) -> Result<Vec<u8>> {
        // A time stamp of its own would make each archive differ from the one before it.
        let gzip = GzBuilder::new()
            .mtime(0)
            .write(Vec::new(), Compression::best());
        let mut builder = Builder::new(gzip);
        for (path, (mode, data)) in &self.0 {
            let mut header = Header::new_ustar();
            header.set_entry_type(EntryType::Regular);
            header.set_size(data.len() as u64);
            header.set_mode(mode.bits());
            header.set_mtime(time);
            header.set_uid(0);
            header.set_gid(0);
            builder
                .append_data(&mut header, path, data.as_slice())
                .with_context(|| format!("cannot archive {path}"))?;
        }
        Ok(builder.into_inner()?.finish()?)
    }
}

/// What an entry of an archive is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// A file with bytes of its own.
    File,
    /// A folder.
    Folder,
    /// A symbolic or hard link.
    Link,
    /// Anything else: devices, pipes.
    Other,
}

/// An entry as it is written in an archive.
#[derive(Clone, Debug)]
pub(super) struct Entry {
    /// Its path, as it stands there.
    pub(super) path: String,
    /// What it is.
    pub(super) kind: Kind,
}

/// Reads back what a tar.gz holds, from the bytes that will be shipped and not from what was meant to be in them.
pub(super) fn entries(tar_gz: &[u8]) -> Result<Vec<Entry>> {
    let mut archive = Archive::new(GzDecoder::new(tar_gz));
    archive
        .entries()?
        .map(|entry| {
            let entry = entry?;
            let kind = match entry.header().entry_type() {
                EntryType::Regular => Kind::File,
                EntryType::Directory => Kind::Folder,
                EntryType::Symlink | EntryType::Link => Kind::Link,
                _ => Kind::Other,
            };
            Ok(Entry {
                path: String::from_utf8_lossy(&entry.path_bytes()).into_owned(),
                kind,
            })
        })
        .collect()
}

/// The sha256 of bytes in lower-case hex.
pub(super) fn sha256(bytes: &[u8]) -> String {
    Sha256::digest(bytes)
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn contents(names: &[&str]) -> Contents {
        let mut contents = Contents::default();
        for name in names {
            contents
                .add(name, Mode::Plain, name.as_bytes().to_vec())
                .unwrap();
        }
        contents
    }

    #[test]
    fn the_same_files_are_the_same_bytes_in_whatever_order_they_came() {
        let one = contents(&["a", "b/c", "b/a"]).to_tar_gz(1_700_000_000);
        let other = contents(&["b/a", "a", "b/c"]).to_tar_gz(1_700_000_000);
        assert_eq!(one.unwrap(), other.unwrap());
    }

    #[test]
    fn headers_say_nothing_of_this_machine() {
        let mut contents = contents(&["plain", "folder/plain"]);
        contents
            .add("program", Mode::Executable, Vec::new())
            .unwrap();
        let bytes = contents.to_tar_gz(1_700_000_000).unwrap();
        assert_eq!(bytes[4..8], [0; 4], "no time in the gzip header");
        assert_eq!(bytes[3], 0, "no name in the gzip header");
        let mut archive = Archive::new(GzDecoder::new(bytes.as_slice()));
        let mut seen = Vec::new();
        for entry in archive.entries().unwrap() {
            let entry = entry.unwrap();
            let header = entry.header();
            assert_eq!(header.mtime().unwrap(), 1_700_000_000);
            assert_eq!((header.uid().unwrap(), header.gid().unwrap()), (0, 0));
            assert_eq!(header.username().unwrap().unwrap_or_default(), "");
            seen.push((entry.path().unwrap().into_owned(), header.mode().unwrap()));
        }
        let expected = [
            ("folder/plain", 0o644),
            ("plain", 0o644),
            ("program", 0o755),
        ];
        assert_eq!(seen, expected.map(|(path, mode)| (path.into(), mode)));
    }

    #[test]
    fn paths_that_leave_the_folder_are_refused_when_writing() {
        for path in ["../a", "b/../../a", "/a"] {
            let written = contents(&[path]).to_tar_gz(0);
            // An absolute path may also be made a relative one; what counts is what stands in the archive.
            if let Ok(bytes) = written {
                assert_eq!(entries(&bytes).unwrap()[0].path, "a", "{path}");
                assert_eq!(path, "/a");
            }
        }
    }

    #[test]
    fn a_path_is_taken_once_and_an_empty_folder_is_an_error() {
        let mut contents = contents(&["a"]);
        assert!(contents.add("a", Mode::Plain, Vec::new()).is_err());
        let empty = tempfile::tempdir().unwrap();
        assert!(contents.add_folder("man", empty.path()).is_err());
    }

    #[test]
    fn the_sum_is_lower_case_hex() {
        assert_eq!(
            sha256(b""),
            "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
        );
    }
}
