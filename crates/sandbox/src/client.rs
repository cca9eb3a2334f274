//! Starts the worker, asks it, and says in words what went wrong when it falls over.
//!
//! A fixer can bring its worker down: the compiler may want more memory than the process is allowed, or the system may
//! end it. That is the fault of that fixer and of no other, so it becomes a [`Fault`] of the call, and the next call
//! starts a new worker. Only what is nobody's fault is a [`SandboxError`]: no worker to start, or one of another version.

use std::io::{self, BufReader, BufWriter, Read};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, ChildStdout, Command, ExitStatus, Stdio};
use std::sync::mpsc::{RecvTimeoutError, channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use nks_core::message::clean_lines;
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::protocol::{
    Analyze, Answer, Description, Fault, Hello, Response, Source, VERSION, read_frame, write_frame,
};

/// How long the worker may take to start, and for everything but a call.
const QUICK: Duration = Duration::from_secs(10);
/// How much longer than the fixer's own limit a call may take before the worker is killed.
const MARGIN: Duration = Duration::from_secs(2);
/// How much longer still when the component may have to be compiled first.
const COMPILE: Duration = Duration::from_secs(30);
/// The largest answer taken, in bytes: many times what the host's ceiling on output comes to.
const MAX_ANSWER: u64 = 32 * 1024 * 1024;
/// How much of what the worker says on its error stream is kept, in bytes.
const TAIL: usize = 2_048;

/// Why the worker is of no use.
#[derive(Debug, thiserror::Error)]
pub enum SandboxError {
    /// It did not start.
    #[error("the worker {} did not start", worker.display())]
    Start {
        /// The executable.
        worker: PathBuf,
        /// What the system said.
        #[source]
        source: io::Error,
    },
    /// It speaks another version of the protocol.
    #[error(
        "the worker speaks version {found} of the protocol and this program version {VERSION}: they come from different \
         releases; install both anew"
    )]
    Version {
        /// What it speaks.
        found: u32,
    },
    /// It ended when it should not have.
    #[error("the worker is of no use: {0}")]
    Ended(Fault),
    /// It answered something else than was asked.
    #[error("the worker's answer makes no sense: {0}")]
    Protocol(String),
}

/// As `protocol::Request`, without owning what is asked. The two must stay alike on the wire; a test holds them together.
#[derive(Serialize)]
enum Ask<'a> {
    List,
    Inspect { component: &'a [u8] },
    Analyze(&'a Analyze),
}

/// A worker, started anew whenever it is needed.
pub struct Sandbox {
    worker: PathBuf,
    cache: Option<PathBuf>,
    hello: Hello,
    running: Option<Running>,
}

/// How a question to the worker ended early.
enum Broken {
    /// The worker ended, or was killed.
    Fault(Fault),
    /// It is still there and talks nonsense.
    Nonsense(String),
}

impl Sandbox {
    /// Starts `worker`, with nothing of this process's environment. `cache`: where it may keep compiled code.
    ///
    /// # Errors
    /// When it does not start, or speaks another version.
    pub fn start(worker: &Path, cache: Option<&Path>) -> Result<Self, SandboxError> {
        let failed = |source| SandboxError::Start {
            worker: worker.to_owned(),
            source,
        };
        let worker = worker.canonicalize().map_err(failed)?;
        let cache = cache.map(std::path::absolute).transpose().map_err(failed)?;
        let (running, hello) = Running::start(&worker, cache.as_deref())?;
        Ok(Self {
            worker,
            cache,
            hello,
            running: Some(running),
        })
    }

    /// What the worker said of itself, and of what holds it in.
    pub fn hello(&self) -> &Hello {
        &self.hello
    }

    /// The process id of the worker, while there is one.
    pub fn process(&self) -> Option<u32> {
        self.running.as_ref().map(Running::process)
    }

    /// The fixers that the worker carries.
    ///
    /// # Errors
    /// When the worker is of no use.
    pub fn list(&mut self) -> Result<Vec<Description>, SandboxError> {
        match self.ask(&Ask::List, QUICK)? {
            Ok(Response::List(fixers)) => Ok(fixers),
            Ok(_) => Err(nonsense()),
            Err(fault) => Err(SandboxError::Ended(fault)),
        }
    }

    /// What `component` is, from its bytes alone.
    ///
    /// # Errors
    /// When the worker is of no use.
    pub fn inspect(
        &mut self,
        component: &[u8],
    ) -> Result<Result<Description, Fault>, SandboxError> {
        match self.ask(&Ask::Inspect { component }, QUICK)? {
            Ok(Response::Inspected(found)) => Ok(found),
            Ok(_) => Err(nonsense()),
            Err(fault) => Ok(Err(fault)),
        }
    }

    /// Calls a fixer. `wall`: its own limit of time; the worker keeps it, and is killed when it does not.
    ///
    /// # Errors
    /// When the worker is of no use. Whatever the fixer does is a [`Fault`].
    pub fn analyze(
        &mut self,
        analyze: &Analyze,
        wall: Duration,
    ) -> Result<Result<Answer, Fault>, SandboxError> {
        let compile = match analyze.fixer {
            Source::BuiltIn(_) => Duration::ZERO,
            Source::Component(_) => COMPILE,
        };
        let limit = wall + MARGIN + compile;
        match self.ask(&Ask::Analyze(analyze), limit)? {
            Ok(Response::Analyzed(answer)) => Ok(answer),
            Ok(_) => Err(nonsense()),
            Err(fault) => Ok(Err(fault)),
        }
    }

    fn ask(
        &mut self,
        ask: &Ask<'_>,
        limit: Duration,
    ) -> Result<Result<Response, Fault>, SandboxError> {
        let mut running = match self.running.take() {
            Some(running) => running,
            None => Running::start(&self.worker, self.cache.as_deref())?.0,
        };
        match running.exchange(Some(ask), limit) {
            Ok(response) => {
                self.running = Some(running);
                Ok(Ok(response))
            }
            Err(Broken::Fault(fault)) => Ok(Err(fault)),
            Err(Broken::Nonsense(problem)) => Err(SandboxError::Protocol(problem)),
        }
    }
}

fn nonsense() -> SandboxError {
    SandboxError::Protocol("it answers another question".into())
}

/// One worker process.
struct Running {
    child: Arc<Mutex<Child>>,
    input: Option<BufWriter<ChildStdin>>,
    output: BufReader<ChildStdout>,
    errors: Option<JoinHandle<Vec<u8>>>,
}

impl Running {
    fn start(worker: &Path, cache: Option<&Path>) -> Result<(Self, Hello), SandboxError> {
        let failed = |source| SandboxError::Start {
            worker: worker.to_owned(),
            source,
        };
        let mut command = Command::new(worker);
        if let Some(folder) = cache {
            command.arg("--cache").arg(folder);
        }
        let mut child = command
            .env_clear()
            .current_dir(worker.ancestors().last().unwrap_or(worker))
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .map_err(failed)?;
        let pipes = (child.stdin.take(), child.stdout.take(), child.stderr.take());
        let (Some(input), Some(output), Some(errors)) = pipes else {
            return Err(failed(io::ErrorKind::BrokenPipe.into()));
        };
        let mut running = Self {
            child: Arc::new(Mutex::new(child)),
            input: Some(BufWriter::new(input)),
            output: BufReader::new(output),
            errors: Some(thread::spawn(move || tail(errors))),
        };
        let hello: Hello = match running.exchange(None, QUICK) {
            Ok(hello) => hello,
            Err(Broken::Fault(fault)) => return Err(SandboxError::Ended(fault)),
            Err(Broken::Nonsense(problem)) => return Err(SandboxError::Protocol(problem)),
        };
        if hello.protocol != VERSION {
            let found = hello.protocol;
            return Err(SandboxError::Version { found });
        }
        Ok((running, hello))
    }

    fn process(&self) -> u32 {
        lock(&self.child).id()
    }

    /// Writes a question, if there is one, and reads one answer; kills the worker when `limit` is over.
    fn exchange<T: DeserializeOwned>(
        &mut self,
        ask: Option<&Ask<'_>>,
        limit: Duration,
    ) -> Result<T, Broken> {
        let (done, waiting) = channel::<()>();
        let child = Arc::clone(&self.child);
        let watchdog = thread::spawn(move || {
            let late = waiting.recv_timeout(limit) == Err(RecvTimeoutError::Timeout);
            late && lock(&child).kill().is_ok()
        });
        let answer = self.talk(ask);
        drop(done);
        let late = watchdog.join().unwrap_or(false);
        match answer {
            Ok(Some(answer)) if !late => Ok(answer),
            Err(problem) if !late && problem.kind() == io::ErrorKind::InvalidData => {
                Err(Broken::Nonsense(problem.to_string()))
            }
            _ if late => {
                self.reap();
                Err(Broken::Fault(Fault::Limit {
                    limit: "time".into(),
                    detail: format!("{} s in all, then the worker was killed", limit.as_secs()),
                }))
            }
            _ => Err(Broken::Fault(self.obituary())),
        }
    }

    fn talk<T: DeserializeOwned>(&mut self, ask: Option<&Ask<'_>>) -> io::Result<Option<T>> {
        if let (Some(ask), Some(input)) = (ask, &mut self.input) {
            write_frame(input, ask)?;
        }
        read_frame(&mut (&mut self.output).take(MAX_ANSWER))
    }

    /// Why the process is gone.
    fn obituary(&mut self) -> Fault {
        let (status, errors) = self.reap();
        if status.is_none() {
            return Fault::Trap("the worker process stopped answering, and was killed".into());
        }
        let said = clean_lines(String::from_utf8_lossy(&errors).trim());
        let memory = |detail: &str| Fault::Limit {
            limit: "host memory".into(),
            detail: detail.into(),
        };
        match signal(status) {
            _ if said.contains("memory allocation of") => {
                memory("the worker process may take no more")
            }
            Some(9) => memory("the system killed the worker process"),
            Some(31) => Fault::Trap(
                "the worker process made a system call that it may not make: signal 31".into(),
            ),
            Some(number) => Fault::Trap(ended(&format!("signal {number}"), &said)),
            None => {
                let code = status.and_then(|status| status.code());
                let code = code.map_or("unknown".into(), |code| code.to_string());
                Fault::Trap(ended(&format!("exit code {code}"), &said))
            }
        }
    }

    /// Waits for the end of the process, and gives what it left; no status when it had to be killed.
    fn reap(&mut self) -> (Option<ExitStatus>, Vec<u8>) {
        self.input = None;
        let mut child = lock(&self.child);
        // The answer that was waited for did not come, or nobody waits for one: either way nothing is lost.
        let by_itself = ends_soon(&mut child);
        if !by_itself {
            let _ = child.kill();
        }
        let status = child.wait().ok().filter(|_| by_itself);
        drop(child);
        let errors = self.errors.take().and_then(|thread| thread.join().ok());
        (status, errors.unwrap_or_default())
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.reap();
    }
}

fn lock(child: &Mutex<Child>) -> std::sync::MutexGuard<'_, Child> {
    child.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Gives a worker whose input was closed a moment to end by itself, so that its exit code is its own.
fn ends_soon(child: &mut Child) -> bool {
    for _ in 0..200 {
        if !matches!(child.try_wait(), Ok(None)) {
            return true;
        }
        thread::sleep(Duration::from_millis(1));
    }
    false
}

fn ended(how: &str, said: &str) -> String {
    match said {
        "" => format!("the worker process ended: {how}"),
        said => format!("the worker process ended: {how}: {said}"),
    }
}

/// The last of what the worker says on its error stream.
fn tail(mut from: impl Read) -> Vec<u8> {
    let (mut kept, mut buffer) = (Vec::new(), [0; 1024]);
    while let Ok(read @ 1..) = from.read(&mut buffer) {
        kept.extend_from_slice(buffer.get(..read).unwrap_or_default());
        let surplus = kept.len().saturating_sub(TAIL);
        kept.drain(..surplus);
    }
    kept
}

#[cfg(unix)]
fn signal(status: Option<ExitStatus>) -> Option<i32> {
    std::os::unix::process::ExitStatusExt::signal(&status?)
}

#[cfg(not(unix))]
fn signal(_status: Option<ExitStatus>) -> Option<i32> {
    None
}

#[cfg(test)]
mod tests;
