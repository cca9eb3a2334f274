//! krew's rules for a manifest and for the archive that it names. krew checks most of them only on the machine of whoever
//! installs: here they are held before anything is published. They are taken from krew's `internal/index/validation`,
//! `internal/installation/move.go` and `internal/download`, and from its developer guide.

use glob::{MatchOptions, Pattern};

use super::archive::{Entry, Kind, sha256};
use super::krew::{Build, Files, Plugin};

const API_VERSION: &str = "krew.googlecontainertools.github.com/v1alpha2";
const SHORT: usize = 50;
/// The public index has `nks-ctx` for another vendor's NKS, so each description says whose this one is.
const WHOSE: &str = "NHN Cloud NKS";

impl Plugin {
    /// Everything in which this manifest, the file `file` of an index, and the archive break krew's rules.
    pub(super) fn faults(&self, file: &str, bytes: &[u8], entries: &[Entry]) -> Vec<String> {
        let mut faults = self.own_faults(file);
        faults.extend(archive_faults(entries));
        for build in &self.spec.platforms {
            faults.extend(build.faults(entries));
            if build.sha256 != sha256(bytes) {
                faults.push(format!("sha256 {:?} is not the archive's", build.sha256));
            }
        }
        faults
    }

    fn own_faults(&self, file: &str) -> Vec<String> {
        let spec = &self.spec;
        let name = self.name();
        let short = &spec.short_description;
        let version = spec.version.strip_prefix('v');
        let rules = [
            (
                self.api_version == API_VERSION,
                format!("apiVersion {:?} is not {API_VERSION}", self.api_version),
            ),
            (
                self.kind == "Plugin",
                format!("kind {:?} is not Plugin", self.kind),
            ),
            (
                is_name(name),
                format!("name {name:?} does not match [a-z0-9-]+"),
            ),
            (
                file == format!("{name}.yaml"),
                format!("the file of {name:?} is called {file:?}"),
            ),
            (
                version.is_some_and(|version| semver::Version::parse(version).is_ok()),
                format!("version {:?} is not v and a semantic version", spec.version),
            ),
            (
                host(&spec.homepage).is_some(),
                format!("homepage {:?} is not https", spec.homepage),
            ),
            (
                !short.is_empty()
                    && short.chars().count() <= SHORT
                    && !short.contains(['\r', '\n']),
                format!("shortDescription is not one line of up to {SHORT} characters: {short:?}"),
            ),
            (
                short.contains(WHOSE) && spec.description.contains(WHOSE),
                format!("shortDescription and description do not both say {WHOSE:?}"),
            ),
            (!spec.platforms.is_empty(), "platforms is empty".to_owned()),
        ];
        broken(rules)
    }
}

impl Build {
    fn faults(&self, entries: &[Entry]) -> Vec<String> {
        let has_file = |path: &str| {
            let mut files = entries.iter().filter(|entry| entry.kind == Kind::File);
            files.any(|entry| entry.path == path)
        };
        let known = |key: &str| key == "os" || key == "arch";
        let labels = &self.selector.match_labels;
        let mut faults = broken([
            (
                !labels.is_empty() && labels.keys().all(|key| known(key)),
                format!("selector {labels:?} has other labels than os and arch, or none"),
            ),
            (
                host(&self.uri).is_some(),
                format!("uri {:?} is not https", self.uri),
            ),
            (
                is_sha256(&self.sha256),
                format!("sha256 {:?} is not 64 lower-case hex digits", self.sha256),
            ),
            (
                has_file(&self.bin),
                format!("bin {:?} is not in the archive", self.bin),
            ),
            (
                has_file("LICENSE"),
                "LICENSE is not in the archive".to_owned(),
            ),
            (
                self.files.as_ref().is_none_or(|files| !files.is_empty()),
                "files is empty: leave it out or fill it".to_owned(),
            ),
        ]);
        let files = self.files.iter().flatten();
        faults.extend(files.flat_map(|files| files.faults(entries)));
        faults
    }
}

impl Files {
    fn faults(&self, entries: &[Entry]) -> Vec<String> {
        let Self { from, to } = self;
        broken([
            (
                !to.is_empty() && !leaves(to),
                format!("files: to {to:?} is empty or leaves the plugin's folder"),
            ),
            (
                !from.contains("..") && matches_something(from, entries),
                format!("files: from {from:?} matches nothing in the archive"),
            ),
        ])
    }
}

/// What krew refuses to unpack.
fn archive_faults(entries: &[Entry]) -> Vec<String> {
    let faults = entries.iter().flat_map(|entry| {
        let path = &entry.path;
        broken([
            (
                matches!(entry.kind, Kind::File | Kind::Folder),
                format!("{path:?} in the archive is a link or no file"),
            ),
            (
                !leaves(path),
                format!("{path:?} in the archive is absolute or has .. in it"),
            ),
        ])
    });
    faults.collect()
}

/// The words of the rules that do not hold.
fn broken<const COUNT: usize>(rules: [(bool, String); COUNT]) -> Vec<String> {
    let broken = rules.into_iter().filter(|(holds, _)| !holds);
    broken.map(|(_, words)| words).collect()
}

/// krew looks for `..` anywhere in a path, and for a leading slash of either kind; a drive letter is absolute, too.
fn leaves(path: &str) -> bool {
    path.contains("..") || path.starts_with(['/', '\\']) || path.get(1..2) == Some(":")
}

/// Whether a pattern of `files` finds a file or a folder, as krew's glob does: a star stops at a slash.
fn matches_something(from: &str, entries: &[Entry]) -> bool {
    // krew takes a leading slash, which is common in manifests, for the archive's root.
    let Ok(pattern) = Pattern::new(from.trim_start_matches('/')) else {
        return false;
    };
    let options = MatchOptions {
        require_literal_separator: true,
        ..MatchOptions::default()
    };
    entries.iter().any(|entry| {
        let path = entry.path.trim_end_matches('/');
        let folders = path.match_indices('/').map(|(at, _)| &path[..at]);
        let mut candidates = folders.chain([path]);
        candidates.any(|path| pattern.matches_with(path, options))
    })
}

fn is_name(name: &str) -> bool {
    let allowed = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
    !name.is_empty() && name.bytes().all(allowed)
}

fn is_sha256(sum: &str) -> bool {
    let allowed = |byte: u8| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte);
    sum.len() == 64 && sum.bytes().all(allowed)
}

/// The host of an https address; `None` for everything else.
pub(super) fn host(url: &str) -> Option<&str> {
    let host = url.strip_prefix("https://")?.split('/').next()?;
    (!host.is_empty() && !url.contains(char::is_whitespace)).then_some(host)
}

#[cfg(test)]
mod tests {
    use super::super::Platform;
    use super::super::archive::{Contents, Mode, entries};
    use super::super::krew::Filling;
    use super::*;

    const TEMPLATE: &str = include_str!("../../../krew-manifest.yaml");
    const PLATFORM: Platform = Platform {
        os: "linux",
        arch: "amd64",
    };

    fn archive() -> Vec<u8> {
        let mut contents = Contents::default();
        for path in ["LICENSE", "kubectl-nks", "man/kubectl-nks.1"] {
            contents.add(path, Mode::Plain, Vec::new()).unwrap();
        }
        contents.to_tar_gz(0).unwrap()
    }

    fn manifest(url: Option<&str>) -> Plugin {
        let bytes = archive();
        let filling = Filling {
            version: "1.2.3",
            platform: PLATFORM,
            archive: "kubectl-nks_1.2.3_linux_amd64.tar.gz",
            bytes: &bytes,
            url,
        };
        Plugin::from_yaml(TEMPLATE).unwrap().fill(&filling).unwrap()
    }

    /// The faults of the filled template after one word of it was replaced.
    fn faults_with(from: &str, to: &str) -> Vec<String> {
        let yaml = manifest(None).to_yaml().unwrap();
        assert!(yaml.contains(from), "{from:?} is not in\n{yaml}");
        let plugin = Plugin::from_yaml(&yaml.replacen(from, to, 1)).unwrap();
        plugin.faults("nks.yaml", &archive(), &entries(&archive()).unwrap())
    }

    fn entry(path: &str, kind: Kind) -> Entry {
        let path = path.to_owned();
        Entry { path, kind }
    }

    #[test]
    fn the_filled_template_breaks_no_rule() {
        assert_eq!(faults_with("nks", "nks"), Vec::<String>::new());
        let build = &manifest(None).spec.platforms[0];
        assert_eq!(
            build.uri,
            "https://kubectl-nks.example/releases/v1.2.3/kubectl-nks_1.2.3_linux_amd64.tar.gz"
        );
        assert!(manifest(None).has_placeholder());
    }

    #[test]
    fn an_address_of_ones_own_replaces_the_templates() {
        let plugin = manifest(Some("https://files.test/vVERSION/"));
        assert_eq!(
            plugin.spec.platforms[0].uri,
            "https://files.test/v1.2.3/kubectl-nks_1.2.3_linux_amd64.tar.gz"
        );
    }

    #[test]
    fn each_bad_word_is_named() {
        let sum = sha256(&archive());
        let upper = sum.to_uppercase();
        let long = "NHN Cloud NKS, and fifty-one characters in all ....";
        assert_eq!(long.len(), SHORT + 1);
        for (from, to, said) in [
            (
                "krew.googlecontainertools.github.com/v1alpha2",
                "v1",
                "apiVersion",
            ),
            ("kind: Plugin", "kind: Plug", "kind"),
            ("name: nks", "name: Nks", "[a-z0-9-]+"),
            ("name: nks", "name: nks2", "is called"),
            ("v1.2.3", "1.2.3", "semantic"),
            ("v1.2.3", "v1.2", "semantic"),
            ("homepage: https:", "homepage: http:", "homepage"),
            ("Diagnose and mend NHN Cloud NKS clusters", long, "up to 50"),
            ("mend NHN Cloud NKS", "mend NKS", "do not both say"),
            ("uri: https:", "uri: file:", "uri"),
            ("os: linux", "system: linux", "selector"),
            ("bin: kubectl-nks", "bin: nks", "bin \"nks\" is not in"),
            (&sum, &upper, "64 lower-case"),
            (&sum, &sum[1..], "64 lower-case"),
            (&sum, &sha256(b"other"), "not the archive's"),
        ] {
            let faults = faults_with(from, to);
            assert!(
                faults.iter().any(|fault| fault.contains(said)),
                "{to}: {faults:?}"
            );
        }
    }

    #[test]
    fn an_unknown_field_is_an_error() {
        let yaml = TEMPLATE.replace("homepage:", "homePage:");
        assert!(Plugin::from_yaml(&yaml).is_err());
    }

    #[test]
    fn archives_without_a_licence_or_with_what_krew_refuses_are_named() {
        let plugin = manifest(None);
        let good = entries(&archive()).unwrap();
        let without = &good[1..];
        let said = plugin.faults("nks.yaml", &archive(), without);
        assert_eq!(said, ["LICENSE is not in the archive"]);
        for bad in [
            entry("link", Kind::Link),
            entry("pipe", Kind::Other),
            entry("/etc/passwd", Kind::File),
            entry("\\windows", Kind::File),
            entry("C:/windows", Kind::File),
            entry("man/../../up", Kind::File),
        ] {
            let with = [good.as_slice(), std::slice::from_ref(&bad)].concat();
            let said = plugin.faults("nks.yaml", &archive(), &with);
            assert_eq!(said.len(), 1, "{bad:?}: {said:?}");
            assert!(said[0].contains(&format!("{:?}", bad.path)), "{said:?}");
        }
    }

    #[test]
    fn what_stands_in_the_archive_is_judged_and_not_what_was_meant() {
        let mut builder = tar::Builder::new(flate2::write::GzEncoder::new(
            Vec::new(),
            flate2::Compression::fast(),
        ));
        let mut header = tar::Header::new_ustar();
        header.set_entry_type(tar::EntryType::Symlink);
        header.set_size(0);
        header.as_mut_bytes()[..7].copy_from_slice(b"../link");
        header.set_cksum();
        builder.append(&header, std::io::empty()).unwrap();
        let bytes = builder.into_inner().unwrap().finish().unwrap();
        let said = archive_faults(&entries(&bytes).unwrap());
        assert_eq!(said.len(), 2, "{said:?}");
    }

    #[test]
    fn what_files_takes_has_to_be_there() {
        let entries = entries(&archive()).unwrap();
        let faults = |from: &str, to: &str| {
            let (from, to) = (from.to_owned(), to.to_owned());
            Files { from, to }.faults(&entries).len()
        };
        for from in ["kubectl-nks*", "*", "man", "man/*.1", "/LICENSE"] {
            assert_eq!(faults(from, "."), 0, "{from}");
        }
        for from in ["", "nothing", "*.1", "man/*.2", "../LICENSE", "["] {
            assert_eq!(faults(from, "."), 1, "{from}");
        }
        for to in ["", "/bin", "../bin"] {
            assert_eq!(faults("LICENSE", to), 1, "{to}");
        }
        let mut plugin = manifest(None);
        plugin.spec.platforms[0].files = Some(Vec::new());
        let said = plugin.faults("nks.yaml", &archive(), &entries);
        assert_eq!(said, ["files is empty: leave it out or fill it"]);
    }
}
