//! The process that runs fixers for `kubectl nks`. Started by it, never by hand.

use std::process::ExitCode;

fn main() -> ExitCode {
    nks_worker::start(std::env::args_os().skip(1))
}
