//! Ways to use up what a guest is given, and to remember what it must forget.

use std::hint::black_box;
use std::sync::atomic::{AtomicU32, Ordering};

use nks_fixer::{Input, Outcome};

use crate::{found, need};

/// Never comes back.
pub(crate) fn spin() -> Outcome {
    let mut turns = 0u64;
    loop {
        turns = black_box(turns.wrapping_add(1));
    }
}

/// Goes deeper until the stack is gone. `black_box` keeps the compiler from making a loop of it.
pub(crate) fn recurse(depth: u64) -> u64 {
    let frame = black_box([depth; 64]);
    if black_box(depth) == u64::MAX {
        0
    } else {
        recurse(depth + 1).wrapping_add(frame[3])
    }
}

/// Takes memory until there is none.
pub(crate) fn grow() -> Outcome {
    let mut taken: Vec<Vec<u8>> = Vec::new();
    loop {
        // Not written to: filling it would use up the fuel first.
        taken.push(black_box(Vec::with_capacity(1024 * 1024)));
    }
}

static CALLS: AtomicU32 = AtomicU32::new(0);

/// Counts its calls, and reports the count in the second round: more than 1 means that an instance was used twice.
pub(crate) fn carry_state(input: &Input) -> Outcome {
    let calls = CALLS.fetch_add(1, Ordering::Relaxed) + 1;
    if input.context.round == 0 {
        need(0)
    } else {
        found(&calls.to_string())
    }
}
