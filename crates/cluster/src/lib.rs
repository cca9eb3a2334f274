//! Everything of kubectl nks that touches an API server.
//!
//! Data in, data out: what is read, previewed and applied comes back as values, and nothing is printed. Objects are raw
//! JSON throughout, so that a field this version has never heard of survives.
//!
//! | what the flow does (`cli/src/flow.rs`) | module |
//! |---|---|
//! | find the cluster and prepare a connection | [`connect`], `kubeconfig`, `proxy`, [`cluster`] |
//! | read, and say what could not be read | [`read`], `suspects`, `probe`, `facts` |
//! | ask whether the user may | `access` |
//! | ask the server what a plan would do | [`preview`] |
//! | keep two runs apart | [`lock`] |
//! | carry a plan out, wait, check | [`apply`], `patch`, [`rollout`] |
//! | leave a note on what was changed | `announce` |
//!
//! Below all of it, `request` sends one request and [`error`] reads what is not a success. Only requests that change
//! nothing are ever asked again without a look in between.

mod access;
mod announce;
pub mod apply;
pub mod cluster;
pub mod connect;
pub mod error;
mod facts;
mod kubeconfig;
pub mod lock;
mod patch;
pub mod preview;
mod probe;
mod proxy;
pub mod read;
mod request;
pub mod rollout;
mod suspects;
mod time;

pub use apply::{ApplyOptions, ApplyReport, Progress, StepState};
pub use cluster::Cluster;
pub use connect::{ConnectError, ConnectOptions, Trace, Warned};
pub use error::RequestError;
pub use lock::{Lock, LockError};
pub use patch::Drift;
pub use preview::{PreviewError, PreviewProblem};
pub use proxy::ProxySettings;
pub use read::{Reading, Unread, UnreadKind};
