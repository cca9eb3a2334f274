//! Pods in their ordinary spellings.

use serde_json::{Value, json};

use super::team::Team;

/// A container with what a namespace's quota asks of it.
pub(super) fn container(name: &str, image: &str, more: Value) -> Value {
    let mut container = json!({"name": name, "image": image, "resources": {
        "requests": {"cpu": "25m", "memory": "48Mi"}, "limits": {"memory": "96Mi"}}});
    add(&mut container, more);
    container
}

/// Puts the fields of `more` into an object.
pub(super) fn add(object: &mut Value, more: Value) {
    let (Some(object), Value::Object(more)) = (object.as_object_mut(), more) else {
        panic!("two objects are put together");
    };
    object.extend(more);
}

/// A web server: probes, configuration from a ConfigMap and a Secret, a mounted certificate, room for both replicas.
pub(super) fn web(team: &Team) -> Value {
    let probe = json!({"httpGet": {"path": "/healthz", "port": "http"}, "periodSeconds": 10});
    let server = json!({
        "ports": [{"name": "http", "containerPort": 8080}, {"name": "metrics", "containerPort": 9090, "protocol": "TCP"}],
        "readinessProbe": probe, "livenessProbe": probe,
        "startupProbe": {"tcpSocket": {"port": 8080}, "failureThreshold": 30},
        "envFrom": [{"configMapRef": {"name": "settings"}}, {"secretRef": {"name": "not-everywhere", "optional": true}}],
        "env": [
            {"name": "PASSWORD", "valueFrom": {"secretKeyRef": {"name": "database", "key": "password"}}},
            {"name": "ABSENT", "valueFrom": {"configMapKeyRef": {"name": "settings", "key": "absent", "optional": true}}}],
        "volumeMounts": [{"name": "tls", "mountPath": "/etc/tls", "readOnly": true},
            {"name": "settings", "mountPath": "/etc/settings.yaml", "subPath": "settings.yaml"}]});
    json!({
        "serviceAccountName": "web", "automountServiceAccountToken": false,
        "imagePullSecrets": [{"name": "registry"}],
        "topologySpreadConstraints": [{"maxSkew": 1, "topologyKey": "kubernetes.io/hostname",
            "whenUnsatisfiable": "ScheduleAnyway", "labelSelector": {"matchLabels": {"app": "web"}}}],
        "securityContext": {"runAsNonRoot": true, "runAsUser": 1000, "fsGroup": 1000, "seccompProfile": {"type": "RuntimeDefault"}},
        "containers": [container("server", &team.image("web"), server)],
        "volumes": [{"name": "tls", "secret": {"secretName": "tls", "defaultMode": 288}},
            {"name": "settings", "configMap": {"name": "settings", "items": [{"key": "settings.yaml", "path": "settings.yaml"}]}}]})
}

/// A server with an init container, a native sidecar, a readiness gate and every projected volume.
pub(super) fn api(team: &Team) -> Value {
    let projected = json!([
        {"serviceAccountToken": {"path": "token", "audience": "vault", "expirationSeconds": 3600}},
        {"downwardAPI": {"items": [{"path": "labels", "fieldRef": {"fieldPath": "metadata.labels"}}]}},
        {"configMap": {"name": "settings"}}, {"secret": {"name": "database"}}]);
    let gate = format!("{}.example.com/registered", team.namespace);
    json!({
        "readinessGates": [{"conditionType": gate}],
        "initContainers": [
            container("migrate", &team.image("migrate"), json!({"command": ["/bin/migrate", "up"]})),
            container("proxy", "docker.io/envoyproxy/envoy:v1.31.2", json!({"restartPolicy": "Always",
                "ports": [{"name": "admin", "containerPort": 15000}]}))],
        "containers": [container("api", &team.image("api"), json!({
            "ports": [{"containerPort": 8443}],
            "env": [{"name": "NODE", "valueFrom": {"fieldRef": {"fieldPath": "spec.nodeName"}}}],
            "readinessProbe": {"grpc": {"port": 8443}},
            "lifecycle": {"preStop": {"sleep": {"seconds": 5}}},
            "volumeMounts": [{"name": "identity", "mountPath": "/var/run/identity"}]}))],
        "terminationGracePeriodSeconds": 60,
        "volumes": [{"name": "identity", "projected": {"sources": projected}}]})
}

/// Something that nobody calls.
pub(super) fn worker(team: &Team) -> Value {
    let digest = "sha256:9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08";
    json!({
        "containers": [container("worker", &format!("{}@{digest}", team.image("worker")), json!({
            "args": ["--queue", "orders"], "imagePullPolicy": "Always",
            "securityContext": {"readOnlyRootFilesystem": true, "allowPrivilegeEscalation": false, "capabilities": {"drop": ["ALL"]}},
            "volumeMounts": [{"name": "scratch", "mountPath": "/tmp"}, {"name": "shm", "mountPath": "/dev/shm"}]}))],
        "tolerations": [{"key": "dedicated", "operator": "Equal", "value": "batch", "effect": "NoSchedule"}],
        "affinity": {"nodeAffinity": {"preferredDuringSchedulingIgnoredDuringExecution": [{"weight": 1,
            "preference": {"matchExpressions": [{"key": "disktype", "operator": "In", "values": ["ssd"]}]}}]}},
        "volumes": [{"name": "scratch", "emptyDir": {}}, {"name": "shm", "emptyDir": {"medium": "Memory", "sizeLimit": "64Mi"}}]})
}

/// A controller with rights of its own, whose image names no tag.
pub(super) fn operator() -> Value {
    json!({
        "serviceAccountName": "operator", "priorityClassName": "clean-important",
        "nodeSelector": {"kubernetes.io/os": "linux"},
        "containers": [container("manager", "registry.example.com:5000/ops/operator", json!({
            "command": ["/manager"], "args": ["--leader-elect"],
            "ports": [{"name": "webhook", "containerPort": 9443}]}))]})
}

/// A database; its claim template is the workload's.
pub(super) fn database() -> Value {
    json!({
        "securityContext": {"fsGroup": 999, "fsGroupChangePolicy": "OnRootMismatch"},
        "containers": [container("database", "docker.io/library/postgres:16.4", json!({
            "ports": [{"name": "postgres", "containerPort": 5432}],
            "readinessProbe": {"exec": {"command": ["pg_isready"]}},
            "volumeMounts": [{"name": "data", "mountPath": "/var/lib/postgresql/data"}]}))]})
}

/// A cache that keeps nothing.
pub(super) fn cache() -> Value {
    json!({"containers": [
        container("redis", "docker.io/library/redis:7.4", json!({"ports": [{"name": "redis", "containerPort": 6379}]})),
        container("exporter", "quay.io/oliver006/redis_exporter:v1.63.0", json!({"ports": [{"name": "metrics", "containerPort": 9121}]}))]})
}

/// One pod a node, with the node's files and network.
pub(super) fn agent(team: &Team) -> Value {
    let port = 20_000 + team.index;
    json!({
        "hostNetwork": true, "dnsPolicy": "ClusterFirstWithHostNet", "hostPID": true,
        "tolerations": [{"operator": "Exists"}],
        "containers": [container("agent", &team.image("agent"), json!({
            "ports": [{"name": "metrics", "containerPort": port, "hostPort": port}],
            "securityContext": {"privileged": true},
            "volumeMounts": [{"name": "logs", "mountPath": "/var/log", "readOnly": true}]}))],
        "volumes": [{"name": "logs", "hostPath": {"path": "/var/log", "type": "Directory"}}]})
}

/// Work that ends.
pub(super) fn batch(team: &Team, name: &str) -> Value {
    json!({"restartPolicy": "OnFailure", "containers": [
        container(name, &team.image(name), json!({"command": ["/bin/sh", "-c", "exec run"]}))]})
}
