//! Operators who each lack one right: never "healthy", and always told which verb on which resource where.

use std::collections::BTreeSet;

use nks_core::manifest::Manifest;
use nks_core::rights::{self, Right};
use serde_json::Value;

use crate::support::{User, root};
use crate::{bed, fixers, roles};

/// One right to read, as a rule of a role.
struct Lacking {
    fixer: String,
    /// Everything but that right.
    roles: Vec<String>,
    /// The resource of that right, `daemonsets.apps`.
    resource: String,
    /// What has to be said.
    said: String,
}

#[test]
fn each_right_to_read_is_needed_and_named_where_it_is_missing() {
    let bed = bed();
    bed.scenario("healthy").unwrap();
    let served = bed.kubectl(&["api-resources", "--output=name"]).unwrap();
    let served: Vec<&str> = served.lines().collect();
    let all: Vec<Lacking> = fixers()
        .iter()
        .flat_map(|fixer| lacking_one(fixer, &roles(&bed, fixer)))
        // Of what this server does not know nothing is missing, whoever asks.
        .filter(|lacking| served.contains(&lacking.resource.as_str()))
        .collect();
    assert!(all.len() >= 10, "only {} restricted roles", all.len());
    for (number, lacking) in all.iter().enumerate() {
        let name = format!("lacks-{number}");
        let roles: Vec<String> = lacking
            .roles
            .iter()
            .map(|role| named(role, &name))
            .collect();
        let roles: Vec<&str> = roles.iter().map(String::as_str).collect();
        let user = User::with(&bed.operator(&name, &roles).unwrap());
        let ran = user.nks(&["diagnose", &lacking.fixer]);
        assert_eq!(ran.code, 3, "without {}: {ran:#?}", lacking.said);
        assert!(
            ran.stdout.contains(&lacking.said),
            "{}: {} is not in {}",
            lacking.fixer,
            lacking.said,
            ran.stdout
        );
        assert!(!ran.stderr.contains("No problems"), "{}", ran.stderr);
    }
    bed.kubectl(&["delete", "namespace", "shop", "--ignore-not-found"])
        .unwrap();
}

/// The roles of a fixer, once without each of the rights to read.
fn lacking_one(fixer: &str, roles: &[String]) -> Vec<Lacking> {
    let documents: Vec<Value> = roles
        .iter()
        .map(|role| nks_core::yaml::parse(role).expect("a role is YAML"))
        .collect();
    let read = read_by_diagnose(fixer);
    let mut all = Vec::new();
    for (position, document) in documents.iter().enumerate() {
        let rules = document["rules"].as_array().expect("a role has rules");
        for (index, rule) in rules.iter().enumerate() {
            let reading = reading(document, rule).filter(|(_, said)| read.contains(said));
            let Some((resource, said)) = reading else {
                continue;
            };
            let mut documents = documents.clone();
            let rules = documents[position]["rules"].as_array_mut();
            rules.expect("a role has rules").remove(index);
            all.push(Lacking {
                fixer: fixer.to_owned(),
                roles: documents.iter().map(Value::to_string).collect(),
                resource,
                said,
            });
        }
    }
    all
}

/// What `diagnose` reads whenever it asks a fixer, as it is said where it is missing: neither what is read once something
/// was found, nor what only `fix` needs.
fn read_by_diagnose(fixer: &str) -> BTreeSet<String> {
    let path = root("fixers").join(fixer).join("fixer.yaml");
    let text = std::fs::read_to_string(path).expect("a fixer has a manifest");
    let mut manifest = Manifest::from_yaml(&text).expect("a manifest is one");
    manifest.spec.reads.retain(|rule| !rule.asked);
    let said = |right: &Right| {
        let group = Some(&right.group).filter(|group| !group.is_empty());
        let group = group.map(|group| format!(".{group}")).unwrap_or_default();
        let name = right.name.as_ref().filter(|_| right.verb == "get");
        let name = name.map(|name| format!("/{name}")).unwrap_or_default();
        let namespace = right.namespace.as_ref();
        let namespace = namespace
            .map(|name| format!(" -n {name}"))
            .unwrap_or_default();
        format!("{} {}{group}{name}{namespace}", right.verb, right.resource)
    };
    rights::to_read(&manifest).iter().map(said).collect()
}

/// The resource of a rule, and what is said where the rule is missing; `None` for rules that are not about what fixers
/// read.
fn reading(role: &Value, rule: &Value) -> Option<(String, String)> {
    let text = |value: &Value| value[0].as_str().unwrap_or_default().to_owned();
    let (group, resource) = (text(&rule["apiGroups"]), text(&rule["resources"]));
    let lists = rule["verbs"].as_array()?.iter().any(|verb| verb == "list");
    // Nodes are read for the facts in the first line; a missing fact is said there, and hides no finding.
    if resource == "nodes" || !(lists || resource == "secrets") {
        return None;
    }
    let resource = match group.as_str() {
        "" => resource,
        group => format!("{resource}.{group}"),
    };
    let namespace = role["metadata"]["namespace"].as_str();
    let namespace = namespace
        .map(|name| format!(" -n {name}"))
        .unwrap_or_default();
    let said = if lists {
        format!("list {resource}{namespace}")
    } else {
        format!("get {resource}/{}{namespace}", text(&rule["resourceNames"]))
    };
    Some((resource, said))
}

fn named(role: &str, name: &str) -> String {
    let mut role: Value = nks_core::yaml::parse(role).expect("a role is YAML");
    role["metadata"]["name"] = name.into();
    role.to_string()
}
