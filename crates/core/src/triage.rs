//! Which of the findings a person is shown: one cause once, and of what was known before, nothing.

use std::cmp::Reverse;
use std::collections::BTreeSet;

use serde_json::Value;

use crate::object::ObjectId;
use crate::output::Found;
use crate::yaml;

/// The worst first, then by fixer; what one fixer says stays in its order.
pub fn order(findings: &mut [Found]) {
    findings.sort_by(|one, other| {
        let key = |found: &Found| (Reverse(found.severity), found.fixer.clone());
        key(one).cmp(&key(other))
    });
}

/// Points each symptom to the finding that explains it: one of another fixer, at least as bad, that is about the same
/// objects. `is_symptom` knows which findings are symptoms.
pub fn fold(findings: &mut [Found], is_symptom: impl Fn(&Found) -> bool) {
    let explains = |cause: &Found, symptom: &Found| {
        let about = |id: &ObjectId| cause.object.as_ref() == Some(id) || cause.related.contains(id);
        cause.severity >= symptom.severity
            && match symptom.related.as_slice() {
                [] => symptom.object.as_ref().is_some_and(about),
                related => related.iter().all(about),
            }
    };
    let explained: Vec<Option<usize>> = findings
        .iter()
        .map(|found| {
            let mut causes = findings.iter();
            let cause = |cause: &Found| !is_symptom(cause) && explains(cause, found);
            is_symptom(found).then(|| causes.position(cause)).flatten()
        })
        .collect();
    for (found, cause) in findings.iter_mut().zip(explained) {
        found.explained_by = cause;
    }
}

/// What an earlier diagnosis found: by fixer, message and object.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Baseline(BTreeSet<(String, String, Option<ObjectId>)>);

/// Why a file is no baseline.
#[derive(Debug, thiserror::Error)]
pub enum BaselineError {
    /// Neither JSON nor YAML.
    #[error("{0}")]
    Yaml(#[from] yaml::YamlError),
    /// Another document.
    #[error("it is no diagnosis of `output.nks/v1`, as `kubectl nks diagnose -o json` prints it")]
    Other,
}

impl Baseline {
    /// Reads what `diagnose -o json` or `-o yaml` printed.
    pub fn parse(text: &str) -> Result<Self, BaselineError> {
        let value: Value = yaml::parse(text)?;
        let text = |value: &Value, field: &str| Some(value.get(field)?.as_str()?.to_owned());
        let is_diagnosis = text(&value, "apiVersion").as_deref() == Some("output.nks/v1")
            && text(&value, "kind").as_deref() == Some("Diagnosis");
        let findings = value.get("findings").and_then(Value::as_array);
        let findings = findings
            .filter(|_| is_diagnosis)
            .ok_or(BaselineError::Other)?;
        let known = findings.iter().map(|found| {
            let object = found.get("object").cloned().unwrap_or_default();
            let object: Option<ObjectId> = serde_json::from_value(object).ok()?;
            Some((text(found, "fixer")?, text(found, "id")?, object))
        });
        let known: Option<BTreeSet<_>> = known.collect();
        known.map(Self).ok_or(BaselineError::Other)
    }

    /// Whether this was found then.
    pub fn knows(&self, found: &Found) -> bool {
        let key = (found.fixer.clone(), found.id.clone(), found.object.clone());
        self.0.contains(&key)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::Severity;

    fn id(kind: &str, name: &str) -> ObjectId {
        ObjectId {
            api_version: "v1".into(),
            kind: kind.into(),
            namespace: "shop".into(),
            name: name.into(),
        }
    }

    fn found(fixer: &str, severity: Severity, object: &str, related: &[&str]) -> Found {
        Found {
            fixer: fixer.into(),
            id: "x".into(),
            severity,
            message: String::new(),
            object: Some(id("Deployment", object)),
            field: None,
            related: related.iter().map(|name| id("Pod", name)).collect(),
            managed_by: None,
            mendable: false,
            by_hand: false,
            explained_by: None,
            known: false,
            suppressed: None,
        }
    }

    #[test]
    fn a_symptom_points_to_what_explains_all_of_it_and_is_as_bad() {
        use Severity::{Error, Warning};
        let explained = |cause: Found, symptom: Found| {
            let mut findings = [cause, symptom];
            fold(&mut findings, |found| found.fixer == "health");
            findings[1].explained_by == Some(0)
        };
        let symptom = || found("health", Error, "web", &["a", "b"]);
        assert!(explained(
            found("images", Error, "other", &["a", "b", "c"]),
            symptom()
        ));
        assert!(!explained(found("images", Error, "web", &["a"]), symptom()));
        assert!(!explained(
            found("images", Warning, "web", &["a", "b"]),
            symptom()
        ));
        assert!(!explained(
            found("health", Error, "web", &["a", "b"]),
            symptom()
        ));
        assert!(!explained(symptom(), found("images", Error, "web", &["a"])));
        let without_pods = found("health", Warning, "web", &[]);
        assert!(explained(
            found("images", Warning, "web", &["a"]),
            without_pods
        ));
    }

    #[test]
    fn the_worst_comes_first_and_a_fixers_order_stays() {
        let mut findings = [
            found("b", Severity::Info, "1", &[]),
            found("b", Severity::Error, "z", &[]),
            found("b", Severity::Error, "a", &[]),
            found("a", Severity::Error, "3", &[]),
        ];
        order(&mut findings);
        let order = findings.map(|found| found.object.unwrap_or_else(|| id("", "")).name);
        assert_eq!(order, ["3", "z", "a", "1"]);
    }

    #[test]
    fn a_baseline_is_a_diagnosis_and_nothing_else() {
        let known = found("images", Severity::Error, "web", &[]);
        let text = serde_json::json!({"apiVersion": "output.nks/v1", "kind": "Diagnosis", "findings": [known]});
        let baseline = Baseline::parse(&text.to_string()).unwrap();
        assert!(baseline.knows(&found("images", Severity::Warning, "web", &["a"])));
        assert!(!baseline.knows(&found("images", Severity::Error, "db", &[])));
        for other in [
            "{}",
            "[]",
            "{",
            r#"{"apiVersion": "output.nks/v1", "kind": "Plan", "findings": []}"#,
        ] {
            assert!(Baseline::parse(other).is_err(), "{other}");
        }
    }
}
