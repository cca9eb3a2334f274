//! The releases of Kubernetes that the bed is built from.

use anyhow::{Context, Result};
use sha2::{Digest, Sha256};

/// Raised when the way of building changes, because the folder of a build is named by its inputs.
const RECIPE: &str = "1";

/// A release of Kubernetes. Its exact version is in its `go.mod`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub enum Release {
    /// 1.33, which NKS serves. Only its API server is built: etcd and kubectl are those of the newest release.
    V1_33,
    /// 1.36, the newest, with all its parts, etcd and kwok.
    #[default]
    V1_36,
}

impl Release {
    /// All of them, oldest first.
    pub const ALL: [Self; 2] = [Self::V1_33, Self::V1_36];

    /// Whether the controllers and the scheduler of this release are built, too.
    pub(crate) fn has_controllers(self) -> bool {
        self == Self::V1_36
    }

    pub(crate) fn go_mod(self) -> &'static str {
        match self {
            Self::V1_33 => include_str!("../1.33/go.mod"),
            Self::V1_36 => include_str!("../go.mod"),
        }
    }

    pub(crate) fn go_sum(self) -> &'static str {
        match self {
            Self::V1_33 => include_str!("../1.33/go.sum"),
            Self::V1_36 => include_str!("../go.sum"),
        }
    }

    /// What a build must have made. The etcd tool takes its name from the last part of its package path: `server`.
    pub(crate) fn tools(self) -> &'static [&'static str] {
        match self {
            Self::V1_33 => &["kube-apiserver"],
            Self::V1_36 => &[
                "server",
                "kube-apiserver",
                "kube-controller-manager",
                "kube-scheduler",
                "kubectl",
                "kubelet",
                "kwok",
            ],
        }
    }

    /// The name of the folder that holds the build.
    pub(crate) fn digest(self) -> String {
        let mut hasher = Sha256::new();
        for part in [RECIPE, self.go_mod(), self.go_sum()] {
            hasher.update(part.as_bytes());
            hasher.update([0]);
        }
        hasher
            .finalize()
            .iter()
            .take(8)
            .map(|byte| format!("{byte:02x}"))
            .collect()
    }

    /// The version of Kubernetes that `go.mod` asks for, so that it is written down once.
    pub(crate) fn version(self) -> Result<&'static str> {
        self.go_mod()
            .lines()
            .find_map(|line| {
                let line = line.trim();
                line.strip_prefix("require ")
                    .unwrap_or(line)
                    .strip_prefix("k8s.io/kubernetes ")
            })
            .and_then(|rest| rest.split_whitespace().next())
            .context("go.mod names no version of k8s.io/kubernetes")
    }
}

#[cfg(test)]
mod tests {
    use super::Release;

    #[test]
    fn the_version_is_read_from_go_mod() {
        for (release, begins) in [(Release::V1_33, "v1.33."), (Release::V1_36, "v1.36.")] {
            let version = release.version().expect("go.mod requires Kubernetes");
            assert!(version.starts_with(begins), "{version}");
            assert_eq!(release.digest().len(), 16);
        }
    }
}
