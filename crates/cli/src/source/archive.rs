//! Archives are read, never unpacked: tar, tar.gz and zip, told by their first bytes. What they hold is told by content,
//! since `kubectl cluster-info dump`, support bundles and must-gathers all lay out their files differently.
//!
//! Nothing an archive says of itself is believed: names are only shown, links are passed over, and sizes are counted
//! while reading.

use std::fs::File;
use std::io::{self, Read, Seek};

use flate2::read::MultiGzDecoder;
use nks_core::message::clean;
use nks_core::source::MAX_BYTES;

/// The most that all files of an archive may come to, in bytes.
const MAX_TOTAL: u64 = 2 * MAX_BYTES as u64;
/// The most files that are looked at.
const MAX_FILES: usize = 100_000;
/// How much of a file is looked at to tell whether it holds objects.
const GLANCE: usize = 64 * 1024;

/// What a file is, by its first bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Form {
    /// No archive that we know.
    Plain,
    Tar,
    TarGz,
    Zip,
}

/// Looks at the first bytes of a file, and goes back to its beginning.
pub(super) fn form(file: &mut File) -> io::Result<Form> {
    let mut first = Vec::new();
    file.by_ref().take(512).read_to_end(&mut first)?;
    file.rewind()?;
    let gzip = first.starts_with(&[0x1f, 0x8b]);
    let zip = first.starts_with(b"PK\x03\x04") || first.starts_with(b"PK\x05\x06");
    let tar = first.get(257..262) == Some(b"ustar");
    Ok(match (gzip, zip, tar) {
        (true, ..) => Form::TarGz,
        (_, true, _) => Form::Zip,
        (.., true) => Form::Tar,
        _ => Form::Plain,
    })
}

/// Is given each file of an archive: its name, cleaned, and its text or why that could not be read.
pub(super) type Each<'a> = dyn FnMut(&str, Result<String, String>) + 'a;

/// Hands every file that may hold objects to `each`.
///
/// # Errors
/// When the archive itself is damaged or too large; what was handed over before that stands, and the rest is missing.
pub(super) fn read(file: File, form: Form, each: &mut Each<'_>) -> Result<(), String> {
    let mut budget = Budget {
        bytes: MAX_TOTAL,
        files: MAX_FILES,
    };
    match form {
        Form::Plain => Ok(()),
        Form::Tar => tar(file, &mut budget, each),
        Form::TarGz => tar(MultiGzDecoder::new(file), &mut budget, each),
        Form::Zip => zip(file, &mut budget, each),
    }
}

/// What may still be read.
struct Budget {
    bytes: u64,
    files: usize,
}

impl Budget {
    /// The text of one file, `None` where it holds no objects. The error is the archive's, not the file's.
    fn text(&mut self, mut from: impl Read) -> Result<Option<Result<String, String>>, String> {
        self.files = self
            .files
            .checked_sub(1)
            .ok_or_else(|| format!("more than {MAX_FILES} files"))?;
        let mut bytes = Vec::new();
        let limit = self.bytes.min(GLANCE as u64);
        self.fill(&mut from, limit, &mut bytes)?;
        if !may_hold_objects(&bytes) {
            return Ok(None);
        }
        let limit = (self.bytes + bytes.len() as u64).min(MAX_BYTES as u64 + 1);
        self.fill(&mut from, limit - bytes.len() as u64, &mut bytes)?;
        if bytes.len() > MAX_BYTES {
            return Ok(Some(Err(format!("more than {MAX_BYTES} bytes"))));
        }
        if self.bytes == 0 {
            return Err(format!("unpacked, it has more than {MAX_TOTAL} bytes"));
        }
        Ok(Some(
            String::from_utf8(bytes).map_err(|_| "it is not UTF-8".to_owned()),
        ))
    }

    fn fill(
        &mut self,
        from: &mut impl Read,
        limit: u64,
        bytes: &mut Vec<u8>,
    ) -> Result<(), String> {
        let read = from.take(limit).read_to_end(bytes);
        let read = read.map_err(|problem| problem.to_string())?;
        self.bytes -= read as u64;
        Ok(())
    }
}

/// Whether a text may hold Kubernetes objects: both fields that every object has are in its beginning. Logs and reports
/// of an archive have neither, and are no gap.
fn may_hold_objects(bytes: &[u8]) -> bool {
    let has = |word: &[u8]| bytes.windows(word.len()).any(|window| window == word);
    has(b"apiVersion") && has(b"kind")
}

fn tar(from: impl Read, budget: &mut Budget, each: &mut Each<'_>) -> Result<(), String> {
    let mut archive = tar::Archive::new(from);
    let entries = archive.entries().map_err(|problem| problem.to_string())?;
    for entry in entries {
        let entry = entry.map_err(|problem| problem.to_string())?;
        if !entry.header().entry_type().is_file() {
            continue;
        }
        let name = clean(&String::from_utf8_lossy(&entry.path_bytes()));
        if let Some(text) = budget.text(entry)? {
            each(&name, text);
        }
    }
    Ok(())
}

fn zip(from: File, budget: &mut Budget, each: &mut Each<'_>) -> Result<(), String> {
    let mut archive = zip::ZipArchive::new(from).map_err(|problem| problem.to_string())?;
    for index in 0..archive.len() {
        let entry = archive
            .by_index(index)
            .map_err(|problem| problem.to_string())?;
        if !entry.is_file() {
            continue;
        }
        let name = clean(entry.name());
        if let Some(text) = budget.text(entry)? {
            each(&name, text);
        }
    }
    Ok(())
}
