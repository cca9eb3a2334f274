//! What was typed. Nothing deeper sees clap: each command gets its own struct, with paths and durations already parsed.

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Duration;

use clap::{ArgAction, Args, FromArgMatches, Parser, Subcommand};

use crate::failure::{Ended, Failure};
use crate::interrupt::Interrupt;
use crate::screen::Screen;
use crate::{
    completion, diagnose, explain, fix, fixer, help, history, resume, text, undo, version,
};

/// Find what is wrong with an NHN Cloud NKS cluster, and mend it.
#[derive(Parser)]
#[command(
    name = "kubectl-nks",
    bin_name = "kubectl nks",
    disable_help_subcommand = true
)]
struct Cli {
    #[command(flatten)]
    global: Global,
    #[command(subcommand)]
    command: Option<Command>,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Say what is wrong, why, and which command mends it; change nothing
    Diagnose(diagnose::Diagnose),
    /// Plan, show the diff, ask, apply, wait, and check again
    Fix(fix::Fix),
    /// Print the cause, what is read and written, the risk and the rights needed; no cluster needed
    Explain(explain::Explain),
    /// Print what was done from this machine, and with which outcome
    History(history::History),
    /// Put back what an entry of the history changed
    Undo(undo::Undo),
    /// Settle entries that a crash left open
    Resume(resume::Resume),
    /// Look at fixers
    Fixer(fixer::FixerCommand),
    /// Print a completion script for a shell, or the one that kubectl itself asks
    Completion(completion::Completion),
    /// Print the flags that every command takes
    Options,
    /// Print the version
    Version(version::Version),
    /// Write the manual pages into a folder
    #[command(hide = true)]
    Man(completion::Man),
    /// Complete a command line, for kubectl_complete-nks
    #[command(name = "__complete", hide = true, disable_help_flag = true)]
    Complete(completion::Complete),
}

/// Flags of every command, with kubectl's names and meanings.
#[derive(Args)]
pub(crate) struct Global {
    /// Path to the kubeconfig file
    #[arg(long, global = true, value_name = "FILE")]
    pub(crate) kubeconfig: Option<PathBuf>,
    /// Name of the kubeconfig context
    #[arg(long, global = true, value_name = "NAME")]
    pub(crate) context: Option<String>,
    /// Name of the kubeconfig cluster
    #[arg(long, global = true, value_name = "NAME")]
    pub(crate) cluster: Option<String>,
    /// Name of the kubeconfig user
    #[arg(long, global = true, value_name = "NAME")]
    pub(crate) user: Option<String>,
    /// Look at this namespace only, beside those that a fixer names; of files, also the namespace of objects without one
    #[arg(short, long, global = true, value_name = "NAME")]
    pub(crate) namespace: Option<String>,
    /// Address and port of the API server
    #[arg(short, long, global = true, value_name = "URL")]
    pub(crate) server: Option<String>,
    /// Name to expect in the server's certificate
    #[arg(long, global = true, value_name = "NAME")]
    pub(crate) tls_server_name: Option<String>,
    /// Do not check the server's certificate
    #[arg(long, global = true, default_value = "false", value_parser = truth, value_name = "BOOL")]
    pub(crate) insecure_skip_tls_verify: Switch,
    /// File with the certificate authority
    #[arg(long, global = true, value_name = "FILE")]
    pub(crate) certificate_authority: Option<String>,
    /// File with the client certificate
    #[arg(long, global = true, value_name = "FILE")]
    pub(crate) client_certificate: Option<String>,
    /// File with the client key
    #[arg(long, global = true, value_name = "FILE")]
    pub(crate) client_key: Option<String>,
    /// Bearer token
    #[arg(long, global = true, value_name = "TOKEN", hide_env_values = true)]
    pub(crate) token: Option<String>,
    /// User to impersonate
    #[arg(long = "as", global = true, value_name = "USER")]
    pub(crate) as_user: Option<String>,
    /// uid to impersonate
    #[arg(long = "as-uid", global = true, value_name = "UID")]
    pub(crate) as_uid: Option<String>,
    /// Group to impersonate; may be repeated
    #[arg(long = "as-group", global = true, value_name = "GROUP", action = ArgAction::Append)]
    pub(crate) as_groups: Vec<String>,
    /// How long to wait for a single request: 5, 5s, 1m; 0 means no limit
    #[arg(long, global = true, value_name = "TIME", value_parser = duration)]
    pub(crate) request_timeout: Option<Duration>,
    /// For kubectl's sake: nothing that a server said is kept
    #[arg(
        id = "cache_dir",
        long = "cache-dir",
        global = true,
        value_name = "FOLDER"
    )]
    pub(crate) _cache_dir: Option<PathBuf>,
    /// For kubectl's sake: answers are never asked for compressed
    #[arg(id = "disable_compression", long = "disable-compression", global = true, default_value = "false", value_parser = truth, value_name = "BOOL")]
    pub(crate) _disable_compression: Switch,
    /// How much to tell: -v also lists what other findings explain; from 6 on each request is named on stderr
    #[arg(
        short,
        long = "v",
        global = true,
        value_name = "LEVEL",
        default_value_t = 0,
        hide_default_value = true
    )]
    pub(crate) verbosity: u8,
    /// Language: en or ko
    #[arg(long, global = true, value_name = "LANG", value_parser = ["en", "ko"])]
    pub(crate) lang: Option<String>,
}

/// A flag that is on or off, as kubectl's are: `--yes`, `--yes=true`, `--yes=0`. Of another name than `bool`, for which
/// clap makes flags without a value.
pub(crate) type Switch = bool;

/// What a [`Switch`] takes: the words of Go's `strconv.ParseBool`.
pub(crate) fn truth(text: &str) -> Result<bool, String> {
    match text {
        "1" | "t" | "T" | "true" | "TRUE" | "True" => Ok(true),
        "0" | "f" | "F" | "false" | "FALSE" | "False" => Ok(false),
        _ => Err("use true or false".into()),
    }
}

/// Parses `5`, `5s`, `1m30s` or `500ms`; a bare number is seconds, as in kubectl.
pub(crate) fn duration(text: &str) -> Result<Duration, String> {
    let wrong = || "use a number with h, m, s or ms".to_owned();
    if let Ok(seconds) = text.parse() {
        return Ok(Duration::from_secs(seconds));
    }
    let length: jiff::SignedDuration = text.parse().map_err(|_| wrong())?;
    length.try_into().map_err(|_| wrong())
}

/// Parses, runs, and turns the ending into an exit code.
pub(crate) fn run(mut arguments: Vec<OsString>) -> ExitCode {
    if let Some(command) = arguments
        .first()
        .and_then(|name| command_of(Path::new(name)))
    {
        arguments.insert(1, command.into());
    }
    let arguments = with_levels(arguments);
    let language = text::language(early_language(&arguments).as_deref(), |name| {
        std::env::var(name).ok()
    });
    let screen = Screen { language };
    let mut command = help::command::<Cli>(language);
    let matches = match command.try_get_matches_from_mut(arguments) {
        Ok(matches) => matches,
        Err(problem) => {
            let _ = problem.print();
            return ExitCode::from(if problem.use_stderr() { 2 } else { 0 });
        }
    };
    let cli = match Cli::from_arg_matches(&matches) {
        Ok(cli) => cli,
        Err(problem) => {
            let _ = problem.print();
            return ExitCode::from(2);
        }
    };
    let Some(chosen) = cli.command else {
        let help = command.render_help().ansi().to_string();
        return conclude(&screen, screen.print(&help).map(|()| Ended::Done));
    };
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build();
    let ended = match runtime {
        Ok(runtime) => {
            let ended = runtime.block_on(dispatch(&screen, &cli.global, chosen));
            // A credential plugin that Ctrl-C left behind is not waited for.
            runtime.shutdown_background();
            ended
        }
        Err(problem) => Err(problem.into()),
    };
    conclude(&screen, ended)
}

async fn dispatch(screen: &Screen, global: &Global, command: Command) -> Result<Ended, Failure> {
    let interrupt = Interrupt::listen();
    match command {
        Command::Diagnose(command) => {
            interrupt
                .or(screen, diagnose::run(screen, global, &command))
                .await
        }
        Command::Fix(command) => fix::run(screen, global, &command, &interrupt).await,
        Command::Explain(command) => explain::run(screen, &command),
        Command::History(command) => history::run(screen, &command),
        Command::Undo(command) => undo::run(screen, global, &command, &interrupt).await,
        Command::Resume(command) => resume::run(screen, global, &command, &interrupt).await,
        Command::Fixer(command) => fixer::run(screen, &command),
        Command::Completion(command) => completion::run(screen, &command),
        Command::Options => screen
            .print(&help::options::<Cli>(screen.language))
            .map(|()| Ended::Done),
        Command::Version(command) => version::run(screen, &command),
        Command::Man(command) => completion::manual(screen, &command),
        Command::Complete(command) => completion::complete(screen, &command),
    }
}

fn conclude(screen: &Screen, ended: Result<Ended, Failure>) -> ExitCode {
    match ended {
        Ok(ended) => ExitCode::from(ended.code()),
        Err(failure) => failure.report(screen),
    }
}

/// `-v` alone is `-v=1`; with a number after it, that is its level, as kubectl takes it.
fn with_levels(arguments: Vec<OsString>) -> Vec<OsString> {
    let is_level = |argument: Option<&OsString>| {
        argument.and_then(|argument| argument.to_str()?.parse::<u8>().ok())
    };
    let mut rest = arguments.iter().peekable();
    let mut all = Vec::new();
    while let Some(argument) = rest.next() {
        let alone = argument == "-v" || argument == "--v";
        all.push(match alone && is_level(rest.peek().copied()).is_none() {
            true => "-v=1".into(),
            false => argument.clone(),
        });
    }
    all
}

/// `fix` of `kubectl-nks-fix`; kubectl turns dashes of a command into underscores in the file name.
fn command_of(name: &Path) -> Option<String> {
    let command = name.file_stem()?.to_str()?.strip_prefix("kubectl-nks-")?;
    Some(command.replace('_', "-"))
}

/// The value of `--lang`, before parsing: help and usage errors need it too.
fn early_language(arguments: &[OsString]) -> Option<String> {
    let mut rest = arguments.iter().filter_map(|argument| argument.to_str());
    while let Some(argument) = rest.next() {
        match argument.strip_prefix("--lang") {
            Some("") => return rest.next().map(str::to_owned),
            Some(value) => return value.strip_prefix('=').map(str::to_owned),
            None => {}
        }
    }
    None
}

/// The commands as clap knows them.
pub(crate) fn command(language: nks_core::message::Language) -> clap::Command {
    help::command::<Cli>(language)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_definition_is_consistent() {
        command(nks_core::message::Language::English).debug_assert();
    }

    #[test]
    fn durations_are_kubectls() {
        assert_eq!(duration("5"), Ok(Duration::from_secs(5)));
        assert_eq!(duration("0"), Ok(Duration::ZERO));
        assert_eq!(duration("1m30s"), Ok(Duration::from_secs(90)));
        assert_eq!(duration("500ms"), Ok(Duration::from_millis(500)));
        assert_eq!(duration("1.5h"), Ok(Duration::from_secs(5_400)));
        for wrong in ["5x", "", "-1s", "-1", "s"] {
            assert!(duration(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn an_executables_name_is_a_command() {
        assert_eq!(
            command_of(Path::new("/a/kubectl-nks-fix")).as_deref(),
            Some("fix")
        );
        assert_eq!(command_of(Path::new("kubectl-nks.exe")), None);
    }
}
