//! What is around workloads: Services, Ingresses, configuration, rights, budgets, quotas and volumes.

use serde_json::{Value, json};

use super::LABEL;
use super::pods::add;
use super::team::Team;

/// What has no namespace: the namespaces themselves, classes, rights, and a volume for each claim.
pub(super) fn cluster(teams: &[Team]) -> Vec<Value> {
    let labels = json!({LABEL: "yes"});
    let object = |(api_version, kind): (&str, &str), name: &str, rest: Value| {
        let mut object = json!({"apiVersion": api_version, "kind": kind, "metadata": {"name": name, "labels": labels}});
        add(&mut object, rest);
        object
    };
    let rules =
        json!([{"apiGroups": [""], "resources": ["pods"], "verbs": ["get", "list", "watch"]}]);
    let subjects: Vec<Value> = teams
        .iter()
        .map(|team| json!({"kind": "ServiceAccount", "name": "operator", "namespace": team.namespace}))
        .collect();
    let mut objects = vec![
        object(
            ("storage.k8s.io/v1", "StorageClass"),
            "clean-static",
            json!({"provisioner": "kubernetes.io/no-provisioner",
            "volumeBindingMode": "WaitForFirstConsumer", "allowVolumeExpansion": true}),
        ),
        object(
            ("networking.k8s.io/v1", "IngressClass"),
            "clean-nginx",
            json!({"spec": {"controller": "k8s.io/ingress-nginx"}}),
        ),
        object(
            ("scheduling.k8s.io/v1", "PriorityClass"),
            "clean-important",
            json!({"value": 1000}),
        ),
        object(
            ("rbac.authorization.k8s.io/v1", "ClusterRole"),
            "clean-operator",
            json!({"rules": rules}),
        ),
        object(
            ("rbac.authorization.k8s.io/v1", "ClusterRoleBinding"),
            "clean-operator",
            json!({
            "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": "clean-operator"},
            "subjects": subjects}),
        ),
    ];
    for team in teams {
        let mut namespace = object(("v1", "Namespace"), &team.namespace, json!({}));
        namespace["metadata"]["labels"]["pod-security.kubernetes.io/audit"] = "baseline".into();
        objects.push(namespace);
        let volume = json!({"spec": {"capacity": {"storage": "10Gi"}, "accessModes": ["ReadWriteOnce", "ReadWriteMany"],
            "storageClassName": "clean-static", "persistentVolumeReclaimPolicy": "Retain", "mountOptions": ["nfsvers=4.1"],
            "nfs": {"server": "192.168.0.40", "path": format!("/{}", team.namespace)}}});
        objects.push(object(("v1", "PersistentVolume"), &team.namespace, volume));
    }
    objects
}

/// What is in a team's namespace beside the workloads.
pub(super) fn namespace(team: &Team) -> Vec<Value> {
    let mut objects = configuration(team);
    objects.extend(rights(team));
    objects.extend(services(team));
    objects.extend(limits(team));
    objects
}

fn configuration(team: &Team) -> Vec<Value> {
    let secret = |name: &str, kind: &str, data: Value| {
        team.object(
            ("v1", "Secret"),
            name,
            json!({"type": kind, "stringData": data}),
        )
    };
    let mut objects = vec![
        team.object(
            ("v1", "ConfigMap"),
            "settings",
            json!({"data": {"MODE": "production", "settings.yaml": "a: 1\n"}}),
        ),
        team.object(
            ("v1", "ConfigMap"),
            "unused",
            json!({"immutable": true, "binaryData": {"logo.png": "iVBORw0KGgo="}}),
        ),
        secret(
            "database",
            "Opaque",
            json!({"password": "not-a-real-password"}),
        ),
        secret(
            "tls",
            "kubernetes.io/tls",
            json!({"tls.crt": "certificate", "tls.key": "key"}),
        ),
        secret(
            "registry",
            "kubernetes.io/dockerconfigjson",
            json!({".dockerconfigjson": "{\"auths\":{}}"}),
        ),
    ];
    for revision in [1, 2] {
        let status = if revision == 2 {
            "deployed"
        } else {
            "superseded"
        };
        let mut release = secret(
            &format!("sh.helm.release.v1.team.v{revision}"),
            "helm.sh/release.v1",
            json!({"release": "SDRzSUFBQUFBQUFDLzY="}),
        );
        release["metadata"]["labels"] = json!({"owner": "helm", "name": "team", "status": status, "version": revision.to_string()});
        objects.push(release);
    }
    objects
}

fn rights(team: &Team) -> Vec<Value> {
    let account = |name: &str| team.object(("v1", "ServiceAccount"), name, json!({}));
    let group = "rbac.authorization.k8s.io";
    let lease =
        json!([{"apiGroups": ["coordination.k8s.io"], "resources": ["leases"], "verbs": ["*"]}]);
    let binding = json!({"roleRef": {"apiGroup": group, "kind": "Role", "name": "leader-election"},
        "subjects": [{"kind": "ServiceAccount", "name": "operator", "namespace": team.namespace}]});
    vec![
        account("web"),
        account("operator"),
        team.object(
            (&format!("{group}/v1"), "Role"),
            "leader-election",
            json!({"rules": lease}),
        ),
        team.object(
            (&format!("{group}/v1"), "RoleBinding"),
            "leader-election",
            binding,
        ),
    ]
}

fn services(team: &Team) -> Vec<Value> {
    let service =
        |name: &str, spec: Value| team.object(("v1", "Service"), name, json!({"spec": spec}));
    let web = json!({"selector": {"app": "web"}, "type": if team.is_each(4, 2) { "LoadBalancer" } else if team.is_each(4, 3) { "NodePort" } else { "ClusterIP" },
        "ports": [{"name": "http", "port": 80, "targetPort": "http"}, {"name": "metrics", "port": 9090}]});
    let headless = |app: &str, port: u16| {
        json!({"clusterIP": "None", "selector": {"app": app}, "ports": [{"name": app, "port": port}],
            "publishNotReadyAddresses": app == "cache"})
    };
    let mut objects = vec![
        service("web", web),
        service(
            "api",
            json!({"selector": {"app": "api", "team": team.namespace}, "ports": [{"port": 443, "targetPort": 8443}]}),
        ),
        service("database", headless("database", 5432)),
        service("cache", headless("cache", 6379)),
        // What nobody calls for now: its workload is scaled to zero.
        service(
            "scaled-down",
            json!({"selector": {"app": "scaled-down"}, "ports": [{"port": 6379}]}),
        ),
    ];
    if team.is_each(4, 0) {
        objects.push(service(
            "elsewhere",
            json!({"type": "ExternalName", "externalName": "db.example.com"}),
        ));
    }
    if team.is_each(4, 1) {
        objects.push(service(
            "legacy",
            json!({"ports": [{"name": "http", "port": 80, "targetPort": 8080}]}),
        ));
        let mut slice = team.object(
            ("discovery.k8s.io/v1", "EndpointSlice"),
            "legacy-1",
            json!({"addressType": "IPv4",
            "ports": [{"name": "http", "port": 8080, "protocol": "TCP"}],
            "endpoints": [{"addresses": ["192.168.0.77"], "conditions": {"ready": true}}]}),
        );
        slice["metadata"]["labels"] = json!({"kubernetes.io/service-name": "legacy",
            "endpointslice.kubernetes.io/managed-by": "legacy-sync.example.com"});
        objects.push(slice);
    }
    if team.is_each(2, 0) {
        objects.push(ingress(team));
    }
    objects
}

fn ingress(team: &Team) -> Value {
    let host = format!("{}.example.com", team.namespace);
    let backend = |service: &str, port: Value| json!({"service": {"name": service, "port": port}});
    let rules = json!([{"host": host, "http": {"paths": [
        {"path": "/", "pathType": "Prefix", "backend": backend("web", json!({"name": "http"}))},
        {"path": "/api", "pathType": "ImplementationSpecific", "backend": backend("api", json!({"number": 443}))}]}}]);
    let spec = json!({"ingressClassName": "clean-nginx", "rules": rules, "tls": [{"hosts": [host], "secretName": "tls"}]});
    team.object(
        ("networking.k8s.io/v1", "Ingress"),
        "web",
        json!({"spec": spec}),
    )
}

/// What limits pods, in number, size, traffic and evictions.
fn limits(team: &Team) -> Vec<Value> {
    let policy = |name: &str, spec: Value| {
        team.object(
            ("networking.k8s.io/v1", "NetworkPolicy"),
            name,
            json!({"spec": spec}),
        )
    };
    let budget = |name: &str, rule: Value| {
        let mut spec = json!({"selector": {"matchLabels": {"app": name}}});
        add(&mut spec, rule);
        team.object(
            ("policy/v1", "PodDisruptionBudget"),
            name,
            json!({"spec": spec}),
        )
    };
    let mut objects = vec![
        policy(
            "deny-all",
            json!({"podSelector": {}, "policyTypes": ["Ingress", "Egress"]}),
        ),
        policy(
            "web",
            json!({"podSelector": {"matchLabels": {"app": "web"}}, "ingress": [{"ports": [{"port": "http"}]}]}),
        ),
        budget("web", json!({"maxUnavailable": 1})),
        budget(
            "api",
            json!({"maxUnavailable": "50%", "unhealthyPodEvictionPolicy": "AlwaysAllow"}),
        ),
    ];
    if team.is_each(3, 0) {
        let hard = json!({"pods": "40", "requests.cpu": "4", "requests.memory": "8Gi", "persistentvolumeclaims": "3", "count/jobs.batch": "20"});
        objects.push(team.object(
            ("v1", "ResourceQuota"),
            "all",
            json!({"spec": {"hard": hard}}),
        ));
        let range = json!([{"type": "Container", "defaultRequest": {"cpu": "10m"}, "max": {"memory": "4Gi"}}]);
        objects.push(team.object(
            ("v1", "LimitRange"),
            "each",
            json!({"spec": {"limits": range}}),
        ));
    }
    if team.is_each(5, 0) {
        // Of a target without pods the autoscaler asks no metrics, which the bed does not serve.
        let target = json!({"apiVersion": "apps/v1", "kind": "Deployment", "name": "scaled-down"});
        let spec = json!({"scaleTargetRef": target, "minReplicas": 1, "maxReplicas": 3,
            "metrics": [{"type": "Resource", "resource": {"name": "cpu", "target": {"type": "Utilization", "averageUtilization": 70}}}]});
        objects.push(team.object(
            ("autoscaling/v2", "HorizontalPodAutoscaler"),
            "scaled-down",
            json!({"spec": spec}),
        ));
    }
    objects
}
