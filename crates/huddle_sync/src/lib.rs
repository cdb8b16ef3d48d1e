//! Pure netcode state machines: bytes and ticks in, messages and bytes out.
//!
//! No I/O, no threads, no wall clock and no game engine, so that everything here can be tested
//! with a seed. One [`PeerSession`] stands for the other end of one link:
//!
//! - **Events** ([`PeerSession::queue_event`], [`PeerSession::collect_events`]) each arrive once
//!   and in order, over a channel that is reliable and ordered.
//! - **State** ([`OwnStates`], [`PeerSession::collect_state`]) is what is newest: one packet per
//!   tick holds what is due. A changed value is sent in three ticks, then refreshed twice a second
//!   (at 60 ticks), and a version keeps late packets from overwriting what is newer.
//!
//! Before that a [`Handshake`] finds out whether two players can play together, and names what
//! differs if they cannot. A [`RoomClock`] counts the ticks that a room has in common, and a
//! [`Roster`] knows who is linked with whom, who is host, and whom the room's rules remove.
//!
//! Events and state are collected within a credit, which is what the link takes now; nothing that has been
//! collected is dropped here. Payloads are opaque: [`codec`] makes them from `serde` types.
//! Whatever comes from another player is untrusted: bounded, without panics, and a bad packet is
//! an error and nothing more.

mod clock;
pub mod codec;
mod handshake;
mod hash;
mod kind;
mod packet;
mod roster;
mod schema;
mod session;
mod state;
mod wire;

pub use clock::{ClockReading, ImpossibleTick, MAX_CLAIMED_TICK, RoomClock, TickRate};
pub use handshake::{
    Agreement, Handshake, HandshakeError, HandshakeEvent, MAX_ADMISSION_LEN, MAX_GAME_LEN,
    PROTOCOL_VERSION, Refusal, Terms, TermsError, Ticket,
};
pub use kind::{Delivery, KindError, KindId, Kinds, MAX_NAME_LEN};
pub use packet::PacketError;
pub use roster::{MAX_LINKS, RemovalError, RemovalPolicy, Roster, RosterEvent, RosterMessage};
pub use schema::{MAX_SCHEMA_LEN, Schema};
pub use session::{PeerSession, QueueError, Received};
pub use state::OwnStates;

/// The longest payload of an event, in bytes.
pub const MAX_EVENT_LEN: usize = 8 * 1024;

/// The longest payload of one value of state, in bytes.
pub const MAX_STATE_LEN: usize = 1024;

/// The longest packet of state, in bytes, and how far events are put together. It fits into one
/// datagram of any network.
pub const MAX_PACKET_LEN: usize = 1100;

/// A peer for tests; the ids are in the order of the numbers.
#[cfg(test)]
fn test_peer(n: u8) -> matchbox_protocol::PeerId {
    let mut bytes = vec![16];
    bytes.resize(17, n);
    codec::decode(&bytes, bytes.len()).unwrap()
}
