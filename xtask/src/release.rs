//! A release of this platform: two archives, their sums, and the krew index that leads to the first one.
//!
//! Everything is made in memory and judged there, and only then written. Other platforms are released by running this on
//! them.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, bail};
use clap::Args;

use crate::artifacts;
use crate::run::{output, root, say};

mod archive;
mod krew;
mod notices;
mod rules;

use archive::{Contents, Mode};
use krew::{Filling, Plugin};

/// Where a release is left, below the root.
const RELEASE: &str = "target/nks/release";
const TEMPLATE: &str = "krew-manifest.yaml";
/// Each shell with the name under which it looks for completions, or, for PowerShell, under which clap's users keep them.
const COMPLETIONS: [(&str, &str); 4] = [
    ("bash", "kubectl-nks.bash"),
    ("fish", "kubectl-nks.fish"),
    ("powershell", "kubectl-nks.ps1"),
    ("zsh", "_kubectl-nks"),
];

/// How a release is made.
#[derive(Args)]
pub(crate) struct Options {
    /// Where the archives will be found, by https; VERSION in it stands for the version [default: see krew-manifest.yaml]
    #[arg(long)]
    url: Option<String>,
    /// Take the executables from this folder instead of building them
    #[arg(long, value_name = "DIR")]
    executables: Option<PathBuf>,
}

/// A platform in the words of Go, which are krew's, too.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Platform {
    os: &'static str,
    arch: &'static str,
}

impl Platform {
    /// The platform in Rust's words; an error for one that is not released.
    fn new(os: &str, arch: &str) -> Result<Self> {
        let os = match os {
            "linux" => "linux",
            "macos" => "darwin",
            "windows" => "windows",
            _ => bail!("there are no releases for the operating system {os}"),
        };
        let arch = match arch {
            "x86_64" => "amd64",
            "aarch64" => "arm64",
            _ => bail!("there are no releases for the architecture {arch}"),
        };
        Ok(Self { os, arch })
    }

    /// The file name of an executable.
    fn executable(self, name: &str) -> String {
        match self.os {
            "windows" => format!("{name}.exe"),
            _ => name.to_owned(),
        }
    }
}

/// Makes the release and writes it to `target/nks/release`, in the place of an earlier one.
pub(crate) fn make(options: &Options) -> Result<()> {
    let platform = Platform::new(std::env::consts::OS, std::env::consts::ARCH)?;
    // Building takes minutes; what can be known to be wrong is said before it.
    if let Some(url) = &options.url
        && rules::host(url).is_none()
    {
        bail!("--url {url:?} is not https");
    }
    let time = time()?;
    say("collecting licences");
    let (notices, version) = notices::collect()?;
    let executables = match &options.executables {
        Some(folder) => folder.clone(),
        None => artifacts::build()?,
    };
    let pages = tempfile::tempdir()?;
    write_pages(
        &executables.join(platform.executable("kubectl-nks")),
        pages.path(),
    )?;
    let mut contents = common(platform, &executables, pages.path())?;
    contents.add("THIRD-PARTY-NOTICES", Mode::Plain, notices.into_bytes())?;
    let krew = contents.to_tar_gz(time)?;
    let suffix = format!("{version}_{}_{}.tar.gz", platform.os, platform.arch);
    let name = format!("kubectl-nks_{suffix}");
    let manifest = manifest(&Filling {
        version: &version,
        platform,
        archive: &name,
        bytes: &krew,
        url: options.url.as_deref(),
    })?;
    add_thin(&mut contents, platform, &executables, pages.path())?;
    let thin = contents.to_tar_gz(time)?;
    write(
        &[(name, krew), (format!("kubectl-nks-thin_{suffix}"), thin)],
        &manifest,
    )
}

/// The time that every file in the archives has: what the environment says, or the last commit's.
fn time() -> Result<u64> {
    let text = match std::env::var("SOURCE_DATE_EPOCH") {
        Ok(text) => text,
        Err(_) => output(
            Command::new("git")
                .args(["log", "-1", "--format=%ct"])
                .current_dir(root()),
        )
        .context("git knows no last commit; set SOURCE_DATE_EPOCH")?,
    };
    let time = text.trim().parse();
    time.with_context(|| format!("{text:?} is no time in seconds since 1970"))
}

/// Lets the executable write what is made from its own commands: `man/*.1`, `completions/*` and what kubectl starts for
/// completions, `kubectl_complete-nks`. All that is asked of the command line is here.
fn write_pages(program: &Path, into: &Path) -> Result<()> {
    let man = into.join("man");
    let completions = into.join("completions");
    fs::create_dir(&man)?;
    fs::create_dir(&completions)?;
    ask(program, &["man".as_ref(), man.as_os_str()])?;
    let mut shells = vec![("kubectl", into.join("kubectl_complete-nks"))];
    shells.extend(COMPLETIONS.map(|(shell, name)| (shell, completions.join(name))));
    for (shell, path) in shells {
        let text = ask(program, &["completion".as_ref(), shell.as_ref()])?;
        if text.is_empty() {
            bail!("{} completion {shell} prints nothing", program.display());
        }
        fs::write(path, text)?;
    }
    for entry in fs::read_dir(&man)? {
        let path = entry?.path();
        if path.extension().is_none_or(|extension| extension != "1") {
            bail!("{} is no page of section 1", path.display());
        }
    }
    Ok(())
}

/// Starts the executable and returns what it printed. It speaks English, and knows neither a cluster nor the width of this
/// terminal: what it prints is to be the same everywhere.
fn ask(program: &Path, arguments: &[&std::ffi::OsStr]) -> Result<Vec<u8>> {
    let mut command = Command::new(program);
    command
        .args(arguments)
        .env("LC_ALL", "C")
        .env_remove("KUBECONFIG")
        .env_remove("COLUMNS");
    let shown = format!("{command:?}");
    let output = command
        .output()
        .with_context(|| format!("cannot start {shown}"))?;
    if !output.status.success() {
        let said = String::from_utf8_lossy(&output.stderr);
        bail!("{shown} ended with {}\n{said}", output.status);
    }
    Ok(output.stdout)
}

/// What both archives hold, except for the notices.
fn common(platform: Platform, executables: &Path, pages: &Path) -> Result<Contents> {
    let mut contents = Contents::default();
    for name in ["kubectl-nks", "nks-worker"] {
        let name = platform.executable(name);
        contents.add_file(&name, Mode::Executable, &executables.join(&name))?;
    }
    contents.add_file("LICENSE", Mode::Plain, &root().join("LICENSE"))?;
    for folder in ["man", "completions"] {
        contents.add_folder(folder, &pages.join(folder))?;
    }
    Ok(contents)
}

/// What krew has no use for: executables for kubectl's own search along the PATH, and for its completions.
fn add_thin(
    contents: &mut Contents,
    platform: Platform,
    executables: &Path,
    pages: &Path,
) -> Result<()> {
    for entry in fs::read_dir(executables)? {
        let path = entry?.path();
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        if is_thin(&name, platform) && path.is_file() {
            contents.add_file(&name, Mode::Executable, &path)?;
        }
    }
    // It is a script of sh without an extension, and kubectl would not find it on Windows.
    if platform.os == "windows" {
        return Ok(());
    }
    let completer = "kubectl_complete-nks";
    contents.add_file(completer, Mode::Executable, &pages.join(completer))
}

/// Whether a file that the build left is a thin executable; cargo leaves others beside them (`.d`, `.pdb`, `.dSYM`).
fn is_thin(name: &str, platform: Platform) -> bool {
    let stem = match platform.os {
        "windows" => name.strip_suffix(".exe"),
        _ => Some(name),
    };
    let command = stem.and_then(|stem| stem.strip_prefix("kubectl-nks-"));
    command.is_some_and(|command| !command.is_empty() && !command.contains('.'))
}

/// The filled template, with its path below an index; an error that names every rule of krew's that it breaks.
fn manifest(with: &Filling<'_>) -> Result<(String, String)> {
    let template = fs::read_to_string(root().join(TEMPLATE))?;
    let plugin = Plugin::from_yaml(&template)?.fill(with)?;
    let file = format!("{}.yaml", plugin.name());
    let text = plugin.to_yaml()?;
    // Judged as krew will read it.
    let entries = archive::entries(with.bytes)?;
    let faults = Plugin::from_yaml(&text)?.faults(&file, with.bytes, &entries);
    if !faults.is_empty() {
        bail!("krew would refuse this:\n  {}", faults.join("\n  "));
    }
    if plugin.has_placeholder() {
        say("an address in the manifest is still a placeholder (.example): for trying only");
    }
    let Platform { os, arch } = with.platform;
    let note = format!(
        "# {os}/{arch} only; the entries of other platforms come from releases made there.\n"
    );
    Ok((format!("index/plugins/{file}"), note + &text))
}

fn write(archives: &[(String, Vec<u8>)], manifest: &(String, String)) -> Result<()> {
    let folder = root().join(RELEASE);
    // What an earlier version left would be taken for a part of this one.
    if folder.exists() {
        fs::remove_dir_all(&folder)?;
    }
    let (path, text) = manifest;
    let files = archives
        .iter()
        .map(|(name, bytes)| (name.as_str(), bytes.as_slice()));
    let sums = sums(archives);
    for (name, bytes) in files.chain([
        ("SHA256SUMS", sums.as_bytes()),
        (path.as_str(), text.as_bytes()),
    ]) {
        let path = folder.join(name);
        fs::create_dir_all(path.parent().unwrap_or(&folder))?;
        fs::write(&path, bytes)?;
        say(&format!("wrote {}", path.display()));
    }
    Ok(())
}

/// What `sha256sum --check` reads.
fn sums(archives: &[(String, Vec<u8>)]) -> String {
    let mut archives: Vec<_> = archives.iter().collect();
    archives.sort();
    let lines = archives
        .iter()
        .map(|(name, bytes)| format!("{}  {name}\n", archive::sha256(bytes)));
    lines.collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn platforms_have_gos_words() {
        let linux = Platform::new("linux", "x86_64").unwrap();
        assert_eq!((linux.os, linux.arch), ("linux", "amd64"));
        let mac = Platform::new("macos", "aarch64").unwrap();
        assert_eq!((mac.os, mac.arch), ("darwin", "arm64"));
        let windows = Platform::new("windows", "x86_64").unwrap();
        assert_eq!(windows.executable("kubectl-nks"), "kubectl-nks.exe");
        assert!(Platform::new("linux", "riscv64").is_err());
        assert!(Platform::new("freebsd", "x86_64").is_err());
    }

    #[test]
    fn thin_executables_are_told_from_what_lies_beside_them() {
        let linux = Platform::new("linux", "x86_64").unwrap();
        let windows = Platform::new("windows", "x86_64").unwrap();
        assert!(is_thin("kubectl-nks-fix", linux));
        assert!(is_thin("kubectl-nks-fix.exe", windows));
        for name in [
            "kubectl-nks",
            "kubectl-nks-",
            "kubectl-nks-fix.d",
            "nks-worker",
        ] {
            assert!(!is_thin(name, linux), "{name}");
        }
        assert!(!is_thin("kubectl-nks-fix.pdb", windows));
    }

    #[test]
    fn sums_are_sorted_lines_of_sum_and_name() {
        let archives = [("b".to_owned(), Vec::new()), ("a".to_owned(), Vec::new())];
        let empty = archive::sha256(b"");
        assert_eq!(sums(&archives), format!("{empty}  a\n{empty}  b\n"));
    }

    /// A folder of what a build leaves, with a script in the place of the command line.
    #[cfg(unix)]
    fn built(script: &str) -> tempfile::TempDir {
        use std::os::unix::fs::PermissionsExt as _;
        let folder = tempfile::tempdir().unwrap();
        for name in ["nks-worker", "kubectl-nks-fix", "kubectl-nks-fix.d"] {
            fs::write(folder.path().join(name), name).unwrap();
        }
        let program = folder.path().join("kubectl-nks");
        fs::write(&program, script).unwrap();
        fs::set_permissions(&program, fs::Permissions::from_mode(0o755)).unwrap();
        folder
    }

    #[cfg(unix)]
    #[test]
    fn both_archives_hold_what_they_should() {
        let script = "#!/bin/sh\nif [ $1 = man ]; then echo page >\"$2/kubectl-nks.1\"; else echo \"$2 $LC_ALL\"; fi\n";
        let built = built(script);
        let pages = tempfile::tempdir().unwrap();
        let platform = Platform::new("linux", "x86_64").unwrap();
        write_pages(&built.path().join("kubectl-nks"), pages.path()).unwrap();
        let mut contents = common(platform, built.path(), pages.path()).unwrap();
        let paths = |contents: &Contents| -> Vec<String> {
            let entries = archive::entries(&contents.to_tar_gz(0).unwrap()).unwrap();
            entries.into_iter().map(|entry| entry.path).collect()
        };
        let common = [
            "LICENSE",
            "completions/_kubectl-nks",
            "completions/kubectl-nks.bash",
            "completions/kubectl-nks.fish",
            "completions/kubectl-nks.ps1",
            "kubectl-nks",
        ];
        let rest = ["man/kubectl-nks.1", "nks-worker"];
        assert_eq!(paths(&contents), [common.as_slice(), &rest].concat());
        add_thin(&mut contents, platform, built.path(), pages.path()).unwrap();
        let thin = ["kubectl-nks-fix", "kubectl_complete-nks"];
        assert_eq!(paths(&contents), [common.as_slice(), &thin, &rest].concat());
    }

    #[cfg(unix)]
    #[test]
    fn a_command_line_that_cannot_write_its_pages_stops_the_release() {
        for script in [
            "#!/bin/sh\nexit 2\n",
            "#!/bin/sh\n[ $1 = man ] || exit 0\n",
            "#!/bin/sh\nif [ $1 = man ]; then echo >\"$2/page.txt\"; else echo text; fi\n",
        ] {
            let built = built(script);
            let pages = tempfile::tempdir().unwrap();
            let written = write_pages(&built.path().join("kubectl-nks"), pages.path());
            assert!(written.is_err(), "{script}");
        }
    }
}
