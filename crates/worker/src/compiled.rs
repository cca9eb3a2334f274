//! Compiled code, in and out. The one place that loads machine code, so the one place to look at.
//!
//! Loading trusts the bytes wholly: whoever writes them owns the process. Two callers exist. Built-in fixers come from
//! the executable itself, and code from the cache only after its MAC was checked.

use nks_sandbox::protocol::Fault;
use wasmtime::component::Component;

use crate::engine::{Engine, Loaded};
use crate::prescan::Scanned;

/// Compiles a component that passed the pre-scan: the code, ready to run and as bytes to keep.
///
/// # Errors
/// [`Fault::Refused`] when it does not compile or its function has another type.
pub(crate) fn compile(
    engine: &Engine,
    _scanned: &Scanned,
    component: &[u8],
) -> Result<(Loaded, Vec<u8>), Fault> {
    let refused = |problem: wasmtime::Error| {
        let problem = nks_core::message::clean(&format!("{problem:#}"));
        Fault::Refused(format!("it does not compile: {problem}"))
    };
    let component = Component::from_binary(&engine.wasmtime, component).map_err(refused)?;
    let loaded = engine.link(&component)?;
    Ok((loaded, component.serialize().map_err(refused)?))
}

/// Loads what [`compile`] gave. Wasmtime checks its own version, the configuration and the processor's features.
#[expect(
    unsafe_code,
    reason = "loads machine code; both callers hold only what this very compiler wrote"
)]
pub(crate) fn load(engine: &Engine, code: &[u8]) -> wasmtime::Result<Component> {
    // SAFETY: the bytes were written by `compile`: they are part of this executable, or carry a MAC by a key that only
    // this user's workers can read.
    unsafe { Component::deserialize(&engine.wasmtime, code) }
}
