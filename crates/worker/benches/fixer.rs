//! Figures of the sandbox: each as the median of many, and what is compared is measured in turn in the same run.
//!
//! Run by `cargo xtask bench`, which builds what this needs: the component of calico-images and a worker that carries it.

#![expect(clippy::print_stdout, reason = "a benchmark prints its figures")]

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use nks_fixer::Fixer;
use nks_sandbox::Sandbox;
use nks_sandbox::protocol::{Analyze, Source, Supplied};
use nks_worker::builtin::{BuiltIns, pack};
use nks_worker::engine::Engine;
use nks_worker::prescan::prescan;
use nks_worker::run::{Instance, call};
use serde_json::{Value, json};

const FIXER: &str = "calico-images";

fn main() {
    let target =
        PathBuf::from(std::env::var_os("NKS_BENCH_TARGET").expect("run it by `cargo xtask bench`"));
    let component = std::fs::read(target.join("nks/fixers").join(format!("{FIXER}.wasm")))
        .expect("the component is built");
    let engine = Engine::new().expect("wasmtime supports this machine");
    engine.start_clock().expect("a thread");
    compiling(&engine, &component);
    calling(&engine, &component);
    processes(&target.join("release/nks-worker"));
}

fn compiling(engine: &Engine, component: &[u8]) {
    let scanned = prescan(component).expect("the component passes");
    report("pre-scan", &median(50, || drop(prescan(component))), None);
    report(
        "cold compile",
        &median(5, || drop(engine.compile(&scanned, component))),
        None,
    );
    let packed = pack(engine, &[(FIXER.to_owned(), component.to_vec())]).expect("it compiles");
    let built_ins = BuiltIns::read(&packed).expect("its own pack");
    report(
        "load of a compiled fixer",
        &median(200, || drop(built_ins.load(engine, FIXER))),
        Some("≤ 1 ms"),
    );
}

fn calling(engine: &Engine, component: &[u8]) {
    let scanned = prescan(component).expect("the component passes");
    let loaded = engine.compile(&scanned, component).expect("it compiles");
    let limits = scanned.manifest.spec.limits;
    let run = |input: &Analyze| call(engine, &loaded, &limits, input).expect("it answers");
    let none = input(0);
    report(
        "instantiate",
        &median(1_000, || {
            drop(Instance::new(engine, &loaded, &limits, 1_000_000).expect("it starts"));
        }),
        Some("≤ 0.020 ms"),
    );
    report(
        "instantiate and call, no object",
        &median(1_000, || drop(run(&none))),
        None,
    );
    let hundred = input(100);
    report(
        "100 objects of 1 KB",
        &median(100, || drop(run(&hundred))),
        Some("≤ 2.5 ms"),
    );
    let answer = run(&hundred);
    println!("{:<40} {:>12}", "  fuel an object", answer.fuel / 100);
    println!("{:<40} {:>9} KiB", "  linear memory", answer.memory / 1024);
    let thousand = input(1_000);
    let (mut wasm, mut native) = (Vec::new(), Vec::new());
    for _ in 0..40 {
        wasm.push(timed(|| drop(run(&thousand))));
        native.push(timed(|| drop(natively(&thousand))));
    }
    let mut ratios: Vec<f64> = wasm
        .iter()
        .zip(&native)
        .map(|(w, n)| w.as_secs_f64() / n.as_secs_f64())
        .collect();
    ratios.sort_by(f64::total_cmp);
    report("1,000 objects, sandboxed", &middle(wasm), None);
    report("1,000 objects, native", &middle(native), None);
    println!(
        "{:<40} {:>12.2}   aim ≤ 1.6",
        "  ratio, pair by pair, median",
        ratios[ratios.len() / 2]
    );
}

/// From starting the worker to its first answer of a built-in fixer.
fn processes(worker: &Path) {
    let one = Analyze {
        fixer: Source::BuiltIn(FIXER.into()),
        ..input(1)
    };
    let first = || {
        let mut sandbox = Sandbox::start(worker, None).expect("the worker starts");
        sandbox
            .analyze(&one, Duration::from_secs(5))
            .expect("it lives")
            .expect("it answers");
    };
    report(
        "worker start to first answer, first time",
        &timed(first),
        Some("≤ 15 ms"),
    );
    report(
        "worker start to first answer",
        &median(30, first),
        Some("≤ 15 ms"),
    );
}

/// Unhealthy pods of about 1 KB each, which the fixer has to look into.
fn input(count: usize) -> Analyze {
    let objects = (0..count)
        .map(|index| pod(index).to_string())
        .enumerate()
        .map(|(index, json)| Supplied {
            rule: 3,
            api_version: "v1".into(),
            kind: "Pod".into(),
            namespace: "kube-system".into(),
            name: format!("calico-node-{index:05}"),
            uid: format!("uid-{index}"),
            json,
        });
    Analyze {
        fixer: Source::BuiltIn(FIXER.into()),
        now_unix: 1_790_000_000,
        round: 0,
        cluster: json!({"kubernetesVersion": "v1.29.3", "isNks": true, "cni": null, "nodes": null})
            .to_string(),
        settings: json!({"registry": "docker.io"}).to_string(),
        objects: objects.collect(),
    }
}

fn pod(index: usize) -> Value {
    let image = "calico-node:v3.24.1";
    let waiting = json!({"waiting": {"reason": "ImagePullBackOff", "message": "Back-off pulling image \"calico-node:v3.24.1\": ErrImagePull: pull access denied, repository does not exist or may require authorization"}});
    json!({"apiVersion": "v1", "kind": "Pod",
        "metadata": {"name": format!("calico-node-{index:05}"), "namespace": "kube-system", "uid": format!("uid-{index}"),
            "labels": {"k8s-app": "calico-node", "controller-revision-hash": "6d9c7b7f4", "pod-template-generation": "1"},
            "ownerReferences": [{"apiVersion": "apps/v1", "kind": "DaemonSet", "name": "calico-node", "uid": "ds", "controller": true}]},
        "spec": {"nodeName": format!("shop-default-worker-node-{index}"),
            "containers": [{"name": "calico-node", "image": image, "env": [{"name": "DATASTORE_TYPE", "value": "etcdv3"}]}]},
        "status": {"phase": "Pending", "conditions": [{"type": "Ready", "status": "False"}],
            "containerStatuses": [{"name": "calico-node", "image": image, "imageID": "", "ready": false, "restartCount": 0, "state": waiting}]}})
}

fn natively(input: &Analyze) -> nks_fixer::Outcome {
    let objects = input.objects.iter().map(|object| nks_fixer::Object {
        rule: object.rule,
        api_version: object.api_version.clone(),
        kind: object.kind.clone(),
        namespace: object.namespace.clone(),
        name: object.name.clone(),
        uid: object.uid.clone(),
        value: serde_json::from_str(&object.json).expect("it is JSON"),
    });
    let context = nks_fixer::Context {
        now_unix: input.now_unix,
        round: input.round,
        cluster: serde_json::from_str(&input.cluster).expect("it is JSON"),
        settings: serde_json::from_str(&input.settings).expect("it is JSON"),
    };
    let input = nks_fixer::Input {
        context,
        objects: objects.collect(),
    };
    calico_images::CalicoImages::analyze(&input).expect("it answers")
}

fn timed(work: impl FnOnce()) -> Duration {
    let started = Instant::now();
    work();
    started.elapsed()
}

fn median(times: usize, mut work: impl FnMut()) -> Duration {
    work();
    middle((0..times).map(|_| timed(&mut work)).collect())
}

fn middle(mut times: Vec<Duration>) -> Duration {
    times.sort();
    times[times.len() / 2]
}

fn report(name: &str, time: &Duration, aim: Option<&str>) {
    let aim = aim.map(|aim| format!("   aim {aim}")).unwrap_or_default();
    println!("{name:<40} {:>9.3} ms{aim}", time.as_secs_f64() * 1e3);
}
