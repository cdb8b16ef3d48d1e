//! TURN over TCP and TLS, which the `webrtc` crate does not support.
//!
//! The crate gets a virtual address for each such server, and believes that it sends datagrams to
//! it. The [`RelayedSocket`] passes these to a connection to the server.
//!
//! ```text
//! webrtc ── datagrams ──> RelayedSocket ── other addresses ──> UDP socket
//!                              └── virtual address ──> Stream ──> TCP or TLS ──> TURN server
//! ```

mod flush;
mod framing;
mod servers;
mod socket;
mod stream;

pub(super) use flush::Flush;
pub(super) use servers::{StreamServer, StreamServers, VIRTUAL_HOST, virtual_addresses};
pub(super) use socket::RelayedSocket;
