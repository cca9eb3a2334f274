//! `kubectl nks version`. Starts nothing and reads nothing.

use clap::Args;
use nks_core::output::Document;

use crate::failure::{Ended, Failure};
use crate::screen::{Format, Screen};

/// Flags of `version`.
#[derive(Debug, Args)]
pub(crate) struct Version {
    /// Output format
    #[arg(short, long, value_enum, default_value_t, value_name = "FORMAT")]
    output: Format,
    /// Only this program's version, which is all that is ever asked for; for kubectl's sake
    #[arg(id = "client", long = "client")]
    _client: bool,
}

/// Prints the version.
pub(crate) fn run(screen: &Screen, command: &Version) -> Result<Ended, Failure> {
    let version = env!("CARGO_PKG_VERSION");
    match command.output {
        Format::Text => screen.line(&format!("kubectl-nks {version}"))?,
        format => {
            let platform = format!("{}/{}", std::env::consts::OS, std::env::consts::ARCH);
            screen.value(
                format,
                Document::Version {
                    client_version: version.to_owned(),
                    platform,
                },
            )?;
        }
    }
    Ok(Ended::Done)
}
