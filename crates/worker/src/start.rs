//! What `nks-worker` does from its first instruction to its last.

use std::ffi::OsString;
use std::io::{self, BufReader, BufWriter, IsTerminal, Write};
use std::path::PathBuf;
use std::process::ExitCode;

use crate::builtin::BuiltIns;
use crate::cache::Cache;
use crate::confine;
use crate::engine::Engine;
use crate::serve::{Worker, serve};

/// Runs the worker on its standard streams. `arguments` are those after the program's name.
///
/// Exit codes: 0 when the other side closed, 1 when a frame was malformed or the worker could not start, 2 when it was
/// called in a way that it is not meant for.
pub fn start(arguments: impl IntoIterator<Item = OsString>) -> ExitCode {
    confine::close_inherited();
    let ended = match parse(arguments) {
        Ok(Asked::Version) => {
            writeln!(io::stdout(), "nks-worker {}", env!("CARGO_PKG_VERSION")).map_err(|e| (1, e.to_string()))
        }
        Ok(Asked::Serve { .. }) if io::stdin().is_terminal() => Err((
            2,
            "nks-worker runs the fixers of `kubectl nks`, which starts it by itself; there is nothing to do by hand"
                .to_owned(),
        )),
        Ok(Asked::Serve { cache }) => work(cache).map_err(|problem| (1, problem.to_string())),
        Err(problem) => Err((2, problem)),
    };
    match ended {
        Ok(()) => ExitCode::SUCCESS,
        Err((code, problem)) => {
            let _ = writeln!(io::stderr(), "nks-worker: {problem}");
            ExitCode::from(code)
        }
    }
}

enum Asked {
    Version,
    Serve { cache: Option<PathBuf> },
}

fn parse(arguments: impl IntoIterator<Item = OsString>) -> Result<Asked, String> {
    let mut arguments = arguments.into_iter();
    let mut cache = None;
    while let Some(argument) = arguments.next() {
        match argument.to_str() {
            Some("--version") => return Ok(Asked::Version),
            Some("--cache") => {
                let folder = arguments.next().ok_or("--cache needs a folder")?;
                cache = Some(PathBuf::from(folder));
            }
            _ => return Err("usage: nks-worker [--cache FOLDER] | --version".into()),
        }
    }
    Ok(Asked::Serve { cache })
}

fn work(cache: Option<PathBuf>) -> Result<(), Box<dyn std::error::Error>> {
    let cache = cache.and_then(|folder| {
        Cache::open(&folder)
            .inspect_err(|problem| {
                let _ = writeln!(
                    io::stderr(),
                    "nks-worker: working without a cache: {problem}"
                );
            })
            .ok()
    });
    let engine = Engine::new()?;
    let built_ins = BuiltIns::carried()?;
    let mut clock = Ok(());
    let confinement = confine::confine(cache.as_ref().map(Cache::folder), || {
        clock = engine.start_clock();
    });
    clock?;
    let mut worker = Worker::new(engine, built_ins, cache);
    let mut input = BufReader::with_capacity(64 * 1024, io::stdin().lock());
    let mut output = BufWriter::with_capacity(64 * 1024, io::stdout().lock());
    serve(&mut worker, confinement, &mut input, &mut output)?;
    Ok(())
}
