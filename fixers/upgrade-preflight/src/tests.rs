//! The rules that matter, one by one. Whole clusters are in `cases`.

use crate::UpgradePreflight;

nks_golden::tests!(UpgradePreflight);
