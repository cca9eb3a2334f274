//! Secrets as tokens, through the whole command line: 500 planted values, and none of them in any output, any file or
//! what a fixer is shown.
#![expect(clippy::unwrap_used, reason = "helpers of tests may fail as tests do")]

mod support;

use std::fs;
use std::path::Path;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use support::{Ran, User, expect, root};

const CANARIES: usize = 500;

fn canary(number: usize) -> String {
    format!("canary{number:03}sings")
}

/// An INI text with a planted value wherever a value can be.
fn config() -> String {
    let mut text = String::from("[Global]\n");
    let mut number = 0;
    let mut next = || {
        number += 1;
        canary(number - 1)
    };
    while text.matches("canary").count() < CANARIES - 6 {
        text += &format!("key-{} = {}\n", text.len(), next());
    }
    text += &format!("password={}\n", next());
    text += &format!("# old-password = {}\n; once: {}\n", next(), next());
    text += &format!("long = {} \\\n  {}\n", next(), next());
    text += &format!("flag = true ; {}\n", next());
    assert_eq!(text.matches("canary").count(), CANARIES);
    text
}

fn objects() -> String {
    let data = STANDARD.encode(config());
    format!(
        "
apiVersion: apps/v1
kind: Deployment
metadata: {{name: web, namespace: shop, uid: u-1, resourceVersion: '7'}}
spec:
  template:
    spec:
      containers: [{{name: first, image: 'example.com/first:old'}}]
---
apiVersion: v1
kind: Secret
metadata:
  name: canary
  namespace: kube-system
  uid: u-2
  resourceVersion: '8'
  annotations: {{kubectl.kubernetes.io/last-applied-configuration: '{{\"stringData\": {{\"x\": \"{}\"}}}}'}}
data: {{cloud-config: {data}, other: {}}}
",
        canary(0),
        STANDARD.encode(canary(1)),
    )
}

fn attack(user: &User, name: &str, further: &[&str]) -> Ran {
    let input = user.home.path().join("in.yaml");
    fs::write(&input, objects()).unwrap();
    let set = format!("attack={name}");
    // A part of the run's input, so it is beside what is read, where nothing that was written is looked for.
    let login = user.home.path().join("in.login");
    fs::write(&login, config()).unwrap();
    let set_file = format!("login={}", login.display());
    let component = root("target/nks/hostile.wasm");
    let mut arguments = vec![
        "fix",
        component.to_str().unwrap(),
        "--from",
        input.to_str().unwrap(),
        "--set",
        &set,
    ];
    if name.starts_with("setting") {
        arguments.extend(["--set-file", &set_file]);
    }
    arguments.extend(further);
    user.nks(&arguments)
}

/// Fails when a planted value is in a text, as it is or in base64.
fn assert_silent(what: &str, text: &[u8]) {
    for canary in (0..CANARIES).map(canary) {
        for needle in [canary.clone(), STANDARD.encode(&canary)] {
            let found = text
                .windows(needle.len())
                .any(|window| window == needle.as_bytes());
            assert!(!found, "{canary} is in {what}");
        }
    }
    let whole = STANDARD.encode(config());
    let found = text
        .windows(60)
        .any(|window| window == &whole.as_bytes()[..60]);
    assert!(!found, "the whole text is in {what}");
}

fn assert_files_silent(folder: &Path) {
    for entry in fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().path())
    {
        if entry.is_dir() {
            assert_files_silent(&entry);
        } else if entry.file_stem().is_none_or(|stem| stem != "in") {
            assert_silent(&entry.display().to_string(), &fs::read(&entry).unwrap());
        }
    }
}

#[test]
fn no_planted_value_is_in_any_output_file_or_guest() {
    for (name, code) in [
        ("token-edit", 1),
        ("token-moved", 2),
        ("token-dropped", 2),
        ("token-copied", 2),
        ("token-told", 2),
        ("token-told-bare", 1),
        ("token-smuggled", 2),
        ("token-escaped", 2),
        ("setting-created", 1),
        ("setting-longer", 2),
        ("setting-label", 2),
        ("setting-told", 2),
        ("setting-told-bare", 1),
        ("setting-smuggled", 2),
    ] {
        for output in ["text", "json", "yaml"] {
            let user = User::new();
            let ran = attack(&user, name, &["-o", output]);
            expect(&ran, code);
            assert_silent(name, ran.stdout.as_bytes());
            assert_silent(name, ran.stderr.as_bytes());
            assert_files_silent(user.home.path());
        }
    }
}

#[test]
fn a_token_out_of_its_place_is_refused_by_name() {
    for (name, reason) in [
        ("token-moved", "holds the token of another line"),
        ("token-dropped", "holds the token of another line"),
        ("token-copied", "holds the token of another line"),
        ("token-told", "carries a secret's token"),
        (
            "token-smuggled",
            "carries a secret's token out of its place",
        ),
        ("token-escaped", "carries a secret's token out of its place"),
        ("setting-longer", "only values of secret settings"),
        ("setting-label", "carries a secret's token out of its place"),
        ("setting-told", "carries a secret's token"),
        (
            "setting-smuggled",
            "carries a secret's token out of its place",
        ),
    ] {
        let ran = attack(&User::new(), name, &[]);
        expect(&ran, 2);
        assert!(ran.stderr.contains(reason), "{name}: {}", ran.stderr);
    }
}

#[test]
fn an_honest_edit_is_shown_and_written_whole() {
    let user = User::new();
    let out = user.home.path().join("out");
    let ran = attack(&user, "token-edit", &["--write", out.to_str().unwrap()]);
    expect(&ran, 1);
    assert!(
        ran.stdout.contains("+    [More]\n+    flag = true"),
        "{}",
        ran.stdout
    );
    assert!(ran.stdout.contains("long = ***"), "{}", ran.stdout);
    let path = out.join("v1.Secret.kube-system.canary.yaml");
    let written = fs::read_to_string(&path).unwrap();
    let whole = STANDARD.encode(config() + "[More]\nflag = true\n");
    assert!(written.contains(&whole), "{written}");
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        let mode = fs::metadata(&path).unwrap().permissions().mode();
        assert_eq!(mode & 0o077, 0, "only its owner may read it");
    }
}

#[test]
fn a_secret_setting_is_written_into_a_new_secret_and_shown_nowhere() {
    let user = User::new();
    let out = user.home.path().join("out");
    let ran = attack(
        &user,
        "setting-created",
        &["--write", out.to_str().unwrap()],
    );
    expect(&ran, 1);
    assert!(ran.stdout.contains("+  login: \"***\""), "{}", ran.stdout);
    let path = out.join("v1.Secret.kube-system.made.yaml");
    let written = fs::read_to_string(&path).unwrap();
    assert!(written.contains(&STANDARD.encode(config())), "{written}");
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        let mode = fs::metadata(&path).unwrap().permissions().mode();
        assert_eq!(mode & 0o077, 0, "only its owner may read it");
    }
}

#[test]
fn a_file_that_cannot_be_read_is_not_quoted() {
    let user = User::new();
    let folder = user.home.path().join("dump");
    fs::create_dir(&folder).unwrap();
    let secret = "apiVersion: v1\nkind: Secret\nmetadata: {name: s}\nstringData:\n  password: canary000sings\n";
    for (name, wrong) in [
        ("duplicate.yaml", "  password: canary000sings\n"),
        ("syntax.yaml", "  other: [canary000sings\n"),
        ("tag.yaml", "  other: !canary000sings x\n"),
        ("alias.yaml", "  other: *canary000sings\n"),
        ("type.yaml", "data: canary000sings\nitems: canary000sings\n"),
        (
            "flow.json",
            "---\n{\"stringData\": {\"a\": \"canary000sings\", \"a\": \"canary000sings\"}}\n",
        ),
    ] {
        fs::write(folder.join(name), format!("{secret}{wrong}")).unwrap();
    }
    fs::write(
        folder.join("duplicate.json"),
        "{\"kind\": \"Secret\", \"data\": {\"a\": \"canary000sings\", \"a\": \"canary000sings\"}}",
    )
    .unwrap();
    for output in ["text", "json", "yaml"] {
        let from = folder.to_str().unwrap();
        let ran = user.nks(&["diagnose", "--from", from, "-o", output]);
        expect(&ran, 3);
        for name in [
            "duplicate.yaml",
            "syntax.yaml",
            "tag.yaml",
            "duplicate.json",
        ] {
            assert!(ran.stdout.contains(name), "{name}: {}", ran.stdout);
        }
        assert_silent(output, ran.stdout.as_bytes());
        assert_silent(output, ran.stderr.as_bytes());
    }
}
