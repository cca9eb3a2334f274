//! Help in the user's language: the English text stands in the code beside what it describes, the Korean in the
//! catalogue under `help.COMMAND` and `help.arg.FLAG`.

use clap::{Arg, Command, CommandFactory};
use nks_core::message::Language;

use crate::text;

const KOREAN_TEMPLATE: &str = "\
{about-with-newline}
사용법: {usage}

{all-args}{after-help}";

/// The command definition with its help in `language`.
pub(crate) fn command<C: CommandFactory>(language: Language) -> Command {
    let command = short(switches(C::command()), language);
    match language {
        Language::English => command.mut_subcommands(|one| one.disable_help_subcommand(true)),
        Language::Korean => {
            let mut command = translate(command, "help");
            command.build();
            korean_usage(command)
        }
    }
}

/// Help without the flags of every command, as kubectl's: these are listed by `options`.
fn short(command: Command, language: Language) -> Command {
    let hint = text::say(language, "options-hint", &[]);
    command
        .mut_args(|argument| {
            let hidden = argument.is_global_set();
            argument.hide_short_help(hidden).hide_long_help(hidden)
        })
        .after_help(hint)
        .mut_subcommands(|one| short(one, language))
}

/// What every flag that is on or off has in common: it takes a value after `=` only, and without one it is on.
fn switches(command: Command) -> Command {
    command
        .mut_args(|argument| {
            let names = argument.get_value_names().unwrap_or_default();
            if !names.iter().any(|name| *name == "BOOL") {
                return argument;
            }
            let off = argument.get_default_values() == ["false"];
            argument
                .num_args(0..=1)
                .require_equals(true)
                .default_missing_value("true")
                .hide_default_value(off)
        })
        .mut_subcommands(switches)
}

/// The usage line with clap's own words in Korean.
fn korean_usage(mut command: Command) -> Command {
    let usage = command.render_usage().to_string();
    let usage = usage.trim_start_matches("Usage: ");
    let usage = usage
        .replace("[OPTIONS]", "[옵션]")
        .replace("[COMMAND]", "[명령]")
        .replace("<COMMAND>", "<명령>");
    command.override_usage(usage).mut_subcommands(korean_usage)
}

/// The help of an argument, with the values and the default that clap would name in English.
fn korean_help(argument: &Arg) -> String {
    let word = |id: &str, values: &str| text::say(Language::Korean, id, &[("values", values)]);
    let mut help = word(&format!("help.arg.{}", argument.get_id()), "");
    let possible: Vec<String> = argument
        .get_possible_values()
        .iter()
        .map(|value| value.get_name().to_owned())
        .collect();
    if !possible.is_empty() && argument.get_action().takes_values() {
        help += &word("help.values", &possible.join(", "));
    }
    if let [default] = argument.get_default_values()
        && !argument.is_hide_default_value_set()
    {
        help += &word("help.default", &default.to_string_lossy());
    }
    help
}

/// The flags that every command takes, as `kubectl options` prints them.
pub(crate) fn options<C: CommandFactory>(language: Language) -> String {
    let mut shown = Command::new("kubectl nks")
        .help_template("{options}\n")
        .disable_help_flag(true)
        .disable_version_flag(true);
    for argument in command::<C>(language)
        .get_arguments()
        .filter(|argument| argument.is_global_set())
    {
        let argument = argument.clone().help_heading(None::<&str>);
        shown = shown.arg(argument.hide_short_help(false).hide_long_help(false));
    }
    let intro = text::say(language, "options", &[]);
    format!("{intro}\n\n{}", shown.render_help())
}

fn translate(command: Command, path: &str) -> Command {
    let word = |id: &str| text::say(Language::Korean, id, &[]);
    let about = word(path);
    command
        .about(about)
        .help_template(KOREAN_TEMPLATE)
        .subcommand_help_heading("명령")
        .disable_help_flag(true)
        .disable_help_subcommand(true)
        .mut_args(|argument| {
            let help = korean_help(&argument);
            let heading = if argument.is_positional() {
                "인자"
            } else if argument.is_global_set() {
                "공통 옵션"
            } else {
                "옵션"
            };
            argument
                .help(help)
                .help_heading(heading)
                .hide_possible_values(true)
                .hide_default_value(true)
        })
        .arg(
            Arg::new("help")
                .short('h')
                .long("help")
                .action(clap::ArgAction::Help)
                .help(word("help.arg.help"))
                .help_heading("옵션"),
        )
        .mut_subcommands(|one| {
            let path = format!("{path}.{}", one.get_name());
            translate(one, &path)
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(command: &Command) {
        for text in command
            .get_about()
            .into_iter()
            .chain(command.get_arguments().filter_map(Arg::get_help))
        {
            let text = text.to_string();
            assert!(
                !text.starts_with("help."),
                "`{text}` is not in messages.json"
            );
        }
        command.get_subcommands().for_each(check);
    }

    #[test]
    fn every_command_and_flag_has_korean_help() {
        check(&crate::args::command(Language::Korean));
    }
}
