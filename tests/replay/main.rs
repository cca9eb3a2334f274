//! Every golden case of every fixer as a scenario on real API servers, as the ordinary operator whose rights `explain`
//! prints: `diagnose` finds what `report.json` says; where there is something to change, `fix` changes that and nothing
//! else, `diagnose` then finds what the fixer finds on its own result, and `undo` puts everything back.
//!
//! The map:
//! * `load` puts a case into the server, with `fill` (what the API asks for besides), `kinds` (what it does not have)
//!   and `store` (what it lets nobody choose).
//! * `clock` moves the times of a case.
//! * `operator` is who asks; `node` answers where a fixer asks for images.
//! * `scenario` runs a case and says what was not as it should be; `rollout` does what controllers would do after a fix.
//! * `exceptions` is what cannot be shown on a real server, and why.
//! * `tally` counts. Its table goes to standard output (`-- --nocapture`) and to `target/nks/replay.json`.
//!
//! There is one server a release, without controllers: a case is a picture, and nothing may move in it. Findings are
//! compared by severity, message and object; texts and arguments are what the golden cases themselves hold.
#![expect(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "helpers of tests may fail as tests do, and the table is their result"
)]

#[path = "../support/sandbox.rs"]
mod sandbox;
#[path = "../support/mod.rs"]
mod support;

mod api;
mod clock;
mod exceptions;
mod fill;
mod kinds;
mod load;
mod node;
mod operator;
mod rollout;
mod scenario;
mod store;
mod tally;

use std::collections::BTreeSet;
use std::fs;
use std::sync::{Mutex, MutexGuard, OnceLock, PoisonError};

use nks_bed::{Bed, Options, Parts, Release};
use nks_golden::{Case, Golden};
use nks_sandbox::Sandbox;

use exceptions::{exception, stray};
use load::Loader;
use operator::Operator;
use scenario::Stage;
use tally::Tally;

/// The context as NKS names it (`nks_core::facts::is_nks`).
const CONTEXT: &str = "nks_shop_1f0c2d3e-0000-4000-8000-000000000001";

/// One server and what puts cases into it.
struct Server {
    bed: Bed,
    loader: Loader,
}

fn server(release: Release) -> MutexGuard<'static, Server> {
    static SERVERS: [OnceLock<Mutex<Server>>; 2] = [OnceLock::new(), OnceLock::new()];
    let position = Release::ALL.iter().position(|it| *it == release).unwrap();
    let server = SERVERS[position].get_or_init(|| {
        let options = Options {
            nodes: 0,
            name: CONTEXT.to_owned(),
            release,
            parts: Parts::ServerOnly,
            ..Options::default()
        };
        let bed = Bed::start(options).expect("the bed starts");
        let loader = Loader::of(&bed);
        Mutex::new(Server { bed, loader })
    });
    // A test that failed has left the server usable; every case begins by clearing it.
    server.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Runs all cases of a fixer on both servers and fails with all that was not as it should be.
fn replay(fixer: &str) {
    let golden = Golden::open(support::root("fixers").join(fixer));
    let names: Vec<&str> = golden.cases.iter().map(|case| &*case.name).collect();
    let stray = stray(fixer, &names);
    assert!(stray.is_empty(), "exceptions for no case: {stray:?}");
    let mut problems = Vec::new();
    for release in Release::ALL {
        problems.extend(replay_on(release, &golden));
    }
    println!("\n{}", tally::table());
    assert!(
        problems.is_empty(),
        "{} problems\n\n{}",
        problems.len(),
        problems.join("\n\n")
    );
}

fn replay_on(release: Release, golden: &Golden) -> Vec<String> {
    let fixer = golden.manifest.name();
    let mut server = server(release);
    let Server { bed, loader } = &mut *server;
    let operator = Operator::of(bed, CONTEXT, fixer);
    let mut worker = Sandbox::start(&support::bin().join("nks-worker"), None).unwrap();
    let mut stage = Stage {
        golden,
        loader,
        operator: &operator,
        worker: &mut worker,
        kubeconfig: &bed.kubeconfig(),
    };
    let mut tally = Tally::default();
    let mut problems = Vec::new();
    for case in in_order(golden) {
        let shown = stage.run(case);
        let place = format!("{fixer}/{} on {}", case.name, bed.binaries().version());
        match exception(release, fixer, &case.name) {
            Some(exception) if shown.problems.is_empty() => {
                problems.push(format!("{place}: passes, although: {}", exception.reason));
            }
            Some(exception) => {
                println!("skipped {place}: {}", exception.reason);
                tally.skipped.insert(case.name.clone(), exception.reason);
            }
            None => {
                tally.add(&shown);
                let found = shown.problems.join("\n").replace('\n', "\n    ");
                problems.extend((!found.is_empty()).then(|| format!("{place}:\n    {found}")));
            }
        }
    }
    tally::record(bed.binaries().version(), fixer, tally);
    problems
}

/// Cases with kinds that have to be made come last: until then, the server does not have them, as most do not.
fn in_order(golden: &Golden) -> Vec<&Case> {
    let makes_kinds = |case: &Case| {
        case.objects
            .iter()
            .any(|object| kinds::definable(&object.id).is_some())
    };
    let mut cases: Vec<&Case> = golden.cases.iter().collect();
    cases.sort_by_key(|case| makes_kinds(case));
    cases
}

macro_rules! fixers {
    ($($test:ident: $fixer:literal)*) => {
        const FIXERS: &[&str] = &[$($fixer),*];
        $(
            #[test]
            fn $test() {
                replay($fixer);
            }
        )*
    };
}

fixers! {
    broken_apiservice: "broken-apiservice"
    calico_images: "calico-images"
    calico_on_new_kernel: "calico-on-new-kernel"
    calico_stale_nodes: "calico-stale-nodes"
    calico_typha_outage: "calico-typha-outage"
    cinder_resize: "cinder-resize"
    default_storage_class: "default-storage-class"
    docker_hub_limit: "docker-hub-limit"
    ebpf_istio: "ebpf-istio"
    ebpf_udp_ctlb: "ebpf-udp-ctlb"
    flannel_registry: "flannel-registry"
    fs_group_policy: "fs-group-policy"
    github_packages: "github-packages"
    legacy_registry: "legacy-registry"
    load_balancer_pending: "load-balancer-pending"
    retained_volumes: "retained-volumes"
    stuck_finalizers: "stuck-finalizers"
    stuck_volume_attachment: "stuck-volume-attachment"
    upgrade_preflight: "upgrade-preflight"
    volume_expansion: "volume-expansion"
    workload_health: "workload-health"
}

#[test]
fn every_fixer_is_replayed() {
    let folders = fs::read_dir(support::root("fixers")).unwrap();
    let names: BTreeSet<String> = folders
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    let replayed: BTreeSet<String> = FIXERS.iter().map(|&name| name.to_owned()).collect();
    assert_eq!(names, replayed);
}
