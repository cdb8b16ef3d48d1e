//! What the [hub](crate::hub) knows about the rooms that it owns in a cluster.

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use matchbox_protocol::PeerId;
use tokio::sync::Notify;

use crate::ownership::Ownership;

/// The number of a connection. A member that takes its place again has a new one.
pub(crate) type ConnectionId = u64;

/// The rooms that this instance owns, and the members that it disconnects because it lost theirs.
#[derive(Debug, Default)]
pub(crate) struct OwnedRooms {
    pub(crate) ownership: Ownership,
    /// Notified when a room must be recorded in the store soon.
    pub(crate) formed: Arc<Notify>,
    /// The members to disconnect, by time and number.
    pub(crate) moved: BTreeMap<(Duration, u64), (PeerId, ConnectionId)>,
    pub(crate) now: Duration,
    pub(crate) last_moved: u64,
}

impl OwnedRooms {
    /// Returns the number of rooms that this instance owns.
    pub(crate) fn len(&self) -> usize {
        self.ownership.len()
    }
}
