//! Completion, for shells and for kubectl, and the manual pages: all made from the same definition of the commands.
//!
//! kubectl completes a plugin by running `kubectl_complete-nks` with the words typed so far. It expects one candidate a
//! line, its description behind a tab, and a last line with a directive (kubectl's "plugin completion").

use std::ffi::OsString;
use std::path::PathBuf;

use clap::{Args, ValueEnum};
use clap_complete::Shell;
use nks_core::message::Language;

use crate::args;
use crate::failure::{Ended, Failure};
use crate::fixers::Fixers;
use crate::screen::Screen;

/// Flags of `completion`.
#[derive(Debug, Args)]
pub(crate) struct Completion {
    /// The shell; `kubectl` prints what to save as kubectl_complete-nks on your PATH
    #[arg(value_enum, value_name = "SHELL")]
    shell: For,
}

/// Who completes.
#[derive(Clone, Copy, Debug, ValueEnum)]
enum For {
    Bash,
    Zsh,
    Fish,
    #[value(name = "powershell")]
    PowerShell,
    Kubectl,
}

/// Flags of `man`.
#[derive(Debug, Args)]
pub(crate) struct Man {
    /// The folder
    #[arg(value_name = "FOLDER")]
    folder: PathBuf,
}

/// What `__complete` takes.
#[derive(Debug, Args)]
pub(crate) struct Complete {
    /// The words typed so far, the last one unfinished
    #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
    words: Vec<OsString>,
}

/// What `kubectl_complete-nks` has to be.
const FOR_KUBECTL: &str = "#!/bin/sh\nexec kubectl-nks __complete \"$@\"\n";
/// Cobra's ShellCompDirectiveNoFileComp.
const NO_FILES: &str = ":4";

/// Prints a script.
pub(crate) fn run(screen: &Screen, command: &Completion) -> Result<Ended, Failure> {
    let shell = match command.shell {
        For::Kubectl => return screen.print(FOR_KUBECTL).map(|()| Ended::Done),
        For::Bash => Shell::Bash,
        For::Zsh => Shell::Zsh,
        For::Fish => Shell::Fish,
        For::PowerShell => Shell::PowerShell,
    };
    let mut script = Vec::new();
    let mut definition = args::command(screen.language).bin_name("kubectl-nks");
    clap_complete::generate(shell, &mut definition, "kubectl-nks", &mut script);
    screen.print(&String::from_utf8_lossy(&script))?;
    Ok(Ended::Done)
}

/// Writes a page for each command.
pub(crate) fn manual(screen: &Screen, command: &Man) -> Result<Ended, Failure> {
    std::fs::create_dir_all(&command.folder)?;
    let definition = args::command(screen.language)
        .name("kubectl-nks")
        .bin_name("kubectl-nks");
    clap_mangen::generate_to(definition, &command.folder)?;
    Ok(Ended::Done)
}

/// Prints what may follow.
pub(crate) fn complete(screen: &Screen, command: &Complete) -> Result<Ended, Failure> {
    let mut words = vec![OsString::from("kubectl-nks")];
    words.extend(command.words.iter().cloned());
    if words.len() == 1 {
        words.push(OsString::new());
    }
    let last = words.len() - 1;
    for fixer in fixers(screen, &command.words)? {
        screen.line(&fixer)?;
    }
    let mut definition = args::command(screen.language);
    let candidates = clap_complete::engine::complete(&mut definition, words, last, None)?;
    for candidate in candidates.iter().filter(|one| !one.is_hide_set()) {
        let value = candidate.get_value().to_string_lossy();
        match candidate.get_help() {
            Some(help) => screen.line(&format!("{value}\t{}", first_line(&help.to_string())))?,
            None => screen.line(&value)?,
        }
    }
    screen.line(NO_FILES)?;
    Ok(Ended::Done)
}

fn first_line(text: &str) -> String {
    nks_core::message::clean(text.lines().next().unwrap_or_default())
}

/// The names of fixers, where one may stand.
fn fixers(screen: &Screen, words: &[OsString]) -> Result<Vec<String>, Failure> {
    let typed: Vec<&str> = words.iter().filter_map(|word| word.to_str()).collect();
    let (Some((last, before)), true) = (
        typed.split_last(),
        typed
            .first()
            .is_some_and(|command| matches!(*command, "diagnose" | "fix" | "explain")),
    ) else {
        return Ok(Vec::new());
    };
    let takes_several = before.first() == Some(&"diagnose");
    let positional = before
        .iter()
        .skip(1)
        .filter(|word| !word.starts_with('-'))
        .count();
    if before.is_empty() || last.starts_with('-') || (positional > 0 && !takes_several) {
        return Ok(Vec::new());
    }
    let english = screen.language == Language::English;
    let fixers = Fixers::load(screen)?;
    let matching = fixers
        .built_in()
        .iter()
        .filter(|fixer| fixer.manifest.name().starts_with(last));
    Ok(matching
        .map(|fixer| {
            let title = &fixer.manifest.spec.about.title;
            let title = if english { &title.en } else { &title.ko };
            format!("{}\t{title}", fixer.manifest.name())
        })
        .collect())
}
