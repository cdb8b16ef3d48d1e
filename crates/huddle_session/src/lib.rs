//! The session of a room, as a pure state machine: bytes and time in, messages and bytes out.
//!
//! The crate does no I/O, starts no threads, reads no clock and does not depend on a game engine, so
//! every test of it can replay a seed. The caller reports opened links, closed links and received
//! bytes to a [`RoomSession`]. The session returns the bytes to send and its events:
//!
//! - **The handshake** comes first. Two peers compare their games, and either can refuse the other
//!   ([`Terms`], [`Refusal`]). The session accepts nothing else until the handshake is done.
//! - **Events** ([`RoomSession::queue_event`]) arrive exactly once and in order, even when a link
//!   is replaced. When the session gives up on a peer, it reports the events that it did not
//!   acknowledge.
//! - **Sections** ([`SectionSource`]) are the data of a tick: the inputs of a match, and replicated
//!   entities. The session reports which of them arrived. It does not interpret them.
//! - **Transfers** ([`RoomSession::offer`]) carry megabytes without delaying events and sections.
//! - **The room's clock** counts ticks, and the roster records who is linked with whom and who may
//!   remove other peers.
//!
//! One packet per peer and tick leaves on [`Lane::State`]. It carries sections, acks and repairs. The
//! caller passes a credit, the number of bytes that a link accepts now, and the session stays within
//! it.
//!
//! Payloads are opaque; [`codec`] encodes `serde` types. Everything that another peer sends is
//! untrusted: it is bounded, never causes a panic, and an invalid message is an error and nothing
//! else.

mod capacity;
mod clock;
pub mod codec;
mod events;
#[cfg(fuzzing)]
#[doc(hidden)]
pub mod fuzzing;
mod handshake;
pub mod hash;
mod kind;
mod lane;
mod limits;
mod packet;
mod room;
mod roster;
mod schema;
mod tick;
mod transfer;
pub mod wire;

pub use capacity::MAX_SLOTS;
pub use clock::ClockReading;
pub use events::{EventError, QueueError, Undelivered};
pub use handshake::{
    HandshakeError, MAX_GAME_LEN, MAX_JOIN_DATA_LEN, PROTOCOL_VERSION, Refusal, Terms, TermsError,
};
pub use huddle_id::PeerId;
pub use kind::{Delivery, KindError, KindId, Kinds, MAX_NAME_LEN};
pub use lane::Lane;
pub use limits::{MAX_EVENT_LEN, MAX_PACKET_LEN};
pub use packet::{DeliveryStats, PacketError};
pub use room::{
    MessageError, PacketInfo, PacketSections, RoomSession, RoomSetup, SectionKind, SectionSource,
    SessionEvent, SessionStats, SetupError,
};
pub use roster::{KickError, KickPolicy};
pub use schema::{MAX_SCHEMA_LEN, Schema, SchemaError};
pub use tick::{Tick, TickInstant, TickRate, TickRateError};
pub use transfer::{
    Direction, OfferError, TransferEvent, TransferFailure, TransferId, TransferLimits,
    TransferPacketError,
};

/// Compiles the code in the README.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
mod readme {}
