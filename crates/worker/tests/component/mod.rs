//! Makes components out of WebAssembly text, good ones and hostile ones.
#![expect(unreachable_pub, reason = "shared by several test programs")]

use nks_core::manifest::{Limits, Manifest, SECTION};
use nks_sandbox::protocol::{Analyze, Source, Supplied};
use wit_component::{ComponentEncoder, StringEncoding, embed_component_metadata};
use wit_parser::Resolve;

/// What a fixer exports, in the text of a core module.
pub const ANALYZE: &str = "nks:fixer/analysis@1.0.0#analyze";

/// Where the module below leaves room for its answer. Zeroes there are an empty report.
pub const ANSWER: u32 = 1024;

/// The parts of a core module that differ between fixers.
pub struct Core {
    /// The memory, with its export.
    pub memory: String,
    /// Further fields of the module.
    pub fields: String,
    /// Body of `analyze`, which leaves the address of the answer.
    pub analyze: String,
    /// Body of the function that is called after the answer was read.
    pub after: String,
}

impl Default for Core {
    fn default() -> Self {
        Self {
            memory: "(memory (export \"memory\") 2)".into(),
            fields: String::new(),
            analyze: format!("(i32.const {ANSWER})"),
            after: String::new(),
        }
    }
}

impl Core {
    /// The module's text.
    pub fn text(&self) -> String {
        let Self {
            memory,
            fields,
            analyze,
            after,
        } = self;
        format!(
            "(module {memory}
              (global $heap (mut i32) (i32.const 65536))
              (func (export \"cabi_realloc\") (param i32 i32 i32 i32) (result i32) (local $at i32)
                (local.set $at (i32.and (i32.add (global.get $heap) (i32.const 7)) (i32.const -8)))
                (global.set $heap (i32.add (local.get $at) (local.get 3)))
                (if (i32.gt_u (global.get $heap) (i32.mul (memory.size) (i32.const 65536)))
                  (then (drop (memory.grow (i32.add (i32.const 1) (i32.shr_u (local.get 3) (i32.const 16)))))))
                (local.get $at))
              (func $analyze (export \"{ANALYZE}\") (param i64 i32 i32 i32 i32 i32 i32 i32) (result i32)
                (local $i i32) {analyze})
              (func (export \"cabi_post_{ANALYZE}\") (param i32) {after})
              {fields})"
        )
    }

    /// The component, with `manifest`.
    pub fn component(&self, manifest: &Manifest) -> Vec<u8> {
        with_section(encode(&self.text()), &manifest.to_section().unwrap())
    }
}

/// A core module's text as a component without a manifest.
pub fn encode(text: &str) -> Vec<u8> {
    assemble(wat::parse_str(text).unwrap())
}

/// A core module as a component without a manifest.
pub fn assemble(mut core: Vec<u8>) -> Vec<u8> {
    let mut resolve = Resolve::default();
    let wit = concat!(env!("CARGO_MANIFEST_DIR"), "/../fixer/wit/v1");
    let (package, _) = resolve.push_path(wit).unwrap();
    let world = resolve.select_world(&[package], Some("fixer")).unwrap();
    embed_component_metadata(&mut core, &resolve, world, StringEncoding::UTF8, false).unwrap();
    ComponentEncoder::default()
        .module(&core)
        .unwrap()
        .encode()
        .unwrap()
}

/// `component` with `bytes` in a section `nks.fixer`.
pub fn with_section(component: Vec<u8>, bytes: &[u8]) -> Vec<u8> {
    with_custom(component, SECTION, bytes)
}

/// `component` with a custom section.
pub fn with_custom(mut component: Vec<u8>, name: &str, bytes: &[u8]) -> Vec<u8> {
    let name_length = u8::try_from(name.len()).unwrap();
    component.push(0);
    leb(&mut component, 1 + name.len() + bytes.len());
    component.push(name_length);
    component.extend(name.as_bytes());
    component.extend(bytes);
    component
}

fn leb(out: &mut Vec<u8>, mut number: usize) {
    while number >= 0x80 {
        out.push((number & 0x7f) as u8 | 0x80);
        number >>= 7;
    }
    out.push(number as u8);
}

/// A manifest with these limits.
pub fn manifest(limits: Limits) -> Manifest {
    let text = "
apiVersion: fixer.nks/v1
kind: Fixer
metadata: {name: acme/good}
spec:
  version: 1.0.0
  about: {title: {en: t, ko: t}, cause: {en: c, ko: c}}
  reads: [{apiVersion: v1, kind: Pod, fields: [/spec]}]
  messages: {m: {en: m, ko: m}}
";
    let mut manifest = Manifest::from_yaml(text).unwrap();
    manifest.spec.limits = limits;
    manifest
}

/// A fixer that finds nothing.
pub fn good() -> Vec<u8> {
    Core::default().component(&manifest(Limits::default()))
}

/// A call of `component` with some objects.
pub fn call(component: Vec<u8>, round: u32) -> Analyze {
    let object = |number: usize| Supplied {
        rule: 0,
        api_version: "v1".into(),
        kind: "Pod".into(),
        namespace: "default".into(),
        name: format!("pod-{number}"),
        uid: format!("uid-{number}"),
        json: format!("{{\"spec\":\"{}\"}}", "x".repeat(1_000)),
    };
    Analyze {
        fixer: Source::Component(component),
        now_unix: 0,
        round,
        cluster: "{}".into(),
        settings: "{}".into(),
        objects: (0..100).map(object).collect(),
    }
}
