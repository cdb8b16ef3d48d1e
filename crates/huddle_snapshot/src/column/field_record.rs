use super::state::{Baseline, Number};

/// What is known about a field before it is coded.
pub(super) struct FieldRecord<'a> {
    pub(super) baseline: &'a Baseline<'a>,
    /// The numbers of the baseline.
    pub(super) base: &'a [Number],
    /// The numbers of the earlier state, or nothing.
    pub(super) earlier: &'a [Number],
    /// How far the field before was from its prediction.
    pub(super) missed_before: u32,
}
