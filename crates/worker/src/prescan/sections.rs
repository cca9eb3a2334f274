//! Everything but function bodies: how many of what, and nothing that reaches outside.

use wasmtime::wasmparser::{
    CanonicalFunction, ComponentExternalKind, Instance, Payload, SectionLimited,
};

use super::code::at_most;
use super::{
    MAX_CORE_INSTANCES, MAX_ENTRIES, MAX_FUNCTIONS, MAX_MEMORIES, MAX_NESTED, MAX_SECTION,
    MAX_TABLE_ENTRIES, MAX_TABLES, Refusal,
};

/// What the sections seen so far come to.
#[derive(Default)]
pub(super) struct Tally {
    /// Pages (64 KiB) that all memories start with.
    pub(super) memory_pages: u64,
    memories: u64,
    tables: u64,
    modules: u64,
    instances: u64,
    nested: u64,
    functions: u64,
    entries: u64,
    bytes: u64,
}

impl Tally {
    /// Checks one section. `nested`: it lies in a component inside the component.
    pub(super) fn section(&mut self, payload: &Payload<'_>, nested: bool) -> Result<(), Refusal> {
        if nested {
            return self.nested(payload);
        }
        match payload {
            Payload::StartSection { .. } | Payload::ComponentStartSection { .. } => {
                Err(Refusal::Start)
            }
            Payload::ComponentImportSection(imports) => match imports.clone().into_iter().next() {
                Some(import) => Err(Refusal::import(import?.name.name)),
                None => Ok(()),
            },
            Payload::ModuleSection { .. } => {
                self.modules += 1;
                at_most("core modules", self.modules, MAX_CORE_INSTANCES)
            }
            Payload::ComponentSection { .. } => {
                self.nested += 1;
                at_most("nested components", self.nested, MAX_NESTED)
            }
            Payload::InstanceSection(instances) => self.instances(instances),
            Payload::ComponentCanonicalSection(functions) => {
                self.entries(functions)?;
                lifts_only(functions)
            }
            Payload::ComponentExportSection(exports) => {
                self.entries(exports)?;
                instances_only(exports)
            }
            Payload::CustomSection(custom) if custom.name().ends_with("name") => {
                self.bytes("bytes of names", custom.data().len())
            }
            _ => self.core(payload),
        }
    }

    /// A nested component gives the exported instance its types, and does no more than that: it holds no code and
    /// imports only what its parent hands it, which has a plain name and not that of an interface.
    fn nested(&mut self, payload: &Payload<'_>) -> Result<(), Refusal> {
        match payload {
            Payload::ModuleSection { .. } | Payload::InstanceSection(_) => {
                Err(Refusal::Part("core code in a nested component"))
            }
            Payload::ComponentSection { .. } => {
                Err(Refusal::Part("components nested in a nested component"))
            }
            Payload::ComponentCanonicalSection(_) => {
                Err(Refusal::Part("canonical functions in a nested component"))
            }
            Payload::ComponentStartSection { .. } => Err(Refusal::Start),
            Payload::ComponentImportSection(imports) => {
                self.entries(imports)?;
                for import in imports.clone() {
                    let name = import?.name.name;
                    if name.contains([':', '/', '@', '=', '<']) {
                        return Err(Refusal::nested_import(name));
                    }
                }
                Ok(())
            }
            _ => self.core(payload),
        }
    }

    fn core(&mut self, payload: &Payload<'_>) -> Result<(), Refusal> {
        match payload {
            Payload::ImportSection(imports) => {
                self.entries(imports)?;
                for import in imports.clone().into_imports() {
                    let import = import?;
                    if import.module.starts_with("wasi") || import.module.contains([':', '/']) {
                        return Err(Refusal::core_import(import.module, import.name));
                    }
                }
                Ok(())
            }
            Payload::FunctionSection(functions) => {
                self.functions += u64::from(functions.count());
                at_most("functions", self.functions, MAX_FUNCTIONS)
            }
            Payload::MemorySection(memories) => {
                self.memories += u64::from(memories.count());
                at_most("memories", self.memories, MAX_MEMORIES)?;
                for memory in memories.clone() {
                    self.memory_pages = self.memory_pages.saturating_add(memory?.initial);
                }
                Ok(())
            }
            Payload::TableSection(tables) => {
                self.tables += u64::from(tables.count());
                at_most("tables", self.tables, MAX_TABLES)?;
                for table in tables.clone() {
                    at_most("table entries", table?.ty.initial, MAX_TABLE_ENTRIES)?;
                }
                Ok(())
            }
            Payload::TypeSection(section) => self.entries(section),
            Payload::TagSection(section) => self.entries(section),
            Payload::GlobalSection(section) => self.entries(section),
            Payload::ExportSection(section) => self.entries(section),
            Payload::ElementSection(section) => self.entries(section),
            Payload::CoreTypeSection(section) => self.entries(section),
            Payload::ComponentInstanceSection(section) => self.entries(section),
            Payload::ComponentAliasSection(section) => self.entries(section),
            Payload::ComponentTypeSection(section) => self.entries(section),
            Payload::ComponentExportSection(section) => self.entries(section),
            // Data may be as large as the component: it is copied once, and counts nowhere else.
            Payload::DataSection(section) => self.count(section.count()),
            _ => Ok(()),
        }
    }

    fn instances(&mut self, instances: &SectionLimited<'_, Instance<'_>>) -> Result<(), Refusal> {
        self.entries(instances)?;
        for instance in instances.clone() {
            if let Instance::Instantiate { .. } = instance? {
                self.instances += 1;
                at_most("core instances", self.instances, MAX_CORE_INSTANCES)?;
            }
        }
        Ok(())
    }

    fn entries<T>(&mut self, section: &SectionLimited<'_, T>) -> Result<(), Refusal> {
        self.bytes("bytes of types, names and tables", section.range().len())?;
        self.count(section.count())
    }

    fn count(&mut self, more: u32) -> Result<(), Refusal> {
        self.entries += u64::from(more);
        at_most(
            "types, exports and other entries",
            self.entries,
            MAX_ENTRIES,
        )
    }

    fn bytes(&mut self, what: &'static str, more: usize) -> Result<(), Refusal> {
        self.bytes += more as u64;
        at_most(what, self.bytes, MAX_SECTION)
    }
}

/// A fixer hands its function out (`lift`). It takes none in (`lower`) and holds no resources. Adapters between
/// components, which a pair of both would make, are generated code that the limits on bodies could not see.
fn lifts_only(functions: &SectionLimited<'_, CanonicalFunction>) -> Result<(), Refusal> {
    for function in functions.clone() {
        if !matches!(function?, CanonicalFunction::Lift { .. }) {
            return Err(Refusal::Part("canonical functions other than lifts"));
        }
    }
    Ok(())
}

/// The one export is an instance.
fn instances_only(
    exports: &SectionLimited<'_, wasmtime::wasmparser::ComponentExport<'_>>,
) -> Result<(), Refusal> {
    for export in exports.clone() {
        let export = export?;
        if export.kind != ComponentExternalKind::Instance {
            return Err(Refusal::exports(&[format!(
                "{} as something other than an interface",
                export.name.name
            )]));
        }
    }
    Ok(())
}
