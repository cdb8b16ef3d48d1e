use std::sync::Arc;

use bevy::prelude::*;
use bytes::Bytes;
use huddle_mesh::{Channel, LinkStats, PeerId, RoomEvent, RoomUrl, SendError};

/// Joins rooms in place of the mesh, if the app has it.
#[derive(Resource, Clone)]
pub(crate) struct Connector(pub(crate) Arc<dyn Fn(&RoomUrl) -> Box<dyn Transport> + Send + Sync>);

/// What the systems need of a room: the mesh, or a deterministic one in tests.
pub(crate) trait Transport: Send + Sync + 'static {
    fn me(&self) -> PeerId;
    fn poll(&mut self) -> Option<RoomEvent>;
    fn credit(&self, peer: PeerId, channel: Channel) -> usize;
    fn send(&mut self, peer: PeerId, channel: Channel, bytes: Bytes) -> Result<(), SendError>;
    fn stats(&self, peer: PeerId) -> Option<LinkStats>;
    fn cut(&mut self, peer: PeerId);
    /// Leaves without waiting; dropping may wait a little for the farewell to go out.
    fn leave(self: Box<Self>);
}

impl Transport for huddle_mesh::Room {
    fn me(&self) -> PeerId {
        self.me()
    }

    fn poll(&mut self) -> Option<RoomEvent> {
        self.poll()
    }

    fn credit(&self, peer: PeerId, channel: Channel) -> usize {
        self.credit(peer, channel)
    }

    fn send(&mut self, peer: PeerId, channel: Channel, bytes: Bytes) -> Result<(), SendError> {
        self.send(peer, channel, bytes)
    }

    fn stats(&self, peer: PeerId) -> Option<LinkStats> {
        self.stats(peer)
    }

    fn cut(&mut self, peer: PeerId) {
        self.cut(peer);
    }

    fn leave(self: Box<Self>) {
        (*self).leave();
    }
}
