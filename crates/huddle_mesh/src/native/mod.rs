//! The native platform: a thread of its own, so that a game that hangs does not hang the network.

mod certificate;
mod connect;
mod driver;
mod handle;
mod ice;
mod inputs;
mod link;
mod network;
mod shared;
mod socket;

pub(crate) use handle::{Handle, check};
