//! How long NHN Cloud supports the cluster's version, and which version is next.
//!
//! Dates change after they were published, so each row says as of when it is true, and every message says it too. Days
//! are those of UTC, as in NHN Cloud's table.

use nks_fixer::{Finding, Input, Report};
use serde_json::Value;

/// One minor version as NKS offers it.
struct Release {
    minor: u32,
    version: &'static str,
    /// The last day of support, and the last day on which upgrades from it are supported. Up to 1.32 these are one day.
    support: Option<(&'static str, &'static str)>,
    as_of: &'static str,
}

/// Source: NHN Cloud, NKS version guide and release notes (TOAST-DOCS/Container-Kubernetes, 5e2dce8065 of 2026-03-17;
/// 1.34 from ko/version-guide.md at 15cd8ead, which no longer lists what ended before 1.28).
const RELEASES: &[Release] = &[
    ended(17, "v1.17.6"),
    ended(18, "v1.18.19"),
    ended(19, "v1.19.13"),
    ended(20, "v1.20.12"),
    ended(21, "v1.21.6"),
    ended(22, "v1.22.3"),
    ended(23, "v1.23.3"),
    ended(24, "v1.24.3"),
    ended(25, "v1.25.4"),
    ended(26, "v1.26.3"),
    ended(27, "v1.27.3"),
    dated(28, "v1.28.3", ["2025-11-30", "2025-11-30"], MARCH),
    dated(29, "v1.29.3", ["2026-02-28", "2026-02-28"], MARCH),
    dated(30, "v1.30.3", ["2026-05-31", "2026-05-31"], MARCH),
    dated(31, "v1.31.4", ["2026-08-31", "2026-08-31"], MARCH),
    dated(32, "v1.32.3", ["2027-02-28", "2027-02-28"], MARCH),
    dated(33, "v1.33.4", ["2027-01-31", "2027-11-30"], MARCH),
    dated(34, "v1.34.3", ["2027-07-31", "2028-05-31"], MAY),
];

const MARCH: &str = "2026-03-17";
const MAY: &str = "2026-05";

const fn dated(
    minor: u32,
    version: &'static str,
    support: [&'static str; 2],
    as_of: &'static str,
) -> Release {
    Release {
        minor,
        version,
        support: Some((support[0], support[1])),
        as_of,
    }
}

/// A version whose support ended before the oldest date that is still published.
const fn ended(minor: u32, version: &'static str) -> Release {
    Release {
        minor,
        version,
        support: None,
        as_of: MARCH,
    }
}

/// Findings about support and about the next version.
pub(crate) fn check(input: &Input, minor: u32, report: &mut Report) {
    let cluster = input.context.cluster.get("kubernetesVersion");
    let version = cluster.and_then(Value::as_str).unwrap_or_default();
    let own = RELEASES.iter().find(|release| release.minor == minor);
    let Some(own) = own else {
        report.finding(
            Finding::info("release-unknown")
                .arg("version", version)
                .arg("published", MAY),
        );
        return;
    };
    let notice = input.context.settings.get("notice-days");
    let notice = notice.and_then(Value::as_i64).unwrap_or(60);
    let today = input.context.now_unix.div_euclid(86_400);
    if let Some(finding) = support(own, today, notice) {
        report.finding(finding.arg("version", version).arg("published", own.as_of));
    }
    let next = RELEASES.iter().find(|release| release.minor == minor + 1);
    let finding = match next {
        Some(next) => Finding::info("next-version")
            .arg("next", next.version)
            .arg("published", next.as_of),
        None => Finding::info("newest-version").arg("published", own.as_of),
    };
    report.finding(finding.arg("version", version));
}

/// Whether support has ended or ends within `notice` days; `None` where neither.
fn support(release: &Release, today: i64, notice: i64) -> Option<Finding> {
    let Some((support, upgrades)) = release.support else {
        let oldest = RELEASES.iter().find(|release| release.support.is_some())?;
        let (date, _) = oldest.support?;
        return Some(
            Finding::warning("support-ended-earlier")
                .arg("oldest", oldest.version)
                .arg("date", date),
        );
    };
    let left = day(support)? - today;
    if left < 0 {
        Some(
            Finding::warning("support-ended")
                .arg("date", support)
                .arg("upgrades", upgrades),
        )
    } else if left <= notice {
        Some(
            Finding::info("support-ends-soon")
                .arg("date", support)
                .arg("upgrades", upgrades)
                .arg("days", left.to_string()),
        )
    } else {
        None
    }
}

/// Days from 1970-01-01 to `date`, written `2026-03-17`. From March on every month has its place whatever the year: 153 days
/// are five of them.
pub(crate) fn day(date: &str) -> Option<i64> {
    let mut parts = date.split('-').map(str::parse::<i64>);
    let (year, month, day) = (
        parts.next()?.ok()?,
        parts.next()?.ok()?,
        parts.next()?.ok()?,
    );
    let (year, month) = if month > 2 {
        (year, month - 3)
    } else {
        (year - 1, month + 9)
    };
    let leap_days = year / 4 - year / 100 + year / 400;
    // 719,469 days lie between 0000-02-29 and 1970-01-01.
    Some(year * 365 + leap_days + (153 * month + 2) / 5 + day - 719_469)
}
