//! Attacks by code that runs.

use nks_core::manifest::Limits;

use crate::component::{ANSWER, Core, manifest};
use crate::{Attack, attack};

pub(crate) fn attacks() -> Vec<Attack> {
    [limits(), answers(), crashes()]
        .into_iter()
        .flatten()
        .collect()
}

fn usual(core: &Core) -> Vec<u8> {
    core.component(&manifest(Limits::default()))
}

fn limits() -> Vec<Attack> {
    let long = Limits {
        fuel: 1_000_000_000,
        fuel_per_object: 3_000_000,
        wall_ms: 30,
        ..Limits::default()
    };
    let spin = "(loop (br 0)) unreachable";
    let recursion = Core {
        fields:
            "(func $r (param i32) (result i32) (i32.add (call $r (local.get 0)) (i32.const 1)))"
                .into(),
        analyze: "(call $r (i32.const 0))".into(),
        ..Core::default()
    };
    let grow = "(loop (drop (memory.grow (i32.const 16))) (br 0)) unreachable";
    let grow_table = Core {
        fields: "(table $t 1 funcref)".into(),
        analyze:
            "(loop (drop (table.grow $t (ref.null func) (i32.const 1000))) (br 0)) unreachable"
                .into(),
        ..Core::default()
    };
    vec![
        attack("spin", usual(&Core::analyze(spin)), "limit of fuel"),
        attack(
            "spin with much fuel",
            Core::analyze(spin).component(&manifest(long)),
            "limit of time (30 ms)",
        ),
        attack("recursion", usual(&recursion), "limit of stack"),
        attack(
            "grow loop",
            usual(&Core::analyze(grow)),
            "limit of memory (64 MiB)",
        ),
        attack(
            "table grow loop",
            usual(&grow_table),
            "limit of memory (100000 table entries)",
        ),
    ]
}

/// Stores words from `ANSWER` on, then gives its address.
fn words(before: &str, words: &[u32]) -> Core {
    let stores: String = (0u32..)
        .zip(words)
        .map(|(at, word)| {
            format!(
                "(i32.store (i32.const {}) (i32.const {word}))",
                ANSWER + 4 * at
            )
        })
        .collect();
    Core::analyze(&format!("{before} {stores} (i32.const {ANSWER})"))
}

fn answers() -> Vec<Attack> {
    // An answer is: result (0 is ok), outcome (0 is done), findings (address, count), steps (address, count).
    // A finding is 12 words: message (address, length), severity, target, field, related, args.
    let finding = "(i32.store (i32.const 4096) (i32.const 8192))";
    // 65,536 arguments that all name the same 1 MiB: a few bytes each in the fixer, a gigabyte each thousand outside.
    let aliased = "
      (drop (memory.grow (i32.const 48)))
      (i32.store (i32.const 4136) (i32.const 1048576)) (i32.store (i32.const 4140) (i32.const 65536))
      (loop
        (i32.store offset=1048576 (i32.shl (local.get $i) (i32.const 4)) (i32.const 2097152))
        (i32.store offset=1048584 (i32.shl (local.get $i) (i32.const 4)) (i32.const 2097152))
        (i32.store offset=1048588 (i32.shl (local.get $i) (i32.const 4)) (i32.const 1048576))
        (br_if 0 (i32.lt_u (local.tee $i (i32.add (local.get $i) (i32.const 1))) (i32.const 65536))))";
    let large = "(drop (memory.grow (i32.const 48)))
      (i32.store (i32.const 4096) (i32.const 1048576)) (i32.store (i32.const 4100) (i32.const 2097152))";
    let not_text = format!(
        "{finding} (i32.store (i32.const 4100) (i32.const 1)) (i32.store (i32.const 8192) (i32.const 255))"
    );
    let severity = format!("{finding} (i32.store (i32.const 4104) (i32.const 99))");
    let one = [0, 0, 4096, 1, 0, 0];
    vec![
        attack(
            "aliased strings",
            usual(&words(aliased, &one)),
            "limit of output (1024 KiB)",
        ),
        attack(
            "oversized output",
            usual(&words(large, &one)),
            "limit of output (1024 KiB)",
        ),
        attack(
            "100,000 empty findings",
            usual(&words(
                "(drop (memory.grow (i32.const 100)))",
                &[0, 0, 65_536, 100_000, 0, 0],
            )),
            "limit of output (1024 KiB)",
        ),
        attack(
            "invalid UTF-8",
            usual(&words(&not_text, &one)),
            "gave an unusable answer",
        ),
        attack(
            "unknown severity",
            usual(&words(&severity, &one)),
            "gave an unusable answer",
        ),
        attack(
            "unknown result",
            usual(&words("", &[7])),
            "gave an unusable answer",
        ),
        attack(
            "unknown outcome",
            usual(&words("", &[0, 7])),
            "gave an unusable answer",
        ),
        attack(
            "list out of bounds",
            usual(&words("", &[0, 0, 0xffff_fff0, 9, 0, 0])),
            "gave an unusable answer",
        ),
        attack(
            "answer out of bounds",
            usual(&Core::analyze("(i32.const -8)")),
            "gave an unusable answer",
        ),
        attack(
            "answer not aligned",
            usual(&Core::analyze("(i32.const 1025)")),
            "gave an unusable answer",
        ),
        attack(
            "an error of its own",
            usual(&words("", &[1, 0, 0])),
            "it says: ",
        ),
    ]
}

fn crashes() -> Vec<Attack> {
    let after = Core {
        after: "unreachable".into(),
        ..Core::default()
    };
    let after_spin = Core {
        after: "(loop (br 0))".into(),
        ..Core::default()
    };
    vec![
        attack(
            "trap",
            usual(&Core::analyze("unreachable")),
            "crashed: wasm trap",
        ),
        attack("trap after the answer", usual(&after), "crashed: wasm trap"),
        attack("spin after the answer", usual(&after_spin), "limit of fuel"),
        attack(
            "memory out of bounds",
            usual(&Core::analyze("(i32.load (i32.const -4))")),
            "crashed: wasm trap: out of bounds memory access",
        ),
        attack(
            "division by zero",
            usual(&Core::analyze("(i32.div_u (i32.const 1) (i32.const 0))")),
            "crashed: wasm trap: integer divide by zero",
        ),
    ]
}
