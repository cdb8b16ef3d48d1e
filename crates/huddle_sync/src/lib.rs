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
//! Both are collected within a credit, which is what the link takes now; nothing that has been
//! collected is dropped here. Payloads are opaque: [`codec`] makes them from `serde` types.
//! Whatever comes from another player is untrusted: bounded, without panics, and a bad packet is
//! an error and nothing more.

pub mod codec;
mod kind;
#[allow(dead_code, unused_imports)]
mod packet;
#[allow(dead_code, unused_imports)]
mod state;
mod tick;
#[allow(dead_code, unused_imports)]
mod wire;

pub use kind::{Delivery, KindError, KindId, Kinds};
pub use packet::{DeliveryStats, PacketError, PartError};
pub use state::OwnStates;
pub use tick::{Tick, TickInstant, TickRate, TickRateError};

/// The longest payload of an event, in bytes.
pub const MAX_EVENT_LEN: usize = 8 * 1024;

/// The longest payload of one value of state, in bytes.
pub const MAX_STATE_LEN: usize = 16 * 1024;

/// The longest packet of state, in bytes, and how far events are put together. It fits into one
/// datagram of any network.
pub const MAX_PACKET_LEN: usize = 1100;
