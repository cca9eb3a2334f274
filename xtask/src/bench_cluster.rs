//! `diagnose` on a real API server with many pods, beside what other clients take for all pods: in turn, in the same run.

use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use nks_bed::{Bed, Options};
use serde_json::{Value, json};

/// How long the simulated nodes may take to start the pods.
const PATIENCE: Duration = Duration::from_secs(900);
const NAMESPACES: usize = 100;
/// Who curl is.
const ACCOUNT: &str = "bench";
/// How often each is measured.
const ROUNDS: usize = 3;
/// Bytes of a pod, about: most of it is environment variables, managedFields and status, as on a real cluster.
const POD: usize = 12 * 1024;
/// How many environment variables hold most of a pod.
const VARIABLES: usize = 6;

/// What one run took.
#[derive(Clone, Copy)]
struct Taken {
    wall: Duration,
    /// Most memory of the process and its children, in KiB.
    memory: u64,
    /// CPU of the API server.
    server: f64,
    /// What the API server sent.
    bytes: f64,
    requests: f64,
}

/// Prints the figures for 1,000 and 10,000 pods.
pub(crate) fn all(program: &Path) -> Result<()> {
    let bed = Bed::start(Options::default())?;
    bed.scenario("healthy")?;
    bed.kubectl(&[
        "create",
        "serviceaccount",
        ACCOUNT,
        "--namespace",
        "default",
    ])?;
    let account = format!("--serviceaccount=default:{ACCOUNT}");
    bed.kubectl(&[
        "create",
        "clusterrolebinding",
        ACCOUNT,
        "--clusterrole=cluster-admin",
        &account,
    ])?;
    let mut made = 0;
    for pods in [1_000, 10_000] {
        crate::run::say(&format!("making {pods} pods (10,000 take some minutes)"));
        make(&bed, made..pods)?;
        made = pods;
        eprintln!(
            "\n{:<40} {:>9} {:>10} {:>9} {:>10} {:>9}",
            format!("{pods} pods, {NAMESPACES} namespaces, median of {ROUNDS}"),
            "wall",
            "memory",
            "requests",
            "bytes",
            "server"
        );
        compare(&bed, program)?;
    }
    Ok(())
}

fn compare(bed: &Bed, program: &Path) -> Result<()> {
    let kubeconfig = bed.kubeconfig().to_owned();
    let home = bed.folder().join("bench-home");
    fs::create_dir_all(&home)?;
    let token = bed.kubectl(&["create", "token", ACCOUNT, "--namespace", "default"])?;
    let curl = |path: &str, accept: &str| {
        let mut command = Command::new("curl");
        command.args(["--silent", "--fail", "--insecure", "--header"]);
        command.arg(format!("Authorization: Bearer {}", token.trim()));
        command.args([
            "--header",
            &format!("Accept: {accept}"),
            &format!("{}{path}", bed.server()),
        ]);
        command
    };
    let all_pods = "/api/v1/pods";
    let table = "application/json;as=Table;v=v1;g=meta.k8s.io";
    let clients: [(&str, Command); 4] = [
        ("kubectl nks diagnose", {
            let mut command = Command::new(program);
            command.args(["diagnose", "--kubeconfig"]).arg(&kubeconfig);
            command.env("HOME", &home);
            command
        }),
        ("curl, all pods as JSON", curl(all_pods, "application/json")),
        (
            "curl, all pods as Table without objects",
            curl(&format!("{all_pods}?includeObject=None"), table),
        ),
        ("kubectl get pods -A -o json", {
            let mut command = Command::new(bed.binaries().tool("kubectl"));
            command
                .arg("--kubeconfig")
                .arg(&kubeconfig)
                .env("HOME", &home);
            command.args(["get", "pods", "--all-namespaces", "--output", "json"]);
            command
        }),
    ];
    let mut clients = clients.map(|(name, command)| (name, command, Vec::new()));
    for _ in 0..ROUNDS {
        for (_, command, taken) in &mut clients {
            taken.push(measure(bed, command)?);
        }
    }
    for (name, _, mut taken) in clients {
        taken.sort_by_key(|one| one.wall);
        let Taken {
            wall,
            memory,
            server,
            bytes,
            requests,
        } = taken[ROUNDS / 2];
        eprintln!(
            "{name:<40} {:>7.2} s {:>6.0} MiB {requests:>9.0} {:>6.1} MB {server:>7.2} s",
            wall.as_secs_f64(),
            memory as f64 / 1024.0,
            bytes / 1e6,
        );
    }
    eprintln!("aim: diagnose not slower than curl's JSON, and at most 64 MiB");
    Ok(())
}

fn measure(bed: &Bed, command: &mut Command) -> Result<Taken> {
    let before = server(bed)?;
    let started = Instant::now();
    let mut child = command
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()?;
    let mut memory = 0;
    let status = loop {
        memory = memory.max(peak(child.id()));
        match child.try_wait()? {
            Some(status) => break status,
            None => std::thread::sleep(Duration::from_millis(1)),
        }
    };
    let wall = started.elapsed();
    ensure!(
        matches!(status.code(), Some(0 | 1)),
        "{command:?} ended with {status}"
    );
    let after = server(bed)?;
    Ok(Taken {
        wall,
        memory,
        server: after.0 - before.0,
        bytes: after.1 - before.1,
        // The look at the figures is none of them.
        requests: after.2 - before.2,
    })
}

/// The most memory that a process and its children have had so far, in KiB: the system keeps that figure for each.
fn peak(process: u32) -> u64 {
    let own = fs::read_to_string(format!("/proc/{process}/status")).unwrap_or_default();
    let own = own
        .lines()
        .find_map(|line| line.strip_prefix("VmHWM:"))
        .and_then(|text| text.trim().trim_end_matches(" kB").parse::<u64>().ok());
    let children = fs::read_to_string(format!("/proc/{process}/task/{process}/children"));
    let children = children.unwrap_or_default();
    let children = children.split_whitespace().filter_map(|id| id.parse().ok());
    own.unwrap_or_default() + children.map(peak).sum::<u64>()
}

/// CPU seconds, bytes sent and requests answered, by the API server's own metrics.
fn server(bed: &Bed) -> Result<(f64, f64, f64)> {
    let metrics = bed.kubectl(&["get", "--raw", "/metrics"])?;
    let sum = |name: &str, with: &str| -> f64 {
        let lines = metrics
            .lines()
            .filter(|line| line.starts_with(name) && line.contains(with));
        lines
            .filter_map(|line| line.rsplit(' ').next()?.parse::<f64>().ok())
            .sum()
    };
    Ok((
        sum("process_cpu_seconds_total", ""),
        // Only lists and gets: watches of the controllers go on all the time.
        sum("apiserver_response_sizes_sum", "verb=\"LIST\"")
            + sum("apiserver_response_sizes_sum", "verb=\"GET\""),
        sum("apiserver_response_sizes_count", "verb=\"LIST\"")
            + sum("apiserver_response_sizes_count", "verb=\"GET\""),
    ))
}

fn make(bed: &Bed, numbers: std::ops::Range<usize>) -> Result<()> {
    let namespaces: Vec<Value> = (0..NAMESPACES)
        .map(|number| json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": format!("load-{number:03}")}}))
        .collect();
    bed.apply(&json!({"apiVersion": "v1", "kind": "List", "items": namespaces}).to_string())?;
    let numbers: Vec<usize> = numbers.collect();
    let file = bed.folder().join("pods.json");
    for some in numbers.chunks(500) {
        let pods: Vec<Value> = some.iter().map(|&number| pod(number)).collect();
        let list = json!({"apiVersion": "v1", "kind": "List", "items": pods});
        fs::write(&file, list.to_string())?;
        bed.kubectl(&["create", "-f", &file.to_string_lossy()])
            .context("pods are made")?;
    }
    bed.wait_for("the pods run", PATIENCE, || {
        let waiting = bed.kubectl(&[
            "get",
            "pods",
            "--all-namespaces",
            "--field-selector=status.phase!=Running",
            "--output=name",
        ])?;
        Ok(waiting.is_empty())
    })
}

fn pod(number: usize) -> Value {
    let value = "x".repeat((POD - 4_000) / VARIABLES);
    let variables: Vec<Value> = (0..VARIABLES)
        .map(|number| json!({"name": format!("SETTINGS_{number}"), "value": value}))
        .collect();
    json!({"apiVersion": "v1", "kind": "Pod",
        "metadata": {"name": format!("web-{number:05}"), "namespace": format!("load-{:03}", number % NAMESPACES),
            "labels": {"app": "web"}},
        "spec": {"nodeName": format!("nks-bed-default-worker-node-{}", number % 3),
            "containers": [{"name": "web", "image": "registry.example.com/web:1", "env": variables}]}})
}
