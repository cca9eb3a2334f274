//! Running the bed's own kubectl.

use std::io::Write;
use std::path::Path;
use std::process::{Command, Stdio};

use anyhow::{Context, Result, ensure};
use serde_json::Value;

use crate::bed::Bed;

impl Bed {
    /// Runs kubectl as the administrator and returns its standard output.
    ///
    /// # Errors
    /// When kubectl fails; the error holds the arguments and what it wrote to standard error.
    pub fn kubectl(&self, arguments: &[&str]) -> Result<String> {
        self.kubectl_as(&self.kubeconfig(), arguments)
    }

    /// Runs kubectl with another kubeconfig, such as one from [`Bed::operator`].
    ///
    /// # Errors
    /// As [`Bed::kubectl`].
    pub fn kubectl_as(&self, kubeconfig: &Path, arguments: &[&str]) -> Result<String> {
        let output = Command::new(self.binaries().tool("kubectl"))
            .arg("--kubeconfig")
            .arg(kubeconfig)
            .args(arguments)
            // The caller's kubectl settings, caches and proxies must not matter.
            .env_clear()
            .env("HOME", self.folder())
            .env("PATH", "/usr/sbin:/usr/bin:/sbin:/bin")
            .stdin(Stdio::null())
            .output()
            .context("run kubectl")?;
        ensure!(
            output.status.success(),
            "kubectl {} failed: {}",
            arguments.join(" "),
            String::from_utf8_lossy(&output.stderr).trim()
        );
        String::from_utf8(output.stdout).context("kubectl wrote something other than UTF-8")
    }

    /// Applies manifests: the text of one or more YAML documents, or JSON.
    ///
    /// # Errors
    /// When kubectl or the API server refuses them.
    pub fn apply(&self, manifests: &str) -> Result<()> {
        self.with_file(manifests, |path| self.apply_path(path))
    }

    /// Applies a file of manifests, or every manifest in a folder.
    ///
    /// # Errors
    /// As [`Bed::apply`].
    pub fn apply_path(&self, path: &Path) -> Result<()> {
        self.kubectl(&["apply", "-f", &path.to_string_lossy()])
            .map(drop)
    }

    /// Runs kubectl as the administrator with `-o json` and returns what it printed, parsed.
    ///
    /// # Errors
    /// As [`Bed::kubectl`], or when the output is no JSON.
    pub fn kubectl_json(&self, arguments: &[&str]) -> Result<Value> {
        let output = self.kubectl(&[arguments, &["-o", "json"]].concat())?;
        serde_json::from_str(&output)
            .with_context(|| format!("kubectl {} printed no JSON", arguments.join(" ")))
    }

    /// Lends `text` to `action` as a file in the bed's folder.
    pub(crate) fn with_file<T>(
        &self,
        text: &str,
        action: impl FnOnce(&Path) -> Result<T>,
    ) -> Result<T> {
        let mut file = tempfile::Builder::new()
            .prefix("input-")
            .suffix(".yaml")
            .tempfile_in(self.folder())?;
        file.write_all(text.as_bytes())?;
        action(file.path())
    }
}

/// The items of a list object; of any other object, the object itself.
pub(crate) fn items(value: Value) -> Vec<Value> {
    match value {
        Value::Object(mut object) => match object.remove("items") {
            Some(Value::Array(items)) => items,
            _ => vec![Value::Object(object)],
        },
        _ => Vec::new(),
    }
}

/// The text at a JSON pointer, or nothing.
pub(crate) fn text<'a>(value: &'a Value, pointer: &str) -> &'a str {
    value
        .pointer(pointer)
        .and_then(Value::as_str)
        .unwrap_or_default()
}
