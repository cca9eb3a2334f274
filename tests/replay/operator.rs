//! The ordinary operator: who holds exactly the roles that `kubectl-nks explain FIXER -o rbac` prints.

use std::collections::BTreeSet;
use std::fs;
use std::path::PathBuf;
use std::thread;
use std::time::{Duration, Instant};

use nks_bed::Bed;
use serde_json::{Value, json};

use crate::load::{Loader, text};
use crate::support::{self, User};

/// How long a new right may take to be one.
const PATIENCE: Duration = Duration::from_secs(10);

const GROUP: &str = "/apis/rbac.authorization.k8s.io/v1";

/// The operator of one fixer on one server.
pub(crate) struct Operator {
    name: String,
    roles: Vec<Value>,
    /// One whose context is called as NKS calls it, and one whose is not.
    kubeconfigs: [PathBuf; 2],
}

impl Operator {
    pub(crate) fn of(bed: &Bed, context: &str, fixer: &str) -> Self {
        let printed = User::new().nks(&["explain", fixer, "-o", "rbac"]);
        support::expect(&printed, 0);
        let name = format!("operator-of-{fixer}");
        let path = bed.operator(&name, &[]).expect("the operator is made");
        let elsewhere = path.with_extension("elsewhere");
        let kubeconfig = fs::read_to_string(&path).expect("the bed wrote it");
        fs::write(&elsewhere, kubeconfig.replace(context, "elsewhere"))
            .expect("a kubeconfig is written");
        let documents = printed.stdout.split("---\n");
        Self {
            name,
            roles: documents
                .map(|document| nks_core::yaml::parse(document).expect("a role is YAML"))
                .collect(),
            kubeconfigs: [path, elsewhere],
        }
    }

    /// A user with a home of their own, of a cluster that is NKS's or does not say so.
    pub(crate) fn user(&self, is_nks: bool) -> User {
        User::with(&self.kubeconfigs[usize::from(!is_nks)])
    }

    /// Gives the operator the roles, but for those in namespaces that there are not: nobody can make these.
    pub(crate) fn admit(&self, loader: &Loader, namespaces: &BTreeSet<String>) -> Vec<Value> {
        let roles = self.roles.iter().filter(|role| {
            let namespace = role.pointer("/metadata/namespace").and_then(Value::as_str);
            namespace.is_none_or(|name| namespaces.contains(name))
        });
        roles
            .inspect(|role| {
                let kind = text(role, "/kind");
                let list = match text(role, "/metadata/namespace") {
                    none if none.is_empty() => GROUP.to_owned(),
                    namespace => format!("{GROUP}/namespaces/{namespace}"),
                };
                let binding = json!({
                    "metadata": {"name": text(role, "/metadata/name")},
                    "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": kind, "name": text(role, "/metadata/name")},
                    "subjects": [{"apiGroup": "rbac.authorization.k8s.io", "kind": "User", "name": self.name}],
                });
                let lower = kind.to_lowercase();
                for (path, body) in [(format!("{list}/{lower}s"), *role), (format!("{list}/{lower}bindings"), &binding)] {
                    loader
                        .api
                        .post(&path, body)
                        .unwrap_or_else(|refused| panic!("{path}: {}", refused.message));
                }
            })
            .cloned()
            .collect()
    }

    /// Waits until the server knows of the roles, which its authorizer is told a moment later.
    pub(crate) fn await_rights(&self, loader: &Loader, roles: &[Value]) {
        let begun = Instant::now();
        for role in roles {
            while !self.has_last_right(loader, role) {
                assert!(begun.elapsed() < PATIENCE, "not granted: {role}");
                thread::sleep(Duration::from_millis(20));
            }
        }
    }

    fn has_last_right(&self, loader: &Loader, role: &Value) -> bool {
        let rules = role["rules"].as_array().expect("a role has rules");
        let rule = rules.last().expect("a role has a rule");
        let first = |field: &str| text(rule, &format!("/{field}/0"));
        let resource = first("resources");
        let (resource, subresource) = resource.split_once('/').unwrap_or((&resource, ""));
        let review = json!({"spec": {"user": self.name, "resourceAttributes": {
            "namespace": text(role, "/metadata/namespace"),
            "verb": first("verbs"),
            "group": first("apiGroups"),
            "resource": resource,
            "subresource": subresource,
            "name": first("resourceNames"),
        }}});
        let reviews = "/apis/authorization.k8s.io/v1/subjectaccessreviews";
        let answer = loader.api.post(reviews, &review);
        answer.is_ok_and(|answer| answer["status"]["allowed"] == true)
    }
}
