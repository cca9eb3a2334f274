//! Images that Docker Hub's pull limit holds back are pulled with a login.
//!
//! The guide: "The status of the Pod appears as ImagePullBackOff". Docker Hub counts pulls for a public address, which
//! nodes without a floating IP share; with a login it counts them for the account. The guide's numbers are left out here:
//! they have changed since, and nothing depends on them.
//!
//! | Question | answered in |
//! |---|---|
//! | Does a message tell of this limit, and of whose? | `limit.rs` |
//! | Which pods wait because of it? | `failing.rs` |
//! | What has to list a pull Secret, so that their successors have it? | `source.rs` |
//! | What is done, in which order? | `repair.rs` |
//! | What is to be said? | this file |
//!
//! Only the failing pods are made anew, since each pull counts, and only where something makes them again. A pull Secret
//! that is there stays as it is.

mod failing;
mod limit;
mod repair;
mod source;
#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, BTreeSet};

use failing::Failing;
use limit::Login;
use nks_fixer::{Finding, Fixer, Input, Object, Outcome, Owners, Query, Report, naming};
use repair::Repair;
use source::Source;

/// The fixer.
#[derive(Debug)]
pub struct DockerHubLimit;

nks_fixer::export!(DockerHubLimit);

/// The position of the Secret's rule in `fixer.yaml`.
const SECRET_RULE: u32 = 9;

impl Fixer for DockerHubLimit {
    fn analyze(input: &Input) -> Result<Outcome, String> {
        let failing = failing::pods(input);
        let scene = Scene::of(input);
        let unseen = scene.unseen(&failing);
        if input.context.round == 0 && !unseen.is_empty() {
            return Ok(Outcome::Need(unseen));
        }
        let mut report = Report::default();
        let mut groups: BTreeMap<(u32, &str), Vec<Failing>> = BTreeMap::new();
        for one in failing {
            let workload = scene.owners.top(one.pod.index);
            let group = groups.entry((workload, scene.message(&one))).or_default();
            group.push(one);
        }
        let mut repairs = Vec::new();
        for ((workload, message), pods) in groups {
            let found = report.finding(scene.finding(message, workload, &pods));
            for one in pods.into_iter().filter(|_| message == "limited") {
                repairs.push(Repair {
                    found,
                    source: scene.source(&one),
                    pod: one.pod,
                    workload,
                });
            }
        }
        repair::plan(&scene, &repairs, &mut report);
        Ok(Outcome::Done(report))
    }
}

/// What is asked again and again.
pub(crate) struct Scene<'a> {
    pub(crate) input: &'a Input,
    pub(crate) owners: Owners<'a>,
    /// ServiceAccounts and Secrets by kind, namespace and name.
    named: BTreeMap<[&'a str; 3], u32>,
    /// The name of the pull Secret.
    pub(crate) secret: &'a str,
    /// The token of the credentials, where they were given.
    pub(crate) credentials: Option<&'a str>,
}

/// What there is under the name of the pull Secret.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kept {
    Nothing,
    PullSecret,
    Other,
}

impl<'a> Scene<'a> {
    fn of(input: &'a Input) -> Self {
        let named = input
            .indexed()
            .filter(|(_, object)| object.kind == "ServiceAccount" || object.kind == "Secret");
        let place = |object: &'a Object| {
            [&object.kind, &object.namespace, &object.name].map(String::as_str)
        };
        Self {
            input,
            owners: Owners::of(input),
            named: named
                .map(|(index, object)| (place(object), index))
                .collect(),
            secret: input.context.setting("secretName").unwrap_or("docker-hub"),
            credentials: input.context.setting("credentials"),
        }
    }

    /// What has to be asked for: whether the Secret is there, where it is to be made or is listed already. A diagnosis of
    /// a cluster where nobody has heard of it asks for none.
    fn unseen(&self, failing: &[Failing]) -> Vec<Query> {
        let matters = failing.iter().filter(|one| {
            self.credentials.is_some()
                || self.pod_lists_it(one)
                || self.source_lists_it(self.source(one))
        });
        let namespaces: BTreeSet<&str> = matters.map(|one| one.pod.namespace.as_str()).collect();
        let query = |namespace: &str| Query {
            rule: SECRET_RULE,
            namespace: Some(namespace.to_owned()),
            name: Some(self.secret.to_owned()),
            args: Vec::new(),
        };
        let unseen = namespaces
            .into_iter()
            .filter(|namespace| self.kept(namespace) == Kept::Nothing);
        unseen.map(query).collect()
    }

    /// What there is under the Secret's name in a namespace.
    pub(crate) fn kept(&self, namespace: &str) -> Kept {
        let secret = self.named("Secret", namespace, self.secret);
        match secret.map(|index| self.input.objects[index as usize].text("/type")) {
            None => Kept::Nothing,
            Some(Some("kubernetes.io/dockerconfigjson" | "kubernetes.io/dockercfg")) => {
                Kept::PullSecret
            }
            Some(_) => Kept::Other,
        }
    }

    /// The index of a ServiceAccount or Secret.
    pub(crate) fn named(&self, kind: &str, namespace: &str, name: &str) -> Option<u32> {
        self.named.get(&[kind, namespace, name]).copied()
    }

    fn source(&self, one: &Failing) -> Source {
        source::of(self, &one.pod)
    }

    fn pod_lists_it(&self, one: &Failing) -> bool {
        source::names(one.pod.object, "/spec/imagePullSecrets").contains(&self.secret)
    }

    /// Whether the next pod would have the Secret in its list.
    pub(crate) fn source_lists_it(&self, source: Source) -> bool {
        let (index, list) = match source {
            Source::Account(index) => (index, source::ACCOUNT),
            Source::Template(index) | Source::Job(index) => (index, source::TEMPLATE),
            Source::Nobody | Source::Node | Source::Unknown => return false,
        };
        source::names(&self.input.objects[index as usize], list).contains(&self.secret)
    }

    /// The message about a pod: `limited` is what a login can mend.
    fn message(&self, one: &Failing) -> &'static str {
        let there = self.kept(&one.pod.namespace);
        let listed = there == Kept::PullSecret && self.pod_lists_it(one);
        match one.login {
            Login::With => return "limited-with-login",
            Login::Unknown if listed => return "limited-with-login",
            Login::Without if listed => return "login-not-used",
            Login::Unknown | Login::Without => {}
        }
        if !one.images.iter().any(|image| limit::takes_a_login(image)) {
            return "other-spelling";
        }
        if there == Kept::Other {
            return "not-a-pull-secret";
        }
        match self.source(one) {
            source @ Source::Template(index)
                if there == Kept::PullSecret
                    && self.source_lists_it(source)
                    && self.rolls_out(index) =>
            {
                "rolling-out"
            }
            _ => "limited",
        }
    }

    /// Whether a workload replaces its failing pods by itself once its template is changed. A StatefulSet waits for them,
    /// and a DaemonSet may be told to wait for somebody to delete them.
    pub(crate) fn rolls_out(&self, index: u32) -> bool {
        let workload = &self.input.objects[index as usize];
        let on_delete = workload.text("/spec/updateStrategy/type") == Some("OnDelete");
        workload.kind != "StatefulSet" && !on_delete
    }

    /// What a finding's object is called. Of a pod whose controller was not read, that controller.
    pub(crate) fn name(&self, index: u32) -> String {
        let object = &self.input.objects[index as usize];
        let owner = object.controller().filter(|_| object.kind == "Pod");
        let text = |key: &str| owner.and_then(|owner| owner.get(key)?.as_str());
        match (text("kind"), text("name")) {
            (Some(kind), Some(name)) => [&kind.to_ascii_lowercase(), "/", name].concat(),
            _ => object.display_name(),
        }
    }

    /// A finding about pods of one workload.
    fn finding(&self, message: &str, workload: u32, pods: &[Failing]) -> Finding {
        let object = &self.input.objects[workload as usize];
        let images = pods.iter().flat_map(|one| one.images.iter().copied());
        Finding::error(message)
            .on(workload)
            .seen_on(
                pods.iter()
                    .map(|one| one.pod.index)
                    .filter(|pod| *pod != workload),
            )
            .arg("workload", self.name(workload))
            .arg("images", naming::list(images))
            .arg("pods", pods.len().to_string())
            .arg("secret", self.secret)
            .arg("namespace", object.namespace.as_str())
    }
}
