//! The budgets of the benchmarks.

use huddle_snapshot::budget::{BudgetOptions, SendRate};

/// A budget at which a link sends 30 times per second.
pub(crate) const SMALL: BudgetOptions = BudgetOptions {
    max_bytes_per_second: 6_000,
    min_bytes_per_second: 3_000,
    max_rate: SendRate::Hz60,
    max_payload: 1100,
};

/// Returns the name of a budget.
pub(crate) fn name_of(budget: BudgetOptions) -> String {
    match budget.max_bytes_per_second {
        u32::MAX => "unlimited".to_owned(),
        bytes => bytes.to_string(),
    }
}
