//! A fixer that misbehaves on demand (`tests/hostile`), through the whole command line: each attack ends in its named
//! error, nothing is written, and nothing it says reaches the terminal as it is.
#![expect(clippy::unwrap_used, reason = "helpers of tests may fail as tests do")]

mod support;

use std::fs;
use std::process::Command;

use serde_json::Value;
use support::{Ran, User, expect, root, run};

const DEPLOYMENT: &str = "
apiVersion: apps/v1
kind: Deployment
metadata:
  name: web
  namespace: shop
  uid: u-1
  resourceVersion: '7'
  finalizers: [keep/me]
  ownerReferences: [{apiVersion: example.com/v1, kind: Shop, name: shop, uid: u-0}]
spec:
  replicas: 2
  template:
    spec:
      containers:
      - {name: first, image: 'example.com/first:old'}
      - {name: second, image: 'example.com/second:old'}
";

/// Attacks that keep to what is declared: a person has to see them.
const DECLARED: [&str; 3] = ["honest", "image-beside", "large-number"];

/// What `fix` says to the hostile fixer with this attack. Nothing may have been written.
fn attack(name: &str) -> Ran {
    let user = User::new();
    let out = user.home.path().join("out");
    let ran = run(&mut fix(&user, name, &["--write", out.to_str().unwrap()]));
    if !DECLARED.contains(&name) {
        let written: Vec<_> = fs::read_dir(&out).into_iter().flatten().collect();
        assert!(written.is_empty(), "{name} wrote {written:?}");
    }
    ran
}

/// `fix` with the hostile fixer and further arguments.
fn fix(user: &User, name: &str, further: &[&str]) -> Command {
    let input = user.home.path().join("in.yaml");
    fs::write(&input, DEPLOYMENT).unwrap();
    let set = format!("attack={name}");
    let component = root("target/nks/hostile.wasm");
    let (component, input) = (component.to_str().unwrap(), input.to_str().unwrap());
    let arguments = ["fix", component, "--from", input, "--set", &set];
    let mut command = user.command("kubectl-nks", &arguments);
    command.args(further);
    command
}

#[test]
fn an_honest_one_is_carried_out() {
    let ran = attack("honest");
    expect(&ran, 1);
    assert!(
        ran.stdout.contains("+      - image: example.com/first:new")
            || ran.stdout.contains("image: example.com/first:new"),
        "{}",
        ran.stdout
    );
}

#[test]
fn every_attack_ends_in_its_named_error() {
    for (name, expected) in [
        (
            "outside-path",
            "/spec/replicas is outside the declared paths",
        ),
        ("array-shift", "is outside the declared paths"),
        ("swapped-array", "is outside the declared paths"),
        ("bad-pointer", "its patch"),
        ("index-out-of-range", "object 4000000000 does not exist"),
        ("deep-json", "nested deeper than 64 levels"),
        ("endless-need", "asked for more reads 4 times"),
        ("queries-outside", "read rule 99 does not exist"),
        ("huge-output", "over its limit of output"),
        ("many-steps", "over its limit of fuel"),
        ("unknown-message", "is not in the manifest"),
        ("uid-edit", "/metadata/uid may never be changed"),
        ("status-edit", "/status may never be changed"),
        (
            "finalizers-edit",
            "/metadata/finalizers may never be changed",
        ),
        ("spin", "over its limit of"),
        // A Rust guest keeps a stack of its own in linear memory, and that one ends first. Worker tests end the other.
        ("recursion", "crashed: wasm trap: out of bounds"),
        ("grow", "over its limit of memory"),
        ("trap", "crashed"),
        ("bad-ops", "its patch is not usable"),
        ("nan", "its patch is not usable"),
        ("nan-literal", "its patch is not usable"),
        (
            "annotations",
            "/spec/template/metadata is outside the declared paths",
        ),
        ("owners", "/metadata/ownerReferences may never be changed"),
        ("create-elsewhere", "declares no create of configmap/x"),
        ("create-generated", "an object has no `metadata.name`"),
        ("error", "it says:"),
    ] {
        let ran = attack(name);
        assert_eq!(ran.code, 2, "{name}\n{}\n{}", ran.stdout, ran.stderr);
        assert!(
            ran.stderr.contains(expected),
            "{name}: `{expected}` is not in\n{}",
            ran.stderr
        );
        assert!(!ran.stderr.contains("panicked"), "{name}: {}", ran.stderr);
    }
}

/// What is declared may be changed, and is never changed unseen.
#[test]
fn what_stands_beside_a_fix_is_shown_beside_it() {
    let ran = attack("image-beside");
    expect(&ran, 1);
    for shown in [
        "-      - image: example.com/first:old",
        "+      - image: example.com/first:new",
        "-      - image: example.com/second:old",
        "+      - image: evil.example/second:old",
    ] {
        assert!(ran.stdout.contains(shown), "{shown}\n{}", ran.stdout);
    }
    let ran = attack("large-number");
    expect(&ran, 1);
    assert!(ran.stdout.contains("image: 1.0e+308"), "{}", ran.stdout);
}

#[test]
fn what_a_guest_says_cannot_steer_the_terminal() {
    const NAME: &str = "unknown-arg-control-characters";
    let ran = attack(NAME);
    assert_calm(&ran);
    assert!(
        ran.stdout.contains('\u{fffd}'),
        "the attack did not happen: {}",
        ran.stdout
    );
    let user = User::new();
    let mut command = fix(&user, NAME, &[]);
    let coloured = run(command.env("CLICOLOR_FORCE", "1"));
    assert!(coloured.stdout.contains('\u{1b}'), "{}", coloured.stdout);
    for text in [&coloured.stdout, &coloured.stderr] {
        assert!(!text.contains("\u{1b}[31mred"), "{text}");
    }
    assert_calm(&Ran {
        code: coloured.code,
        stdout: without_colours(&coloured.stdout),
        stderr: without_colours(&coloured.stderr),
    });
    let ran = run(&mut fix(&User::new(), NAME, &["-o", "json"]));
    assert_calm(&ran);
    let document: Value = serde_json::from_str(&ran.stdout).unwrap();
    let mut texts = Vec::new();
    collect_texts(&document, &mut texts);
    assert!(texts.iter().any(|text| text.contains('\u{fffd}')));
    texts.iter().for_each(|text| assert_plain("json", text));
}

/// Neither stream holds what a terminal obeys or hides, or a question that nobody asked.
#[track_caller]
fn assert_calm(ran: &Ran) {
    for (stream, text) in [("stdout", &ran.stdout), ("stderr", &ran.stderr)] {
        assert_plain(stream, text);
        let asks = |line: &str| line.trim_start().starts_with("[y/N]");
        assert!(!text.lines().any(asks), "{stream}: {text}");
    }
}

#[track_caller]
fn assert_plain(stream: &str, text: &str) {
    let hides = |c: char| {
        matches!(c, '\u{200b}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{feff}')
            || (c.is_control() && c != '\n')
    };
    let bad: Vec<char> = text.chars().filter(|c| hides(*c)).collect();
    assert!(bad.is_empty(), "{stream} holds {bad:?}: {text}");
}

/// A text without what sets colours: escape, bracket, digits and semicolons, `m`.
fn without_colours(text: &str) -> String {
    let mut parts = text.split("\u{1b}[");
    let mut plain = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        let rest = part.trim_start_matches(|c: char| c.is_ascii_digit() || c == ';');
        match rest.strip_prefix('m') {
            Some(rest) => plain += rest,
            // What is no colour stays, and is found.
            None => plain.extend(["\u{1b}[", part]),
        }
    }
    plain
}

/// Every key and text of a document.
fn collect_texts(value: &Value, into: &mut Vec<String>) {
    match value {
        Value::String(text) => into.push(text.clone()),
        Value::Array(entries) => entries.iter().for_each(|one| collect_texts(one, into)),
        Value::Object(map) => map.iter().for_each(|(key, entry)| {
            into.push(key.clone());
            collect_texts(entry, into);
        }),
        _ => {}
    }
}

#[test]
fn nothing_is_carried_from_round_to_round() {
    let ran = attack("state");
    // The fixer says in its second round how often it was called since it was started.
    let said = ran.stdout.lines().map(str::trim);
    let numbers: Vec<&str> = said.filter(|line| line.parse::<u32>().is_ok()).collect();
    assert_eq!(numbers, ["1"], "{}\n{}", ran.stdout, ran.stderr);
}

#[test]
fn a_fixer_from_a_file_is_not_shown_a_cluster() {
    let user = User::new();
    let component = root("target/nks/hostile.wasm");
    let ran = user.nks(&["diagnose", component.to_str().unwrap()]);
    expect(&ran, 2);
    assert!(ran.stderr.contains("not shown a cluster"), "{}", ran.stderr);
}

#[test]
fn a_fixer_is_read_from_a_regular_file_of_a_sane_size_only() {
    let user = User::new();
    let path = |name: &str| user.home.path().join(name);
    std::os::unix::fs::symlink("/dev/zero", path("zero.wasm")).unwrap();
    let made = std::process::Command::new("mkfifo")
        .arg(path("pipe.wasm"))
        .status();
    assert!(made.unwrap().success());
    let huge = fs::File::create(path("huge.wasm")).unwrap();
    huge.set_len(300 << 20).unwrap();
    fs::create_dir(path("folder.wasm")).unwrap();
    for (name, said) in [
        ("zero.wasm", "it is not a regular file"),
        ("pipe.wasm", "it is not a regular file"),
        ("folder.wasm", "it is not a regular file"),
        ("huge.wasm", "it has more than 8388608 bytes"),
        ("none.wasm", "No such file"),
    ] {
        let ran = user.nks(&["fixer", "inspect", path(name).to_str().unwrap()]);
        expect(&ran, 2);
        assert!(
            ran.stderr.contains(name) && ran.stderr.contains(said),
            "{}",
            ran.stderr
        );
    }
}
