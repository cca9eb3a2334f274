//! The attacks of the contract that a component can make on the process that runs it, through the real process. Each
//! must end in its named fault, within its time and within 150 MiB, and leave the next fixer untouched.
#![expect(
    clippy::unwrap_used,
    reason = "a test that does not hold its premises is to panic"
)]

use std::io::Write;
use std::path::Path;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use nks_core::manifest::Limits;
use nks_core::report::{Outcome, Report};
use nks_sandbox::Sandbox;

use component::{call, good, manifest};

mod attacks {
    mod broken;
    pub(super) mod bytes;
    pub(super) mod compile;
    pub(super) mod running;
}
mod component;

/// One attack.
pub(crate) struct Attack {
    /// What it is.
    name: &'static str,
    /// The component, or what claims to be one.
    component: Vec<u8>,
    /// Part of the fault's text.
    ends: &'static str,
}

pub(crate) fn attack(name: &'static str, component: Vec<u8>, ends: &'static str) -> Attack {
    Attack {
        name,
        component,
        ends,
    }
}

impl component::Core {
    /// With this body of `analyze`.
    fn analyze(body: &str) -> Self {
        Self {
            analyze: body.into(),
            ..Self::default()
        }
    }

    /// With these further fields.
    fn fields(fields: &str) -> Self {
        Self {
            fields: fields.into(),
            ..Self::default()
        }
    }
}

/// Over what the idle worker has, in KiB.
const MEMORY: u64 = 150 * 1024;
/// For each attack. None needs more than a tenth of it on an idle machine.
const TIME: Duration = Duration::from_secs(30);

fn start(cache: Option<&Path>) -> Sandbox {
    Sandbox::start(Path::new(env!("CARGO_BIN_EXE_nks-worker")), cache).unwrap()
}

#[test]
fn every_attack_ends_in_its_named_fault() {
    let mut sandbox = start(None);
    expect_good(&mut sandbox, "before any attack");
    let idle = peak(sandbox.process().unwrap());
    let mut failures = Vec::new();
    let attacks = [
        attacks::bytes::attacks(),
        attacks::compile::attacks(),
        attacks::running::attacks(),
    ];
    for attack in attacks.into_iter().flatten() {
        // A new worker for each, so that one attack's memory is not counted as another's.
        sandbox = start(None);
        let began = Instant::now();
        let wall = Duration::from_millis(Limits::default().wall_ms.into());
        let input = call(attack.component, 0);
        let (answer, most) = watched(sandbox.process().unwrap(), || sandbox.analyze(&input, wall));
        let (took, name) = (began.elapsed(), attack.name);
        match answer {
            Ok(Err(fault)) if fault.to_string().contains(attack.ends) => {}
            Ok(other) => {
                let other = other.map_or_else(|fault| fault.to_string(), |ok| format!("{ok:?}"));
                failures.push(format!("{name}: {other}"));
            }
            Err(problem) => failures.push(format!("{name}: the sandbox fell over: {problem}")),
        }
        let over = most.saturating_sub(idle);
        if over > MEMORY || took > TIME {
            failures.push(format!("{name}: {} MiB more, {took:?}", over / 1024));
        }
        expect_good(&mut sandbox, name);
    }
    assert!(failures.is_empty(), "{}", failures.join("\n"));
}

/// What is just inside the limits of the pre-scan may cost a named fault, and never more memory than an attack.
#[test]
fn code_at_the_limits_is_compiled_within_memory_or_refused() {
    let mut sandbox = start(None);
    expect_good(&mut sandbox, "nothing");
    let idle = peak(sandbox.process().unwrap());
    for (name, fields) in attacks::compile::at_the_limits() {
        sandbox = start(None);
        let component = component::Core::fields(&fields).component(&manifest(Limits::default()));
        let input = call(component, 0);
        let process = sandbox.process().unwrap();
        let began = Instant::now();
        let (answer, most) = watched(process, || sandbox.analyze(&input, Duration::from_secs(2)));
        let took = began.elapsed();
        let answer = answer
            .unwrap()
            .map(|_| ())
            .map_err(|fault| fault.to_string());
        let over = most.saturating_sub(idle);
        assert!(
            over < MEMORY,
            "{name}: {} MiB more, {answer:?}",
            over / 1024
        );
        assert!(
            took < TIME + Duration::from_secs(5),
            "{name}: {took:?}, {answer:?}"
        );
        let named = |fault: &String| fault.contains("host memory") || fault.contains("time");
        assert!(
            answer.as_ref().err().is_none_or(named),
            "{name}: {answer:?}"
        );
        expect_good(&mut sandbox, name);
        writeln!(
            std::io::stderr(),
            "{name}: {} MiB more, {took:?}, {answer:?}",
            over / 1024
        )
        .unwrap();
    }
}

#[test]
fn no_state_is_carried_between_rounds() {
    let counter = component::Core {
        fields: "(global $called (mut i32) (i32.const 0))".into(),
        analyze: format!(
            "(if (global.get $called) (then unreachable))
             (if (i32.load (i32.const 512)) (then unreachable))
             (global.set $called (i32.const 1))
             (i32.store (i32.const 512) (i32.const 1))
             (i32.const {})",
            component::ANSWER
        ),
        ..component::Core::default()
    };
    let bytes = counter.component(&manifest(Limits::default()));
    let mut sandbox = start(None);
    for round in 0..3 {
        let answer = sandbox.analyze(&call(bytes.clone(), round), Duration::from_secs(2));
        answer.unwrap().unwrap();
    }
}

/// Memory that one fixer took and gave back is empty when the next one takes it.
#[test]
fn no_page_is_handed_on_from_one_fixer_to_the_next() {
    let take = "(drop (memory.grow (i32.const 100)))";
    let end = "(i32.mul (memory.size) (i32.const 65536))";
    let fill = format!(
        "(memory.fill (global.get $heap) (i32.const 170) (i32.sub {end} (global.get $heap)))"
    );
    let look = format!(
        "(local.set $i (i32.and (i32.add (global.get $heap) (i32.const 63)) (i32.const -64)))
         (loop
           (if (i64.ne (i64.load (local.get $i)) (i64.const 0)) (then unreachable))
           (br_if 0 (i32.lt_u (local.tee $i (i32.add (local.get $i) (i32.const 64))) {end})))"
    );
    let component = |parts: &[&str]| {
        let answer = format!("(i32.const {})", component::ANSWER);
        component::Core::analyze(&[take, &parts.concat(), &answer].concat())
            .component(&manifest(Limits::default()))
    };
    let (one, other) = (component(&[&fill]), component(&[&look]));
    let mut sandbox = start(None);
    let mut ask = |component: &Vec<u8>| {
        let answer = sandbox.analyze(&call(component.clone(), 0), Duration::from_secs(2));
        answer.unwrap().map(|answer| answer.outcome)
    };
    for _ in 0..3 {
        let nothing = Ok(Outcome::Done(Report::default()));
        assert_eq!(ask(&one), nothing);
        assert_eq!(ask(&other), nothing);
    }
    let seen = ask(&component(&[&fill, &look])).unwrap_err().to_string();
    assert!(seen.contains("crashed: wasm trap"), "{seen}");
}

/// Turns as often as the bytes of its input, read as numbers, come to: what it was given differently would cost
/// differently.
#[test]
fn the_same_call_has_the_same_answer_at_the_same_cost() {
    let turns = "(local.set $i (i32.const 65536))
        (loop
          (global.set $sum (i32.add (global.get $sum) (i32.load8_u (local.get $i))))
          (br_if 0 (i32.lt_u (local.tee $i (i32.add (local.get $i) (i32.const 1))) (global.get $heap))))
        (local.set $i (i32.and (global.get $sum) (i32.const 65535)))
        (loop (br_if 0 (i32.gt_s (local.tee $i (i32.sub (local.get $i) (i32.const 1))) (i32.const 0))))";
    let counter = component::Core {
        fields: "(global $sum (mut i32) (i32.const 0))".into(),
        analyze: format!("{turns} (i32.const {})", component::ANSWER),
        ..component::Core::default()
    };
    let mut input = call(counter.component(&manifest(Limits::default())), 0);
    let ask = |sandbox: &mut Sandbox, input: &_| {
        let answer = sandbox.analyze(input, Duration::from_secs(2));
        let answer = answer.unwrap().unwrap();
        (answer.outcome, answer.fuel, answer.memory)
    };
    let mut sandbox = start(None);
    let first = ask(&mut sandbox, &input);
    assert_eq!(ask(&mut sandbox, &input), first);
    assert_eq!(ask(&mut start(None), &input), first);

    input.objects[7].json.push(' ');
    assert_ne!(ask(&mut sandbox, &input).1, first.1, "it reads nothing");
}

#[test]
fn a_worker_that_is_killed_between_calls_is_replaced() {
    let mut sandbox = start(None);
    let first = sandbox.process().unwrap();
    let killed = std::process::Command::new("kill")
        .args(["-9", &first.to_string()])
        .status();
    assert!(killed.unwrap().success());
    let answer = sandbox.analyze(&call(good(), 0), Duration::from_secs(2));
    let fault = answer.unwrap().unwrap_err();
    assert!(fault.to_string().contains("host memory"), "{fault}");
    expect_good(&mut sandbox, "after the worker was killed");
    assert_ne!(sandbox.process().unwrap(), first);
}

#[test]
fn a_wrong_request_and_a_worker_by_hand_are_answered_in_words() {
    let worker = || std::process::Command::new(env!("CARGO_BIN_EXE_nks-worker"));
    let version = worker().arg("--version").output().unwrap();
    assert!(
        String::from_utf8(version.stdout)
            .unwrap()
            .starts_with("nks-worker ")
    );
    let wrong = worker().arg("--what").output().unwrap();
    assert_eq!(wrong.status.code(), Some(2));
    let mut child = worker()
        .stdin(std::process::Stdio::piped())
        .stdout(std::process::Stdio::null())
        .stderr(std::process::Stdio::piped())
        .spawn()
        .unwrap();
    let mut input = child.stdin.take().unwrap();
    std::io::Write::write_all(&mut input, &[3, 0, 0, 0, 9, 9, 9]).unwrap();
    drop(input);
    let ended = child.wait_with_output().unwrap();
    assert_eq!(ended.status.code(), Some(1));
    assert!(
        String::from_utf8(ended.stderr)
            .unwrap()
            .starts_with("nks-worker: ")
    );
}

fn expect_good(sandbox: &mut Sandbox, after: &str) {
    let answer = sandbox.analyze(&call(good(), 0), Duration::from_secs(2));
    let outcome = answer.unwrap().map(|answer| answer.outcome);
    assert_eq!(
        outcome,
        Ok(Outcome::Done(Report::default())),
        "after {after}"
    );
}

/// Runs `what`, and gives the most memory that `process` was seen to hold meanwhile, in KiB.
fn watched<T>(process: u32, what: impl FnOnce() -> T) -> (T, u64) {
    let (most, done) = (AtomicU64::new(0), AtomicBool::new(false));
    std::thread::scope(|scope| {
        scope.spawn(|| {
            while !done.load(Ordering::Relaxed) {
                most.fetch_max(peak(process), Ordering::Relaxed);
                std::thread::sleep(Duration::from_millis(1));
            }
        });
        let result = what();
        most.fetch_max(peak(process), Ordering::Relaxed);
        done.store(true, Ordering::Relaxed);
        (result, most.load(Ordering::Relaxed))
    })
}

/// The most memory that a process ever held, in KiB; 0 where the system does not say, or the process is gone.
fn peak(process: u32) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{process}/status")).unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    line.and_then(|line| line.trim().strip_suffix(" kB")?.parse().ok())
        .unwrap_or_default()
}
