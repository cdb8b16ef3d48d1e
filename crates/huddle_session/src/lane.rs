/// A channel to a peer, with its own reliability and order.
///
/// The session sends one packet per tick on [`Lane::State`]. The other lanes are reliable, but
/// messages on them are lost when a link is replaced. The session then repairs events and resumes
/// transfers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Lane {
    /// The unreliable and unordered lane of the tick packets.
    State,
    /// The lane of the handshake and events, reliable and ordered until the link is replaced.
    Events,
    /// The lane of transfers, reliable and ordered until the link is replaced.
    Bulk,
}

impl Lane {
    /// All lanes, by descending priority.
    pub const ALL: [Lane; 3] = [Lane::State, Lane::Events, Lane::Bulk];
}
