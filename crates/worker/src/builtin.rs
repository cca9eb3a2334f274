//! Built-in fixers: compiled when the worker is built, and carried in it.
//!
//! Compiling sixteen fixers at a user's first run would cost over a second; loading one from here costs well under a
//! millisecond. The pack is: `MAGIC`, the length of an index (`u32`, little-endian), the index (postcard), then the
//! compiled code of each fixer, where the index says.

use std::ops::Range;

use nks_sandbox::protocol::{Description, Fault};
use serde::{Deserialize, Serialize};

use crate::compiled;
use crate::engine::{Engine, Loaded};
use crate::prescan::prescan;

/// What a pack begins with; the number is its version.
const MAGIC: &[u8] = b"nks-pack 1\n";

/// The pack of this worker.
static PACK: &[u8] = include_bytes!(env!("NKS_BUILTINS_PACK"));

/// Why a pack was not read or written.
#[derive(Debug, thiserror::Error)]
pub enum PackError {
    /// Not a pack, or one of another version.
    #[error("the built-in fixers are not readable; build the worker anew")]
    Unreadable,
    /// A component that does not become a built-in fixer.
    #[error("{name}: {fault}")]
    Component {
        /// The file it came from.
        name: String,
        /// Why not.
        fault: Fault,
    },
    /// Two components of one name.
    #[error("two fixers are named {0}")]
    Twice(String),
    /// The index could not be written.
    #[error("the index could not be written")]
    Index(#[from] postcard::Error),
    /// The code of all fixers is too large.
    #[error("the pack is larger than 4 GiB")]
    Large,
}

/// One fixer of a pack.
#[derive(Debug, Serialize, Deserialize)]
struct Entry {
    name: String,
    description: Description,
    /// Where its code lies, from the end of the index.
    start: u32,
    length: u32,
}

/// Built-in fixers.
#[derive(Debug, Default)]
pub struct BuiltIns<'a> {
    entries: Vec<Entry>,
    code: &'a [u8],
}

impl BuiltIns<'static> {
    /// Those that this worker was built with; none when it was built without.
    ///
    /// # Errors
    /// When it was built with something that is no pack.
    pub fn carried() -> Result<Self, PackError> {
        Self::read(PACK)
    }
}

impl<'a> BuiltIns<'a> {
    /// Reads a pack; no bytes at all are an empty one.
    ///
    /// # Errors
    /// When it is cut short, damaged or of another version.
    pub fn read(pack: &'a [u8]) -> Result<Self, PackError> {
        if pack.is_empty() {
            return Ok(Self::default());
        }
        let rest = pack.strip_prefix(MAGIC).ok_or(PackError::Unreadable)?;
        let (length, rest) = rest.split_first_chunk().ok_or(PackError::Unreadable)?;
        let length = u32::from_le_bytes(*length) as usize;
        let (index, code) = rest.split_at_checked(length).ok_or(PackError::Unreadable)?;
        let entries: Vec<Entry> = postcard::from_bytes(index).map_err(|_| PackError::Unreadable)?;
        Ok(Self { entries, code })
    }

    /// All of them, in the order of their names.
    pub fn descriptions(&self) -> impl Iterator<Item = &Description> {
        self.entries.iter().map(|entry| &entry.description)
    }

    /// The description of the fixer `name`.
    pub fn description(&self, name: &str) -> Option<&Description> {
        self.entry(name).map(|entry| &entry.description)
    }

    /// Loads the compiled code of the fixer `name`.
    ///
    /// # Errors
    /// [`Fault::Missing`] when there is none of that name; [`Fault::Refused`] when it was compiled for another worker.
    pub fn load(&self, engine: &Engine, name: &str) -> Result<Loaded, Fault> {
        let missing = || Fault::Missing(nks_core::message::clean(name));
        let entry = self.entry(name).ok_or_else(missing)?;
        let code = self.code.get(entry.range()).ok_or_else(stale)?;
        let component = compiled::load(engine, code).map_err(|_| stale())?;
        engine.link(&component)
    }

    fn entry(&self, name: &str) -> Option<&Entry> {
        let at = self
            .entries
            .binary_search_by(|entry| entry.name.as_str().cmp(name));
        at.ok().and_then(|at| self.entries.get(at))
    }
}

impl Entry {
    fn range(&self) -> Range<usize> {
        let start = self.start as usize;
        start..start.saturating_add(self.length as usize)
    }
}

fn stale() -> Fault {
    Fault::Refused(
        "it was compiled for another worker; build the fixers and the worker anew with `cargo xtask build`".into(),
    )
}

/// Pre-scans and compiles `components` (each with the name of its file, for errors) into a pack.
///
/// # Errors
/// When one is refused, or two have the same name.
pub fn pack(engine: &Engine, components: &[(String, Vec<u8>)]) -> Result<Vec<u8>, PackError> {
    let mut compiled = Vec::new();
    for (file, component) in components {
        let refused = |fault| PackError::Component {
            name: file.clone(),
            fault,
        };
        let scanned = prescan(component).map_err(|refusal| refused(refusal.into()))?;
        let (_, code) = compiled::compile(engine, &scanned, component).map_err(refused)?;
        compiled.push((scanned.manifest.metadata.name, scanned.description, code));
    }
    compiled.sort_by(|(one, ..), (other, ..)| one.cmp(other));
    let (mut entries, mut codes) = (Vec::<Entry>::new(), Vec::new());
    for (name, description, code) in compiled {
        if entries.last().is_some_and(|last| last.name == name) {
            return Err(PackError::Twice(name));
        }
        entries.push(Entry {
            name,
            description,
            start: u32::try_from(codes.len()).map_err(|_| PackError::Large)?,
            length: u32::try_from(code.len()).map_err(|_| PackError::Large)?,
        });
        codes.extend(code);
    }
    let index = postcard::to_stdvec(&entries)?;
    let length = u32::try_from(index.len()).map_err(|_| PackError::Large)?;
    Ok([MAGIC, &length.to_le_bytes(), &index, &codes].concat())
}
