use bevy::platform::time::Instant;
use bytes::Bytes;
use huddle_mesh::{
    Channel, IceServer, LinkStats, PeerId, RoomError, RoomEvent, SendError, SettingsChange,
    SettingsError,
};
use uuid::Uuid;

/// The network of a room: the mesh, or a deterministic virtual network in tests.
pub(crate) trait Transport: Send + Sync + 'static {
    /// Returns the id of the local peer, once it is known.
    fn local_id(&self) -> Option<PeerId>;
    /// Returns the current time of the clock that timestamps received packets.
    fn now(&self) -> Instant;
    /// Returns an unpredictable random number. In tests the number is deterministic.
    fn seed(&mut self) -> u64;
    fn poll(&mut self) -> Option<RoomEvent>;
    fn credit(&self, peer_id: PeerId, channel: Channel) -> usize;
    fn send(&mut self, peer_id: PeerId, channel: Channel, bytes: Bytes) -> Result<(), SendError>;
    fn stats(&self, peer_id: PeerId) -> Option<LinkStats>;
    fn disconnect(&mut self, peer_id: PeerId);
    /// Replaces the STUN and TURN servers for later links. An error keeps the previous ones.
    fn set_ice_servers(&mut self, servers: Vec<IceServer>) -> Result<(), RoomError>;
    /// Sets the token for the signaling server.
    fn set_token(&mut self, token: String);
    /// Changes settings of the room on the signaling server.
    fn change_settings(&mut self, change: SettingsChange) -> Result<(), SettingsError>;
    /// Leaves without waiting. Dropping may wait briefly until the leave message is sent.
    fn leave(self: Box<Self>);
}

impl Transport for huddle_mesh::Room {
    fn local_id(&self) -> Option<PeerId> {
        self.local_id()
    }

    fn now(&self) -> Instant {
        Instant::now()
    }

    fn seed(&mut self) -> u64 {
        Uuid::new_v4().as_u64_pair().1
    }

    fn poll(&mut self) -> Option<RoomEvent> {
        self.poll()
    }

    fn credit(&self, peer_id: PeerId, channel: Channel) -> usize {
        self.credit(peer_id, channel)
    }

    fn send(&mut self, peer_id: PeerId, channel: Channel, bytes: Bytes) -> Result<(), SendError> {
        self.send(peer_id, channel, bytes)
    }

    fn stats(&self, peer_id: PeerId) -> Option<LinkStats> {
        self.stats(peer_id)
    }

    fn disconnect(&mut self, peer_id: PeerId) {
        self.disconnect(peer_id);
    }

    fn set_ice_servers(&mut self, servers: Vec<IceServer>) -> Result<(), RoomError> {
        self.set_ice_servers(servers)
    }

    fn set_token(&mut self, token: String) {
        self.set_token(token);
    }

    fn change_settings(&mut self, change: SettingsChange) -> Result<(), SettingsError> {
        self.change_settings(change)
    }

    fn leave(self: Box<Self>) {
        (*self).leave();
    }
}
