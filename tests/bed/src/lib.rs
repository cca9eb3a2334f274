//! The test bed: a real etcd, API server, controller manager and scheduler, built from Go source, with nodes that kwok
//! simulates. It needs no container engine, no root and, once built, no network. [`Options::real_node`] adds a real node,
//! which needs root and, once, a mirror of Debian.
//!
//! ```no_run
//! # fn main() -> anyhow::Result<()> {
//! let bed = nks_bed::Bed::start(nks_bed::Options::default())?;
//! bed.scenario("calico-images")?;
//! let pods = bed.kubectl(&["get", "pods", "-A"])?;
//! # drop(pods); Ok(()) }
//! ```
//!
//! The map:
//! * [`Binaries`] builds the tools once and keeps them in the cache folder of the user.
//! * [`Release`] says of which Kubernetes. [`Parts::ServerOnly`] is a bed in which nothing moves by itself.
//! * [`Bed`] starts them in a temporary folder, each with a log, and stops them when dropped.
//! * `scenarios/<name>/` holds the objects that put one fault into the cluster; [`Bed::scenario`] applies a folder.
//! * `stages.yaml` says how the simulated nodes answer.
//! * `network.sh`, `node.sh` and `node-end.sh` are what a real node begins and ends with.
//!
//! Nothing outlives the test process, not even after SIGKILL or in a `static` that is never dropped: a shell waits at
//! the other end of a pipe and kills the whole process group when the pipe closes. [`Bed::detach`] calls it off.

mod authority;
mod bed;
mod binaries;
mod components;
mod kubectl;
mod nodes;
mod operator;
mod options;
mod packages;
mod population;
mod process;
mod real_node;
mod release;
mod scenario;
mod snapshot;

pub use bed::Bed;
pub use binaries::{Binaries, cache_folder};
pub use options::{Options, Parts, UNPULLABLE};
pub use process::Detached;
pub use real_node::SMALL_IMAGE;
pub use release::Release;
