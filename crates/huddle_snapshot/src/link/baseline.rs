//! The states relative to which a record is encoded. See [`super::history`].

use super::state::StateRef;

/// The states relative to which a record is encoded.
#[derive(Debug, Clone, Copy)]
pub(super) struct Baseline<'a> {
    /// The number of packets since the state, or 0 for the settled state.
    pub(super) age: u8,
    pub(super) state: StateRef<'a>,
    pub(super) earlier: Option<EarlierState<'a>>,
}

/// A state before the baseline.
#[derive(Debug, Clone, Copy)]
pub(super) struct EarlierState<'a> {
    /// The number of packets from the state to the baseline.
    pub(super) gap: u8,
    pub(super) state: StateRef<'a>,
}

/// The states that the receiver has of an entity.
pub(super) trait States<'a> {
    /// Returns the baseline of this age, see [`Baseline::age`].
    fn baseline(&self, age: u8) -> Option<StateRef<'a>>;

    /// Returns the state this number of packets before the baseline of this age.
    fn earlier(&self, age: u8, gap: u8) -> Option<StateRef<'a>>;
}
