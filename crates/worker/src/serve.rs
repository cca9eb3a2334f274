//! The worker's one loop: a request in, an answer out, until the other side closes.

use std::collections::VecDeque;
use std::io::{self, Read, Write};

use nks_core::manifest::{Limits, Manifest};
use nks_sandbox::protocol::{
    Analyze, Answer, Confinement, Fault, Hello, Request, Response, Source, VERSION, read_frame,
    write_frame,
};

use crate::builtin::BuiltIns;
use crate::cache::Cache;
use crate::engine::{Engine, Loaded};
use crate::prescan::{self, prescan};
use crate::{compiled, confine, run};

/// How many fixers are kept loaded. A run asks for each of its own twice or more: rounds, and the check afterwards.
const KEPT: usize = 32;

/// Everything that answering takes.
pub struct Worker {
    engine: Engine,
    built_ins: BuiltIns<'static>,
    cache: Option<Cache>,
    kept: VecDeque<Kept>,
}

/// A fixer that was called before.
struct Kept {
    source: Key,
    loaded: Loaded,
    limits: Limits,
    /// Whether its code came compiled when it was first loaded.
    precompiled: bool,
}

#[derive(PartialEq)]
enum Key {
    BuiltIn(String),
    Digest(String),
}

/// Says hello to `output`, then answers what comes from `input` until its end.
///
/// # Errors
/// When a frame is malformed, or either side is gone.
pub fn serve(
    worker: &mut Worker,
    confinement: Confinement,
    input: &mut impl Read,
    output: &mut impl Write,
) -> io::Result<()> {
    let hello = Hello {
        protocol: VERSION,
        version: env!("CARGO_PKG_VERSION").to_owned(),
        confinement,
    };
    write_frame(output, &hello)?;
    while let Some(request) = read_frame(input)? {
        write_frame(output, &worker.answer(request))?;
    }
    Ok(())
}

impl Worker {
    /// A worker that runs fixers on `engine`.
    pub fn new(engine: Engine, built_ins: BuiltIns<'static>, cache: Option<Cache>) -> Self {
        Self {
            engine,
            built_ins,
            cache,
            kept: VecDeque::new(),
        }
    }

    /// Answers one request.
    pub fn answer(&mut self, request: Request) -> Response {
        match request {
            Request::List => Response::List(self.built_ins.descriptions().cloned().collect()),
            Request::Inspect { component } => Response::Inspected(
                prescan(&component)
                    .map(|scanned| scanned.description)
                    .map_err(Fault::from),
            ),
            Request::Analyze(analyze) => Response::Analyzed(self.analyze(&analyze)),
        }
    }

    fn analyze(&mut self, analyze: &Analyze) -> Result<Answer, Fault> {
        let key = match &analyze.fixer {
            Source::BuiltIn(name) => Key::BuiltIn(name.clone()),
            Source::Component(bytes) => Key::Digest(prescan::digest(bytes)),
        };
        let at = match self.kept.iter().position(|kept| kept.source == key) {
            Some(at) => at,
            None => {
                let kept = self.load(key, &analyze.fixer)?;
                self.kept.truncate(KEPT - 1);
                self.kept.push_front(kept);
                0
            }
        };
        let Some(kept) = self.kept.get(at) else {
            return Err(Fault::Trap("the worker lost a fixer".into()));
        };
        let answer = run::call(&self.engine, &kept.loaded, &kept.limits, analyze)?;
        Ok(Answer {
            precompiled: kept.precompiled,
            ..answer
        })
    }

    fn load(&self, source: Key, fixer: &Source) -> Result<Kept, Fault> {
        let (loaded, limits, precompiled) = match (&source, fixer) {
            (Key::Digest(digest), Source::Component(bytes)) => self.component(digest, bytes)?,
            (Key::BuiltIn(name), _) => (
                self.built_ins.load(&self.engine, name)?,
                self.limits(name)?,
                true,
            ),
            (Key::Digest(_), Source::BuiltIn(name)) => return Err(Fault::Missing(name.clone())),
        };
        Ok(Kept {
            source,
            loaded,
            limits,
            precompiled,
        })
    }

    fn limits(&self, name: &str) -> Result<Limits, Fault> {
        let found = self.built_ins.description(name);
        let found = found.ok_or_else(|| Fault::Missing(nks_core::message::clean(name)))?;
        let manifest = Manifest::from_section(&found.manifest)
            .map_err(|problem| Fault::Refused(problem.to_string()))?;
        Ok(manifest.spec.limits)
    }

    /// Loads a component that is not built in: from the cache, or by compiling it. It is scanned either way, since its
    /// limits come from its manifest.
    fn component(&self, digest: &str, bytes: &[u8]) -> Result<(Loaded, Limits, bool), Fault> {
        let scanned = prescan(bytes)?;
        let limits = scanned.manifest.spec.limits;
        let found = self.cache.as_ref().and_then(|cache| {
            let code = cache.read(&self.engine, digest)?;
            let component = compiled::load(&self.engine, &code).ok()?;
            self.engine.link(&component).ok()
        });
        if let Some(loaded) = found {
            return Ok((loaded, limits, true));
        }
        let (loaded, code) =
            confine::within_compile_memory(|| compiled::compile(&self.engine, &scanned, bytes))?;
        if let Some(cache) = &self.cache {
            // A cache that cannot be written to costs time, not correctness.
            let _ = cache.write(&self.engine, digest, &code);
        }
        Ok((loaded, limits, false))
    }
}
