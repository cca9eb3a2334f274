//! What is refused from its bytes: not a component, or one that is more than a fixer may be.

use nks_core::manifest::Limits;

use crate::component::{Core, encode, good, manifest, with_custom, with_section};
use crate::{Attack, attack};

pub(crate) fn attacks() -> Vec<Attack> {
    [mistaken(), imports(), proposals(), manifests(), counts()]
        .into_iter()
        .flatten()
        .collect()
}

fn text(text: &str) -> Vec<u8> {
    wat::parse_str(text).unwrap()
}

fn mistaken() -> Vec<Attack> {
    let compiled = [b"\x7fELF\x02\x01\x01".as_slice(), &[0; 500]].concat();
    let mut truncated = good();
    truncated.truncate(truncated.len() / 2);
    let core = wat::parse_str(Core::default().text()).unwrap();
    vec![
        attack("empty file", Vec::new(), "the file is empty"),
        attack("text file", b"(component)".to_vec(), "it is text"),
        attack("core module", core, "it is a core module"),
        attack(
            "foreign .cwasm",
            compiled,
            "this is compiled code, not a component",
        ),
        attack("gzip", vec![0x1f, 0x8b, 8, 0, 0, 0], "packed with gzip"),
        attack("truncated", truncated, "it is not valid"),
        attack(
            "truncated header",
            b"\0asm\x0d".to_vec(),
            "it ends inside its header",
        ),
        attack("too large", vec![0; 9 << 20], "8388608 are the most"),
    ]
}

fn imports() -> Vec<Attack> {
    vec![
        attack(
            "import",
            text("(component (import \"wasi:cli/environment@0.2.0\" (instance)))"),
            "it imports wasi:cli/environment@0.2.0",
        ),
        attack(
            "import in a core module",
            text(
                "(component (core module (import \"wasi_snapshot_preview1\" \"fd_write\" (func))))",
            ),
            "a core module in it imports wasi_snapshot_preview1.fd_write",
        ),
        attack(
            "import in a nested component",
            text("(component (component (import \"wasi:io/streams@0.2.0\" (instance))))"),
            "a nested component in it imports wasi:io/streams@0.2.0",
        ),
        attack(
            "core import in a nested component",
            text("(component (component (core module (import \"wasi\" \"x\" (func)))))"),
            "core code in a nested component",
        ),
        attack(
            "another export",
            text(
                "(component (component $c) (instance $i (instantiate $c)) (export \"a:b/c\" (instance $i)))",
            ),
            "it exports a:b/c",
        ),
        attack(
            "another type of function",
            another_type(),
            "failed to convert function to given type",
        ),
    ]
}

/// The one export, by its name, with a function of another type.
fn another_type() -> Vec<u8> {
    let component = text(
        "(component
           (core module $m (func (export \"f\") (result i32) (i32.const 0)))
           (core instance $i (instantiate $m))
           (func $f (result u32) (canon lift (core func $i \"f\")))
           (instance $x (export \"analyze\" (func $f)))
           (export \"nks:fixer/analysis@1.0.0\" (instance $x)))",
    );
    with_section(
        component,
        &manifest(Limits::default()).to_section().unwrap(),
    )
}

fn proposals() -> Vec<Attack> {
    let module = |fields: &str| text(&format!("(component (core module {fields}))"));
    vec![
        attack("threads", module("(memory 1 1 shared)"), "it is not valid"),
        attack(
            "garbage collection",
            module("(type (struct (field i32)))"),
            "it is not valid",
        ),
        attack("64-bit memory", module("(memory i64 1)"), "it is not valid"),
        attack("exceptions", module("(tag)"), "it is not valid"),
        attack(
            "tail calls",
            module("(func $f (return_call $f))"),
            "it is not valid",
        ),
        attack(
            "function references",
            module("(type $t (func)) (func (param (ref null $t)))"),
            "it is not valid",
        ),
        attack(
            "relaxed SIMD",
            module(
                "(func (param v128 v128) (drop (i8x16.relaxed_swizzle (local.get 0) (local.get 1))))",
            ),
            "it is not valid",
        ),
    ]
}

fn manifests() -> Vec<Attack> {
    let bare = || encode(&Core::default().text());
    let good_section = manifest(Limits::default()).to_section().unwrap();
    let greedy = Limits {
        memory_mib: 4_096,
        ..Limits::default()
    };
    vec![
        attack("no manifest", bare(), "it has no section `nks.fixer`"),
        attack(
            "two manifests",
            with_section(good(), &good_section),
            "more than one section",
        ),
        attack(
            "oversized manifest",
            with_section(bare(), &vec![b' '; 300_000]),
            "the manifest has 300000 bytes",
        ),
        attack(
            "oversized names",
            with_custom(good(), "component-name", &vec![0; 2 << 20]),
            "bytes of names",
        ),
        attack(
            "deep manifest",
            with_section(bare(), &[b'['; 10_000]),
            "nested deeper than 64",
        ),
        attack(
            "limits above the ceiling",
            Core::default().component(&manifest(greedy)),
            "above the host's ceiling",
        ),
    ]
}

fn counts() -> Vec<Attack> {
    let module = |fields: &str| text(&format!("(component (core module {fields}))"));
    let mut types = "(type $t0 (tuple u8 u8))".to_owned();
    for level in 1..60 {
        types += &format!("(type $t{level} (tuple $t{} $t{}))", level - 1, level - 1);
    }
    let giant = Core::fields("(table 1000000 funcref)");
    let huge = Core {
        memory: "(memory (export \"memory\") 65536)".into(),
        ..Core::default()
    };
    let usual = || manifest(Limits::default());
    let long = |letter: char| {
        format!(
            "(export \"{}\" (func 0))",
            letter.to_string().repeat(99_999)
        )
    };
    let names: String = ('a'..='k').map(long).collect();
    vec![
        attack(
            "a megabyte of names",
            module(&format!("(func) {names}")),
            "bytes of types, names and tables, 1048576 are the most",
        ),
        attack("10,000 memories", module(&"(memory 1)".repeat(10_000)), "10000 memories, 1 are the most"),
        attack("10,000 tables", module(&"(table 1 funcref)".repeat(10_000)), "10000 tables, 2 are the most"),
        attack("giant table", giant.component(&usual()), "1000000 table entries"),
        attack("4 GiB of memory", huge.component(&usual()), "it starts with 4096 MiB of memory"),
        attack(
            "start function",
            Core::fields("(func $s (loop (br 0))) (start $s)").component(&usual()),
            "it has a start function",
        ),
        attack("20,000 functions", module(&"(func)".repeat(20_000)), "20000 functions, 10000 are the most"),
        attack("30,000 types", module(&"(type (func))".repeat(30_000)), "types, exports and other entries"),
        attack("a type of 2^60 parts", text(&format!("(component {types})")), "it is not valid"),
        attack(
            "components in components",
            text(&format!("(component {}{})", "(component ".repeat(50), ")".repeat(50))),
            "components nested in a nested component",
        ),
        attack(
            "1,000 nested components",
            text(&format!("(component {})", "(component)".repeat(1_000))),
            "nested components, 4 are the most",
        ),
        attack(
            "100 core instances",
            text(&format!(
                "(component (core module $m) {})",
                "(core instance (instantiate $m))".repeat(100)
            )),
            "core instances, 8 are the most",
        ),
        attack(
            "an adapter",
            text("(component (core module $m (func (export \"f\"))) (core instance $i (instantiate $m))
                (func $f (canon lift (core func $i \"f\"))) (core func (canon lower (func $f))))"),
            "canonical functions other than lifts",
        ),
    ]
}
