//! The rules that need no full component: its first bytes, and the edges of the limits. The rest is in
//! `tests/attacks.rs`, through the real process.

use super::*;

fn refused(bytes: &[u8]) -> String {
    prescan(bytes).unwrap_err().to_string()
}

fn component(text: &str) -> Vec<u8> {
    wat::parse_str(text).unwrap()
}

#[test]
fn what_is_no_component_is_named_by_its_first_bytes() {
    assert_eq!(refused(b""), "the file is empty");
    assert_eq!(refused(b"\0"), "it is not valid: it ends inside its header");
    assert_eq!(
        refused(b"\0asm\x0d\0"),
        "it is not valid: it ends inside its header"
    );
    assert!(refused(b"\0asm\x01\0\0\0").starts_with("it is a core module"));
    assert!(refused(b"\0asm\x0d\0\x02\0").contains("unknown version"));
    assert!(refused(b"\x7fELF....").starts_with("this is compiled code, not a component"));
    assert!(refused(b"\x1f\x8b....").contains("gzip"));
    assert!(refused(b"\x28\xb5\x2f\xfd..").contains("zstd"));
    assert!(refused(b"PK\x03\x04").contains("zip"));
    assert!(refused("(component)".as_bytes()).starts_with("it is text"));
    assert_eq!(refused(&[0xff; 20]), "it is not a WebAssembly component");
}

#[test]
fn each_import_is_named_and_its_name_cleaned() {
    let bytes = component(r#"(component (import "a:b/c@0.2.0" (instance)))"#);
    assert_eq!(refused(&bytes), "it imports a:b/c@0.2.0");
    let bytes = component(r#"(component (core module (import "wasi" "\1b[2J" (func))))"#);
    assert_eq!(
        refused(&bytes),
        "a core module in it imports wasi.\u{fffd}[2J"
    );
}

#[test]
fn imports_between_core_modules_are_no_imports() {
    let bytes = component(
        r#"(component
            (core module $a (func (export "f")))
            (core module $b (import "env" "f" (func)))
            (core instance $i (instantiate $a))
            (core instance (instantiate $b (with "env" (instance $i)))))"#,
    );
    assert!(refused(&bytes).starts_with("it exports nothing"));
}

#[test]
fn a_core_import_that_nothing_satisfies_is_not_valid() {
    let bytes = component(
        r#"(component (core module $b (import "env" "f" (func))) (core instance (instantiate $b)))"#,
    );
    assert!(refused(&bytes).starts_with("it is not valid"));
}

#[test]
fn limits_hold_at_their_edge() {
    let with_locals = |count: usize| {
        component(&format!(
            "(component (core module (func (local {}))))",
            "i32 ".repeat(count)
        ))
    };
    assert!(refused(&with_locals(2_000)).starts_with("it exports nothing"));
    assert_eq!(
        refused(&with_locals(2_001)),
        "it has 2001 locals in one function, 2000 are the most"
    );
    let with_functions = |count: usize| {
        component(&format!(
            "(component (core module {}))",
            "(func)".repeat(count)
        ))
    };
    assert!(refused(&with_functions(10_000)).starts_with("it exports nothing"));
    assert_eq!(
        refused(&with_functions(10_001)),
        "it has 10001 functions, 10000 are the most"
    );
}

#[test]
fn many_exports_are_named_in_part() {
    let names: Vec<String> = (0..9).map(|number| format!("e{number}")).collect();
    let text = Refusal::exports(&names).to_string();
    assert!(
        text.starts_with("it exports e0, e1, e2, e3, e4, 4 more;"),
        "{text}"
    );
}
