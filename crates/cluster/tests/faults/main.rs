//! The fault matrix (safety.md): what becomes of a run when the server, or the way to it, does not do its part.

#![expect(clippy::unwrap_used, reason = "in a test a panic is the report")]

mod apply;
mod connected;
mod place;
mod preview;
mod read;
mod secret;
#[path = "../../../../tests/support/server.rs"]
mod server;
mod store;
mod whole;
