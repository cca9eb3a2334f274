//! The rules that matter, one by one. Whole clusters are in `cases`.

use crate::WorkloadHealth;

nks_golden::tests!(WorkloadHealth);
