//! Checks for fuzzing the part of huddle_signaling that needs no network. This crate compiles the
//! source files of huddle_signaling.

// Some items are only used by the rest of huddle_signaling.
#![allow(dead_code)]

#[rustfmt::skip]
#[path = "../../../crates/huddle_signaling/src/close_code.rs"]
mod close_code;
#[rustfmt::skip]
#[path = "../../../crates/huddle_signaling/src/message.rs"]
mod message;
#[rustfmt::skip]
#[path = "../../../crates/huddle_signaling/src/pick.rs"]
mod pick;
#[rustfmt::skip]
#[path = "../../../crates/huddle_signaling/src/player.rs"]
mod player;
#[rustfmt::skip]
#[path = "../../../crates/huddle_signaling/src/queue.rs"]
mod queue;
#[rustfmt::skip]
#[path = "../../../crates/huddle_signaling/src/request.rs"]
mod request;
#[rustfmt::skip]
#[path = "../../../crates/huddle_signaling/src/rooms/mod.rs"]
mod rooms;

pub mod decoders;
pub mod groups;
pub mod members;
pub mod text;
