use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError, atomic::AtomicBool},
};

use bytes::Bytes;
use huddle_id::PeerId;

use super::queued::Queued;
use crate::{
    channel::Channel, config::IceServer, inbox::Inbox, settings::SettingsChange, stats::LinkStats,
    token::Token,
};

/// A command of the game to the network thread.
#[derive(Debug)]
pub(super) enum Command {
    Send(PeerId, Channel, Bytes),
    Disconnect(PeerId),
    SetFrozen(bool),
    SetIceServers(Vec<IceServer>),
    SetToken(Option<Token>),
    ChangeSettings(SettingsChange),
    Leave,
}

/// The data that the game and the network thread share.
#[derive(Debug, Default)]
pub(super) struct Shared {
    /// Whether the game has polled since the driver last checked.
    pub(super) is_polled: AtomicBool,
    pub(super) inbox: Mutex<Inbox>,
    pub(super) peers: Mutex<BTreeMap<PeerId, PeerView>>,
}

/// The part of a peer's data that the game reads.
#[derive(Debug, Clone)]
pub(super) struct PeerView {
    pub(super) stats: LinkStats,
    /// What waits on the link; `None` between two links.
    pub(super) queued: Option<Arc<Queued>>,
}

/// Locks a mutex, even if it is poisoned: the data would still be consistent after a panic.
pub(super) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
