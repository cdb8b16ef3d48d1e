//! What of huddle_signaling needs no network, compiled from the crate's own files, and what must
//! hold of it whatever arrives.

// The rest of huddle_signaling is not here to use it all.
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
#[path = "../../../crates/huddle_signaling/src/rooms.rs"]
mod rooms;

pub mod decoders;
pub mod groups;
pub mod members;
pub mod text;
