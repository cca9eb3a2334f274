//! Code that makes a compiler ask for gigabytes.

use nks_core::manifest::Limits;

use crate::component::{Core, manifest};
use crate::{Attack, attack};

pub(crate) fn attacks() -> Vec<Attack> {
    let table = |entries: usize| format!("(br_table {} (local.get 0))", "0 ".repeat(entries));
    let bomb = |fields: String| Core::fields(&fields).component(&manifest(Limits::default()));
    let blocks = "(func (param i32) (block ".to_owned();
    vec![
        attack(
            "one large function",
            bomb(format!("{blocks} {}))", table(258_000))),
            "bytes in one function",
        ),
        attack(
            "br_table bomb",
            bomb(format!("{blocks} {}))", table(100_000))),
            "branch targets, 10000 are the most",
        ),
        attack(
            "br_table bomb in parts",
            bomb(format!("{blocks} {}))", table(4_000)).repeat(3)),
            "branch targets, 10000 are the most",
        ),
        attack(
            "60,000 locals",
            bomb(format!("(func (local {}))", "i32 ".repeat(40_000))),
            "locals in one function",
        ),
        attack(
            "locals times blocks bomb",
            bomb(loops(1_000, 10_000)),
            "blocks times locals in one function",
        ),
    ]
}

/// As bad as the limits of the pre-scan allow.
pub(crate) fn at_the_limits() -> Vec<(&'static str, String)> {
    let table = format!(
        "(func (param i32) (block (br_table {} (local.get 0))))",
        "0 ".repeat(9_990)
    );
    let sums = "(local.set 1 (i32.add (local.get 1) (i32.const 7)))".repeat(14_000);
    let many =
        "(func (param i32) (result i32) (i32.add (local.get 0) (i32.const 1)))".repeat(9_000);
    let calls: String = "(drop (call $f (i32.const 1)))".repeat(20_000);
    let wide = format!(
        "(type $w (func (result {results}))) (func $w (type $w) unreachable)
         (func {} )",
        format!("(call $w) {}", "drop ".repeat(1_000)).repeat(100),
        results = "i64 ".repeat(1_000)
    );
    vec![
        ("loops times locals", loops(1_000, 490)),
        ("few locals in many loops", loops(30, 16_000)),
        ("many locals in few loops", loops(1_990, 240)),
        ("9,990 branch targets", table),
        (
            "straight code",
            format!("(func (param i32) (local i32) {sums})"),
        ),
        ("9,000 functions", many),
        (
            "20,000 calls",
            format!("(func $f (param i32) (result i32) unreachable) (func {calls})"),
        ),
        ("1,000 results", wide),
        (
            "straight code 40 times",
            format!("(func (param i32) (local i32) {sums})").repeat(40),
        ),
    ]
}

/// A function of nested loops that uses all its locals in the innermost, so that each loop needs a value for each.
pub(crate) fn loops(locals: usize, depth: usize) -> String {
    let used: String = (1..=locals)
        .map(|local| format!("(local.set {local} (i32.add (local.get {local}) (i32.const 1)))"))
        .collect();
    format!(
        "(func (param i32) (local {}) {} {used} (br_if {} (local.get 0)) {})",
        "i32 ".repeat(locals),
        "(loop ".repeat(depth),
        depth / 2,
        ")".repeat(depth)
    )
}
