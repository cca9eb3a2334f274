//! `--from` with archives: read without unpacking, whatever their layout; and the bad ones end in a named error or a gap.
#![expect(clippy::unwrap_used, reason = "helpers of tests may fail as tests do")]

mod support;

use std::fs::{self, File};
use std::io::{Seek, SeekFrom, Write};
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
    let tar = tar_of(&files(&user, false));
    let whole = gzip(&tar);
    let mut wrong_checksum = whole.clone();
    let checksum = whole.len() - 8;
    wrong_checksum[checksum] ^= 1;
    let nothing_in_it = gzip(&tar_of(&[("a.txt".into(), "nothing".into())]));
    for (name, bytes, said) in [
        (
            "truncated.tar.gz",
            &whole[..whole.len() / 2],
            "incomplete deflate stream",
        ),
        // Every object is there, and what is missing is the checksum.
        (
            "no-checksum.tar.gz",
            &whole[..whole.len() - 8],
            "unexpected end of file",
        ),
        (
            "wrong-checksum.tar.gz",
            &wrong_checksum[..],
            "corrupt gzip stream does not have a matching checksum",
        ),
        (
            "header-only.tar.gz",
            &whole[..20],
            "incomplete deflate stream",
        ),
        (
            "truncated.tar",
            &tar[..2_000],
            "failed to read entire block",
        ),
        ("empty.tar.gz", &nothing_in_it[..], "no Kubernetes objects"),
        (
            "broken.zip",
            b"PK\x03\x04 and nothing that follows",
            "invalid Zip archive",
        ),
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

const INSIDE: &str = "apiVersion: v1\nkind: Node\nmetadata: {name: inside}\n";

/// A tar of one file whose name the library would refuse, so it is written past it.
fn tar_named(name: &str, text: &str) -> Vec<u8> {
    let mut builder = Builder::new(Vec::new());
    let mut header = Header::new_gnu();
    header.set_size(text.len() as u64);
    header.as_old_mut().name[..name.len()].copy_from_slice(name.as_bytes());
    header.set_cksum();
    builder.append(&header, text.as_bytes()).unwrap();
    builder.into_inner().unwrap()
}

#[test]
fn names_and_links_lead_nowhere() {
    let user = User::new();
    let secret = written(
        &user,
        "outside.yaml",
        b"apiVersion: v1\nkind: Node\nmetadata: {name: outside}\n",
    );
    let mut links = Builder::new(Vec::new());
    for (kind, name) in [
        (EntryType::Symlink, "link.yaml"),
        (EntryType::Link, "hard.yaml"),
    ] {
        let mut header = Header::new_gnu();
        header.set_entry_type(kind);
        header.set_size(0);
        links.append_link(&mut header, name, &secret).unwrap();
    }
    let links = links.into_inner().unwrap();
    let zip = user.home.path().join("evil.zip");
    let mut writer = zip::ZipWriter::new(File::create(&zip).unwrap());
    let options = zip::write::SimpleFileOptions::default();
    let outside = secret.to_str().unwrap();
    writer.add_symlink("link.yaml", outside, options).unwrap();
    for name in ["../../../../tmp/nks-evil", "/tmp/nks-evil"] {
        writer.start_file(name, options).unwrap();
        writer.write_all(INSIDE.as_bytes()).unwrap();
    }
    writer.finish().unwrap();
    for path in [
        written(
            &user,
            "climbing.tar",
            &[links, tar_named("../../../../tmp/nks-evil", INSIDE)].concat(),
        ),
        written(&user, "absolute.tar", &tar_named("/tmp/nks-evil", INSIDE)),
        zip,
    ] {
        let ran = diagnose(&user, &path);
        expect(&ran, 3);
        assert!(
            ran.stdout.contains("inside") && !ran.stdout.contains("outside"),
            "{}",
            ran.stdout
        );
        assert!(!Path::new("/tmp/nks-evil").exists());
    }
}

#[test]
fn the_same_object_twice_is_silent_and_another_is_a_gap() {
    let user = User::new();
    let other = INSIDE.replace("inside", "inside, labels: {a: b}");
    for (second, said) in [(INSIDE, false), (&other, true)] {
        let files = [
            ("a.yaml".to_owned(), INSIDE.to_owned()),
            ("b.yaml".to_owned(), second.to_owned()),
        ];
        let ran = diagnose(&user, &written(&user, "twice.tar", &tar_of(&files)));
        expect(&ran, 3);
        assert_eq!(
            ran.stdout.contains("is there twice"),
            said,
            "{}",
            ran.stdout
        );
    }
}

/// How much memory a run took at its most, in MiB.
fn peak(user: &User, path: &Path) -> (String, u64) {
    let mut command = user.command(
        "kubectl-nks",
        &["diagnose", "--from", path.to_str().unwrap()],
    );
    let child = command
        .stdout(std::process::Stdio::piped())
        .stderr(std::process::Stdio::piped())
        .spawn()
        .unwrap();
    let status = format!("/proc/{}/status", child.id());
    let sampler = std::thread::spawn(move || {
        let mut most = 0;
        while let Ok(text) = fs::read_to_string(&status) {
            let line = text.lines().find_map(|line| line.strip_prefix("VmHWM:"));
            let Some(line) = line else { break };
            let kib = line.trim().trim_end_matches(" kB").parse().unwrap_or(0);
            most = most.max(kib);
            std::thread::sleep(std::time::Duration::from_millis(5));
        }
        most / 1024
    });
    let output = child.wait_with_output().unwrap();
    let text = [output.stdout, output.stderr].concat();
    assert!([2, 3].contains(&output.status.code().unwrap()));
    (String::from_utf8(text).unwrap(), sampler.join().unwrap())
}

/// A tar header of this kind with as many zeros as it says, and a manifest behind it.
fn header_bomb(path: &Path, kind: EntryType, size: u64) {
    let mut header = Header::new_gnu();
    header.set_entry_type(kind);
    header.set_size(size);
    header.set_cksum();
    let mut file = File::create(path).unwrap();
    file.write_all(header.as_bytes()).unwrap();
    file.seek(SeekFrom::Current(size as i64)).unwrap();
    file.write_all(&tar_of(&[("a.yaml".into(), INSIDE.into())]))
        .unwrap();
}

#[test]
fn a_bomb_is_given_up() {
    let user = User::new();
    let text = format!(
        "apiVersion: v1\nkind: ConfigMap\nmetadata: {{name: a}}\ndata: {{a: \"{}\"}}\n",
        "0".repeat(300 << 20)
    );
    let files = [("a.yaml".to_owned(), text)];
    let zip = user.home.path().join("bomb.zip");
    zip_of(&zip, &files);
    let tar = written(&user, "bomb.tar.gz", &gzip(&tar_of(&files)));
    drop(files);
    for path in [tar, zip] {
        let (text, peak) = peak(&user, &path);
        assert!(text.contains("more than"), "{text}");
        assert!(peak < 150, "{peak} MiB");
    }
}

#[test]
fn a_header_of_a_tar_is_no_way_around_the_limits() {
    let user = User::new();
    for kind in [
        EntryType::GNULongName,
        EntryType::GNULongLink,
        EntryType::XHeader,
        EntryType::XGlobalHeader,
        EntryType::Directory,
    ] {
        let path = user.home.path().join("header.tar");
        header_bomb(&path, kind, 200 << 20);
        let (text, peak) = peak(&user, &path);
        assert!(text.contains("holds no Pod"), "{kind:?}: {text}");
        assert!(peak < 150, "{kind:?}: {peak} MiB");
    }
}
