//! Pure netcode state machines: bytes and time in, messages and bytes out.
//!
//! No I/O, no threads, no wall clock and no game engine, so that everything here can be tested
//! with a seed. A [`RoomSession`] stands for a room; it is told which links open and close and what
//! arrives on them, and says what to send and what happened:
//!
//! - **The handshake** comes first: two players find out whether their games fit, and one can
//!   refuse the other ([`Terms`], [`Refusal`]). Nothing else is accepted before it is done.
//! - **Events** ([`RoomSession::queue_event`]) each arrive once and in order, also when a link is
//!   replaced; what a peer that was given up did not confirm is told.
//! - **State** ([`OwnStates`]) is what is newest: values are sent until a peer has them, and only
//!   ever as they are now.
//! - **Transfers** ([`RoomSession::offer`]) carry megabytes beside all that, without being felt.
//! - **[Rollback](rollback)** keeps inputs in step beside all that, and decides what a game simulates.
//! - **The room's clock** counts ticks, and the roster knows who is linked with whom and who may
//!   remove others.
//!
//! One packet per peer and tick leaves on [`Lane::State`]; it carries state, acks and what must be
//! repaired. A second one follows while a value is under way that is longer than a packet. Everything is collected within a credit, which is what a link takes now.
//! Payloads are opaque: [`codec`] makes them from `serde` types. Whatever comes from another
//! player is untrusted: bounded, without panics, and a bad message is an error and nothing more.

mod capacity;
mod clock;
pub mod codec;
mod events;
#[cfg(fuzzing)]
#[doc(hidden)]
pub mod fuzzing;
mod handshake;
mod hash;
mod kind;
mod lane;
mod packet;
pub mod rollback;
mod room;
mod roster;
mod schema;
mod state;
mod tick;
mod transfer;
mod wire;

pub use capacity::MAX_PLACES;
pub use clock::ClockReading;
pub use events::{EventError, QueueError, Undelivered};
pub use handshake::{
    HandshakeError, MAX_ADMISSION_LEN, MAX_GAME_LEN, PROTOCOL_VERSION, Refusal, Terms, TermsError,
};
pub use kind::{Delivery, KindError, KindId, Kinds, MAX_NAME_LEN};
pub use lane::Lane;
pub use matchbox_protocol::PeerId;
pub use packet::{DeliveryStats, PacketError, PartError};
pub use room::{
    MessageError, PacketRider, RoomSession, RoomSetup, SessionEvent, SessionStats, SetupError,
};
pub use roster::{RemovalError, RemovalPolicy};
pub use schema::{MAX_SCHEMA_LEN, Schema, SchemaError};
pub use state::OwnStates;
pub use tick::{Tick, TickInstant, TickRate, TickRateError};
pub use transfer::{
    Direction, OfferError, TransferEvent, TransferFailure, TransferId, TransferLimits,
    TransferPacketError,
};

/// The longest payload of an event, in bytes.
pub const MAX_EVENT_LEN: usize = 64 * 1024;

/// The longest payload of one value of state, in bytes.
pub const MAX_STATE_LEN: usize = 16 * 1024;

/// The longest message after the handshake, in bytes. It fits into one datagram of any network.
pub const MAX_PACKET_LEN: usize = 1100;

/// A peer for tests; the ids are in the order of the numbers.
#[cfg(test)]
fn test_peer(n: u8) -> PeerId {
    let mut bytes = vec![16];
    bytes.resize(17, n);
    codec::decode(&bytes, bytes.len()).unwrap()
}
