//! The rules that matter, one by one. Whole clusters are in `cases`.

use nks_fixer::Object;
use serde_json::json;

use crate::CalicoOnNewKernel;
use crate::calico::Version;
use crate::system::System;

nks_golden::tests!(CalicoOnNewKernel);

fn system(image: &str, kernel: &str) -> System {
    let node = json!({"status": {"nodeInfo": {"osImage": image, "kernelVersion": kernel}}});
    System::of(&Object::of_value(node))
}

#[test]
fn systems_are_compared_by_number() {
    for (image, kernel, expected) in [
        ("Ubuntu 24.04.3 LTS", "6.8.0-88-generic", System::Named),
        ("Ubuntu 24.10", "6.11.0-9-generic", System::Named),
        ("Ubuntu 26.04 LTS", "7.0.0-3-generic", System::Named),
        ("Ubuntu 22.04.5 LTS", "5.15.0-164-generic", System::Older),
        ("Ubuntu 18.04.6 LTS", "4.15.0-213-generic", System::Older),
        (
            "Rocky Linux 9.5 (Blue Onyx)",
            "5.14.0-503.14.1.el9_5.x86_64",
            System::Named,
        ),
        // Not yet restarted after an update: the next start brings the new kernel.
        (
            "Rocky Linux 9.5 (Blue Onyx)",
            "5.14.0-427.13.1.el9_4.x86_64",
            System::Named,
        ),
        (
            "Rocky Linux 9.10 (Blue Onyx)",
            "5.14.0-700.1.1.el9_10.x86_64",
            System::Named,
        ),
        (
            "Rocky Linux 10.0 (Red Quartz)",
            "6.12.0-55.9.1.el10_0.x86_64",
            System::Named,
        ),
        (
            "Rocky Linux 9.4 (Blue Onyx)",
            "5.14.0-427.13.1.el9_4.x86_64",
            System::Older,
        ),
        (
            "Rocky Linux 8.10 (Green Obsidian)",
            "4.18.0-553.el8_10.x86_64",
            System::Older,
        ),
        (
            "CentOS Linux 7 (Core)",
            "3.10.0-1160.el7.x86_64",
            System::Older,
        ),
        (
            "Debian GNU/Linux 11 (bullseye)",
            "5.10.0-30-amd64",
            System::Older,
        ),
    ] {
        assert_eq!(system(image, kernel), expected, "{image} {kernel}");
    }
}

#[test]
fn a_kernel_can_be_newer_than_its_image() {
    for (image, kernel) in [
        ("Ubuntu 22.04.5 LTS", "6.8.0-88-generic"),
        (
            "Rocky Linux 9.4 (Blue Onyx)",
            "5.14.0-503.14.1.el9_5.x86_64",
        ),
        ("Debian GNU/Linux 12 (bookworm)", "6.1.0-28-amd64"),
    ] {
        assert_eq!(
            system(image, kernel),
            System::KernelAsNew,
            "{image} {kernel}"
        );
    }
    // Ubuntu counts its builds by itself: this 5.14 is none of Red Hat's.
    let kernel = "5.14.0-1059-oem";
    assert_eq!(system("Ubuntu 20.04.6 LTS", kernel), System::Older);
}

#[test]
fn what_is_not_told_is_not_guessed() {
    for (image, kernel) in [
        ("", ""),
        ("", "5.15.0-164-generic"),
        ("", "6.8.0-88-generic"),
        ("Ubuntu Core", "6.8.0-88-generic"),
        ("Ubuntu Core", "5.15.0-164-generic"),
        ("Rocky Linux", "5.14.0-427.13.1.el9_4.x86_64"),
        ("Rocky Linux 9 (Blue Onyx)", "5.14.0-427.13.1.el9_4.x86_64"),
        ("Ubuntu 22.04.5 LTS", ""),
        ("Ubuntu 22.04.5 LTS", "generic"),
    ] {
        let expected = System::Unknown;
        assert_eq!(system(image, kernel), expected, "{image} {kernel}");
    }
}

#[test]
fn versions_are_read_from_tags() {
    for (tag, expected) in [
        ("v3.24.1", Version::NamedByNhn),
        ("v3.24.1-nks3", Version::NamedByNhn),
        ("v3.24.10", Version::Before27),
        ("v3.24", Version::Before27),
        ("v3.3.0", Version::Before27),
        ("v3.26.4", Version::Before27),
        ("v3.27", Version::From27),
        ("v3.28.0", Version::From27),
        ("v3.28.1-nks1", Version::From27),
        ("v3.28", Version::Unknown),
        ("v3.28.2", Version::Enough),
        ("3.28.2-nks1", Version::Enough),
        ("v3.28.10", Version::Enough),
        ("v3.100", Version::Enough),
        ("latest", Version::Unknown),
        ("v3", Version::Unknown),
        ("2026.8.1", Version::Unknown),
    ] {
        let image = ["calico/node:", tag].concat();
        assert_eq!(Version::of(&image), expected, "{tag}");
    }
    for image in [
        "",
        "calico/node",
        "calico/node@sha256:00",
        "quay.io/tigera/cnx-node:v3.30.1",
    ] {
        assert_eq!(Version::of(image), Version::Unknown, "{image}");
    }
}
