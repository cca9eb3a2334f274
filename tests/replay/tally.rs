//! How much was found of what there was to find, per fixer and server.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs;
use std::sync::{Mutex, PoisonError};

use serde_json::{Value, json};

use crate::scenario::Shown;
use crate::support;

/// Counts over the findings of `diagnose`.
#[derive(Clone, Debug, Default)]
pub(crate) struct Tally {
    pub(crate) scenarios: usize,
    pub(crate) mended: usize,
    pub(crate) skipped: BTreeMap<String, &'static str>,
    true_positives: usize,
    false_positives: usize,
    false_negatives: usize,
}

impl Tally {
    pub(crate) fn add(&mut self, shown: &Shown) {
        self.scenarios += 1;
        self.mended += usize::from(shown.mended);
        let expected: usize = shown.expected.values().sum();
        let found: usize = shown.found.values().sum();
        let both: usize = shown
            .expected
            .iter()
            .map(|(line, count)| shown.found.get(line).copied().unwrap_or(0).min(*count))
            .sum();
        self.true_positives += both;
        self.false_positives += found - both;
        self.false_negatives += expected - both;
    }

    /// Of what was found, the part that was there; 1 where nothing was found.
    fn precision(&self) -> f64 {
        share(self.true_positives, self.false_positives)
    }

    /// Of what was there, the part that was found; 1 where nothing was there.
    fn recall(&self) -> f64 {
        share(self.true_positives, self.false_negatives)
    }

    fn json(&self) -> Value {
        json!({
            "scenarios": self.scenarios,
            "mendedAndPutBack": self.mended,
            "truePositives": self.true_positives,
            "falsePositives": self.false_positives,
            "falseNegatives": self.false_negatives,
            "precision": self.precision(),
            "recall": self.recall(),
            "skipped": self.skipped,
        })
    }
}

fn share(right: usize, wrong: usize) -> f64 {
    if right + wrong == 0 {
        return 1.0;
    }
    // Counts of findings are far below 2^52.
    right as f64 / (right + wrong) as f64
}

type Tallies = BTreeMap<(String, String), Tally>;

static TALLIES: Mutex<Tallies> = Mutex::new(Tallies::new());

/// Adds a fixer's result on a server, and writes all of them to `target/nks/replay.json`.
pub(crate) fn record(version: &str, fixer: &str, tally: Tally) {
    let mut all = TALLIES.lock().unwrap_or_else(PoisonError::into_inner);
    all.insert((fixer.to_owned(), version.to_owned()), tally);
    let results: Vec<Value> = all
        .iter()
        .map(|((fixer, version), tally)| {
            let mut result = tally.json();
            result["fixer"] = json!(fixer);
            result["kubernetes"] = json!(version);
            result
        })
        .collect();
    let path = support::root("target/nks/replay.json");
    let text = json!({"formatVersion": 1, "results": results});
    fs::create_dir_all(support::root("target/nks")).expect("the folder of results is made");
    fs::write(path, format!("{text:#}\n")).expect("the results are written");
}

/// All results so far, for people.
pub(crate) fn table() -> String {
    let all = TALLIES.lock().unwrap_or_else(PoisonError::into_inner);
    let mut text = format!(
        "{:24}{:10}{:>10}{:>8}{:>8}{:>5}{:>5}{:>5}{:>11}{:>8}\n",
        "fixer",
        "server",
        "scenarios",
        "mended",
        "skipped",
        "TP",
        "FP",
        "FN",
        "precision",
        "recall"
    );
    for ((fixer, version), tally) in all.iter() {
        writeln!(
            text,
            "{fixer:24}{version:10}{:>10}{:>8}{:>8}{:>5}{:>5}{:>5}{:>11.3}{:>8.3}",
            tally.scenarios,
            tally.mended,
            tally.skipped.len(),
            tally.true_positives,
            tally.false_positives,
            tally.false_negatives,
            tally.precision(),
            tally.recall(),
        )
        .expect("text takes text");
    }
    text
}
