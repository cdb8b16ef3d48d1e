use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use bevy::platform::time::Instant;
use bytes::Bytes;
use huddle_mesh::{
    Channel, IceServer, LinkStats, PeerId, RoomConfig, RoomError, RoomEvent, Route, SendError,
    SettingsChange, SettingsError,
};

use crate::{connector::Connector, testing::network::Network, transport::Transport};

/// The network shared by all apps of a [`Lab`](super::Lab).
#[derive(Clone)]
pub(crate) struct SharedNetwork(Arc<Mutex<Network>>);

/// A player's connection to a room.
struct LabTransport {
    network: SharedNetwork,
    local_id: PeerId,
    route: Route,
}

impl SharedNetwork {
    pub(super) fn new(seed: u64) -> Self {
        Self(Arc::new(Mutex::new(Network::new(seed))))
    }

    pub(crate) fn lock(&self) -> MutexGuard<'_, Network> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Returns a connector with which an app joins rooms on this network.
    pub(super) fn connector(&self) -> Connector {
        let network = self.clone();
        Connector(Arc::new(move |config| network.join(config)))
    }

    fn join(&self, config: &RoomConfig) -> Box<dyn Transport> {
        let room = config.url.to_string();
        let local_id = self.lock().join(&room, config.reconnect_timeout);
        Box::new(LabTransport {
            network: self.clone(),
            local_id,
            route: config.route,
        })
    }
}

impl Transport for LabTransport {
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

    /// Checks the servers only roughly, because the virtual network needs none.
    fn set_ice_servers(&mut self, servers: Vec<IceServer>) -> Result<(), RoomError> {
        if self.route == Route::RelayOnly && servers.is_empty() {
            return Err(RoomError::NoRelay);
        }
        Ok(())
    }

    fn set_token(&mut self, _: String) {
        // The virtual network needs no token.
    }

    /// The virtual network has no settings of rooms, like a stock matchbox server.
    fn change_settings(&mut self, _: SettingsChange) -> Result<(), SettingsError> {
        Err(SettingsError::Unknown)
    }

    fn leave(self: Box<Self>) {
        // Dropping the transport leaves the room without waiting.
    }
}

impl Drop for LabTransport {
    fn drop(&mut self) {
        self.network.lock().leave(self.local_id);
    }
}
