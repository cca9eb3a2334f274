use nks_fixer::{Fixer, Input, Outcome, Report};
use nks_golden::Golden;
use serde_json::json;

use crate::{DockerHubLimit, SECRET_RULE};

nks_golden::tests!(DockerHubLimit);

/// What is asked for of a case, by namespace.
fn asked(case: &str) -> Vec<String> {
    let golden = Golden::open(env!("CARGO_MANIFEST_DIR"));
    let queries = match DockerHubLimit::analyze(&golden.input(golden.case(case))) {
        Ok(Outcome::Need(queries)) => queries,
        Ok(Outcome::Done(_)) => Vec::new(),
        Err(problem) => panic!("{problem}"),
    };
    let rule = &golden.manifest.spec.reads[SECRET_RULE as usize];
    assert_eq!((rule.kind.as_str(), rule.asked), ("Secret", true));
    let place = |query: nks_fixer::Query| {
        assert_eq!(query.rule, SECRET_RULE);
        [query.namespace.unwrap(), query.name.unwrap()].join("/")
    };
    queries.into_iter().map(place).collect()
}

#[test]
fn a_secret_is_asked_for_only_where_it_matters() {
    assert!(asked("no-credentials").is_empty());
    assert!(asked("other-causes").is_empty());
    assert_eq!(asked("credentials"), ["pay/docker-hub", "shop/docker-hub"]);
    assert_eq!(asked("secret-missing"), ["shop/docker-hub"]);
    // What was handed over already is not asked for.
    assert!(asked("secret-there").is_empty());
}

#[test]
fn nothing_at_all_is_no_problem() {
    let mut input = Input::of_values([json!({"apiVersion": "v1", "kind": "Pod"})]);
    input.context.settings = json!({"credentials": "nks-secret-setting-credentials"});
    let report = DockerHubLimit::analyze(&input);
    assert_eq!(report, Ok(Outcome::Done(Report::default())));
}
