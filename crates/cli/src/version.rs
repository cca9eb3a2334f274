//! `kubectl nks version`. Starts nothing and reads nothing.

use clap::Args;
use nks_core::output::Document;

use crate::args::{Switch, truth};
use crate::failure::{Ended, Failure};
use crate::screen::{Format, Screen};

/// Flags of `version`.
#[derive(Debug, Args)]
pub(crate) struct Version {
    /// Output format
    #[arg(short, long, value_enum, default_value_t, value_name = "FORMAT")]
    output: Format,
    /// Only this program's version, which is all that is ever asked for; for kubectl's sake
    #[arg(id = "client", long = "client", default_value = "false", value_parser = truth, value_name = "BOOL")]
    _client: Switch,
}

/// Prints the version.
pub(crate) fn run(screen: &Screen, command: &Version) -> Result<Ended, Failure> {
    let version = env!("CARGO_PKG_VERSION");
    match command.output {
        Format::Text => screen.line(&format!("kubectl-nks {version}"))?,
        format => {
            let document = Document::Version {
                client_version: version.to_owned(),
                platform: platform(),
            };
            screen.value(format, document)?;
        }
    }
    Ok(Ended::Done)
}

/// `linux/amd64`: what kubectl calls the machine.
pub(crate) fn platform() -> String {
    let architecture = match std::env::consts::ARCH {
        "x86_64" => "amd64",
        "aarch64" => "arm64",
        other => other,
    };
    let system = match std::env::consts::OS {
        "macos" => "darwin",
        other => other,
    };
    format!("{system}/{architecture}")
}
