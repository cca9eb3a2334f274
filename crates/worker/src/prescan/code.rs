//! Function bodies: bounded before they are validated, and long before they are compiled.

use wasmtime::wasmparser::{FunctionBody, Operator};

use super::{
    MAX_BLOCKS_TIMES_LOCALS, MAX_BODY, MAX_BRANCH_TARGETS, MAX_FUNCTIONS, MAX_LOCALS, Refusal,
};

/// What the bodies seen so far come to.
#[derive(Default)]
pub(super) struct Tally {
    functions: u64,
    branch_targets: u64,
}

impl Tally {
    /// Checks one function body.
    pub(super) fn body(&mut self, body: &FunctionBody<'_>) -> Result<(), Refusal> {
        self.functions += 1;
        at_most("functions", self.functions, MAX_FUNCTIONS)?;
        let size = body.range().len() as u64;
        at_most("bytes in one function", size, MAX_BODY as u64)?;
        let mut locals = 0;
        for group in body.get_locals_reader()? {
            let (count, _) = group?;
            locals += u64::from(count);
        }
        at_most("locals in one function", locals, MAX_LOCALS)?;
        let mut blocks = 1;
        let mut operators = body.get_operators_reader()?;
        while !operators.eof() {
            match operators.read()? {
                Operator::BrTable { targets } => {
                    self.branch_targets += u64::from(targets.len());
                    at_most("branch targets", self.branch_targets, MAX_BRANCH_TARGETS)?;
                }
                Operator::Block { .. }
                | Operator::Loop { .. }
                | Operator::If { .. }
                | Operator::BrIf { .. } => blocks += 1,
                _ => {}
            }
        }
        let product = blocks * locals.max(1);
        at_most(
            "blocks times locals in one function",
            product,
            MAX_BLOCKS_TIMES_LOCALS,
        )
    }
}

/// `count` may be at most `most`.
pub(super) fn at_most(what: &'static str, count: u64, most: u64) -> Result<(), Refusal> {
    if count > most {
        return Err(Refusal::TooMany { what, count, most });
    }
    Ok(())
}
