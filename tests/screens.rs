//! Each screen, in both languages, as an 80-column terminal without colour shows it. `INSTA_UPDATE=always cargo test
//! --release --test screens` writes the snapshots; they are looked at by eye.

mod support;

use support::User;

fn screens(name: &str, arguments: &[&str]) {
    for language in ["en", "ko"] {
        let mut with_language = arguments.to_vec();
        with_language.extend(["--lang", language]);
        let ran = support::run(
            User::new()
                .command("kubectl-nks", &with_language)
                .env("COLUMNS", "80"),
        );
        let screen = format!(
            "$ kubectl nks {}\n{}{}(exit code {})\n",
            with_language.join(" "),
            ran.stdout,
            ran.stderr,
            ran.code
        );
        let mut settings = insta::Settings::clone_current();
        settings.set_prepend_module_to_snapshot(false);
        settings.set_omit_expression(true);
        settings.add_filter(r"\d+\.\d s\b|\d+\.\d초", "[seconds]");
        settings.add_filter(r"sha256:[0-9a-f]{64}", "sha256:[digest]");
        settings.add_filter(r"\d+ KiB\n", "[size]\n");
        settings.bind(|| insta::assert_snapshot!(format!("{name}.{language}"), screen));
    }
}

#[test]
fn diagnose() {
    screens("diagnose", &["diagnose", "--from", "demo"]);
}

#[test]
fn fix() {
    screens("fix", &["fix", "calico-images", "--from", "demo"]);
}

#[test]
fn explain() {
    screens("explain", &["explain", "calico-images"]);
}

#[test]
fn rights() {
    screens("rbac", &["explain", "calico-images", "-o", "rbac"]);
}

#[test]
fn fixers() {
    screens("fixer-list", &["fixer", "list"]);
    screens("fixer-inspect", &["fixer", "inspect", "calico-images"]);
}

#[test]
fn help() {
    screens("help", &["--help"]);
    screens("help-fix", &["fix", "--help"]);
    screens("help-undo", &["undo", "--help"]);
}

#[test]
fn nothing_done_yet() {
    screens("history-empty", &["history"]);
    screens("resume-nothing", &["resume"]);
}

#[test]
fn refusals() {
    screens("no-such-fixer", &["fix", "calico-image", "--from", "demo"]);
    screens("no-such-entry", &["undo", "20260101"]);
    screens("no-configuration", &["diagnose"]);
}
