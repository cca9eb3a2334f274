//! What the operating system holds this process to, should a fixer ever break out of WebAssembly.
//!
//! On Linux: landlock takes files and network away (but for the cache's folder, when there is one), rlimits bound memory
//! and forbid new processes and core dumps, and seccomp kills the process at any system call that the worker does not
//! make. Without a cache, opening a file is such a call. Elsewhere there is none of it, and [`confine`] says so.
//!
//! Memory is bounded by `RLIMIT_DATA` (private writable mappings), not by `RLIMIT_AS`: each WebAssembly memory reserves
//! 4 GiB of addresses without using them, which is what makes bounds checks free.

use std::path::Path;

use nks_sandbox::protocol::Confinement;

#[cfg(target_os = "linux")]
mod linux;

/// Memory that the process may write to, in bytes.
pub const MEMORY: u64 = 256 * 1024 * 1024;

/// The same while it compiles: what a hostile component can make the compiler ask for.
pub const COMPILE_MEMORY: u64 = 144 * 1024 * 1024;

/// Confines this process for good. `prepare` is called between the restrictions that threads inherit from the thread
/// that starts them, and those after which none can be started.
#[cfg(target_os = "linux")]
pub fn confine(cache: Option<&Path>, prepare: impl FnOnce()) -> Confinement {
    linux::confine(cache, prepare)
}

/// Does nothing here, and says so.
#[cfg(not(target_os = "linux"))]
pub fn confine(_cache: Option<&Path>, prepare: impl FnOnce()) -> Confinement {
    prepare();
    let none = || Err("not available on this system".to_owned());
    Confinement {
        rlimits: none(),
        seccomp: none(),
        landlock: none(),
    }
}

/// Closes what a careless parent left open beyond the three standard streams. Comes first, before anything is opened.
pub fn close_inherited() {
    #[cfg(target_os = "linux")]
    linux::close_inherited();
}

/// Runs `compile` under [`COMPILE_MEMORY`]. When it wants more, the process ends, and the client says why.
pub(crate) fn within_compile_memory<T>(compile: impl FnOnce() -> T) -> T {
    #[cfg(target_os = "linux")]
    linux::soft_memory(COMPILE_MEMORY);
    let result = compile();
    #[cfg(target_os = "linux")]
    linux::soft_memory(MEMORY);
    result
}
