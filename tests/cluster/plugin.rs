//! As a plugin of kubectl: found by it, without a warning, and the same as when it is called directly.

use std::fs;
use std::process::Command;

use crate::bed;
use crate::support::{User, bin, expect, run};

#[test]
fn kubectl_runs_it_and_warns_of_nothing() {
    let kubectl = bed().binaries().tool("kubectl");
    let user = User::new();
    let folder = user.home.path().join("plugins");
    fs::create_dir(&folder).unwrap();
    for name in [
        "kubectl-nks",
        "nks-worker",
        "kubectl-nks-diagnose",
        "kubectl-nks-fix",
    ] {
        fs::copy(bin().join(name), folder.join(name)).unwrap();
    }
    let by = |program: &str, arguments: &[&str]| {
        let mut command = Command::new(program);
        command.args(arguments).env_clear().envs(user.environment());
        run(command.env("PATH", &folder))
    };
    let kubectl = kubectl.to_str().unwrap();
    let directly = folder.join("kubectl-nks");
    let directly = directly.to_str().unwrap();

    let listed = by(kubectl, &["plugin", "list"]);
    expect(&listed, 0);
    assert_eq!(listed.stderr, "");
    assert!(listed.stdout.contains("kubectl-nks\n"), "{}", listed.stdout);

    for arguments in [
        &[][..],
        &["fix", "--help"],
        &["fixer", "list"],
        &["fixer", "list", "--help"],
        &["--context", "x", "fix", "calico-images", "--from", "demo"],
        &["fix", "calico-images", "--from", "demo"],
        &["fixx"],
        &["fix", "--from", "demo"],
    ] {
        let through = by(kubectl, &[&["nks"], arguments].concat());
        let direct = by(directly, arguments);
        assert_eq!(
            (through.code, &through.stdout, &through.stderr),
            (direct.code, &direct.stdout, &direct.stderr),
            "{arguments:?}"
        );
        let usage = [&through.stdout, &through.stderr]
            .into_iter()
            .flat_map(|text| text.lines());
        for line in usage.filter(|line| line.starts_with("Usage: ")) {
            assert!(line.starts_with("Usage: kubectl nks"), "{line}");
        }
    }
}
