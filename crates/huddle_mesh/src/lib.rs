//! Rooms, signaling and WebRTC links between players, with one API on native and wasm.
//!
//! A [`Room`] is joined by URL. It finds the other players through a matchbox-compatible
//! signaling server, opens a link to each of them, keeps the links alive, replaces what breaks,
//! and tells what happens as [`RoomEvent`]s. It carries bytes and knows nothing of a game.
//!
//! - Every link has three [`Channel`]s: unreliable state, reliable events, reliable bulk.
//! - A player has one [`PeerId`] for as long as the room lasts, whatever happens to links and
//!   signaling. Stock matchbox clients can join; they are marked as such.
//! - Losing the signaling server touches no link. It is reconnected for as long as the room is
//!   wanted.
//! - Queues are bounded, and what is dropped or refused is told.
//!
//! The room's decisions are pure state machines on a virtual clock; natively they are driven by a
//! thread of their own around the `webrtc` crate, in a browser by its own WebRTC.

mod channel;
mod config;
mod core;
mod event;
mod ice_url;
mod inbox;
mod limits;
mod room;
mod room_url;
mod secret;
mod signaling_id;
mod stats;
mod violation;

#[cfg(not(target_arch = "wasm32"))]
#[path = "native/mod.rs"]
mod platform;
#[cfg(target_arch = "wasm32")]
#[path = "web/mod.rs"]
mod platform;

pub use channel::Channel;
pub use config::{IceServer, RoomConfig, Route};
pub use event::{
    DisconnectReason, LinkFailure, RoomError, RoomEvent, SendError, Signaling, SignalingLoss,
};
pub use huddle_id::{PeerId, PeerKind, ShortPeerId};
pub use limits::MAX_MESSAGE_LEN;
pub use room::Room;
pub use room_url::{RoomUrl, RoomUrlError};
pub use secret::{RoomSecret, RoomSecretError};
pub use signaling_id::SignalingId;
pub use stats::{LinkStats, Path, StopReason};
pub use violation::{ProtocolViolation, SdpError, ViolationSource};
