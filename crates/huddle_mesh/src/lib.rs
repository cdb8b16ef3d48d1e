//! Rooms, signaling and WebRTC links between players, with one API on native and wasm.
//!
//! A game joins a [`Room`] by URL. The room finds the other peers through a matchbox-compatible
//! signaling server, opens a link to each of them, replaces broken links, and reports
//! [`RoomEvent`]s. It transfers bytes and does not interpret them.
//!
//! - Every link has three [`Channel`]s: unreliable state, reliable events, reliable bulk.
//! - A peer keeps its [`PeerId`] until it leaves the room, even if links and signaling connections
//!   are replaced. Matchbox clients can join, and [`RoomEvent::PeerJoined`] marks them.
//! - Losing the signaling server does not affect links. The room reconnects to the server until the
//!   room is dropped.
//! - Queues are bounded. Events and errors report dropped and rejected data.
//!
//! The logic of a room consists of state machines on a virtual clock, without I/O. On native
//! platforms, a separate thread runs them with the `webrtc` crate. In a browser, they use the
//! browser's WebRTC.

mod channel;
mod config;
mod core;
pub mod diagnose;
mod event;
mod ice_servers;
mod ice_url;
mod inbox;
mod limits;
mod room;
mod room_list;
mod room_url;
mod secret;
mod settings;
mod signaling_id;
mod stats;
mod token;
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
pub use room_list::{ListedRoom, RoomList, RoomListRequest, ServerUrlError};
pub use room_url::{RoomUrl, RoomUrlError};
pub use secret::{RoomSecret, RoomSecretError};
pub use settings::{RoomSettings, SettingsChange, SettingsError};
pub use signaling_id::SignalingId;
pub use stats::{LinkStats, Path, StopReason};
pub use violation::{ProtocolViolation, SdpError, ViolationSource};

/// Compiles the code in the README.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
mod readme {}
