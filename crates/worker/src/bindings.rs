//! The contract's types on the host's side, generated from `crates/fixer/wit/v1`.

wasmtime::component::bindgen!({
    path: "../fixer/wit/v1",
    world: "fixer",
    ownership: Borrowing { duplicate_if_necessary: false },
});
