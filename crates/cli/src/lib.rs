//! `kubectl nks`: the one owner of the terminal, the environment and the files.
//!
//! `main` calls [`start`] and returns what it returns. Everything a command does goes through `flow`; this table is the
//! map of the rest.
//!
//! | what | where |
//! |---|---|
//! | what was typed | `args` |
//! | one file a command | `diagnose`, `fix`, `explain`, `history`, `undo`, `resume`, `fixer`, `version`; `completion`; `writing` for the flags of those that write |
//! | objects, from a cluster or from files | `source` |
//! | the fixers there are, and the process that runs them | `fixers` |
//! | what is kept on disk | `journal` |
//! | what is shown, in two languages | `screen`, `plan_screen`, `external_diff`, `text`, `help`, `progress`, `confirm` |
//! | errors, Ctrl-C and exit codes | `failure`, `interrupt` |

use std::ffi::OsString;
use std::process::ExitCode;

mod args;
mod completion;
mod confirm;
mod diagnose;
mod explain;
mod external_diff;
mod failure;
mod files;
mod fix;
mod fixer;
mod fixers;
mod flow;
mod help;
mod history;
mod interrupt;
mod journal;
mod plan_screen;
mod progress;
mod resume;
mod screen;
mod source;
mod text;
mod undo;
mod version;
mod writing;

/// Runs the command line and returns its exit code. `arguments` are those of the process, its own name first.
pub fn start(arguments: impl IntoIterator<Item = OsString>) -> ExitCode {
    let arguments: Vec<OsString> = arguments.into_iter().collect();
    args::run(arguments)
}
