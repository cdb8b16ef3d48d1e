//! Checks for fuzzing the part of huddle_signaling that needs no network. This crate compiles the
//! source files of huddle_signaling.

// Some items are only used by the rest of huddle_signaling.
#![allow(dead_code, unused_imports)]

#[rustfmt::skip]
#[path = "../../../crates/huddle_signaling/src/access.rs"]
mod access;
#[rustfmt::skip]
#[path = "../../../crates/huddle_signaling/src/address.rs"]
mod address;
#[rustfmt::skip]
#[path = "../../../crates/huddle_signaling/src/close_code.rs"]
mod close_code;
#[rustfmt::skip]
#[path = "../../../crates/huddle_signaling/src/config/mod.rs"]
mod config;
#[rustfmt::skip]
#[path = "../../../crates/huddle_signaling/src/directory/mod.rs"]
mod directory;
#[rustfmt::skip]
#[path = "../../../crates/huddle_signaling/src/error.rs"]
mod error;
#[rustfmt::skip]
#[path = "../../../crates/huddle_signaling/src/group_id.rs"]
mod group_id;
#[rustfmt::skip]
#[path = "../../../crates/huddle_signaling/src/message.rs"]
mod message;
#[rustfmt::skip]
#[path = "../../../crates/huddle_signaling/src/pass.rs"]
mod pass;
#[rustfmt::skip]
#[path = "../../../crates/huddle_signaling/src/pick.rs"]
mod pick;
#[rustfmt::skip]
#[path = "../../../crates/huddle_signaling/src/places.rs"]
mod places;
#[rustfmt::skip]
#[path = "../../../crates/huddle_signaling/src/player.rs"]
mod player;
#[rustfmt::skip]
#[path = "../../../crates/huddle_signaling/src/queue/mod.rs"]
mod queue;
#[rustfmt::skip]
#[path = "../../../crates/huddle_signaling/src/request.rs"]
mod request;
#[rustfmt::skip]
#[path = "../../../crates/huddle_signaling/src/rooms/mod.rs"]
mod rooms;
#[rustfmt::skip]
#[path = "../../../crates/huddle_signaling/src/settings.rs"]
mod settings;
#[rustfmt::skip]
#[path = "../../../crates/huddle_signaling/src/token.rs"]
mod token;
#[rustfmt::skip]
#[path = "../../../crates/huddle_signaling/src/verifier.rs"]
mod verifier;

pub mod decoders;
pub mod groups;
pub mod lobby;
pub mod members;
pub mod text;
pub mod tokens;
