//! What cannot be shown on a real server, and why. An exception that would pass fails the test.

use nks_bed::Release;

/// Cases that are not as they are written, for one reason.
pub(crate) struct Exception {
    fixer: &'static str,
    cases: &'static [&'static str],
    on: &'static [Release],
    /// In words, for the person who reads the result.
    pub(crate) reason: &'static str,
}

/// On both servers.
const BOTH: &[Release] = &Release::ALL;

const EXCEPTIONS: &[Exception] = &[
    Exception {
        fixer: "workload-health",
        cases: &["crash-loop", "operator-made-pods"],
        on: BOTH,
        reason: "it has the end of a container's log (probe.nks), which only a node has",
    },
    Exception {
        fixer: "workload-health",
        cases: &["unread-status"],
        on: BOTH,
        reason: "it has a Service without ports, as the server has none",
    },
    Exception {
        fixer: "calico-stale-nodes",
        cases: &["stale-peer-after-start", "update-from-quay"],
        on: BOTH,
        reason: "it is about Kubernetes v1.29, where nobody looks after Calico but its owner",
    },
    Exception {
        fixer: "upgrade-preflight",
        cases: &[
            "clean",
            "custom-metrics",
            "custom-metrics-discovered",
            "custom-metrics-others",
        ],
        on: BOTH,
        reason: "it says what is served (probe.nks), and a server serves what it serves",
    },
    Exception {
        fixer: "upgrade-preflight",
        cases: &[
            "apis-removed-flow-control",
            "apis-removed-next",
            "flannel-later",
        ],
        on: BOTH,
        reason: "it has objects of API versions that no server of today serves",
    },
    Exception {
        fixer: "upgrade-preflight",
        cases: &[
            "api-services-down",
            "custom-metrics-half-done",
            "custom-metrics-past",
        ],
        on: BOTH,
        reason: "the server finds out by itself which APIService answers, and writes its status",
    },
    Exception {
        fixer: "upgrade-preflight",
        cases: &[
            "apis-removed-1-32",
            "apis-written-anew",
            "custom-metrics-unknown",
            "everything",
            "flannel",
            "flannel-left-over",
            "flannel-too-late",
            "newest-version",
            "not-nks",
            "nothing-known",
            "support-ended",
            "upgrade-half-done",
            "version-unknown",
        ],
        on: BOTH,
        reason: "it is about a certain version of Kubernetes or an unknown one, and a server has its own",
    },
    Exception {
        fixer: "upgrade-preflight",
        cases: &["release-unknown"],
        on: &[Release::V1_33],
        reason: "it is about a version that NKS does not offer yet",
    },
    Exception {
        fixer: "upgrade-preflight",
        cases: &[
            "autoscaler",
            "bare-pods",
            "bare-pods-many",
            "budgets-never-allow",
            "budgets-not-computed",
            "budgets-of-daemon-sets",
            "budgets-overlap",
            "budgets-without-room",
            "empty-dirs",
            "finalizers",
            "nodes-stopped-and-cordoned",
            "patch-versions",
            "registry-unknown",
            "support-ends-soon",
            "support-not-ending",
        ],
        on: &[Release::V1_36],
        reason: "it is about a version that NKS offers, and NKS does not offer v1.36 yet",
    },
    Exception {
        fixer: "fs-group-policy",
        cases: &["kubernetes-1-19"],
        on: BOTH,
        reason: "it is about Kubernetes v1.19, and a server has its own version",
    },
    Exception {
        fixer: "cinder-resize",
        cases: &["version-too-old"],
        on: BOTH,
        reason: "it is about Kubernetes v1.19, and a server has its own version",
    },
    Exception {
        fixer: "cinder-resize",
        cases: &["no-final-newline"],
        on: BOTH,
        reason: "a fault of undo: it cannot record that a value loses the line end that the fix gave it \
                 (nks_core::token::seal), and refuses",
    },
    Exception {
        fixer: "flannel-registry",
        cases: &[
            "amd64-suffix",
            "another-name",
            "cached-everywhere",
            "cached-with-flannel-cni",
            "closed-network",
            "could-not-tell",
            "docker-hub-has-it",
            "flannel-cni-first",
            "flannel-cni-present",
            "flannel-cni-stays",
            "ghcr-has-it",
            "mirror-has-it",
            "namespace-kube-flannel",
            "nks-registry-active",
            "no-node",
            "nowhere",
            "pinned-by-digest",
            "replaced-by-hand-only",
            "runtime-down",
            "setting-asked-for",
            "setting-could-not-tell",
            "setting-other-version",
            "setting-pulled",
            "setting-unpullable",
            "setting-unusable",
            "silent-node",
            "three-daemon-sets",
            "without-version",
        ],
        on: BOTH,
        reason: "it is about NKS before v1.26, which has Flannel, and a server has its own version",
    },
    Exception {
        fixer: "default-storage-class",
        cases: &[
            "before-1.26",
            "default-later-before-1.26",
            "no-class-before-1.26",
            "two-defaults-before-1.26",
            "version-unknown",
        ],
        on: BOTH,
        reason: "it is about a certain version of Kubernetes or an unknown one, and a server has its own",
    },
    Exception {
        fixer: "docker-hub-limit",
        cases: &["another-name", "secret-of-another-type"],
        on: BOTH,
        reason: "what has the Secret's name is looked for when there is a login to put there, which `diagnose` does not have",
    },
    Exception {
        fixer: "broken-apiservice",
        cases: &[
            "healthy",
            "namespace-being-deleted",
            "not-ready",
            "service-gone",
            "starting",
            "two-versions",
            "unreachable",
        ],
        on: BOTH,
        reason: "it has a namespace that is being deleted, which the server accepts from its own controller only",
    },
    Exception {
        fixer: "broken-apiservice",
        cases: &[
            "access-error",
            "backend-starting",
            "certificate",
            "certificate-without-bundle",
            "daemonset-not-ready",
            "no-answer",
            "no-answer-other",
            "readiness-gate",
            "refused-metrics",
            "refused-other",
            "service-back",
            "service-just-gone",
            "status-404",
            "status-503",
            "unauthorised",
            "unauthorised-restarted",
            "unknown-reason",
            "unreachable-waiting",
        ],
        on: BOTH,
        reason: "the server finds out by itself which APIService answers, and writes its status",
    },
    Exception {
        fixer: "broken-apiservice",
        cases: &["services-unread"],
        on: BOTH,
        reason: "it is about Services that were not read, and the server gives them",
    },
];

/// Why a case cannot be shown on a server, if it cannot.
pub(crate) fn exception(release: Release, fixer: &str, case: &str) -> Option<&'static Exception> {
    EXCEPTIONS
        .iter()
        .find(|it| it.fixer == fixer && it.cases.contains(&case) && it.on.contains(&release))
}

/// The exceptions of a fixer that name no case of it.
pub(crate) fn stray(fixer: &str, cases: &[&str]) -> Vec<&'static str> {
    EXCEPTIONS
        .iter()
        .filter(|it| it.fixer == fixer)
        .flat_map(|it| it.cases)
        .copied()
        .filter(|case| !cases.contains(case))
        .collect()
}
