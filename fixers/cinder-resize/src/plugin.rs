//! The workloads that run the Cinder CSI driver, and which text of the Secret they read.
//!
//! They are known by their container. NKS names them `csi-cinder-nodeplugin` and `csi-cinder-controllerplugin`, the guide
//! `cinder-csi-nodeplugin` and `cinder-csi-controllerplugin`, and the controller is a StatefulSet or a Deployment.

use nks_fixer::{Container, Image, Input, Workload};
use serde_json::Value;

/// The Secret that holds the driver's configuration.
pub(crate) const SECRET: &str = "cinder-csi-cloud-config";

/// The names that its text has: NKS's, and the one of the driver's own manifests.
pub(crate) const KEYS: [&str; 2] = ["cloud-config", "cloud.conf"];

const PLUGIN: &str = "cinder-csi-plugin";

/// The node plugins, and then the controllers: only the node plugin reads the option, so it comes first.
pub(crate) fn workloads(input: &Input) -> Vec<Workload<'_>> {
    let runs_plugin = |workload: &Workload| {
        workload.namespace == "kube-system" && workload.containers().iter().any(is_plugin)
    };
    let mut found: Vec<Workload> = input.workloads().filter(runs_plugin).collect();
    found.sort_by_key(|workload| (workload.kind != "DaemonSet", workload.display_name()));
    found
}

fn is_plugin(container: &Container) -> bool {
    let from_image =
        || Image::parse(container.image).is_some_and(|image| image.basename() == PLUGIN);
    !container.init && (container.name == PLUGIN || from_image())
}

/// Whether a workload takes anything out of the Secret, as a volume or as variables: its name stands in the pod template.
pub(crate) fn uses_secret(workload: &Workload) -> bool {
    workload
        .value
        .pointer("/spec/template/spec")
        .is_some_and(names_secret)
}

fn names_secret(value: &Value) -> bool {
    match value {
        Value::String(text) => text == SECRET,
        Value::Array(list) => list.iter().any(names_secret),
        Value::Object(fields) => fields.values().any(names_secret),
        _ => false,
    }
}

/// Those of the `present` texts that the workloads read; `None` where that cannot be told.
pub(crate) fn keys_in_use(
    workloads: &[Workload],
    present: &[&'static str],
) -> Option<Vec<&'static str>> {
    let mut used = Vec::new();
    for workload in workloads {
        let keys = keys_of(workload);
        if keys.is_empty() {
            return None;
        }
        used.extend(keys);
    }
    let is_used = |key: &&str| used.iter().any(|used| used == key);
    let in_use: Vec<_> = present.iter().copied().filter(is_used).collect();
    (!in_use.is_empty()).then_some(in_use)
}

/// The keys that one workload reads; none where that cannot be told. A volume may give a key another file name.
fn keys_of(workload: &Workload) -> Vec<String> {
    let files = config_files(workload);
    let items = mounted_items(workload);
    if items.is_empty() {
        let is_key = |file: &String| KEYS.contains(&file.as_str());
        return files.into_iter().filter(is_key).collect();
    }
    let is_read = |path: &str| files.iter().any(|file| file == file_name(path));
    let mut read: Vec<_> = items.iter().filter(|(_, path)| is_read(path)).collect();
    if read.is_empty() && items.len() == 1 {
        read = items.iter().collect();
    }
    read.into_iter().map(|(key, _)| (*key).to_owned()).collect()
}

/// Key and file of each item that the workload's volumes take out of the Secret.
fn mounted_items<'a>(workload: &Workload<'a>) -> Vec<(&'a str, &'a str)> {
    let volumes = list(&workload.object.value, "/spec/template/spec/volumes");
    let mut found = Vec::new();
    for volume in volumes {
        let own = volume.get("secret").into_iter();
        let projected =
            list(volume, "/projected/sources").filter_map(|source| source.get("secret"));
        for source in own.chain(projected) {
            let name = source.get("secretName").or_else(|| source.get("name"));
            if name.and_then(Value::as_str) == Some(SECRET) {
                let items = list(source, "/items");
                found.extend(items.map(|item| (text(item, "key"), text(item, "path"))));
            }
        }
    }
    found
}

/// The names of the files that `--cloud-config` names, without their folders.
fn config_files(workload: &Workload) -> Vec<String> {
    let mut files = Vec::new();
    for container in workload.containers().iter().filter(|one| is_plugin(one)) {
        let Some(value) = workload.value.pointer(&container.pointer) else {
            continue;
        };
        // An argument may be a whole command line for a shell.
        let mut words = list(value, "/command")
            .chain(list(value, "/args"))
            .filter_map(Value::as_str)
            .flat_map(str::split_whitespace);
        while let Some(word) = words.next() {
            let path = match word.strip_prefix("--cloud-config") {
                Some("") => words.next(),
                Some(rest) => rest.strip_prefix('='),
                None => None,
            };
            if let Some(path) = path {
                files.push(file_name(mounted(value, resolved(value, path))).to_owned());
            }
        }
    }
    files
}

/// A path, or what the environment variable holds that stands in its place: `$(CLOUD_CONFIG)`.
fn resolved<'a>(container: &'a Value, path: &'a str) -> &'a str {
    if !path.starts_with('$') || path.contains('/') {
        return path;
    }
    let name = path.trim_matches(['$', '(', ')', '{', '}']);
    let variable = list(container, "/env").find(|variable| text(variable, "name") == name);
    variable.map_or(path, |variable| text(variable, "value"))
}

/// A path, or which part of a volume is mounted in just this place.
fn mounted<'a>(container: &'a Value, path: &'a str) -> &'a str {
    let mut mounts = list(container, "/volumeMounts");
    let mount = mounts.find(|mount| text(mount, "mountPath") == path);
    let part = mount.map(|mount| text(mount, "subPath"));
    part.filter(|part| !part.is_empty()).unwrap_or(path)
}

fn file_name(path: &str) -> &str {
    path.rsplit('/').next().unwrap_or_default()
}

fn list<'a>(value: &'a Value, pointer: &str) -> impl Iterator<Item = &'a Value> + use<'a> {
    let list = value.pointer(pointer).and_then(Value::as_array);
    list.into_iter().flatten()
}

fn text<'a>(value: &'a Value, key: &str) -> &'a str {
    value.get(key).and_then(Value::as_str).unwrap_or_default()
}
