//! The rules that matter, one by one. Whole clusters are in `cases`.

use nks_fixer::{Image, Input, Template};
use serde_json::{Value, json};

use crate::search::{Search, search};
use crate::{GithubPackages, access, origin};

nks_golden::tests!(GithubPackages);

fn places(reference: &str) -> Vec<String> {
    origin::places(&Image::parse(reference).unwrap())
}

#[test]
fn the_path_is_mapped_and_the_tag_stays() {
    for (old, new) in [
        (
            "docker.pkg.github.com/Acme/Shop/Api:V1.2",
            vec!["ghcr.io/acme/api:V1.2", "ghcr.io/acme/shop/api:V1.2"],
        ),
        (
            "gchr.io/Acme/shop/api:1.2",
            vec!["ghcr.io/acme/shop/api:1.2", "ghcr.io/acme/api:1.2"],
        ),
        ("gchr.io/acme/api", vec!["ghcr.io/acme/api"]),
        ("gchr.io/acme/a/b/c:1", vec!["ghcr.io/acme/a/b/c:1"]),
        ("docker.pkg.github.com/acme/api:1.2", vec![]),
        ("docker.pkg.github.com/acme/shop/deep/api:1.2", vec![]),
        ("docker.pkg.github.com/acme//api:1.2", vec![]),
        ("gchr.io/api:1.2", vec![]),
    ] {
        assert_eq!(places(old), new, "{old}");
    }
}

#[test]
fn what_only_looks_like_it_is_of_no_concern() {
    for other in [
        "ghcr.io/acme/api:1",
        "docker.pkg.github.com.example.com/acme/shop/api:1",
        "mirror.example.com/docker.pkg.github.com/acme/shop/api:1",
        "pkg.github.com/acme/shop/api:1",
        "gchr.io.example.com/acme/api:1",
    ] {
        assert_eq!(origin::host(&Image::parse(other).unwrap()), None, "{other}");
    }
}

/// What comes of the verdicts of the first and the second place.
fn found(verdicts: [Option<&str>; 2]) -> Search {
    let places = ["ghcr.io/acme/api:1", "ghcr.io/acme/shop/api:1"];
    let answers = places.into_iter().zip(verdicts).filter_map(|(place, verdict)| {
        Some(json!({"apiVersion": "probe.nks/v1", "kind": "ImageProbe", "image": place, "verdict": verdict?,
            "message": "why", "metadata": {"name": place, "namespace": "shop"}}))
    });
    let image = Image::parse("docker.pkg.github.com/acme/shop/api:1").unwrap();
    search(&Input::of_values(answers), "shop", &image)
}

#[test]
fn the_likelier_place_counts_unless_it_is_not_known() {
    let at = |at: &str, also: Option<&str>| Search::Found {
        at: at.to_owned(),
        also: also.map(str::to_owned),
    };
    let (first, second) = ("ghcr.io/acme/api:1", "ghcr.io/acme/shop/api:1");
    let (pulled, failed, unknown) = (Some("pulled"), Some("failed"), Some("unknown"));
    assert_eq!(found([pulled, pulled]), at(first, Some(second)));
    assert_eq!(found([pulled, failed]), at(first, None));
    assert_eq!(found([pulled, unknown]), at(first, None));
    assert_eq!(found([failed, pulled]), at(second, None));
    assert!(matches!(found([unknown, pulled]), Search::Unclear(_)));
    assert!(matches!(found([failed, unknown]), Search::Unclear(_)));
    assert!(matches!(found([failed, failed]), Search::Refused(all) if all.len() == 2));
    assert_eq!(
        found([pulled, None]),
        Search::Unasked(vec![second.to_owned()])
    );
}

#[test]
fn pull_secrets_and_the_service_account_make_the_access() {
    let same = |one: Value, other: Value| {
        let of = |spec: Value| json!({"apiVersion": "apps/v1", "kind": "Deployment", "spec": {"template": {"spec": spec}}});
        let input = Input::of_values([of(one), of(other)]);
        let both: Vec<Template> = input.templates().collect();
        access::is_same(&both[0], &both[1])
    };
    let with = |name: &str| json!({"imagePullSecrets": [{"name": name}]});
    assert!(same(with("a"), with("a")));
    assert!(same(json!({}), json!({"serviceAccountName": "default"})));
    assert!(!same(with("a"), with("b")));
    assert!(!same(with("a"), json!({})));
    assert!(!same(json!({}), json!({"serviceAccountName": "ci"})));
}
