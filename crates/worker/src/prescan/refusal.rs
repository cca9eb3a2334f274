//! Why a component is refused before it runs. Names in these texts come from the component, and are cleaned and cut.

use nks_core::manifest::ManifestError;
use nks_core::message::clean;
use wasmtime::wasmparser::BinaryReaderError;

use super::{EXPORT, MAX_COMPONENT};

/// Why a component is refused before it runs.
#[derive(Debug, thiserror::Error)]
pub enum Refusal {
    /// No bytes.
    #[error("the file is empty")]
    Empty,
    /// Over [`MAX_COMPONENT`] bytes.
    #[error("it has {0} bytes, {MAX_COMPONENT} are the most")]
    Size(usize),
    /// Text, WebAssembly's text format included.
    #[error("it is text, not a component; build it first")]
    Text,
    /// A core module.
    #[error(
        "it is a core module, not a component; encode it with `cargo xtask fixers` or `wasm-tools component new`"
    )]
    CoreModule,
    /// WebAssembly of a version that nobody knows.
    #[error("it is WebAssembly of an unknown version, not a component")]
    Layer,
    /// Machine code. Only what our own compiler wrote is ever loaded, and from our own cache only.
    #[error("this is compiled code, not a component; give the component that it was compiled from")]
    Compiled,
    /// Compressed.
    #[error("it is packed with {0}; unpack it first")]
    Packed(&'static str),
    /// Anything else.
    #[error("it is not a WebAssembly component")]
    Unknown,
    /// Not valid, cut short, or built with a proposal that is not enabled.
    #[error("it is not valid: {0}")]
    Invalid(String),
    /// An import.
    #[error("it imports {0}")]
    Import(String),
    /// An import inside something nested.
    #[error("{within} in it imports {name}")]
    HiddenImport {
        /// `a core module` or `a nested component`
        within: &'static str,
        /// What is imported.
        name: String,
    },
    /// Not exactly the one export.
    #[error("it exports {0}; a fixer exports {EXPORT} and nothing else")]
    Exports(String),
    /// Code that would run before it is asked anything.
    #[error("it has a start function; a fixer runs only when it is asked")]
    Start,
    /// No manifest.
    #[error("it has no section `nks.fixer`, so it does not say what it reads and writes")]
    NoManifest,
    /// Two manifests.
    #[error("it has more than one section `nks.fixer`")]
    Manifests,
    /// A manifest that is not accepted.
    #[error("its manifest is not accepted: {0}")]
    Manifest(#[from] ManifestError),
    /// Needs more memory than its manifest allows.
    #[error("it starts with {asked} MiB of memory, its manifest allows {limit} MiB")]
    Memory {
        /// MiB that its memory starts with.
        asked: u64,
        /// MiB that the manifest allows.
        limit: u32,
    },
    /// Too many, or too much, of something.
    #[error("it has {count} {what}, {most} are the most")]
    TooMany {
        /// What is counted.
        what: &'static str,
        /// How many there are, or at least how many.
        count: u64,
        /// The limit.
        most: u64,
    },
    /// A part of the component model that no fixer needs.
    #[error("it holds {0}, which a fixer does not need")]
    Part(&'static str),
}

impl Refusal {
    /// An import at the level of the component.
    pub(super) fn import(name: &str) -> Self {
        Refusal::Import(short(name))
    }

    /// An import in a core module.
    pub(super) fn core_import(module: &str, name: &str) -> Self {
        Refusal::HiddenImport {
            within: "a core module",
            name: format!("{}.{}", short(module), short(name)),
        }
    }

    /// An import in a nested component.
    pub(super) fn nested_import(name: &str) -> Self {
        Refusal::HiddenImport {
            within: "a nested component",
            name: short(name),
        }
    }

    /// The wrong exports.
    pub(super) fn exports(names: &[String]) -> Self {
        let mut shown: Vec<String> = names.iter().take(5).map(|name| short(name)).collect();
        match names.len() {
            0 => shown.push("nothing".into()),
            more @ 6.. => shown.push(format!("{} more", more - 5)),
            _ => {}
        }
        Refusal::Exports(shown.join(", "))
    }
}

impl From<BinaryReaderError> for Refusal {
    fn from(problem: BinaryReaderError) -> Self {
        Refusal::Invalid(short(&problem.to_string()))
    }
}

/// A text from a component: cleaned, and at most 200 characters of it.
fn short(text: &str) -> String {
    let mut text = clean(text);
    if let Some((end, _)) = text.char_indices().nth(200) {
        text.truncate(end);
        text.push('…');
    }
    text
}
