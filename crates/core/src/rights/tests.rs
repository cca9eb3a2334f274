use super::*;

#[test]
fn a_change_without_namespaces_is_one_where_the_kind_is_read() {
    let manifest = Manifest::from_yaml(
        "
apiVersion: fixer.nks/v1
kind: Fixer
metadata: {name: acme/replicas}
spec:
  version: 1.0.0
  about: {title: {en: a, ko: 가}, cause: {en: b, ko: 나}}
  reads: [{apiVersion: apps/v1, kind: Deployment, namespaces: [shop], fields: [/spec]}]
  writes: [{apiVersion: apps/v1, kind: Deployment, verbs: [patch], paths: [/spec/replicas], max: 1}]
  messages: {found: {en: a, ko: 가}}
",
    )
    .unwrap();
    assert_eq!(written_in(&manifest, &manifest.spec.writes[0]), ["shop"]);
    let roles = roles_of(&manifest);
    let of_the_shop = roles
        .iter()
        .find(|role| role["metadata"]["namespace"] == "shop")
        .unwrap();
    assert_eq!(of_the_shop["metadata"]["name"], "kubectl-nks-acme-replicas");
    let verbs = of_the_shop["rules"]
        .as_array()
        .unwrap()
        .iter()
        .find(|rule| rule["resources"][0] == "deployments")
        .map(|rule| &rule["verbs"]);
    assert_eq!(verbs, Some(&json!(["get", "list", "patch"])));
}

#[test]
fn what_is_created_cannot_be_named_in_a_role() {
    let manifest = Manifest::from_yaml(
        "
apiVersion: fixer.nks/v1
kind: Fixer
metadata: {name: acme/test}
spec:
  version: 1.0.0
  about: {title: {en: t, ko: t}, cause: {en: c, ko: c}}
  reads: [{apiVersion: v1, kind: ConfigMap, namespaces: [n], names: [c], fields: [/data]}]
  writes: [{apiVersion: v1, kind: ConfigMap, verbs: [create, delete], paths: [/data], max: 1}]
  messages: {}
",
    );
    let rights = to_write(&manifest.unwrap());
    let on = rights.iter().filter(|right| right.resource == "configmaps");
    let said: Vec<_> = on
        .map(|right| (right.verb.as_str(), right.name.as_deref()))
        .collect();
    let expected = [
        ("create", None),
        ("delete", None),
        ("delete", Some("c")),
        ("get", None),
        ("get", Some("c")),
    ];
    assert_eq!(said, expected);
}

#[test]
fn a_secret_that_is_created_is_looked_at_by_its_name_only() {
    let manifest = Manifest::from_yaml(
        "
apiVersion: fixer.nks/v1
kind: Fixer
metadata: {name: acme/test}
spec:
  version: 1.0.0
  about: {title: {en: t, ko: t}, cause: {en: c, ko: c}}
  secrets: keys
  reads: [{apiVersion: v1, kind: Secret, asked: true, names: ['{name}'], fields: [/type]}]
  writes: [{apiVersion: v1, kind: Secret, verbs: [create], paths: [/data, /type], max: 1}]
  settings: {type: object, properties: {name: {type: string, default: hub}}}
  messages: {}
",
    )
    .unwrap();
    let said = |rights: BTreeSet<Right>| {
        let on = rights
            .into_iter()
            .filter(|right| right.resource == "secrets");
        on.map(|right| (right.namespace, right.verb, right.name))
            .collect::<Vec<_>>()
    };
    let get = (None, "get".to_owned(), Some("hub".to_owned()));
    assert_eq!(said(to_read(&manifest)), std::slice::from_ref(&get));
    let create = (None, "create".to_owned(), None);
    let delete = (None, "delete".to_owned(), Some("hub".to_owned()));
    assert_eq!(said(to_write(&manifest)), [create, delete, get]);
    let settings = json!({"name": "other"});
    let other = said(to_read(&manifest.with(&settings).unwrap()));
    assert_eq!(other, [(None, "get".to_owned(), Some("other".to_owned()))]);
}
