//! Compiled code of fixers that are not built in, kept between runs.
//!
//! Only our own compiler's output is ever loaded. Each file carries an HMAC-SHA256, by a random key that lies in the
//! same folder and that nobody but its owner can read, over its own name and the code. The name is a hash of the
//! component's digest and of what wasmtime's version, the configuration and the processor come to. What does not fit is
//! no error: the component is compiled again.
//!
//! The folder and the key are opened before the process is confined; everything else happens inside.

use std::fs;
use std::io::{self, Read, Write};
use std::os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use hmac::{Hmac, KeyInit, Mac};
use sha2::{Digest, Sha256};

use crate::engine::Engine;
use crate::prescan::hex;

/// The most files kept; the oldest go first.
const MAX_FILES: usize = 64;
/// The largest file kept, in bytes.
pub(crate) const MAX_FILE: u64 = 64 * 1024 * 1024;
const KEY: usize = 32;
const MAC: usize = 32;
/// A symbolic link where a file should be is not followed, but taken for a missing file.
const NO_FOLLOW: i32 = rustix::fs::OFlags::NOFOLLOW.bits() as i32;

/// Why there is no cache.
#[derive(Debug, thiserror::Error)]
pub enum CacheError {
    /// The folder is not a folder of this user's own.
    #[error("the cache folder must be a folder of your own that nobody else can open (mode 0700)")]
    Shared,
    /// The system refused.
    #[error("{what}")]
    Io {
        /// What was tried.
        what: &'static str,
        /// What the system said.
        #[source]
        source: io::Error,
    },
}

/// A folder of compiled code.
pub struct Cache {
    folder: PathBuf,
    key: [u8; KEY],
}

impl Cache {
    /// Opens `folder`, making it and its key where they are missing, and removes the oldest files beyond a number.
    ///
    /// # Errors
    /// When the folder is a symbolic link, belongs to another user, or others may open it.
    pub fn open(folder: &Path) -> Result<Self, CacheError> {
        let failed = |what| move |source| CacheError::Io { what, source };
        fs::DirBuilder::new()
            .recursive(true)
            .mode(0o700)
            .create(folder)
            .map_err(failed("the cache folder could not be made"))?;
        let found = fs::symlink_metadata(folder).map_err(failed("no cache folder"))?;
        let user = rustix::process::geteuid().as_raw();
        if !found.is_dir() || found.mode() & 0o077 != 0 || found.uid() != user {
            return Err(CacheError::Shared);
        }
        let key = match read_key(folder) {
            Some(key) => key,
            None => make_key(folder).map_err(failed("the cache's key could not be made"))?,
        };
        let cache = Self {
            folder: folder.to_owned(),
            key,
        };
        cache
            .prune()
            .map_err(failed("the cache could not be tidied"))?;
        Ok(cache)
    }

    /// Where it is.
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// The compiled code of the component with this digest, if it is there and its MAC is right.
    pub(crate) fn read(&self, engine: &Engine, digest: &str) -> Option<Vec<u8>> {
        let name = name(engine, digest);
        let mut bytes = read(&self.folder.join(&name), MAX_FILE).ok()?;
        let mac: [u8; MAC] = *bytes.first_chunk()?;
        bytes.drain(..MAC);
        self.mac(&name, &bytes)?.verify_slice(&mac).ok()?;
        Some(bytes)
    }

    /// Keeps compiled code. A file is written beside its place and then moved there, so that none is ever half a file.
    pub(crate) fn write(&self, engine: &Engine, digest: &str, code: &[u8]) -> io::Result<()> {
        if (code.len() + MAC) as u64 > MAX_FILE {
            return Ok(());
        }
        let name = name(engine, digest);
        let mac = self.mac(&name, code).ok_or(io::ErrorKind::InvalidInput)?;
        let mac = mac.finalize().into_bytes();
        let beside = self.folder.join(format!("{name}.{}", std::process::id()));
        let _ = fs::remove_file(&beside);
        let written = create(&beside).and_then(|mut file| {
            file.write_all(&mac)?;
            file.write_all(code)
        });
        written
            .and_then(|()| fs::rename(&beside, self.folder.join(&name)))
            .inspect_err(|_| {
                let _ = fs::remove_file(&beside);
            })
    }

    fn mac(&self, name: &str, code: &[u8]) -> Option<Hmac<Sha256>> {
        let mut mac = Hmac::<Sha256>::new_from_slice(&self.key).ok()?;
        mac.update(name.as_bytes());
        mac.update(code);
        Some(mac)
    }

    fn prune(&self) -> io::Result<()> {
        let mut files = Vec::new();
        for entry in fs::read_dir(&self.folder)? {
            let entry = entry?;
            if entry.file_name() != "key" {
                files.push((entry.metadata()?.modified()?, entry.path()));
            }
        }
        files.sort();
        let surplus = files.len().saturating_sub(MAX_FILES);
        files
            .iter()
            .take(surplus)
            .try_for_each(|(_, path)| fs::remove_file(path))
    }
}

/// Names a file by the component and by everything that compiled code depends on.
fn name(engine: &Engine, digest: &str) -> String {
    struct Feed(Sha256);
    impl std::hash::Hasher for Feed {
        fn finish(&self) -> u64 {
            0
        }
        fn write(&mut self, bytes: &[u8]) {
            self.0.update(bytes);
        }
    }
    let mut feed = Feed(Sha256::new());
    feed.0.update(b"nks-cache 1\n");
    feed.0.update(digest.as_bytes());
    feed.0.update(env!("CARGO_PKG_VERSION").as_bytes());
    std::hash::Hash::hash(&engine.wasmtime.precompile_compatibility_hash(), &mut feed);
    hex(&feed.0.finalize())
}

fn read(path: &Path, most: u64) -> io::Result<Vec<u8>> {
    let file = fs::OpenOptions::new()
        .read(true)
        .custom_flags(NO_FOLLOW)
        .open(path)?;
    let found = file.metadata()?;
    if !found.is_file() || found.len() > most {
        return Err(io::ErrorKind::InvalidData.into());
    }
    let mut bytes = Vec::with_capacity(usize::try_from(found.len()).unwrap_or_default());
    file.take(most).read_to_end(&mut bytes)?;
    Ok(bytes)
}

fn create(path: &Path) -> io::Result<fs::File> {
    fs::OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(path)
}

fn read_key(folder: &Path) -> Option<[u8; KEY]> {
    let path = folder.join("key");
    let found = fs::symlink_metadata(&path).ok()?;
    let own = found.is_file() && found.mode() & 0o077 == 0;
    let bytes = own.then(|| read(&path, KEY as u64))?.ok()?;
    bytes.try_into().ok()
}

/// Two workers may start at once: the one that loses the race takes the other's key.
fn make_key(folder: &Path) -> io::Result<[u8; KEY]> {
    let mut key = [0; KEY];
    fs::File::open("/dev/urandom")?.read_exact(&mut key)?;
    let (beside, path) = (
        folder.join(format!("key.{}", std::process::id())),
        folder.join("key"),
    );
    create(&beside)?.write_all(&key)?;
    let placed = fs::hard_link(&beside, &path);
    let taken = placed.is_err().then(|| read_key(folder)).flatten();
    if placed.is_err() && taken.is_none() {
        fs::rename(&beside, &path)?;
        return Ok(key);
    }
    fs::remove_file(&beside)?;
    Ok(taken.unwrap_or(key))
}
