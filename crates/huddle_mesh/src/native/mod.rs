//! The native platform. The network runs on its own thread, so that it continues while the game
//! hangs.

mod certificate;
mod connect;
mod connection;
mod driver;
mod gathering;
mod handle;
mod ice;
mod inputs;
mod link;
mod network;
mod probe;
mod queued;
mod shared;
mod socket;

pub(crate) use gathering::GatheringHandle;
pub(crate) use handle::{Handle, check};
