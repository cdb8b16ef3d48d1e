//! The native platform. The network runs on its own thread, so that it continues while the game
//! hangs.

mod addresses;
mod certificate;
mod connect;
mod connection;
mod driver;
mod handle;
mod ice;
mod inputs;
mod link;
mod network;
mod problems;
mod queued;
mod runtime;
mod scoped;
mod scoped_socket;
mod shared;
mod socket;
mod tcp;
mod tls;
mod turn;

#[cfg(test)]
mod tests;

pub(crate) use handle::{Handle, check};
