//! `cargo xtask`: everything that building, showing and checking this project takes, in one place.
//!
//! | command | what it does |
//! |---|---|
//! | `setup` | looks for the WebAssembly toolchain and gets it where that is possible |
//! | `build` | fixers, worker with the fixers compiled into it, command line; in release |
//! | `fixers --out DIR` | one `<id>.wasm` per fixer |
//! | `demo` | builds, then shows the main job on a bundled picture of a broken cluster |
//! | `test` | every check there is |
//! | `bench` | the figures, measured now on this machine |
//! | `bed up`, `bed down` | a real control plane to play with |
//! | `release` | archives, checksums and the krew index of this platform, in `target/nks/release` |
//! | `schemas` | writes the JSON Schemas in `docs/schemas` |
//! | `catalogue` | writes the pages of the fixers in `docs/fixers`, and their table in the READMEs |
#![expect(clippy::print_stderr, reason = "xtask is a terminal program")]

use std::path::PathBuf;

use anyhow::Result;
use clap::{Parser, Subcommand};

mod artifacts;
mod bed;
mod bench;
mod bench_cluster;
mod catalogue;
mod check;
mod demo;
mod release;
mod run;
mod schemas;
mod toolchain;

/// Building, showing and checking kubectl nks.
#[derive(Parser)]
#[command(name = "cargo xtask", bin_name = "cargo xtask")]
struct Arguments {
    #[command(subcommand)]
    task: Task,
}

#[derive(Subcommand)]
enum Task {
    /// Look for the WebAssembly toolchain, and get it where that is possible
    Setup,
    /// Build fixers, worker and command line in release
    Build,
    /// Write one `ID.wasm` per fixer
    Fixers {
        /// Where to
        #[arg(long, value_name = "DIR")]
        out: PathBuf,
    },
    /// Build, then show the main job on a bundled picture of a broken cluster
    Demo,
    /// Run every check there is
    Test,
    /// Measure speed and size
    Bench,
    /// A real control plane to play with
    Bed {
        #[command(subcommand)]
        action: Bed,
    },
    /// Write archives, checksums and the krew index of this platform to target/nks/release
    Release(release::Options),
    /// Write the JSON Schemas in docs/schemas
    Schemas,
    /// Write the pages of the fixers in docs/fixers, and their table in the READMEs
    Catalogue,
}

#[derive(Subcommand)]
enum Bed {
    /// Start one; it goes on until `bed down`
    Up {
        /// How many simulated nodes
        #[arg(long, default_value_t = 3)]
        nodes: u32,
        /// A folder of tests/bed/scenarios to put into it
        #[arg(long)]
        scenario: Option<String>,
        /// Have a real node beside them: a kubelet, containerd and a registry, as root and without a way out
        #[arg(long)]
        real_node: bool,
    },
    /// Stop it
    Down,
}

fn main() -> Result<()> {
    match Arguments::parse().task {
        Task::Setup => toolchain::setup().map(|_| ()),
        Task::Build => artifacts::build().map(|_| ()),
        Task::Fixers { out } => artifacts::fixers_into(&out),
        Task::Demo => demo::show(),
        Task::Test => check::all(),
        Task::Bench => bench::all(),
        Task::Bed {
            action:
                Bed::Up {
                    nodes,
                    scenario,
                    real_node,
                },
        } => bed::up(nodes, scenario.as_deref(), real_node),
        Task::Bed { action: Bed::Down } => bed::down(),
        Task::Release(options) => release::make(&options),
        Task::Schemas => schemas::write(),
        Task::Catalogue => catalogue::write(),
    }
}
