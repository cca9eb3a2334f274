use super::*;
use nks_core::report::Report;
use serde_json::json;

const LANGUAGES: [Language; 2] = [Language::English, Language::Korean];

/// A fixer that declares as little as it can, and `more` of its manifest.
fn fixer(more: &str) -> Fixer {
    let manifest = format!(
        "
apiVersion: fixer.nks/v1
kind: Fixer
metadata: {{name: small}}
spec:
  version: 1.0.0
  about: {{title: {{en: A title, ko: 제목}}, cause: {{en: A cause., ko: 원인입니다.}}}}
  messages: {{found: {{en: 'in {{where}}', ko: '{{where}}에서'}}}}
{more}"
    );
    Fixer {
        manifest: Manifest::from_yaml(&manifest).unwrap(),
        said: Said::default(),
    }
}

const NODES: &str = "  reads: [{apiVersion: v1, kind: Node, fields: [/spec]}]\n";

fn page(fixer: &Fixer) -> String {
    fixer
        .page(&Words::load(Language::English).unwrap())
        .unwrap()
}

/// A page's lines outside of code.
fn prose(page: &str) -> Vec<&str> {
    let mut fenced = false;
    let outside = |line: &&str| {
        let fence = line.starts_with("```");
        fenced ^= fence;
        !fenced && !fence
    };
    page.lines().filter(outside).collect()
}

#[test]
fn only_what_is_between_the_markers_is_replaced() {
    let text = "a\n<!-- fixers -->\nold\n<!-- /fixers -->\nb\n";
    let changed = between_markers(text, "| new |\n").unwrap();
    assert_eq!(
        changed,
        "a\n<!-- fixers -->\n\n| new |\n\n<!-- /fixers -->\nb\n"
    );
    assert_eq!(between_markers(&changed, "| new |\n").unwrap(), changed);
    for broken in ["", "<!-- fixers -->\n", "<!-- /fixers --><!-- fixers -->\n"] {
        let problem = between_markers(broken, "").unwrap_err().to_string();
        assert!(problem.contains("<!-- /fixers -->"), "{problem}");
    }
}

#[test]
fn a_page_is_made_of_what_there_is() {
    let page = page(&fixer(NODES));
    for there in [
        "A cause.",
        "| Node (v1) | cluster-scoped | all | `/spec` |",
        "Nothing: it reports.",
    ] {
        assert!(page.contains(there), "{there}: {page}");
    }
    for missing in [
        "guide",
        "## Settings",
        "## What it finds",
        "## Cases",
        "nks fix",
    ] {
        assert!(!page.contains(missing), "{missing}: {page}");
    }
    assert!(page.contains("| `found` | in {where} |"), "{page}");
}

#[test]
fn reads_say_what_narrows_them() {
    let page = page(&fixer(
        "
  reads:
  - {apiVersion: v1, kind: Pod, namespaces: [a, b], labels: k=v, when: unhealthy, fields: []}
  - {apiVersion: apps/v1, kind: Deployment, names: [web], optional: true, fields: [/spec, /status]}
  - {apiVersion: probe.nks/v1, kind: Discovery, fields: [/groupVersions]}
  - {apiVersion: probe.nks/v1, kind: ContainerLog, filter: 'error|refused', fields: []}
",
    ));
    for row in [
        "| Pod (v1) | a, b | with the label `k=v`; those not Running and Ready | — |",
        "| Deployment (apps/v1) | all | `web`; may be missing | `/spec`, `/status` |",
        "| Discovery (probe.nks/v1) | — | the API versions that the server serves | `/groupVersions` |",
        "that match `error\\|refused` | — |",
    ] {
        assert!(page.contains(row), "{row}: {page}");
    }
}

#[test]
fn a_setting_shows_its_default_also_when_it_is_a_number() {
    let settings = "  settings: {type: object, properties: {days: {type: integer, default: 60}, from: {type: string, enum: [a, b]}}}\n";
    let page = page(&fixer(&[NODES, settings].concat()));
    assert!(
        page.contains("| `days` | a whole number | `60` | — |"),
        "{page}"
    );
    assert!(page.contains("| `from` | `a`, `b` | — | — |"), "{page}");
}

#[test]
fn what_mends_only_with_a_setting_says_so() {
    let writes =
        "  writes: [{apiVersion: v1, kind: Node, verbs: [patch], paths: [/spec/taints], max: 1}]\n";
    let mut fixer = fixer(&[NODES, writes].concat());
    assert_eq!(fixer.acts(), Acts::Mends);
    let report: Report = serde_json::from_value(json!({
        "findings": [{"message": "found", "severity": "error", "target": 0, "field": null, "related": [], "args": []}],
        "steps": [{"message": "found", "args": [], "findings": [0], "change": {"patch": {"target": 0, "ops": "[]"}},
            "risk": "safe", "needs": [], "wait": false, "expect": []}],
    }))
    .unwrap();
    fixer.said.add(&report, true);
    assert_eq!(fixer.acts(), Acts::WhenAsked);
    assert!(page(&fixer).contains("| `found` | error | in {where} | with a setting |"));
    assert!(page(&fixer).contains("nks fix small --set NAME=VALUE\n"));
    fixer.said.add(&report, false);
    assert!(page(&fixer).contains("nks fix small\n"));
    assert_eq!(fixer.acts(), Acts::Mends);
}

#[test]
fn every_page_is_whole_and_well_formed() {
    let fixers = fixers(&root()).unwrap();
    assert!(!fixers.is_empty());
    for (fixer, language) in fixers
        .iter()
        .flat_map(|fixer| LANGUAGES.map(|language| (fixer, language)))
    {
        let page = fixer.page(&Words::load(language).unwrap()).unwrap();
        let name = fixer.manifest.name();
        for id in fixer.manifest.spec.messages.keys() {
            assert!(page.contains(&format!("| `{id}` |")), "{name}: {id}");
        }
        let mut columns = None;
        let mut after_heading = false;
        for line in prose(&page).into_iter().filter(|line| !line.is_empty()) {
            let heading = line.starts_with('#');
            assert!(!(heading && after_heading), "{name}: nothing before {line}");
            after_heading = heading;
            let cells = line
                .starts_with('|')
                .then(|| line.replace("\\|", "").matches('|').count());
            assert!(
                columns.is_none() || cells.is_none() || columns == cells,
                "{name}: {line}"
            );
            columns = cells;
        }
    }
}

#[test]
fn both_languages_say_everything() {
    let table: BTreeMap<String, nks_core::message::Text> =
        nks_core::json::parse(include_str!("../../catalogue.json")).unwrap();
    for (id, text) in table {
        assert!(!text.en.is_empty() && !text.ko.is_empty(), "{id}");
        let names = |template| {
            nks_core::message::placeholders(template).collect::<std::collections::BTreeSet<_>>()
        };
        assert_eq!(names(&text.en), names(&text.ko), "{id}");
    }
}

#[test]
fn a_page_of_a_fixer_that_is_gone_is_named() {
    let root = tempfile::tempdir().unwrap();
    let pages = root.path().join(PAGES);
    fs::create_dir_all(&pages).unwrap();
    let known = BTreeMap::from([(pages.join("here.md"), String::new())]);
    fs::write(pages.join("here.md"), "").unwrap();
    no_strangers(root.path(), &known).unwrap();
    fs::write(pages.join("gone.ko.md"), "").unwrap();
    let problem = no_strangers(root.path(), &known).unwrap_err().to_string();
    assert!(problem.contains("gone.ko.md is of no fixer"), "{problem}");
}
