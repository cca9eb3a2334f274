//! `kubectl nks`, with every command.

use std::process::ExitCode;

fn main() -> ExitCode {
    nks_cli::start(std::env::args_os())
}
