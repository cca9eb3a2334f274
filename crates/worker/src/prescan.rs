//! What a component is, from its bytes alone, before a byte of it is compiled.
//!
//! A compiler is the softest part of a sandbox: a hostile module of 258 KB makes Cranelift ask for 26 GB. So the limits
//! below come first. They bound what each later stage may cost, and they are far above what a fixer needs: the whole
//! analysis of a cluster fits in a few hundred functions. The parser is wasmtime's own, so that the two cannot read the
//! same bytes differently.
//!
//! A component has no imports. That is checked at three depths, because a component can hide one: at its own level, in
//! the components nested in it, and in its core modules, which may import from each other only.

use nks_core::manifest::{Manifest, SECTION};
use nks_sandbox::protocol::{Description, Fault};
use sha2::{Digest, Sha256};
use wasmtime::wasmparser::{Encoding, Parser, Payload, ValidPayload, Validator, WasmFeatures};

mod code;
mod refusal;
mod sections;

pub use refusal::Refusal;

/// The largest component accepted, in bytes.
pub const MAX_COMPONENT: usize = 8 * 1024 * 1024;
/// The largest function body, in bytes.
pub const MAX_BODY: usize = 128 * 1024;
/// The most locals of one function.
pub const MAX_LOCALS: u64 = 2_000;
/// The most branch targets in all `br_table` instructions of a component.
pub const MAX_BRANCH_TARGETS: u64 = 10_000;
/// The most functions of a component.
pub const MAX_FUNCTIONS: u64 = 10_000;
/// The most blocks times locals of one function. Turning locals into values costs the compiler about that many steps
/// and 40 bytes each, which neither the size of the body nor the number of locals bounds by itself.
pub const MAX_BLOCKS_TIMES_LOCALS: u64 = 1_000_000;
/// The most linear memories of a component.
pub const MAX_MEMORIES: u64 = 1;
/// The most tables of a component.
pub const MAX_TABLES: u64 = 2;
/// The most entries of a table.
pub const MAX_TABLE_ENTRIES: u64 = 100_000;
/// The most core modules, and the most instances of them.
pub const MAX_CORE_INSTANCES: u64 = 8;
/// The most nested components. The tools need one, to give the exported instance its types.
pub const MAX_NESTED: u64 = 4;
/// The most entries of any other section (types, exports, aliases, globals, …), over the whole component.
pub const MAX_ENTRIES: u64 = 20_000;
/// The most bytes of any such section, over the whole component.
pub const MAX_SECTION: u64 = 1024 * 1024;

/// The one thing a fixer exports.
pub const EXPORT: &str = "nks:fixer/analysis@1.0.0";

/// What a fixer may be built with: what LLVM calls `lime1`, reference types, bulk memory and plain SIMD. Everything
/// else is off here and in the engine: threads, garbage collection, exceptions, 64-bit memory, tail calls, relaxed SIMD.
pub const FEATURES: WasmFeatures = WasmFeatures::MUTABLE_GLOBAL
    .union(WasmFeatures::SATURATING_FLOAT_TO_INT)
    .union(WasmFeatures::SIGN_EXTENSION)
    .union(WasmFeatures::REFERENCE_TYPES)
    .union(WasmFeatures::MULTI_VALUE)
    .union(WasmFeatures::BULK_MEMORY)
    .union(WasmFeatures::EXTENDED_CONST)
    .union(WasmFeatures::SIMD)
    .union(WasmFeatures::FLOATS)
    .union(WasmFeatures::COMPONENT_MODEL);

/// A component that passed.
#[derive(Clone, Debug)]
pub struct Scanned {
    /// What it declares.
    pub manifest: Manifest,
    /// The same, for the wire.
    pub description: Description,
}

/// Looks at `component` without compiling or running it. Takes a time proportional to its size.
///
/// # Errors
/// The first rule that it breaks.
pub fn prescan(component: &[u8]) -> Result<Scanned, Refusal> {
    check_header(component)?;
    let mut scan = Scan::default();
    let mut validator = Validator::new_with_features(FEATURES);
    for payload in Parser::new(0).parse_all(component) {
        let payload = payload?;
        scan.look(&payload)?;
        if let ValidPayload::Func(function, body) = validator.payload(&payload)? {
            let allocations = std::mem::take(&mut scan.allocations);
            let mut function = function.into_validator(allocations);
            function.validate(&body)?;
            scan.allocations = function.into_allocations();
        }
    }
    scan.finish(component)
}

impl From<Refusal> for Fault {
    fn from(refusal: Refusal) -> Self {
        Fault::Refused(refusal.to_string())
    }
}

/// Lower-case hex of the sha256 of `bytes`.
pub(crate) fn digest(bytes: &[u8]) -> String {
    hex(&Sha256::digest(bytes))
}

/// Lower-case hex of `bytes`.
pub(crate) fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Tells a component from everything that people hand over by mistake, by its first bytes.
fn check_header(bytes: &[u8]) -> Result<(), Refusal> {
    if bytes.len() > MAX_COMPONENT {
        return Err(Refusal::Size(bytes.len()));
    }
    match bytes {
        [] => Err(Refusal::Empty),
        [b'\0', b'a', b's', b'm', 0x0d, 0, 1, 0, ..] => Ok(()),
        [b'\0', b'a', b's', b'm', 1, 0, 0, 0, ..] => Err(Refusal::CoreModule),
        [b'\0', b'a', b's', b'm', ..] if bytes.len() >= 8 => Err(Refusal::Layer),
        [b'\0', rest @ ..] if b"asm".starts_with(&rest[..rest.len().min(3)]) => {
            Err(Refusal::Invalid("it ends inside its header".into()))
        }
        [0x7f, b'E', b'L', b'F', ..] => Err(Refusal::Compiled),
        [0x1f, 0x8b, ..] => Err(Refusal::Packed("gzip")),
        [0x28, 0xb5, 0x2f, 0xfd, ..] => Err(Refusal::Packed("zstd")),
        [b'P', b'K', 3, 4, ..] => Err(Refusal::Packed("zip")),
        _ if std::str::from_utf8(bytes).is_ok() => Err(Refusal::Text),
        _ => Err(Refusal::Unknown),
    }
}

/// What has been seen so far.
#[derive(Default)]
struct Scan {
    /// What each part entered and not yet left is: the component itself, then what is nested in it.
    within: Vec<Encoding>,
    sections: sections::Tally,
    code: code::Tally,
    section: Option<Vec<u8>>,
    exports: Vec<String>,
    allocations: wasmtime::wasmparser::FuncValidatorAllocations,
}

impl Scan {
    /// Checks one payload. Comes before its validation, which costs more.
    fn look(&mut self, payload: &Payload<'_>) -> Result<(), Refusal> {
        match payload {
            Payload::Version { encoding, .. } => self.within.push(*encoding),
            Payload::End(_) => {
                self.within.pop();
            }
            Payload::CustomSection(custom)
                if custom.name() == SECTION && self.within.len() == 1 =>
            {
                self.manifest(custom.data())?;
            }
            Payload::CodeSectionEntry(body) => self.code.body(body)?,
            Payload::ComponentExportSection(section) if self.within.len() == 1 => {
                for export in section.clone() {
                    let export = export?;
                    self.exports.push(export.name.name.to_owned());
                }
            }
            _ => {}
        }
        let nested = self.within.len() > 1 && self.within.last() == Some(&Encoding::Component);
        self.sections.section(payload, nested)
    }

    fn manifest(&mut self, section: &[u8]) -> Result<(), Refusal> {
        match self.section.replace(section.to_vec()) {
            Some(_) => Err(Refusal::Manifests),
            None => Ok(()),
        }
    }

    fn finish(self, component: &[u8]) -> Result<Scanned, Refusal> {
        if self.exports != [EXPORT] {
            return Err(Refusal::exports(&self.exports));
        }
        let section = self.section.ok_or(Refusal::NoManifest)?;
        let manifest = Manifest::from_section(&section)?;
        let limit = manifest.spec.limits.memory_mib;
        let asked = self.sections.memory_pages.div_ceil(16);
        if asked > u64::from(limit) {
            return Err(Refusal::Memory { asked, limit });
        }
        let description = Description {
            manifest: section,
            digest: digest(component),
            size: component.len() as u64,
            exports: self.exports,
        };
        Ok(Scanned {
            manifest,
            description,
        })
    }
}

#[cfg(test)]
mod tests;
