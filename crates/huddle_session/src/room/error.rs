use thiserror::Error;

use crate::{
    codec::DecodeError, events::EventError, handshake::HandshakeError, packet::PacketError,
    transfer::TransferPacketError,
};

/// Errors in a message from a peer. Such a message is dropped. An honest peer that runs the same
/// version causes none.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum MessageError {
    /// The message has no bytes.
    #[error("the message is empty")]
    Empty,
    /// The first byte is not a message type.
    #[error(
        "unknown message type {0:#04x}: check that both peers run the same version of bevy_huddle"
    )]
    UnknownType(u8),
    /// A tick packet is invalid.
    #[error("invalid packet: {0}")]
    Packet(#[from] PacketError),
    /// A handshake message is invalid.
    #[error("invalid handshake message: {0}")]
    Handshake(#[from] HandshakeError),
    /// Events or their acks are invalid.
    #[error("invalid events: {0}")]
    Event(#[from] EventError),
    /// A message or status of a transfer is invalid.
    #[error("invalid transfer: {0}")]
    Transfer(#[from] TransferPacketError),
    /// The ack of events cannot be decoded.
    #[error("invalid ack of events")]
    EventAck,
    /// The event's kind does not exist, although both peers declared the same kinds.
    #[error("unknown event kind {0}")]
    UnknownEvent(u32),
    /// A roster message cannot be decoded.
    #[error("invalid roster message: {0}")]
    Roster(DecodeError),
    /// The peer claims an impossible tick.
    #[error("the packet claims a tick that no room can reach")]
    Tick,
}
