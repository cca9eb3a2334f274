//! Ten workloads of one team, each made by another tool than in the teams before and after it.

use serde_json::{Value, json};

use super::pods::{self, add};

/// Who has made a workload.
#[derive(Clone, Copy)]
enum Maker {
    Kubectl,
    Helm,
    ArgoByAnnotation,
    ArgoByLabel,
    FluxKustomize,
    FluxHelm,
    Olm,
}

const MAKERS: [Maker; 7] = [
    Maker::Kubectl,
    Maker::Helm,
    Maker::ArgoByAnnotation,
    Maker::ArgoByLabel,
    Maker::FluxKustomize,
    Maker::FluxHelm,
    Maker::Olm,
];

/// A team with a namespace of its own.
pub(super) struct Team {
    pub(super) index: usize,
    pub(super) namespace: String,
}

impl Team {
    pub(super) fn new(index: usize) -> Self {
        let namespace = format!("clean-{index:02}");
        Self { index, namespace }
    }

    /// Every `nth` team has it, beginning with number `from`.
    pub(super) fn is_each(&self, nth: usize, from: usize) -> bool {
        self.index % nth == from
    }

    /// An image of the team, in one of the spellings that references have.
    pub(super) fn image(&self, name: &str) -> String {
        match self.index % 4 {
            0 => format!(
                "registry.example.com/{}/{name}:v1.{}.0",
                self.namespace, self.index
            ),
            1 => format!("ghcr.io/example/{name}:2026.09.01-rc.1"),
            2 => format!("example/{name}:1.2"),
            _ => format!("0123abcd-kr1-registry.container.nhncloud.com/team/{name}:main_abc123"),
        }
    }

    /// An object in the team's namespace.
    pub(super) fn object(
        &self,
        (api_version, kind): (&str, &str),
        name: &str,
        rest: Value,
    ) -> Value {
        let mut object = json!({"apiVersion": api_version, "kind": kind,
            "metadata": {"name": name, "namespace": self.namespace}});
        add(&mut object, rest);
        object
    }

    /// The objects through which the team is called from outside, and to which somebody gives an address.
    pub(super) fn entrances(&self) -> Vec<(&'static str, &Self)> {
        let service = self.is_each(4, 2).then_some(("service", self));
        let ingress = self.is_each(2, 0).then_some(("ingress", self));
        service.into_iter().chain(ingress).collect()
    }

    /// The ten workloads.
    pub(super) fn workloads(&self) -> Vec<Value> {
        let rolling = json!({"strategy": {"type": "RollingUpdate", "rollingUpdate": {"maxSurge": "25%", "maxUnavailable": 0}},
            "revisionHistoryLimit": 3});
        let recreated = json!({"strategy": {"type": "Recreate"}, "progressDeadlineSeconds": 120});
        let nightly = json!({"schedule": "17 3 * * 0", "timeZone": "Asia/Seoul", "concurrencyPolicy": "Forbid",
            "jobTemplate": {"spec": {"backoffLimit": 2, "template": {"spec": pods::batch(self, "nightly")}}}});
        let once = json!({"backoffLimit": 0, "template": {"spec": pods::batch(self, "migrate")}});
        let mut workloads = vec![
            self.deployment("web", 2, pods::web(self), rolling),
            self.deployment("api", 1, pods::api(self), json!({"minReadySeconds": 1})),
            self.deployment("worker", 1, pods::worker(self), recreated),
            self.deployment("operator", 1, pods::operator(), json!({})),
            self.deployment("scaled-down", 0, pods::cache(), json!({})),
            self.stateful_set("database", pods::database(), self.claims()),
            self.stateful_set(
                "cache",
                pods::cache(),
                json!({"podManagementPolicy": "Parallel"}),
            ),
            self.agent(),
            self.object(("batch/v1", "CronJob"), "nightly", json!({"spec": nightly})),
            self.object(("batch/v1", "Job"), "migrate-1", json!({"spec": once})),
        ];
        for (slot, workload) in workloads.iter_mut().enumerate() {
            self.mark(workload, MAKERS[(self.index + slot) % MAKERS.len()]);
        }
        workloads
    }

    fn deployment(&self, name: &str, replicas: u32, pod: Value, more: Value) -> Value {
        let mut spec = self.spec(name, pod);
        add(&mut spec, json!({"replicas": replicas}));
        add(&mut spec, more);
        self.object(("apps/v1", "Deployment"), name, json!({"spec": spec}))
    }

    fn stateful_set(&self, name: &str, pod: Value, more: Value) -> Value {
        let mut spec = self.spec(name, pod);
        add(&mut spec, json!({"serviceName": name}));
        add(&mut spec, more);
        self.object(("apps/v1", "StatefulSet"), name, json!({"spec": spec}))
    }

    /// A DaemonSet; every other team has a Deployment without `replicas` instead, which means one.
    fn agent(&self) -> Value {
        if self.is_each(2, 0) {
            let spec = self.spec("agent", pods::agent(self));
            self.object(("apps/v1", "DaemonSet"), "agent", json!({"spec": spec}))
        } else {
            let spec = self.spec("agent", pods::worker(self));
            self.object(("apps/v1", "Deployment"), "agent", json!({"spec": spec}))
        }
    }

    /// Selector and template. Some teams select by expressions.
    fn spec(&self, name: &str, pod: Value) -> Value {
        let selector = if self.is_each(3, 1) {
            json!({"matchExpressions": [{"key": "app", "operator": "In", "values": [name]}]})
        } else {
            json!({"matchLabels": {"app": name}})
        };
        let labels = json!({"app": name, "app.kubernetes.io/name": name, "team": self.namespace});
        let annotations = json!({"prometheus.io/scrape": "true", "checksum/config": "0f1e2d"});
        json!({"selector": selector,
            "template": {"metadata": {"labels": labels, "annotations": annotations}, "spec": pod}})
    }

    fn claims(&self) -> Value {
        json!({
            "persistentVolumeClaimRetentionPolicy": {"whenDeleted": "Delete", "whenScaled": "Retain"},
            "volumeClaimTemplates": [{"metadata": {"name": "data"}, "spec": {"accessModes": ["ReadWriteOnce"],
                "storageClassName": "clean-static", "resources": {"requests": {"storage": "10Gi"}}}}]})
    }

    /// Puts the marks of a tool on a workload.
    fn mark(&self, workload: &mut Value, maker: Maker) {
        let namespace = self.namespace.as_str();
        let name = workload["metadata"]["name"]
            .as_str()
            .unwrap_or_default()
            .to_owned();
        let kind = workload["kind"].as_str().unwrap_or_default();
        let tracking = format!("{namespace}:apps/{kind}:{namespace}/{name}");
        let (labels, annotations) = match maker {
            Maker::Kubectl => (
                json!({"app": name}),
                json!({"kubectl.kubernetes.io/last-applied-configuration": "{}\n"}),
            ),
            Maker::Helm => (
                json!({"app.kubernetes.io/managed-by": "Helm", "helm.sh/chart": "team-1.4.2", "app.kubernetes.io/version": "1.4.2"}),
                json!({"meta.helm.sh/release-name": "team", "meta.helm.sh/release-namespace": namespace}),
            ),
            Maker::ArgoByAnnotation => (
                json!({}),
                json!({"argocd.argoproj.io/tracking-id": tracking, "argocd.argoproj.io/sync-wave": "1"}),
            ),
            Maker::ArgoByLabel => (
                json!({"argocd.argoproj.io/instance": namespace, "app.kubernetes.io/instance": namespace}),
                json!({}),
            ),
            Maker::FluxKustomize => (
                json!({"kustomize.toolkit.fluxcd.io/name": "apps", "kustomize.toolkit.fluxcd.io/namespace": "flux-system"}),
                json!({}),
            ),
            Maker::FluxHelm => (
                json!({"helm.toolkit.fluxcd.io/name": "team", "helm.toolkit.fluxcd.io/namespace": namespace, "app.kubernetes.io/managed-by": "Helm"}),
                json!({"meta.helm.sh/release-name": "team"}),
            ),
            Maker::Olm => (
                json!({"olm.owner": "team.v1.4.2", "olm.owner.kind": "ClusterServiceVersion", "olm.owner.namespace": namespace}),
                json!({"olm.targetNamespaces": ""}),
            ),
        };
        add(
            &mut workload["metadata"],
            json!({"labels": labels, "annotations": annotations}),
        );
    }
}
