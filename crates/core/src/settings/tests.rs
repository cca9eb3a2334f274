use super::*;
use serde_json::json;

fn schema() -> Schema {
    serde_json::from_value(json!({"type": "object", "properties": {
            "registry": {"type": "string", "default": "docker.io", "enum": ["docker.io", "quay.io"]},
            "count": {"type": "integer"}, "login": {"type": "string", "format": "secret"}}, "additionalProperties": false}))
        .unwrap()
}

#[test]
fn defaults_are_filled_and_typed_values_win() {
    assert_eq!(
        schema().resolve(&[], &Credentials::default()).unwrap(),
        json!({"registry": "docker.io"})
    );
    let typed = ["registry=quay.io".to_owned(), "count=3".to_owned()];
    assert_eq!(
        schema().resolve(&typed, &Credentials::default()).unwrap(),
        json!({"registry": "quay.io", "count": 3})
    );
}

#[test]
fn what_is_not_accepted_is_named() {
    let said = |typed: &str| {
        schema()
            .resolve(&[typed.to_owned()], &Credentials::default())
            .unwrap_err()
            .to_string()
    };
    assert_eq!(said("registry"), "`registry` is not of the form name=value");
    assert_eq!(
        said("count=many"),
        "`count` takes a whole number, not `many`"
    );
    assert_eq!(
        said("registry=x"),
        "`registry` takes one of docker.io, quay.io, not `x`"
    );
    assert_eq!(
        said("other=1"),
        "there is no setting `other`; there is count, login, registry"
    );
}

#[test]
fn a_secret_is_never_typed() {
    let typed = ["login=hunter2".to_owned()];
    let refused = schema().resolve(&typed, &Credentials::default());
    let said = refused.unwrap_err().to_string();
    assert!(said.contains("--set-file login=FILE"), "{said}");
    assert!(!said.contains("hunter2"), "{said}");
    let mut given = Credentials::default();
    given.insert("login", "hunter2".into());
    let settings = schema().resolve(&[], &given).unwrap();
    let expected = json!({"registry": "docker.io", "login": "nks-secret-setting-login"});
    assert_eq!(settings, expected);
}

#[test]
fn only_secrets_come_from_files_and_each_once() {
    let files = |typed: &[&str]| {
        let typed: Vec<String> = typed.iter().map(|&one| one.into()).collect();
        let schema = schema();
        let files = schema.files(&typed).map_err(|problem| problem.to_string());
        files.map(|files| {
            files
                .into_iter()
                .map(|(a, b)| [a, b].join(" "))
                .collect::<Vec<_>>()
        })
    };
    assert_eq!(files(&["login=a=b"]), Ok(vec!["login a=b".into()]));
    for (typed, said) in [
        (
            &["registry=f"][..],
            "`registry` is no secret: --set registry=VALUE sets it",
        ),
        (&["login=a", "login=b"], "`login` is given twice"),
        (
            &["hunter2"],
            "--set-file takes name=FILE; of secret settings, there is login",
        ),
        (
            &["hunter2=f"],
            "--set-file takes name=FILE; of secret settings, there is login",
        ),
    ] {
        assert_eq!(files(typed), Err(said.into()));
    }
}

#[test]
fn a_secret_is_text_that_no_manifest_knows() {
    for property in [
        json!({"type": "integer", "format": "secret"}),
        json!({"type": "string", "format": "secret", "default": "a"}),
        json!({"type": "string", "format": "secret", "enum": ["a"]}),
    ] {
        let schema = json!({"type": "object", "properties": {"p": property}});
        let schema: Schema = serde_json::from_value(schema).unwrap();
        assert!(schema.check().is_err(), "{property}");
    }
    assert_eq!(schema().check(), Ok(()));
}
