//! `kubectl-nks-COMMAND`: becomes `kubectl-nks COMMAND`, the one beside its own canonical path. For people who install
//! without krew and want shell completion of the plain names.

use std::process::{Command, ExitCode};

/// Replaces this process by `kubectl-nks command`; returns only where that is not possible.
#[expect(
    clippy::print_stderr,
    reason = "the one thing it can say is that it found nothing to become"
)]
pub(crate) fn become_command(command: &str) -> ExitCode {
    let whole = std::env::current_exe()
        .and_then(|path| path.canonicalize())
        .map(|path| path.with_file_name(format!("kubectl-nks{}", std::env::consts::EXE_SUFFIX)));
    let problem = match &whole {
        Ok(path) => match become_it(
            Command::new(path)
                .arg(command)
                .args(std::env::args_os().skip(1)),
        ) {
            Ok(code) => return code,
            Err(problem) => format!("{}: {problem}", path.display()),
        },
        Err(problem) => problem.to_string(),
    };
    eprintln!("error: kubectl-nks-{command} needs kubectl-nks beside it: {problem}");
    ExitCode::from(2)
}

#[cfg(unix)]
fn become_it(command: &mut Command) -> std::io::Result<ExitCode> {
    use std::os::unix::process::CommandExt;
    Err(command.exec())
}

#[cfg(not(unix))]
fn become_it(command: &mut Command) -> std::io::Result<ExitCode> {
    let code = command
        .status()?
        .code()
        .and_then(|code| u8::try_from(code).ok());
    Ok(ExitCode::from(code.unwrap_or(2)))
}
