//! Every way to end that is not success: what failed, what to type next, and the exit code (cli.md, "Exit codes").

use std::io;
use std::process::ExitCode;

use nks_cluster::{ConnectError, LockError, PreviewError, PreviewProblem, RequestError};

use crate::screen::Screen;

/// How a command ended, other than by failing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Ended {
    /// Done, nothing found at or above the threshold.
    Done,
    /// Findings, or changes declined or pending.
    Found,
    /// Something could not be read, so "healthy" was not said.
    Incomplete,
    /// Applied in part, or it is not known.
    Partial,
    /// Ctrl-C.
    Interrupted,
}

impl Ended {
    /// The exit code.
    pub(crate) fn code(self) -> u8 {
        match self {
            Self::Done => 0,
            Self::Found => 1,
            Self::Incomplete => 3,
            Self::Partial => 4,
            Self::Interrupted => 130,
        }
    }
}

/// What kind of failure.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// Usage or refusal: `error:`.
    Error,
    /// The API server said no: `Error from server (Reason):`.
    Server(String),
    /// It could not be reached: `Unable to connect to the server:`.
    Unreachable,
    /// Something that a whole answer needs could not be read.
    Incomplete,
    /// A write may or may not have happened.
    Partial,
    /// Ctrl-C.
    Interrupted,
    /// Nobody reads our output any more.
    BrokenPipe,
}

/// A failure with what to do about it.
#[derive(Debug)]
pub(crate) struct Failure {
    /// What kind.
    pub(crate) kind: Kind,
    /// What failed, in the user's language where it is ours.
    pub(crate) message: String,
    /// What to type or read next.
    pub(crate) hints: Vec<String>,
}

impl Failure {
    /// A failure without a hint.
    pub(crate) fn new(kind: Kind, message: impl Into<String>) -> Self {
        Self {
            kind,
            message: message.into(),
            hints: Vec::new(),
        }
    }

    /// A refusal or a mistake in what was typed.
    pub(crate) fn error(message: impl Into<String>) -> Self {
        Self::new(Kind::Error, message)
    }

    /// The same failure with one more hint.
    #[must_use]
    pub(crate) fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hints.push(hint.into());
        self
    }

    /// How a run that asks before it writes ends when nobody reads it any more: what was not read whole was not agreed to.
    pub(crate) fn unread_plan(self) -> Result<Ended, Self> {
        match self.kind {
            Kind::BrokenPipe => Ok(Ended::Found),
            _ => Err(self),
        }
    }

    /// Prints the failure as kubectl prints its own, and gives the exit code.
    pub(crate) fn report(&self, screen: &Screen) -> ExitCode {
        let (prefix, code) = match &self.kind {
            Kind::BrokenPipe => return ExitCode::SUCCESS,
            Kind::Error => ("error: ".to_owned(), 2),
            Kind::Server(reason) => (format!("Error from server ({reason}): "), 2),
            Kind::Unreachable => ("Unable to connect to the server: ".to_owned(), 2),
            Kind::Incomplete => ("error: ".to_owned(), Ended::Incomplete.code()),
            Kind::Partial => ("error: ".to_owned(), Ended::Partial.code()),
            Kind::Interrupted => (String::new(), Ended::Interrupted.code()),
        };
        screen.note(&format!("{prefix}{}", self.message));
        for hint in &self.hints {
            screen.note(&format!("  {hint}"));
        }
        ExitCode::from(code)
    }
}

impl From<io::Error> for Failure {
    fn from(problem: io::Error) -> Self {
        match problem.kind() {
            io::ErrorKind::BrokenPipe => Self::new(Kind::BrokenPipe, ""),
            _ => Self::error(problem.to_string()),
        }
    }
}

impl Failure {
    /// No connection to speak of.
    pub(crate) fn connect(screen: &Screen, problem: &ConnectError) -> Self {
        let failure = Self::error(problem.to_string());
        match problem {
            ConnectError::NoConfiguration | ConnectError::NoCurrentContext => {
                failure.hint(screen.say("no-config-hint", &[]))
            }
            ConnectError::NoContext(_) => failure.hint("kubectl config get-contexts"),
            _ => failure,
        }
    }

    /// A request without a usable answer, in kubectl's words.
    pub(crate) fn request(screen: &Screen, problem: &RequestError) -> Self {
        let kind = match problem.reason() {
            Some(reason) => Kind::Server(reason.to_owned()),
            None => Kind::Unreachable,
        };
        let failure = Self::new(kind, problem.to_string());
        match problem {
            RequestError::Forbidden {
                verb,
                resource,
                namespace,
                ..
            } => {
                let scope = namespace
                    .as_ref()
                    .map(|namespace| format!(" -n {namespace}"))
                    .unwrap_or_default();
                failure.hint(screen.say(
                    "forbidden-hint",
                    &[("right", &format!("{verb} {resource}{scope}"))],
                ))
            }
            _ => failure,
        }
    }

    /// A dry run that was refused.
    pub(crate) fn preview(screen: &Screen, problem: &PreviewError) -> Self {
        match &problem.problem {
            PreviewProblem::Request(request) => {
                let object = [("object", &*problem.object.to_string())];
                Self::request(screen, request).hint(screen.say("refused-dry-run", &object))
            }
            _ => {
                Self::error(screen.say("refused-by-preview", &[("problem", &problem.to_string())]))
            }
        }
    }

    /// A lease that is not ours. Where the user may not use leases that is a warning; anything else stops the run.
    pub(crate) fn lock(screen: &Screen, problem: &LockError) -> Result<(), Self> {
        match problem {
            LockError::Forbidden(problem) => {
                screen.note(&screen.say("lock-forbidden", &[("problem", &problem.to_string())]));
                Ok(())
            }
            LockError::HeldBy { holder, .. } => {
                let failure = Self::error(screen.say("lock-held", &[("holder", holder)]));
                Err(failure.hint(screen.say("lock-held-hint", &[])))
            }
            LockError::Request(problem) => Err(Self::request(screen, problem)),
        }
    }
}
