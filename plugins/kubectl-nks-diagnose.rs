//! `kubectl-nks-diagnose`: see `thin`.

use std::process::ExitCode;

mod thin;

fn main() -> ExitCode {
    thin::become_command("diagnose")
}
