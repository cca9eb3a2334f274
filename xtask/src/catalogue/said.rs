//! What a fixer says and does, as its cases show it: a manifest has the sentences, but neither severity nor risk.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;

use anyhow::{Context, Result};
use nks_core::report::{Change, Report, Risk, Severity};

/// What the cases of a fixer show.
#[derive(Default)]
pub(super) struct Said {
    /// How many cases there are.
    pub(super) cases: usize,
    /// The findings, by message.
    pub(super) findings: BTreeMap<String, Finding>,
    /// The steps, by message.
    pub(super) steps: BTreeMap<String, Step>,
}

/// What the cases show of a finding.
#[derive(Default)]
pub(super) struct Finding {
    pub(super) severities: BTreeSet<Severity>,
    /// How often it is there.
    times: usize,
    /// How often a step that is carried out mends it, without a setting and with one.
    mended: usize,
    mended_when_asked: usize,
    by_hand: bool,
}

/// Who mends a finding, and when.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Mended {
    Yes,
    Sometimes,
    WhenAsked,
    ByHand,
    No,
}

/// What the cases show of a step.
#[derive(Default)]
pub(super) struct Step {
    /// The contract's words for what is done.
    pub(super) changes: BTreeSet<&'static str>,
    /// What carrying it out may cost; nothing where a person does it.
    pub(super) risks: BTreeSet<Risk>,
}

impl Said {
    /// Reads the cases of a fixer, a folder each.
    pub(super) fn read(cases: &Path) -> Result<Self> {
        let mut said = Self::default();
        if !cases.exists() {
            return Ok(said);
        }
        let folders = fs::read_dir(cases).with_context(|| format!("{}", cases.display()))?;
        for folder in folders {
            let folder = folder?.path();
            let path = folder.join("report.json");
            let report = fs::read_to_string(&path)
                .with_context(|| format!("cannot read {}", path.display()))?;
            let report: Report =
                serde_json::from_str(&report).with_context(|| format!("{}", path.display()))?;
            said.add(&report, folder.join("settings.json").exists());
        }
        Ok(said)
    }

    /// Adds a case; `asked` where it has settings.
    pub(super) fn add(&mut self, report: &Report, asked: bool) {
        self.cases += 1;
        let mut mending: BTreeMap<u32, BTreeSet<bool>> = BTreeMap::new();
        for step in &report.steps {
            let carried_out = step.change != Change::Manual;
            for finding in &step.findings {
                mending.entry(*finding).or_default().insert(carried_out);
            }
            let entry = self.steps.entry(step.message.clone()).or_default();
            entry.changes.insert(step.change.word());
            if carried_out {
                entry.risks.insert(step.risk);
            }
        }
        for (index, finding) in (0_u32..).zip(&report.findings) {
            let steps = mending.remove(&index).unwrap_or_default();
            let entry = self.findings.entry(finding.message.clone()).or_default();
            entry.severities.insert(finding.severity);
            entry.times += 1;
            entry.mended += usize::from(steps.contains(&true) && !asked);
            entry.mended_when_asked += usize::from(steps.contains(&true) && asked);
            entry.by_hand |= steps.contains(&false);
        }
    }

    /// Whether something is mended without a setting that asks for it.
    pub(super) fn mends_unasked(&self) -> bool {
        self.findings.values().any(|finding| finding.mended > 0)
    }
}

impl Finding {
    /// Who mends it.
    pub(super) fn mended(&self) -> Mended {
        if self.mended > 0 && self.mended + self.mended_when_asked == self.times {
            Mended::Yes
        } else if self.mended > 0 {
            Mended::Sometimes
        } else if self.mended_when_asked > 0 {
            Mended::WhenAsked
        } else if self.by_hand {
            Mended::ByHand
        } else {
            Mended::No
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    /// A report of one finding, with steps that mend it.
    fn report(changes: &[serde_json::Value]) -> Report {
        let steps: Vec<_> = changes
            .iter()
            .map(|change| {
                json!({"message": "step", "args": [], "findings": [0], "change": change, "risk": "disruptive",
                    "needs": [], "wait": false, "expect": []})
            })
            .collect();
        let finding = json!({"message": "found", "severity": "error", "target": null, "field": null, "related": [],
            "args": []});
        serde_json::from_value(json!({"findings": [finding], "steps": steps})).unwrap()
    }

    fn mended(reports: &[(&[serde_json::Value], bool)]) -> Mended {
        let mut said = Said::default();
        for (changes, asked) in reports {
            said.add(&report(changes), *asked);
        }
        said.findings["found"].mended()
    }

    #[test]
    fn who_mends_a_finding_is_told_from_the_cases() {
        let restart: &[_] = &[json!({"restart": 0})];
        let manual: &[_] = &[json!("manual")];
        assert_eq!(mended(&[(restart, false), (restart, true)]), Mended::Yes);
        assert_eq!(
            mended(&[(restart, false), (manual, false)]),
            Mended::Sometimes
        );
        assert_eq!(
            mended(&[(manual, false), (restart, true)]),
            Mended::WhenAsked
        );
        assert_eq!(mended(&[(restart, true)]), Mended::WhenAsked);
        assert_eq!(mended(&[(manual, false), (&[], false)]), Mended::ByHand);
        assert_eq!(mended(&[(&[], false)]), Mended::No);
    }

    #[test]
    fn what_a_person_does_has_no_risk() {
        let mut said = Said::default();
        said.add(&report(&[json!("manual")]), false);
        assert!(said.steps["step"].risks.is_empty());
        assert!(!said.mends_unasked());
        said.add(&report(&[json!({"restart": 0})]), false);
        assert_eq!(said.steps["step"].risks.len(), 1);
        assert!(said.mends_unasked());
    }
}
