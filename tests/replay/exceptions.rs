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

const EXCEPTIONS: &[Exception] = &[];

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
