//! That what the worker reports of its confinement is really in force. Linux only: elsewhere there is none.
#![cfg(target_os = "linux")]
#![expect(
    clippy::unwrap_used,
    reason = "a test that does not hold its premises is to panic"
)]

use std::os::unix::process::ExitStatusExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use nks_sandbox::Sandbox;

/// `SIGSYS`: what a forbidden system call ends in.
const BAD_CALL: i32 = 31;

/// The example that does what the worker must not; Cargo builds it beside the tests.
fn confined(what: &str, cache: Option<&Path>) -> Output {
    let mut path: PathBuf = std::env::current_exe().unwrap();
    path.pop();
    path.pop();
    let mut command = Command::new(path.join("examples/confined"));
    command.arg(what).args(cache).output().unwrap()
}

fn said(output: &Output) -> &str {
    std::str::from_utf8(&output.stdout).unwrap().trim()
}

#[test]
fn the_worker_is_confined_by_the_kernel() {
    let sandbox = Sandbox::start(Path::new(env!("CARGO_BIN_EXE_nks-worker")), None).unwrap();
    let confinement = &sandbox.hello().confinement;
    assert_eq!(confinement.rlimits, Ok(()));
    assert_eq!(confinement.seccomp, Ok(()));
    assert_eq!(confinement.landlock, Ok(()));
    let process = PathBuf::from(format!("/proc/{}", sandbox.process().unwrap()));
    let status = std::fs::read_to_string(process.join("status")).unwrap();
    for held in ["Seccomp:\t2", "NoNewPrivs:\t1"] {
        assert!(status.contains(held), "{held} is not in {status}");
    }
    for thread in std::fs::read_dir(process.join("task")).unwrap() {
        let status = std::fs::read_to_string(thread.unwrap().path().join("status")).unwrap();
        assert!(status.contains("Seccomp:\t2"), "a thread is free: {status}");
    }
}

#[test]
fn the_worker_inherits_nothing() {
    let sandbox = Sandbox::start(Path::new(env!("CARGO_BIN_EXE_nks-worker")), None).unwrap();
    let process = PathBuf::from(format!("/proc/{}", sandbox.process().unwrap()));
    assert_eq!(
        std::fs::read(process.join("environ")).unwrap_or_default(),
        b""
    );
    if let Ok(open) = std::fs::read_dir(process.join("fd")) {
        assert_eq!(open.count(), 3);
    }
}

#[test]
fn a_forbidden_call_ends_the_process() {
    for what in ["open", "write", "connect", "spawn", "thread"] {
        let output = confined(what, None);
        assert_eq!(output.status.signal(), Some(BAD_CALL), "{what}: {output:?}");
        assert_eq!(said(&output), "", "{what}");
    }
}

#[test]
fn with_a_cache_only_its_folder_is_open() {
    let folder = tempfile::tempdir().unwrap();
    assert_eq!(said(&confined("open", Some(folder.path()))), "denied");
    assert_eq!(said(&confined("write", Some(folder.path()))), "denied");
    assert_eq!(said(&confined("cache", Some(folder.path()))), "done");
    assert_eq!(std::fs::read(folder.path().join("entry")).unwrap(), b"kept");
    for what in ["connect", "spawn", "thread"] {
        let output = confined(what, Some(folder.path()));
        assert_eq!(output.status.signal(), Some(BAD_CALL), "{what}: {output:?}");
    }
}

#[test]
fn memory_is_bounded() {
    assert_eq!(said(&confined("memory", None)), "denied");
}
