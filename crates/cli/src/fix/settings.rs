//! The settings of `fix`: what was typed, and the secrets that were not, but read from files.

use std::io::{self, IsTerminal, Read};

use nks_core::credential::{
    self, CredentialError, Credentials, DockerConfigError, MAX_BYTES, TextError,
};
use nks_core::manifest::Manifest;
use nks_core::plan::{PlanError, Problem};
use nks_core::settings::SettingsError;
use serde_json::Value;

use super::Fix;
use crate::failure::Failure;
use crate::files;
use crate::screen::Screen;

/// Standard input, as a file.
const STDIN: &str = "-";

/// The settings for a run.
pub(super) struct Settings {
    /// As the fixer is shown them: of a secret, a token.
    pub(super) shown: Value,
    /// What the tokens stand for.
    pub(super) given: Credentials,
    /// A secret came from standard input, which can answer no question any more.
    pub(super) from_stdin: bool,
}

/// Reads the files of secret settings, and settles all settings.
pub(super) fn read(
    screen: &Screen,
    command: &Fix,
    manifest: &Manifest,
) -> Result<Settings, Failure> {
    let unfit = |problem: SettingsError| {
        Failure::error(problem.to_string())
            .hint(screen.say("explain-hint", &[("fixer", manifest.name())]))
    };
    let schema = &manifest.spec.settings;
    // What was typed is looked at before anything is read, and so before standard input is used up.
    schema
        .resolve(&command.set, &Credentials::default())
        .map_err(unfit)?;
    let files = schema.files(&command.set_file).map_err(unfit)?;
    let stdin = files.values().filter(|file| **file == STDIN).count()
        + usize::from(command.from.as_deref() == Some(STDIN));
    if stdin > 1 {
        return Err(Failure::error(screen.say("stdin-twice", &[])));
    }
    let mut given = Credentials::default();
    for (name, file) in &files {
        given.insert(name, secret(screen, name, file)?);
    }
    Ok(Settings {
        shown: schema.resolve(&command.set, &given).map_err(unfit)?,
        given,
        from_stdin: files.values().any(|file| *file == STDIN),
    })
}

/// The text of one secret.
fn secret(screen: &Screen, name: &str, file: &str) -> Result<String, Failure> {
    let unreadable = |problem: String| {
        let values = [("path", file), ("name", name), ("problem", &*problem)];
        Failure::error(screen.say("secret-unreadable", &values))
    };
    let opened: Box<dyn Read> = if file != STDIN {
        Box::new(files::open(file.as_ref()).map_err(unreadable)?)
    } else if io::stdin().is_terminal() {
        return Err(Failure::error(
            screen.say("secret-typed", &[("name", name)]),
        ));
    } else {
        Box::new(io::stdin())
    };
    let mut bytes = Vec::new();
    opened
        .take(MAX_BYTES as u64 + 1)
        .read_to_end(&mut bytes)
        .map_err(|problem| unreadable(problem.to_string()))?;
    credential::parse(bytes).map_err(|problem| {
        let values = [("path", file), ("name", name)];
        Failure::error(match problem {
            TextError::Empty => screen.say("secret-empty", &values),
            TextError::TooLarge => screen.say("secret-too-large", &values),
            TextError::NotText => screen.say("secret-not-text", &values),
            TextError::Nul => screen.say("secret-nul", &values),
        })
    })
}

/// Where the value of a secret, and not the fixer, is at fault for a plan that cannot be made.
pub(super) fn refused(screen: &Screen, problem: &PlanError) -> Option<Failure> {
    let Problem::Value(CredentialError::Docker { setting, problem }) = &problem.problem else {
        return None;
    };
    let values = [("name", setting.as_str())];
    Some(Failure::error(match problem {
        DockerConfigError::NotJson => screen.say("docker-not-json", &values),
        DockerConfigError::NoAuths => screen.say("docker-no-auths", &values),
        DockerConfigError::OtherRegistries => screen.say("docker-other-registries", &values),
        DockerConfigError::NoLogin => screen.say("docker-no-login", &values),
    }))
}

#[cfg(test)]
mod tests {
    use clap::Parser;
    use nks_core::message::Language;
    use serde_json::json;

    use super::*;

    #[derive(Parser)]
    struct Typed {
        #[command(flatten)]
        fix: Fix,
    }

    /// The settings of a fixer with one secret, from the flags after its name; an error in both languages.
    fn settings(flags: &[&str]) -> Result<Settings, [String; 2]> {
        let manifest = Manifest::from_yaml(
            "
apiVersion: fixer.nks/v1
kind: Fixer
metadata: {name: acme/test}
spec:
  version: 1.0.0
  about: {title: {en: t, ko: t}, cause: {en: c, ko: c}}
  reads: [{apiVersion: v1, kind: ConfigMap, fields: [/data]}]
  settings: {type: object, properties: {login: {type: string, format: secret}, color: {type: string, default: red}}}
  messages: {}
",
        )
        .unwrap();
        let flags = ["fix", "acme/test"].iter().chain(flags);
        let command = Typed::parse_from(flags).fix;
        let read = |language| read(&Screen { language }, &command, &manifest);
        read(Language::English).map_err(|english| {
            let korean = read(Language::Korean).err().unwrap();
            [english.message, korean.message]
        })
    }

    #[test]
    fn a_secret_comes_from_its_file_and_the_fixer_gets_a_token() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("login");
        std::fs::write(&file, "hunter2\n").unwrap();
        let typed = format!("login={}", file.display());
        let settings = settings(&["--set-file", &typed, "--set", "color=blue"]).unwrap();
        let shown = json!({"color": "blue", "login": "nks-secret-setting-login"});
        assert_eq!(settings.shown, shown);
        assert!(!settings.from_stdin);
        let secret = json!({"kind": "Secret", "data": {"a": settings.shown["login"]}});
        assert_eq!(settings.given.fill(&secret)["data"]["a"], "aHVudGVyMgo=");
    }

    #[test]
    fn what_is_no_secret_is_refused_by_file_and_setting() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("login");
        let path = file.display().to_string();
        for (content, said) in [
            (&b"  \n"[..], "is empty"),
            (b"hunter2\0", "holds a NUL character"),
            (b"hunter2\xff", "is not UTF-8 text"),
            (&vec![b'a'; MAX_BYTES + 1], "more than 1 MiB"),
        ] {
            std::fs::write(&file, content).unwrap();
            let [english, korean] = settings(&["--set-file", &format!("login={path}")])
                .err()
                .unwrap();
            assert!(english.contains(said), "{english}");
            for message in [english, korean] {
                assert!(
                    message.contains(&path) && message.contains("login"),
                    "{message}"
                );
                assert!(!message.contains("hunter2"), "{message}");
            }
        }
        for odd in ["/dev/zero", "/no/such/file"] {
            let [english, _] = settings(&["--set-file", &format!("login={odd}")])
                .err()
                .unwrap();
            assert!(
                english.starts_with(&format!("cannot read {odd}, for the setting login: ")),
                "{english}"
            );
        }
    }

    #[test]
    fn a_secret_is_never_typed_and_standard_input_is_read_once() {
        for (flags, said) in [
            (&["--set", "login=hunter2"][..], "--set-file login=FILE"),
            (&["--set-file", "hunter2"], "--set-file takes name=FILE"),
            (&["--set-file", "color=f"], "`color` is no secret"),
            (
                &["--set-file", "login=a", "--set-file", "login=b"],
                "given twice",
            ),
            (&["--set-file", "login=-", "--from", "-"], "only once"),
        ] {
            let [english, _] = settings(flags).err().unwrap();
            assert!(english.contains(said), "{english}");
            assert!(!english.contains("hunter2"), "{english}");
        }
    }
}
