//! Flags of the commands that write, and what they mean.

use std::time::Duration;

use clap::{Args, ValueEnum};

use crate::args::{Switch, truth};

/// Flags of the commands that write.
#[derive(Debug, Args)]
pub(crate) struct WriteFlags {
    /// Do not ask
    #[arg(short, long, default_value = "false", value_parser = truth, value_name = "BOOL")]
    yes: Switch,
    /// Show the plan and change nothing; `server` asks the server what it would store
    #[arg(long, value_enum, default_value_t, num_args = 0..=1, require_equals = true, default_missing_value = "client", value_name = "WHERE")]
    dry_run: DryRun,
    /// Name under which the server notes the changes
    #[arg(long, default_value = "kubectl-nks", value_name = "NAME")]
    field_manager: String,
    /// Change objects that Helm, Argo CD, Flux or an operator manages, too
    #[arg(long, default_value = "false", value_parser = truth, value_name = "BOOL")]
    even_if_managed: Switch,
}

/// Whether anything is written, and who says what would be.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub(crate) enum DryRun {
    // Not doc comments: clap would print these in English, whatever the language.
    // It is written, once somebody agreed.
    #[default]
    None,
    // What we expect is shown.
    Client,
    // What the server would store is shown.
    Server,
}

/// How to carry a plan out.
pub(crate) struct CarryOut {
    /// `--yes`
    pub(crate) yes: bool,
    /// `--dry-run`
    pub(crate) dry_run: DryRun,
    /// `--wait`
    pub(crate) wait: bool,
    /// `--timeout`
    pub(crate) timeout: Duration,
    /// `--field-manager`
    pub(crate) field_manager: String,
    /// `--even-if-managed`
    pub(crate) even_if_managed: bool,
    /// Standard input was read to its end, and can answer no question any more.
    pub(crate) stdin_is_taken: bool,
}

impl WriteFlags {
    /// With how to wait for rollouts.
    pub(crate) fn carry_out(&self, wait: bool, timeout: Duration) -> CarryOut {
        let Self {
            yes,
            dry_run,
            ref field_manager,
            even_if_managed,
        } = *self;
        CarryOut {
            yes,
            dry_run,
            wait,
            timeout,
            field_manager: field_manager.clone(),
            even_if_managed,
            stdin_is_taken: false,
        }
    }
}
