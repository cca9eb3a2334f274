//! The krew manifest: one plugin of an index, as the template has it and as it is filled in.

use std::collections::BTreeMap;

use anyhow::{Context, Result, bail};
use serde::{Deserialize, Serialize};

use super::Platform;
use super::archive::sha256;
use super::rules::host;

/// A plugin as krew's index describes it. An unknown field is an error, for it is a
/// known one misspelt.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct Plugin {
    /// krew's version of this format.
    pub(super) api_version: String,
    /// `Plugin`.
    pub(super) kind: String,
    /// The name.
    pub(super) metadata: Metadata,
    /// The rest.
    pub(super) spec: Spec,
}

/// What the plugin is called.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Metadata {
    name: String,
}

/// What the plugin is.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct Spec {
    /// `v` and a semantic version.
    pub(super) version: String,
    /// An https address.
    pub(super) homepage: String,
    /// One line of up to 50 characters.
    pub(super) short_description: String,
    /// Some lines.
    pub(super) description: String,
    /// What is said after installing.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub(super) caveats: String,
    /// One entry for each archive.
    pub(super) platforms: Vec<Build>,
}

/// One archive and whom it is for.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Build {
    /// Whom it is for.
    pub(super) selector: Selector,
    /// Where it is.
    pub(super) uri: String,
    /// Its sum, in lower-case hex.
    pub(super) sha256: String,
    /// What is taken from it; everything, when left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) files: Option<Vec<Files>>,
    /// The executable in it that becomes the plugin.
    pub(super) bin: String,
}

/// The machines that an archive is for.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct Selector {
    /// `os` and `arch`, in the words of Go.
    pub(super) match_labels: BTreeMap<String, String>,
}

/// What is taken from the archive, and where it goes.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Files {
    /// A pattern.
    pub(super) from: String,
    /// A folder.
    pub(super) to: String,
}

/// What the template is filled with.
#[derive(Clone, Debug)]
pub(super) struct Filling<'a> {
    /// The version, without `v`.
    pub(super) version: &'a str,
    /// Whom the archive is for.
    pub(super) platform: Platform,
    /// The archive's file name.
    pub(super) archive: &'a str,
    /// The archive's bytes.
    pub(super) bytes: &'a [u8],
    /// Where archives will be found; `None` for what the template says.
    pub(super) url: Option<&'a str>,
}

impl Plugin {
    /// Reads a template or a manifest.
    pub(super) fn from_yaml(yaml: &str) -> Result<Self> {
        serde_saphyr::from_str(yaml).context("the krew manifest cannot be read")
    }

    /// The manifest as a file of an index.
    pub(super) fn to_yaml(&self) -> Result<String> {
        Ok(serde_saphyr::to_string(self)?)
    }

    /// The plugin's name, which is the name of its file in an index, too.
    pub(super) fn name(&self) -> &str {
        &self.metadata.name
    }

    /// Whether an address is still the template's own, at which nothing can be found: `.example` belongs to nobody.
    pub(super) fn has_placeholder(&self) -> bool {
        let builds = self.spec.platforms.iter().map(|build| &build.uri);
        builds
            .chain([&self.spec.homepage])
            .any(|url| host(url).is_some_and(|host| host.ends_with(".example")))
    }

    /// Fills the template, whose one platform stands for the one that is being released.
    pub(super) fn fill(mut self, with: &Filling<'_>) -> Result<Self> {
        let [build] = self.spec.platforms.as_mut_slice() else {
            bail!("the template has one entry below `platforms`");
        };
        self.spec.version = self.spec.version.replace("VERSION", with.version);
        build.selector.match_labels = [("os", with.platform.os), ("arch", with.platform.arch)]
            .map(|(key, value)| (key.to_owned(), value.to_owned()))
            .into();
        build.uri = match with.url {
            Some(url) => format!("{}/{}", url.trim_end_matches('/'), with.archive),
            None => build.uri.replace("ARCHIVE", with.archive),
        }
        .replace("VERSION", with.version);
        build.sha256 = sha256(with.bytes);
        build.bin = with.platform.executable("kubectl-nks");
        Ok(self)
    }
}
