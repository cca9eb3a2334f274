//! `--from` with archives: read without unpacking, whatever their layout; and the bad ones end in a named error or a gap.
#![expect(clippy::unwrap_used, reason = "helpers of tests may fail as tests do")]

mod support;

use std::fs::{self, File};
use std::io::Write;
use std::path::{Path, PathBuf};

use flate2::Compression;
use flate2::write::GzEncoder;
use support::{Ran, User, expect};
use tar::{Builder, EntryType, Header};

/// The bundled picture, as files by kind; `typed` leaves kind and apiVersion to the list, as the API does.
fn files(user: &User, typed: bool) -> Vec<(String, String)> {
    let path = support::root("crates/cli/demo.yaml");
    let objects = nks_core::source::parse(&fs::read_to_string(path).unwrap(), "default").unwrap();
    let mut kinds: std::collections::BTreeMap<(String, String, String), Vec<serde_json::Value>> =
        Default::default();
    for object in objects {
        let mut value = object.value;
        if typed {
            let map = value.as_object_mut().unwrap();
            map.remove("kind");
            map.remove("apiVersion");
        }
        let key = (object.id.namespace, object.id.kind, object.id.api_version);
        kinds.entry(key).or_default().push(value);
    }
    let _ = user;
    kinds
        .into_iter()
        .map(|((namespace, kind, api_version), items)| {
            let list = serde_json::json!({"kind": format!("{kind}List"), "apiVersion": api_version, "items": items});
            let name = format!("bundle/{namespace}/{}.json", kind.to_lowercase());
            (name, serde_json::to_string_pretty(&list).unwrap())
        })
        .chain([("bundle/kube-system/calico/logs.txt".to_owned(), "no objects here: {".to_owned())])
        .collect()
}

fn tar_of(files: &[(String, String)]) -> Vec<u8> {
    let mut builder = Builder::new(Vec::new());
    for (name, text) in files {
        let mut header = Header::new_gnu();
        header.set_size(text.len() as u64);
        header.set_mode(0o644);
        header.set_cksum();
        builder
            .append_data(&mut header, name, text.as_bytes())
            .unwrap();
    }
    builder.into_inner().unwrap()
}

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

fn zip_of(path: &Path, files: &[(String, String)]) {
    let mut writer = zip::ZipWriter::new(File::create(path).unwrap());
    for (name, text) in files {
        writer
            .start_file(name, zip::write::SimpleFileOptions::default())
            .unwrap();
        writer.write_all(text.as_bytes()).unwrap();
    }
    writer.finish().unwrap();
}

fn written(user: &User, name: &str, bytes: &[u8]) -> PathBuf {
    let path = user.home.path().join(name);
    fs::write(&path, bytes).unwrap();
    path
}

fn diagnose(user: &User, path: &Path) -> Ran {
    user.nks(&["diagnose", "--from", path.to_str().unwrap(), "-o", "json"])
}

fn findings(ran: &Ran) -> serde_json::Value {
    let document: serde_json::Value = serde_json::from_str(&ran.stdout).unwrap();
    document["findings"].clone()
}

#[test]
fn every_form_of_archive_says_what_the_files_say() {
    let user = User::new();
    let expected = findings(&user.nks(&["diagnose", "--from", "demo", "-o", "json"]));
    for typed in [false, true] {
        let files = files(&user, typed);
        let tar = tar_of(&files);
        let zip = user.home.path().join("dump.zip");
        zip_of(&zip, &files);
        for path in [
            written(&user, "dump.tar", &tar),
            written(&user, "dump.tar.gz", &gzip(&tar)),
            written(&user, "no-telling-name", &gzip(&tar)),
            zip,
        ] {
            let ran = diagnose(&user, &path);
            expect(&ran, 1);
            assert_eq!(findings(&ran), expected, "{}", path.display());
        }
    }
}

#[test]
fn a_dump_in_one_stream_with_logs_in_it_is_read() {
    let user = User::new();
    let mut text = String::new();
    for (name, list) in files(&user, true) {
        if name.ends_with(".json") {
            text += &list;
            text += "\n";
        }
    }
    text += "==== START logs for container calico-node of pod kube-system/calico-node-x ====\n{\"level\": \"info\"} started\n==== END logs for container calico-node of pod kube-system/calico-node-x ====\n";
    let ran = diagnose(&user, &written(&user, "dump", text.as_bytes()));
    expect(&ran, 1);
    let expected = findings(&user.nks(&["diagnose", "--from", "demo", "-o", "json"]));
    assert_eq!(findings(&ran), expected);
}

#[test]
fn what_cannot_be_read_is_listed_and_nothing_is_called_healthy() {
    let user = User::new();
    let mut files = files(&user, false);
    files.push((
        "bundle/broken.json".into(),
        "{\"apiVersion\": \"v1\", \"kind\": \"PodList\", \"items\": [".into(),
    ));
    let ran = diagnose(&user, &written(&user, "dump.tar", &tar_of(&files)));
    expect(&ran, 3);
    assert!(ran.stdout.contains("bundle/broken.json"), "{}", ran.stdout);
}

#[test]
fn bad_archives_have_a_named_error() {
    let user = User::new();
    let whole = gzip(&tar_of(&files(&user, false)));
    let nothing_in_it = gzip(&tar_of(&[("a.txt".into(), "nothing".into())]));
    for (name, bytes, said) in [
        ("truncated.tar.gz", &whole[..whole.len() / 2], ""),
        ("header-only.tar.gz", &whole[..20], ""),
        ("empty.tar.gz", &nothing_in_it[..], "no Kubernetes objects"),
        ("broken.zip", b"PK\x03\x04 and nothing that follows", ""),
    ] {
        let path = written(&user, name, bytes);
        let ran = user.nks(&["diagnose", "--from", path.to_str().unwrap()]);
        assert!([2, 3].contains(&ran.code), "{name}: {ran:?}");
        let text = format!("{}{}", ran.stdout, ran.stderr);
        assert!(text.contains(name) && text.contains(said), "{text}");
        assert!(
            !text.contains("panicked") && !text.contains("No problems"),
            "{text}"
        );
    }
}

#[test]
fn names_and_links_lead_nowhere() {
    let user = User::new();
    let secret = written(
        &user,
        "outside.yaml",
        b"apiVersion: v1\nkind: Node\nmetadata: {name: outside}\n",
    );
    let mut builder = Builder::new(Vec::new());
    for (kind, name) in [
        (EntryType::Symlink, "link.yaml"),
        (EntryType::Link, "hard.yaml"),
    ] {
        let mut header = Header::new_gnu();
        header.set_entry_type(kind);
        header.set_size(0);
        builder.append_link(&mut header, name, &secret).unwrap();
    }
    let text = "apiVersion: v1\nkind: Node\nmetadata: {name: inside}\n";
    let mut header = Header::new_gnu();
    header.set_size(text.len() as u64);
    // The library refuses such a name, so it is written past it.
    header.as_old_mut().name[..20].copy_from_slice(b"../../../../etc/evil");
    header.set_cksum();
    builder.append(&header, text.as_bytes()).unwrap();
    let path = written(&user, "evil.tar", &builder.into_inner().unwrap());
    let ran = user.nks(&["diagnose", "--from", path.to_str().unwrap(), "-o", "json"]);
    expect(&ran, 3);
    assert!(
        ran.stdout.contains("inside") && !ran.stdout.contains("outside"),
        "{}",
        ran.stdout
    );
    assert!(!Path::new("/etc/evil").exists());
}

#[test]
fn a_bomb_is_given_up() {
    let user = User::new();
    let text = format!(
        "apiVersion: v1\nkind: ConfigMap\nmetadata: {{name: a}}\ndata: {{a: \"{}\"}}\n",
        "0".repeat(300 << 20)
    );
    let path = written(
        &user,
        "bomb.tar.gz",
        &gzip(&tar_of(&[("a.yaml".into(), text)])),
    );
    let ran = user.nks(&["diagnose", "--from", path.to_str().unwrap()]);
    expect(&ran, 3);
    assert!(ran.stdout.contains("more than"), "{}", ran.stdout);
}
