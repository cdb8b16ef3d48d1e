/// The ways a message travels to a peer. One packet of [`Lane::State`] leaves per tick; the others
/// carry what must arrive, and may be cut off in the middle when a link is replaced.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Lane {
    /// Unreliable and unordered: the packet of the tick.
    State,
    /// Reliable and ordered while a link lives: the handshake and events.
    Events,
    /// Reliable and ordered while a link lives: transfers.
    Bulk,
}

impl Lane {
    /// All lanes, those first that must not wait for the others.
    pub const ALL: [Lane; 3] = [Lane::State, Lane::Events, Lane::Bulk];
}
