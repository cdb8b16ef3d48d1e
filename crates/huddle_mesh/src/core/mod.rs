//! The logic of a room, without I/O: state machines for signaling and links on a virtual clock.
//!
//! The platform's driver passes each [`Input`] to [`Core`] and carries out the [`Action`]s that
//! [`Core`] returns. No code in this module blocks, reads a clock or depends on a platform.

mod activity;
mod bucket;
pub(crate) mod candidate;
pub(crate) mod control;
mod entropy;
mod grouping;
pub(crate) mod identity;
mod io;
mod link;
mod liveness;
mod machine;
mod peer;
pub(crate) mod sdp;
mod server_ice;
mod settings;
pub(crate) mod signal;
mod signaling;
mod supervisor;
mod wire_settings;

#[cfg(test)]
mod simulation;

pub(crate) use control::RESERVED_BYTE;
pub(crate) use entropy::Entropy;
pub(crate) use identity::Identity;
pub(crate) use io::{Action, CoreEvent, Input, LinkInput};
pub(crate) use link::LinkId;
pub(crate) use machine::{Core, TICK};
#[cfg(target_arch = "wasm32")]
pub(crate) use sdp::{Description, SdpKind};
pub(crate) use signaling::SocketEnd;
#[cfg(not(target_arch = "wasm32"))]
pub(crate) use signaling::close_code;
#[cfg(not(target_arch = "wasm32"))]
pub(crate) use supervisor::LONGEST_ATTEMPT;
