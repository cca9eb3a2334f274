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
use tar::PaxExtensions;

/// The most that all files with objects may come to, in bytes.
const MAX_TOTAL: u64 = 2 * MAX_BYTES as u64;
/// The most that an archive may unpack to, in bytes: logs, headers and padding are passed over, which takes time only.
const MAX_UNPACKED: u64 = 4 * MAX_TOTAL;
/// The most files that are looked at.
const MAX_FILES: usize = 100_000;
/// How much of a file is looked at to tell whether it holds objects.
const GLANCE: u64 = 64 * 1024;
/// How much is read of a header that holds nothing but a name.
const MAX_NAME: u64 = 64 * 1024;

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
        unpacked: MAX_UNPACKED,
        files: MAX_FILES,
    };
    let whole = match form {
        Form::Plain => Ok(()),
        Form::Tar => tar(file, &mut budget, each),
        Form::TarGz => tar(MultiGzDecoder::new(file), &mut budget, each),
        Form::Zip => zip(file, &mut budget, each),
    };
    whole.map_err(|problem| problem.to_string())
}

/// What may still be read.
struct Budget {
    bytes: u64,
    unpacked: u64,
    files: usize,
}

impl Budget {
    /// The text of one file, `None` where it holds no objects. The error is the archive's, not the file's. `size` is what
    /// the archive says: a file that says too much is not begun, and one that says too little is cut, which its end shows.
    fn text(&mut self, from: impl Read, size: u64) -> io::Result<Option<Result<String, String>>> {
        let files = self.files.checked_sub(1);
        self.files =
            files.ok_or_else(|| io::Error::other(format!("more than {MAX_FILES} files")))?;
        let mut from = from.take(size.saturating_add(1));
        let mut bytes = Vec::new();
        from.by_ref().take(GLANCE).read_to_end(&mut bytes)?;
        if !may_hold_objects(&bytes) {
            return Ok(None);
        }
        if size > MAX_BYTES as u64 {
            return Ok(Some(Err(format!("more than {MAX_BYTES} bytes"))));
        }
        let left = self.bytes.checked_sub(size);
        self.bytes = left.ok_or_else(|| too_large(MAX_TOTAL))?;
        from.read_to_end(&mut bytes)?;
        if bytes.len() as u64 != size {
            return Ok(Some(Err(format!(
                "it does not have the {size} bytes that it says"
            ))));
        }
        Ok(Some(
            String::from_utf8(bytes).map_err(|_| "it is not UTF-8".to_owned()),
        ))
    }
}

fn too_large(limit: u64) -> io::Error {
    io::Error::other(format!("unpacked, it has more than {limit} bytes"))
}

/// Counts all that is read, whatever it is for.
struct Counted<R> {
    from: R,
    left: u64,
    /// How many zeros came last.
    zeros: usize,
}

impl<R: Read> Read for Counted<R> {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        let read = self.from.read(into)?;
        let left = self.left.checked_sub(read as u64);
        self.left = left.ok_or_else(|| too_large(MAX_UNPACKED))?;
        self.zeros = match into[..read].iter().rposition(|byte| *byte != 0) {
            Some(at) => read - at - 1,
            None => self.zeros.saturating_add(read),
        };
        Ok(read)
    }
}

/// Whether a text may hold Kubernetes objects: both fields that every object has are in its beginning. Logs and reports
/// of an archive have neither, and are no gap.
fn may_hold_objects(bytes: &[u8]) -> bool {
    let has = |word: &[u8]| bytes.windows(word.len()).any(|window| window == word);
    has(b"apiVersion") && has(b"kind")
}

/// The library reads the headers of long names whole, however large they are, so it is asked for them as they come. It
/// goes on behind the end mark: tars may be strung together, and only its real end tells that a gzip is whole.
fn tar(from: impl Read, budget: &mut Budget, each: &mut Each<'_>) -> io::Result<()> {
    let mut archive = tar::Archive::new(Counted {
        from,
        left: budget.unpacked,
        zeros: 0,
    });
    archive.set_ignore_zeros(true);
    let mut long = None;
    for entry in archive.entries()?.raw(true) {
        let entry = entry?;
        let kind = entry.header().entry_type();
        if kind.is_gnu_longname() || kind.is_pax_local_extensions() {
            long = long_name(entry)?.or(long);
            continue;
        }
        if kind.is_gnu_longlink() || kind.is_pax_global_extensions() {
            continue;
        }
        let short = || String::from_utf8_lossy(&entry.path_bytes()).into_owned();
        let name = clean(&long.take().unwrap_or_else(short));
        if kind.is_gnu_sparse() {
            each(&name, Err("it is stored as a sparse file".to_owned()));
        } else if kind.is_file() || kind.is_contiguous() {
            let size = entry.size();
            if let Some(text) = budget.text(entry, size)? {
                each(&name, text);
            }
        }
    }
    // Padding alone is shorter than a block.
    if archive.into_inner().zeros < 512 {
        return Err(io::Error::other("it has no end mark and may be cut"));
    }
    Ok(())
}

/// The name of the next file, from a header of its own. A pax header may hold other things only.
fn long_name(entry: tar::Entry<'_, impl Read>) -> io::Result<Option<String>> {
    let pax = entry.header().entry_type().is_pax_local_extensions();
    let mut bytes = Vec::new();
    entry.take(MAX_NAME).read_to_end(&mut bytes)?;
    let name = if pax {
        PaxExtensions::new(&bytes)
            .flatten()
            .find(|record| record.key_bytes() == b"path")
            .map(|record| record.value_bytes())
    } else {
        bytes.split(|byte| *byte == 0).next()
    };
    Ok(name.map(|name| String::from_utf8_lossy(name).into_owned()))
}

fn zip(from: File, budget: &mut Budget, each: &mut Each<'_>) -> io::Result<()> {
    let mut archive = zip::ZipArchive::new(from)?;
    for index in 0..archive.len() {
        let entry = archive.by_index(index)?;
        if !entry.is_file() {
            continue;
        }
        let (name, size) = (clean(entry.name()), entry.size());
        let mut counted = Counted {
            from: entry,
            left: budget.unpacked,
            zeros: 0,
        };
        let text = budget.text(&mut counted, size)?;
        budget.unpacked = counted.left;
        if let Some(text) = text {
            each(&name, text);
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    const NODE: &str = "apiVersion: v1\nkind: Node\nmetadata: {name: n}\n";

    fn tar_of(texts: &[&str]) -> Vec<u8> {
        let mut builder = tar::Builder::new(Vec::new());
        for text in texts {
            let mut header = tar::Header::new_gnu();
            header.set_size(text.len() as u64);
            builder
                .append_data(&mut header, "a".repeat(150), text.as_bytes())
                .unwrap();
        }
        builder.into_inner().unwrap()
    }

    fn taken(bytes: &[u8], mut budget: Budget) -> (usize, Result<(), String>) {
        let mut count = 0;
        let whole = tar(bytes, &mut budget, &mut |name, text| {
            assert_eq!(name, "a".repeat(150));
            assert_eq!(text.as_deref(), Ok(NODE));
            count += 1;
        });
        (count, whole.map_err(|problem| problem.to_string()))
    }

    #[test]
    fn what_comes_before_a_limit_stands_and_the_limit_is_said() {
        let log = "x".repeat(10_000);
        let bytes = tar_of(&[NODE, &log, NODE]);
        let all = |bytes, unpacked, files| Budget {
            bytes,
            unpacked,
            files,
        };
        assert_eq!(taken(&bytes, all(1_000, 100_000, 3)), (2, Ok(())));
        for (budget, said) in [
            (all(1_000, 100_000, 2), "more than 100000 files"),
            (all(60, 100_000, 3), "unpacked, it has more than"),
            (all(1_000, 5_000, 3), "unpacked, it has more than"),
        ] {
            let (count, whole) = taken(&bytes, budget);
            assert_eq!(count, 1);
            assert!(whole.as_ref().unwrap_err().contains(said), "{whole:?}");
        }
    }

    #[test]
    fn tars_strung_together_are_read_to_the_end_and_one_without_an_end_is_cut() {
        let budget = || Budget {
            bytes: 1_000,
            unpacked: 100_000,
            files: 9,
        };
        let bytes = [tar_of(&[NODE]), tar_of(&[NODE])].concat();
        assert_eq!(taken(&bytes, budget()), (2, Ok(())));
        let one = tar_of(&[NODE]);
        let (count, whole) = taken(&one[..one.len() - 1_024], budget());
        assert_eq!(count, 1);
        assert_eq!(whole, Err("it has no end mark and may be cut".to_owned()));
    }
}
