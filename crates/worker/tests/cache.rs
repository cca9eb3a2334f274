//! That compiled code is loaded only when this user's own worker wrote it.
#![cfg(unix)]
#![expect(
    clippy::unwrap_used,
    reason = "a test that does not hold its premises is to panic"
)]

use std::fs;
use std::os::unix::fs::{MetadataExt, PermissionsExt, symlink};
use std::path::{Path, PathBuf};
use std::time::Duration;

use component::{call, good};
use nks_sandbox::Sandbox;

mod component;

/// A new worker's answer with this cache: whether the code came compiled.
fn precompiled(cache: &Path) -> bool {
    let worker = Path::new(env!("CARGO_BIN_EXE_nks-worker"));
    let mut sandbox = Sandbox::start(worker, Some(cache)).unwrap();
    let answer = sandbox.analyze(&call(good(), 0), Duration::from_secs(2));
    answer.unwrap().unwrap().precompiled
}

/// A folder for a cache, and the one entry in it once a worker has compiled.
fn filled() -> (tempfile::TempDir, PathBuf, PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    let cache = folder.path().join("cache");
    assert!(!precompiled(&cache), "nothing was there to load");
    assert!(precompiled(&cache), "it was kept");
    let mut entries: Vec<PathBuf> = fs::read_dir(&cache)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.file_name().unwrap() != "key")
        .collect();
    assert_eq!(entries.len(), 1, "{entries:?}");
    (folder, cache, entries.remove(0))
}

#[test]
fn the_folder_and_its_files_are_private() {
    let (_folder, cache, entry) = filled();
    assert_eq!(fs::metadata(&cache).unwrap().mode() & 0o777, 0o700);
    for file in [entry, cache.join("key")] {
        assert_eq!(fs::metadata(file).unwrap().mode() & 0o777, 0o600);
    }
}

#[test]
fn a_changed_file_is_not_loaded_but_replaced() {
    let (_folder, cache, entry) = filled();
    let right = fs::read(&entry).unwrap();
    for at in [0, 31, 32, right.len() - 1] {
        let mut forged = right.clone();
        forged[at] ^= 1;
        fs::write(&entry, forged).unwrap();
        assert!(!precompiled(&cache), "byte {at} was changed");
        assert_eq!(fs::read(&entry).unwrap(), right);
        assert!(precompiled(&cache));
    }
    fs::write(&entry, b"short").unwrap();
    assert!(!precompiled(&cache));
}

#[test]
fn a_symbolic_link_is_not_followed() {
    let (folder, cache, entry) = filled();
    let elsewhere = folder.path().join("elsewhere");
    fs::rename(&entry, &elsewhere).unwrap();
    symlink(&elsewhere, &entry).unwrap();
    assert!(!precompiled(&cache));
    assert!(
        fs::symlink_metadata(&entry).unwrap().is_file(),
        "the link was replaced"
    );
    assert!(precompiled(&cache));
}

#[test]
fn another_key_makes_everything_stale() {
    let (_folder, cache, _entry) = filled();
    fs::write(cache.join("key"), [7; 32]).unwrap();
    assert!(!precompiled(&cache));
    assert!(precompiled(&cache));
    fs::set_permissions(cache.join("key"), fs::Permissions::from_mode(0o644)).unwrap();
    assert!(
        !precompiled(&cache),
        "a key that others could read is no key"
    );
}

#[test]
fn a_folder_that_others_may_open_is_not_used() {
    let folder = tempfile::tempdir().unwrap();
    let cache = folder.path().join("cache");
    fs::create_dir(&cache).unwrap();
    fs::set_permissions(&cache, fs::Permissions::from_mode(0o755)).unwrap();
    assert!(!precompiled(&cache));
    assert!(!precompiled(&cache));
    let link = folder.path().join("link");
    fs::set_permissions(&cache, fs::Permissions::from_mode(0o700)).unwrap();
    symlink(&cache, &link).unwrap();
    assert!(!precompiled(&link));
    assert_eq!(fs::read_dir(&cache).unwrap().count(), 0);
}
