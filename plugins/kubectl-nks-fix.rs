//! `kubectl-nks-fix`: see `thin`.

use std::process::ExitCode;

mod thin;

fn main() -> ExitCode {
    thin::become_command("fix")
}
