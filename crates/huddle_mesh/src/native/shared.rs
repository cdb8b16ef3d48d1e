use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError, atomic::AtomicBool},
};

use bytes::Bytes;
use huddle_id::PeerId;

use super::link::Queued;
use crate::{channel::Channel, inbox::Inbox, stats::LinkStats};

/// What the game asks of the network's thread.
#[derive(Debug)]
pub(super) enum Command {
    Send(PeerId, Channel, Bytes),
    Disconnect(PeerId),
    SetFrozen(bool),
    Leave,
}

/// What the game's side and the network's thread share.
#[derive(Debug, Default)]
pub(super) struct Shared {
    /// Whether the game has polled since the driver last looked.
    pub(super) is_polled: AtomicBool,
    pub(super) inbox: Mutex<Inbox>,
    pub(super) peers: Mutex<BTreeMap<PeerId, PeerView>>,
}

/// A player, as the game's side sees them.
#[derive(Debug, Clone)]
pub(super) struct PeerView {
    pub(super) stats: LinkStats,
    /// What waits on the link; `None` between two links.
    pub(super) queued: Option<Arc<Queued>>,
}

/// Nothing panics while holding these locks; if it did, what they guard would still be whole.
pub(super) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
