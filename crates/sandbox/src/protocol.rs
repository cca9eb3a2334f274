//! Frames between the command line and the worker: a little-endian `u32` length, then that many bytes of postcard.

use std::io::{self, Read, Write};

use nks_core::report::Outcome;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

/// The version of these frames. The worker says its own in [`Hello`]; the client refuses any other.
pub const VERSION: u32 = 1;

/// The largest frame accepted, in bytes.
pub const MAX_FRAME: usize = 256 * 1024 * 1024;

/// What the worker is asked.
#[derive(Debug, Serialize, Deserialize)]
pub enum Request {
    /// The fixers that the worker carries.
    List,
    /// What a component is, from its bytes alone.
    Inspect {
        /// The component.
        component: Vec<u8>,
    },
    /// One call of a fixer.
    Analyze(Analyze),
}

/// One call of a fixer. Limits come from its manifest.
#[derive(Debug, Serialize, Deserialize)]
pub struct Analyze {
    /// Which fixer.
    pub fixer: Source,
    /// Seconds since 1970-01-01 UTC.
    pub now_unix: i64,
    /// 0 for the first call.
    pub round: u32,
    /// JSON facts of the cluster.
    pub cluster: String,
    /// JSON settings.
    pub settings: String,
    /// What the fixer is shown.
    pub objects: Vec<Supplied>,
}

/// Where a fixer's code comes from.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Source {
    /// Carried in the worker, under this name.
    BuiltIn(String),
    /// These bytes.
    Component(Vec<u8>),
}

/// One object for a fixer.
#[derive(Debug, Serialize, Deserialize)]
pub struct Supplied {
    /// Index of the read rule.
    pub rule: u32,
    /// `apps/v1`
    pub api_version: String,
    /// `DaemonSet`
    pub kind: String,
    /// Empty for cluster-scoped objects.
    pub namespace: String,
    /// The name.
    pub name: String,
    /// The uid.
    pub uid: String,
    /// The object as JSON.
    pub json: String,
}

/// The worker's first frame, unasked.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Hello {
    /// [`VERSION`]
    pub protocol: u32,
    /// Version of the worker.
    pub version: String,
    /// What holds the worker in.
    pub confinement: Confinement,
}

/// What the operating system holds the worker to. Each is in force, or the reason why not.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Confinement {
    /// Memory, processes, files.
    pub rlimits: Result<(), String>,
    /// System calls.
    pub seccomp: Result<(), String>,
    /// Files and network.
    pub landlock: Result<(), String>,
}

/// What the worker answers.
#[derive(Debug, Serialize, Deserialize)]
pub enum Response {
    /// To [`Request::List`].
    List(Vec<Description>),
    /// To [`Request::Inspect`].
    Inspected(Result<Description, Fault>),
    /// To [`Request::Analyze`].
    Analyzed(Result<Answer, Fault>),
}

/// What a component is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Description {
    /// The manifest section: JSON of `nks_core::manifest::Manifest`.
    pub manifest: Vec<u8>,
    /// sha256 of the component, lower-case hex.
    pub digest: String,
    /// Size of the component in bytes.
    pub size: u64,
    /// What it exports.
    pub exports: Vec<String>,
}

/// One call's answer.
#[derive(Debug, Serialize, Deserialize)]
pub struct Answer {
    /// What the fixer said.
    pub outcome: Outcome,
    /// Fuel used.
    pub fuel: u64,
    /// Linear memory at its largest, in bytes.
    pub memory: u64,
    /// Whether the code came compiled: carried in the worker, or from the cache.
    pub precompiled: bool,
}

/// Why a component is not run, or did not finish. The texts are the worker's own, never the guest's, but for
/// [`Fault::Said`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
pub enum Fault {
    /// Not a component that is accepted: found from its bytes, before anything ran.
    #[error("refused before it ran: {0}")]
    Refused(String),
    /// Over one of its limits.
    #[error("stopped: over its limit of {limit} ({detail})")]
    Limit {
        /// `fuel`, `memory`, `output`, `stack`, `host memory` or `time`.
        limit: String,
        /// The limit in force, in words.
        detail: String,
    },
    /// It trapped.
    #[error("crashed: {0}")]
    Trap(String),
    /// It answered with an error of its own: the guest's words, to be cleaned before they are shown.
    #[error("it says: {0}")]
    Said(String),
    /// Its answer is not acceptable.
    #[error("gave an unusable answer: {0}")]
    Answer(String),
    /// No such fixer in the worker.
    #[error("this worker carries no fixer `{0}`")]
    Missing(String),
}

/// Writes one frame and flushes.
pub fn write_frame(to: &mut impl Write, message: &impl Serialize) -> io::Result<()> {
    let bytes = postcard::to_stdvec(message).map_err(io::Error::other)?;
    if bytes.len() > MAX_FRAME {
        return Err(io::Error::new(
            io::ErrorKind::InvalidData,
            "the frame is too large",
        ));
    }
    let length = u32::try_from(bytes.len()).map_err(io::Error::other)?;
    to.write_all(&length.to_le_bytes())?;
    to.write_all(&bytes)?;
    to.flush()
}

/// Reads one frame; `None` when the other side closed between two frames.
pub fn read_frame<T: DeserializeOwned>(from: &mut impl Read) -> io::Result<Option<T>> {
    let mut length = [0; 4];
    match from.read_exact(&mut length) {
        Err(end) if end.kind() == io::ErrorKind::UnexpectedEof => return Ok(None),
        other => other?,
    }
    let length = u32::from_le_bytes(length) as usize;
    if length > MAX_FRAME {
        return Err(io::Error::new(
            io::ErrorKind::InvalidData,
            "the frame is too large",
        ));
    }
    let mut bytes = Vec::new();
    from.take(length as u64).read_to_end(&mut bytes)?;
    if bytes.len() < length {
        return Err(io::ErrorKind::UnexpectedEof.into());
    }
    postcard::from_bytes(&bytes)
        .map(Some)
        .map_err(|problem| io::Error::new(io::ErrorKind::InvalidData, problem))
}
