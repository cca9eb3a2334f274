//! One call of a fixer: a fresh instance, its limits, and a name for whatever ends it early.

use std::time::Duration;

use nks_core::manifest::Limits;
use nks_sandbox::protocol::{Analyze, Answer, Fault};
use wasmtime::{ResourceLimiter, Store, Trap};

use crate::answer;
use crate::bindings::exports::nks::fixer::analysis::{Context, Object};
use crate::engine::{Engine, Loaded};
use crate::prescan::{MAX_CORE_INSTANCES, MAX_MEMORIES, MAX_TABLE_ENTRIES, MAX_TABLES};

/// The most that one answer may take of the host's memory while it is read, in bytes; the manifest's limit is lower.
const HOSTCALL_FUEL: usize = 8 * 1024 * 1024;

/// Calls `loaded` once, in an instance of its own. Deterministic but for the wall clock.
///
/// # Errors
/// What ended the call: a limit, a trap, the fixer's own error, or an answer that cannot be used.
pub fn call(
    engine: &Engine,
    loaded: &Loaded,
    limits: &Limits,
    input: &Analyze,
) -> Result<Answer, Fault> {
    let objects = u64::try_from(input.objects.len()).unwrap_or(u64::MAX);
    let fuel = limits
        .fuel
        .saturating_add(limits.fuel_per_object.saturating_mul(objects));
    let mut instance = Instance::new(engine, loaded, limits, fuel)
        .map_err(|problem| name(&problem, limits, fuel))?;
    let clock = engine.timed();
    let said = instance.analyze(input);
    drop(clock);
    let store = instance.store;
    let outcome = said
        .map_err(|problem| name(&problem, limits, fuel))?
        .map_err(|text| Fault::Said(nks_core::message::clean(&text)))?;
    let outcome = answer::take(outcome, limits.output_kib as usize * 1024)
        .map_err(|answer::TooLarge| output(limits))?;
    Ok(Answer {
        outcome,
        fuel: fuel - store.get_fuel().unwrap_or(0).min(fuel),
        memory: store.data().memory as u64,
        precompiled: false,
    })
}

/// One fixer, ready to be asked once.
pub struct Instance {
    store: Store<Guard>,
    fixer: crate::bindings::Fixer,
}

type Said = Result<crate::bindings::exports::nks::fixer::analysis::Outcome, String>;

impl Instance {
    /// Makes one with its own memory and `fuel`. A start function would run here; the pre-scan lets none in.
    ///
    /// # Errors
    /// A limit of `limits`, or what wasmtime says.
    pub fn new(
        engine: &Engine,
        loaded: &Loaded,
        limits: &Limits,
        fuel: u64,
    ) -> wasmtime::Result<Self> {
        let mut store = Store::new(&engine.wasmtime, Guard::new(limits));
        store.limiter(|guard| guard);
        store.set_hostcall_fuel(HOSTCALL_FUEL);
        store.set_fuel(fuel)?;
        store.set_epoch_deadline(Engine::ticks(Duration::from_millis(limits.wall_ms.into())));
        let fixer = loaded.code.instantiate(&mut store)?;
        Ok(Self { store, fixer })
    }

    fn analyze(&mut self, input: &Analyze) -> wasmtime::Result<Said> {
        let context = Context {
            now_unix: input.now_unix,
            round: input.round,
            cluster: &input.cluster,
            settings: &input.settings,
        };
        let objects: Vec<Object<'_>> = input
            .objects
            .iter()
            .map(|object| Object {
                rule: object.rule,
                api_version: &object.api_version,
                kind: &object.kind,
                namespace: &object.namespace,
                name: &object.name,
                uid: &object.uid,
                json: &object.json,
            })
            .collect();
        self.fixer
            .nks_fixer_analysis()
            .call_analyze(&mut self.store, context, &objects)
    }
}

/// Names what ended a call.
fn name(problem: &wasmtime::Error, limits: &Limits, fuel: u64) -> Fault {
    if let Some(exceeded) = problem.downcast_ref::<Exceeded>() {
        return limit(exceeded.limit, exceeded.to_string());
    }
    match problem.downcast_ref::<Trap>() {
        Some(Trap::OutOfFuel) => limit("fuel", format!("{fuel} units")),
        Some(Trap::Interrupt) => limit("time", format!("{} ms", limits.wall_ms)),
        Some(Trap::StackOverflow) => limit("stack", "512 KiB".into()),
        Some(trap) => Fault::Trap(trap.to_string()),
        None => other(problem, limits),
    }
}

/// What is no trap comes from reading the answer, or from making the instance. Wasmtime has no types for these.
fn other(problem: &wasmtime::Error, limits: &Limits) -> Fault {
    let text = format!("{problem:#}");
    if text.contains("fuel allocated for hostcalls has been exhausted") {
        return output(limits);
    }
    if problem.downcast_ref::<std::io::Error>().is_some() || text.contains("allocate memory") {
        return limit("host memory", "the worker process may take no more".into());
    }
    Fault::Answer(nks_core::message::clean(&text))
}

fn output(limits: &Limits) -> Fault {
    limit("output", format!("{} KiB", limits.output_kib))
}

fn limit(limit: &str, detail: String) -> Fault {
    Fault::Limit {
        limit: limit.into(),
        detail,
    }
}

/// A fixer asked for more than it may have. A refused growth ends the call: a fixer told "no" would only trap later,
/// and then nobody could say why.
#[derive(Debug, thiserror::Error)]
#[error("{most}")]
struct Exceeded {
    limit: &'static str,
    most: String,
}

/// What an instance may take.
pub(crate) struct Guard {
    most: usize,
    memory: usize,
}

impl Guard {
    fn new(limits: &Limits) -> Self {
        Self {
            most: limits.memory_mib as usize * 1024 * 1024,
            memory: 0,
        }
    }
}

impl ResourceLimiter for Guard {
    fn memory_growing(
        &mut self,
        _current: usize,
        desired: usize,
        _maximum: Option<usize>,
    ) -> wasmtime::Result<bool> {
        if desired > self.most {
            let most = format!("{} MiB", self.most / (1024 * 1024));
            let limit = "memory";
            return Err(Exceeded { limit, most }.into());
        }
        self.memory = self.memory.max(desired);
        Ok(true)
    }

    fn table_growing(
        &mut self,
        _current: usize,
        desired: usize,
        _maximum: Option<usize>,
    ) -> wasmtime::Result<bool> {
        if desired as u64 > MAX_TABLE_ENTRIES {
            let most = format!("{MAX_TABLE_ENTRIES} table entries");
            let limit = "memory";
            return Err(Exceeded { limit, most }.into());
        }
        Ok(true)
    }

    fn instances(&self) -> usize {
        MAX_CORE_INSTANCES as usize
    }

    fn tables(&self) -> usize {
        MAX_TABLES as usize
    }

    fn memories(&self) -> usize {
        MAX_MEMORIES as usize
    }
}
