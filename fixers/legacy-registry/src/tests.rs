//! The rules that matter, one by one. Whole clusters are in `cases`.

use nks_fixer::Image;

use crate::{LegacyRegistry, origin};

nks_golden::tests!(LegacyRegistry);

#[test]
fn path_tag_and_digest_stay() {
    for (old, new) in [
        ("k8s.gcr.io/pause:3.2", "registry.k8s.io/pause:3.2"),
        (
            "k8s.gcr.io/sig-storage/csi-attacher:v3.3.0@sha256:00",
            "registry.k8s.io/sig-storage/csi-attacher:v3.3.0@sha256:00",
        ),
        ("k8s.gcr.io/busybox", "registry.k8s.io/busybox"),
        (
            "gcr.io/google_containers/echoserver:1.4",
            "registry.k8s.io/echoserver:1.4",
        ),
        (
            "gcr.io/google-containers/node-problem-detector/npd:v0.8",
            "registry.k8s.io/node-problem-detector/npd:v0.8",
        ),
    ] {
        let image = Image::parse(old).unwrap();
        assert!(origin::is_frozen(&image), "{old}");
        assert_eq!(origin::moved(&image), new);
    }
}

#[test]
fn what_only_looks_like_it_stays() {
    for other in [
        "registry.k8s.io/pause:3.2",
        "example.com/k8s.gcr.io/pause:3.2",
        "mirror.example.com:5000/google_containers/pause:3.2",
        "k8s.gcr.io.example.com/pause:3.2",
        "gcr.io/google_containers_mirror/pause:3.2",
        "gcr.io/acme/google_containers/pause:3.2",
        "google_containers/pause:3.2",
        "gcr.io/google-samples/hello-app:1.0",
        "us.gcr.io/k8s-artifacts-prod/pause:3.2",
    ] {
        assert!(!origin::is_frozen(&Image::parse(other).unwrap()), "{other}");
    }
}
