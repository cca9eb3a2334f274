//! Findings that somebody decided not to hear of, each with a reason and a last day: an expired decision is a finding
//! itself, so that nothing is hidden for ever.

use jiff::civil::Date;
use nks_core::message::clean;
use nks_core::output::{Found, Suppressed};
use nks_core::report::Severity;
use nks_core::yaml;
use serde::Deserialize;

use crate::screen::Screen;

/// What findings about the file itself have in place of a fixer's name.
const NAME: &str = "suppressions";

const API_VERSION: &str = "suppressions.nks/v1";

/// The file.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct Suppressions {
    api_version: String,
    kind: String,
    items: Vec<Suppression>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Suppression {
    fixer: String,
    /// A message id; without one, all that the fixer says.
    id: Option<String>,
    /// As `-o name` prints it, or the name alone.
    object: Option<String>,
    namespace: Option<String>,
    reason: String,
    /// The last day, as `2027-01-31`.
    expires: String,
}

impl Suppressions {
    /// Reads the file. The error is for people.
    pub(super) fn parse(text: &str) -> Result<Self, String> {
        let file: Self = yaml::parse(text).map_err(|problem| problem.to_string())?;
        if file.api_version != API_VERSION || file.kind != "Suppressions" {
            return Err(format!(
                "it has to be of kind Suppressions, apiVersion {API_VERSION}"
            ));
        }
        for one in &file.items {
            if one.reason.trim().is_empty() {
                return Err(format!(
                    "a suppression of {} has no reason",
                    clean(&one.fixer)
                ));
            }
            one.last_day()?;
        }
        Ok(file)
    }

    /// Marks what is suppressed on the day `today`, and adds a finding for each suppression that has expired.
    pub(super) fn apply(self, screen: &Screen, findings: &mut Vec<Found>, today: Date) {
        for one in self.items {
            let expires = one.expires.clone();
            let what = one.to_string();
            let values = [
                ("what", &*what),
                ("reason", &*one.reason),
                ("expires", &*expires),
            ];
            if one.last_day().is_ok_and(|last| last < today) {
                findings.push(expired(screen.say("suppression-expired", &values)));
                continue;
            }
            let mut count = 0;
            for found in findings.iter_mut().filter(|found| one.is_about(found)) {
                count += 1;
                found.suppressed = Some(Suppressed {
                    reason: one.reason.clone(),
                    expires: expires.clone(),
                });
            }
            if count == 0 {
                screen.note(&screen.say("suppression-unused", &values));
            }
        }
    }
}

impl Suppression {
    fn last_day(&self) -> Result<Date, String> {
        let problem = |_| {
            let (fixer, day) = (clean(&self.fixer), clean(&self.expires));
            format!("a suppression of {fixer}: expires has to be a day as 2027-01-31, not {day}")
        };
        self.expires.parse().map_err(problem)
    }

    fn is_about(&self, found: &Found) -> bool {
        let object = found.object.as_ref();
        let has = |wanted: &Option<String>, test: &dyn Fn(&str) -> bool| {
            wanted.as_deref().is_none_or(test)
        };
        self.fixer == found.fixer
            && has(&self.id, &|id| id == found.id)
            && has(&self.object, &|name| {
                object.is_some_and(|object| object.answers_to(name))
            })
            && has(&self.namespace, &|name| {
                object.is_some_and(|object| object.namespace == name)
            })
    }
}

impl std::fmt::Display for Suppression {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let parts = [Some(&self.fixer), self.id.as_ref(), self.object.as_ref()];
        let parts: Vec<&str> = parts.into_iter().flatten().map(String::as_str).collect();
        out.write_str(&parts.join(" "))?;
        match &self.namespace {
            Some(namespace) => write!(out, " -n {namespace}"),
            None => Ok(()),
        }
    }
}

fn expired(message: String) -> Found {
    Found {
        fixer: NAME.into(),
        id: "expired".into(),
        severity: Severity::Warning,
        message,
        object: None,
        field: None,
        related: Vec::new(),
        managed_by: None,
        mendable: false,
        by_hand: false,
        explained_by: None,
        known: false,
        suppressed: None,
    }
}
