//! No cache here: its files' safety rests on Unix permissions.

use std::convert::Infallible;
use std::io;
use std::path::Path;

use crate::engine::Engine;

/// Why there is no cache.
#[derive(Debug, thiserror::Error)]
#[error("not available on this system")]
pub struct CacheError;

/// A folder of compiled code: there is none.
pub struct Cache(Infallible);

impl Cache {
    /// Opens nothing.
    ///
    /// # Errors
    /// Always.
    pub fn open(_folder: &Path) -> Result<Self, CacheError> {
        Err(CacheError)
    }

    /// Where it is.
    pub fn folder(&self) -> &Path {
        match self.0 {}
    }

    pub(crate) fn read(&self, _engine: &Engine, _digest: &str) -> Option<Vec<u8>> {
        match self.0 {}
    }

    pub(crate) fn write(&self, _engine: &Engine, _digest: &str, _code: &[u8]) -> io::Result<()> {
        match self.0 {}
    }
}
