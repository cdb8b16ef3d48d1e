use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use bevy::platform::time::Instant;
use bytes::Bytes;
use huddle_mesh::{Channel, LinkStats, PeerId, RoomEvent, RoomUrl, SendError};

use crate::{connector::Connector, testing::network::Network, transport::Transport};

/// The network that all apps of a [`Lab`](super::Lab) share.
#[derive(Clone)]
pub(crate) struct SharedNetwork(Arc<Mutex<Network>>);

/// One player's end of a room.
struct Seat {
    network: SharedNetwork,
    local_id: PeerId,
}

impl SharedNetwork {
    pub(super) fn new(seed: u64) -> Self {
        Self(Arc::new(Mutex::new(Network::new(seed))))
    }

    pub(crate) fn lock(&self) -> MutexGuard<'_, Network> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Lets an app join rooms here.
    pub(super) fn connector(&self) -> Connector {
        let network = self.clone();
        Connector(Arc::new(move |room| network.join(room)))
    }

    fn join(&self, room: &RoomUrl) -> Box<dyn Transport> {
        let local_id = self.lock().join(&room.to_string());
        Box::new(Seat {
            network: self.clone(),
            local_id,
        })
    }
}

impl Transport for Seat {
    fn local_id(&self) -> Option<PeerId> {
        Some(self.local_id)
    }

    fn now(&self) -> Instant {
        self.network.lock().clock()
    }

    fn seed(&mut self) -> u64 {
        self.network.lock().random()
    }

    fn poll(&mut self) -> Option<RoomEvent> {
        self.network.lock().poll(self.local_id)
    }

    fn credit(&self, peer_id: PeerId, channel: Channel) -> usize {
        self.network.lock().credit(self.local_id, peer_id, channel)
    }

    fn send(&mut self, peer_id: PeerId, channel: Channel, bytes: Bytes) -> Result<(), SendError> {
        self.network
            .lock()
            .send(self.local_id, peer_id, channel, bytes)
    }

    fn stats(&self, peer_id: PeerId) -> Option<LinkStats> {
        self.network.lock().stats(self.local_id, peer_id)
    }

    fn disconnect(&mut self, peer_id: PeerId) {
        self.network.lock().disconnect(self.local_id, peer_id);
    }

    fn leave(self: Box<Self>) {
        // Dropping does not wait here, so it is the same.
    }
}

impl Drop for Seat {
    fn drop(&mut self) {
        self.network.lock().leave(self.local_id);
    }
}
