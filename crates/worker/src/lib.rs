//! The process that runs fixers, and has nothing worth stealing.
//!
//! It alone links wasmtime. It knows no Kubernetes, holds no credentials, opens no connection, and talks over its
//! standard streams in the frames of `nks_sandbox::protocol`. The way of a component through it:
//!
//! | step | module |
//! |---|---|
//! | from its bytes alone: no imports, within limits, a manifest | [`prescan`] |
//! | compiled, or found compiled | [`engine`], `compiled`, [`builtin`], [`cache`] |
//! | called once, in an instance of its own, metered | [`run`] |
//! | its answer measured and taken | `answer` |
//!
//! Before the first of it, [`confine`] has the operating system take everything else away. [`serve`] is the loop, and
//! [`start()`] the whole process. The parts are public so that tests and benchmarks can use them without one.

mod answer;
mod bindings;
pub mod builtin;
#[cfg(unix)]
pub mod cache;
#[cfg(not(unix))]
#[path = "cache/none.rs"]
pub mod cache;
mod compiled;
pub mod confine;
pub mod engine;
pub mod prescan;
pub mod run;
pub mod serve;
mod start;

pub use start::start;
