//! A good component, cut and bent: whatever comes of it is refused by name or taken, by the pre-scan alone.

use std::panic::catch_unwind;

use nks_core::message::clean;
use nks_worker::prescan::prescan;

use crate::component::good;

/// Why `bytes` are refused, if they are. The reason is fit for a terminal.
fn refusal(what: &str, bytes: &[u8]) -> Option<String> {
    let answer = catch_unwind(|| {
        prescan(bytes)
            .map(|_| ())
            .map_err(|reason| reason.to_string())
    });
    let Ok(answer) = answer else {
        panic!("the pre-scan panics on {what}");
    };
    let reason = answer.err()?;
    assert!(!reason.is_empty(), "{what}");
    assert_eq!(clean(&reason), reason, "{what}");
    Some(reason)
}

#[test]
fn each_beginning_of_a_component_is_refused() {
    let whole = good();
    assert_eq!(refusal("the whole", &whole), None);
    for length in 0..whole.len() {
        let what = format!("the first {length} bytes");
        assert!(refusal(&what, &whole[..length]).is_some(), "{what}");
    }
}

#[test]
fn flipped_bytes_are_refused_by_name_or_change_nothing_that_counts() {
    let whole = good();
    let mut seed = 0x9e37_79b9_7f4a_7c15_u64;
    // Xorshift (Marsaglia 2003): the same bytes in each run.
    let mut next = |below: usize| {
        seed ^= seed << 13;
        seed ^= seed >> 7;
        seed ^= seed << 17;
        (seed % below as u64) as usize
    };
    let mut refused = 0;
    for round in 0..4_000 {
        let mut bytes = whole.clone();
        for _ in 0..=next(3) {
            let at = next(bytes.len());
            bytes[at] ^= 1 + next(255) as u8;
        }
        let what = format!("round {round}");
        refused += usize::from(refusal(&what, &bytes).is_some());
    }
    assert!(refused > 1_000, "only {refused} were refused");
}
