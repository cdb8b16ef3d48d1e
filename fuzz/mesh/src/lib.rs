//! Checks for fuzzing the part of huddle_mesh that needs no network.
//!
//! This crate compiles the source files of huddle_mesh without its backends. A fuzz build therefore
//! does not compile WebRTC, and huddle_mesh needs no extra public items for fuzzing.

// Some items are public in huddle_mesh or only used by its backends.
#![allow(dead_code, unused_imports)]

#[path = "../../../crates/huddle_mesh/src/channel.rs"]
mod channel;
#[path = "../../../crates/huddle_mesh/src/config.rs"]
mod config;
#[path = "../../../crates/huddle_mesh/src/core/mod.rs"]
mod core;
#[path = "../../../crates/huddle_mesh/src/event.rs"]
mod event;
#[path = "../../../crates/huddle_mesh/src/native/turn/framing.rs"]
mod framing;
#[path = "../../../crates/huddle_mesh/src/limits.rs"]
mod limits;
#[path = "../../../crates/huddle_mesh/src/room_list.rs"]
mod room_list;
#[path = "../../../crates/huddle_mesh/src/room_url.rs"]
mod room_url;
#[path = "../../../crates/huddle_mesh/src/secret.rs"]
mod secret;
#[path = "../../../crates/huddle_mesh/src/settings.rs"]
mod settings;
#[path = "../../../crates/huddle_mesh/src/signaling_id.rs"]
mod signaling_id;
#[path = "../../../crates/huddle_mesh/src/stats.rs"]
mod stats;
#[path = "../../../crates/huddle_mesh/src/token.rs"]
mod token;
#[path = "../../../crates/huddle_mesh/src/violation.rs"]
mod violation;

use channel::Channel;
use config::{IceServer, RoomConfig, Route};
use event::{
    DisconnectReason, LinkFailure, RoomError, RoomEvent, SendError, Signaling, SignalingLoss,
};
use room_url::{RoomUrl, RoomUrlError};
use secret::{RoomSecret, RoomSecretError};
use signaling_id::SignalingId;
use stats::{LinkStats, Path, StopReason};
use violation::{ProtocolViolation, SdpError, ViolationSource};

pub mod decoders;
pub mod room;
pub mod text;
