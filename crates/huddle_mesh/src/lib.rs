//! Rooms, signaling and WebRTC links between players, with one API on native and wasm.

mod channel;
mod config;
mod core;
mod event;
mod room_url;
mod stats;

pub use channel::Channel;
pub use config::{IceServer, RoomConfig, Route};
pub use event::{LeaveReason, RoomError, RoomEvent, SendError, Signaling, SignalingLoss};
pub use matchbox_protocol::PeerId;
pub use room_url::{RoomUrl, RoomUrlError};
pub use stats::{LinkStats, Path};

/// The largest message a channel carries, in bytes.
pub const MAX_MESSAGE_LEN: usize = 16_000;

/// A room.
pub struct Room(RoomConfig);
impl Room {
    /// Joins.
    pub fn join(config: RoomConfig) -> Result<Room, RoomError> { Ok(Room(config)) }
    /// Me.
    pub fn me(&self) -> PeerId { PeerId(uuid::Uuid::nil()) }
    /// Next event.
    pub fn poll(&mut self) -> Option<RoomEvent> { None }
    /// Credit.
    pub fn credit(&self, _peer: PeerId, _channel: Channel) -> usize { 0 }
    /// Send.
    pub fn send(&mut self, _peer: PeerId, _channel: Channel, _bytes: bytes::Bytes) -> Result<(), SendError> { Ok(()) }
    /// Stats.
    pub fn stats(&self, _peer: PeerId) -> Option<LinkStats> { None }
    /// Cut.
    pub fn cut(&mut self, _peer: PeerId) {}
    /// Leave.
    pub fn leave(self) { let _ = self.0; }
}
