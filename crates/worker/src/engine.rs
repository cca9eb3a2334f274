//! The engine: one configuration for compiling built-in fixers, for compiling others, and for running both.
//!
//! It is fixed, not tuned to the machine: the target is named instead of detected, so that what was compiled on one
//! machine loads on any other of its kind, and NaNs are made canonical, so that the same input gives the same output
//! everywhere. Nothing is shared with the host process that a fixer could exhaust without being metered: fuel counts
//! its instructions, the epoch its time, [`crate::run`] its memory.

use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::time::Duration;

use nks_sandbox::protocol::Fault;
use wasmtime::component::{Component, Linker};
use wasmtime::wasmparser::WasmFeatures;
use wasmtime::{Config, InstanceAllocationStrategy, OptLevel, Strategy};

use crate::bindings::FixerPre;
use crate::compiled;
use crate::prescan::{FEATURES, Scanned};
use crate::run::Guard;

/// How often the epoch moves while a fixer runs. A wall-clock limit is kept to within this.
const TICK: Duration = Duration::from_millis(5);

/// WebAssembly stack of a fixer, in bytes.
const STACK: usize = 512 * 1024;

/// Why there is no engine.
#[derive(Debug, thiserror::Error)]
pub enum EngineError {
    /// Wasmtime refuses this machine or this configuration.
    #[error("WebAssembly does not run on this machine: {0}")]
    Wasmtime(String),
    /// No thread for the clock.
    #[error("the clock's thread could not be started")]
    Thread(#[source] std::io::Error),
}

/// The engine, with the clock that ends calls which take too long.
pub struct Engine {
    pub(crate) wasmtime: wasmtime::Engine,
    linker: Linker<Guard>,
    clock: Arc<Clock>,
}

impl Engine {
    /// Builds the engine. Its clock needs [`Engine::start_clock`] before a call can run into its time limit.
    ///
    /// # Errors
    /// When wasmtime does not support this machine.
    pub fn new() -> Result<Self, EngineError> {
        let wasmtime = configure()
            .and_then(|config| wasmtime::Engine::new(&config))
            .map_err(|problem| EngineError::Wasmtime(format!("{problem:#}")))?;
        Ok(Self {
            linker: Linker::new(&wasmtime),
            wasmtime,
            clock: Arc::default(),
        })
    }

    /// Starts the thread that moves the epoch, and waits until it runs: once system calls are restricted, a thread can
    /// no longer start. It sleeps as long as no call runs, and ends with the process.
    ///
    /// # Errors
    /// When the system gives no thread.
    pub fn start_clock(&self) -> Result<(), EngineError> {
        let (clock, engine) = (Arc::clone(&self.clock), self.wasmtime.clone());
        let (running, started) = std::sync::mpsc::channel();
        std::thread::Builder::new()
            .name("clock".into())
            .stack_size(64 * 1024)
            .spawn(move || {
                let _ = running.send(());
                drop(running);
                clock.run(&engine);
            })
            .map_err(EngineError::Thread)?;
        // It fails only when the thread ended at once, and then a call has the client's own time limit.
        let _ = started.recv();
        Ok(())
    }

    /// Compiles a component that passed the pre-scan.
    ///
    /// # Errors
    /// [`Fault::Refused`] when it does not compile or its function has another type.
    pub fn compile(&self, scanned: &Scanned, component: &[u8]) -> Result<Loaded, Fault> {
        compiled::compile(self, scanned, component).map(|(loaded, _)| loaded)
    }

    /// Makes a compiled component ready for calls.
    pub(crate) fn link(&self, component: &Component) -> Result<Loaded, Fault> {
        self.linker
            .instantiate_pre(component)
            .and_then(FixerPre::new)
            .map(|code| Loaded { code })
            .map_err(|problem| {
                let problem = nks_core::message::clean(&format!("{problem:#}"));
                Fault::Refused(format!("its interface is another one: {problem}"))
            })
    }

    /// Ticks until a call of `limit` is over its time.
    pub(crate) fn ticks(limit: Duration) -> u64 {
        u64::try_from(limit.as_millis().div_ceil(TICK.as_millis())).unwrap_or(u64::MAX / 2) + 1
    }

    /// Lets the clock run for as long as the result is held.
    pub(crate) fn timed(&self) -> Timed<'_> {
        self.clock.set(true);
        Timed(&self.clock)
    }
}

/// A fixer's code, ready to be instantiated.
#[derive(Clone)]
pub struct Loaded {
    pub(crate) code: FixerPre<Guard>,
}

fn configure() -> wasmtime::Result<Config> {
    let mut config = Config::new();
    config
        .strategy(Strategy::Cranelift)
        .target(env!("NKS_TARGET"))?
        .cranelift_opt_level(OptLevel::Speed)
        .cranelift_nan_canonicalization(true)
        .allocation_strategy(InstanceAllocationStrategy::OnDemand)
        .wasm_features(WasmFeatures::all().difference(FEATURES), false)
        .wasm_features(FEATURES, true)
        .concurrency_support(false)
        .consume_fuel(true)
        .epoch_interruption(true)
        .max_wasm_stack(STACK)
        // Copy-on-write images of memory would need files in memory (memfd) for the few kilobytes that a fixer starts
        // with; copying them is as fast, and the system calls stay forbidden.
        .memory_init_cow(false)
        // Offsets for backtraces that nobody reads; without them compiled code is a third smaller.
        .generate_address_map(false)
        .wasm_backtrace_max_frames(None);
    Ok(config)
}

/// Whether a call is running, for the thread that moves the epoch.
#[derive(Default)]
struct Clock {
    running: Mutex<bool>,
    changed: Condvar,
}

impl Clock {
    fn set(&self, running: bool) {
        *self.running.lock().unwrap_or_else(PoisonError::into_inner) = running;
        self.changed.notify_one();
    }

    fn run(&self, engine: &wasmtime::Engine) {
        let mut running = self.running.lock().unwrap_or_else(PoisonError::into_inner);
        loop {
            if *running {
                let waited = self.changed.wait_timeout(running, TICK);
                running = waited.unwrap_or_else(PoisonError::into_inner).0;
                engine.increment_epoch();
            } else {
                let waited = self.changed.wait(running);
                running = waited.unwrap_or_else(PoisonError::into_inner);
            }
        }
    }
}

/// Stops the clock when dropped.
pub(crate) struct Timed<'a>(&'a Clock);

impl Drop for Timed<'_> {
    fn drop(&mut self) {
        self.0.set(false);
    }
}
