//! A fixer that misbehaves on demand (`tests/hostile`), through the whole command line: each attack ends in its named
//! error, nothing is written, and nothing it says reaches the terminal as it is.
#![expect(clippy::unwrap_used, reason = "helpers of tests may fail as tests do")]

mod support;

use std::fs;

use support::{Ran, User, expect, root};

const DEPLOYMENT: &str = "
apiVersion: apps/v1
kind: Deployment
metadata: {name: web, namespace: shop, uid: u-1, resourceVersion: '7', finalizers: [keep/me]}
spec:
  replicas: 2
  template:
    spec:
      containers:
      - {name: first, image: 'example.com/first:old'}
      - {name: second, image: 'example.com/second:old'}
";

/// What `fix` says to the hostile fixer with this attack. Nothing may have been written.
fn attack(name: &str) -> Ran {
    let user = User::new();
    let input = user.home.path().join("in.yaml");
    let out = user.home.path().join("out");
    fs::write(&input, DEPLOYMENT).unwrap();
    let set = format!("attack={name}");
    let component = root("target/nks/hostile.wasm");
    let (component, input, folder) = (
        component.to_str().unwrap(),
        input.to_str().unwrap(),
        out.to_str().unwrap(),
    );
    let ran = user.nks(&[
        "fix", component, "--from", input, "--set", &set, "--write", folder,
    ]);
    if name != "honest" {
        let written: Vec<_> = fs::read_dir(&out).into_iter().flatten().collect();
        assert!(written.is_empty(), "{name} wrote {written:?}");
    }
    ran
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

#[test]
fn what_a_guest_says_cannot_steer_the_terminal() {
    let ran = attack("unknown-arg-control-characters");
    for (stream, text) in [("stdout", &ran.stdout), ("stderr", &ran.stderr)] {
        let bad: Vec<char> = text
            .chars()
            .filter(|c| (c.is_control() && *c != '\n') || ('\u{200b}'..='\u{202e}').contains(c))
            .collect();
        assert!(bad.is_empty(), "{stream} holds {bad:?}");
    }
    assert!(
        ran.stdout.contains('\u{fffd}'),
        "the attack did not happen: {}",
        ran.stdout
    );
}

#[test]
fn nothing_is_carried_from_round_to_round() {
    let ran = attack("state");
    assert!(ran.stdout.contains("1"), "{}\n{}", ran.stdout, ran.stderr);
    assert!(!ran.stdout.contains("2 "), "{}", ran.stdout);
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
