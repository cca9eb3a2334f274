//! The way to the process that runs fixers: what is said on the wire ([`protocol`]), and the client that starts the
//! worker, asks it, and names what went wrong when it falls over ([`client`]).
//!
//! No wasmtime and no Kubernetes here. The worker itself is `nks-worker`, an executable of its own, because the process
//! that runs fixers must have nothing worth stealing.

pub mod client;
pub mod protocol;

pub use client::{Sandbox, SandboxError};
