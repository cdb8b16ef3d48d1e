use thiserror::Error;

use crate::{
    codec::DecodeError, events::EventError, handshake::HandshakeError, packet::PacketError,
    transfer::TransferPacketError,
};

/// Why a message from a peer was dropped. Honest peers who run the same version cause none.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum MessageError {
    /// It has no bytes.
    #[error("an empty message")]
    Empty,
    /// The first byte is no message type.
    #[error(
        "there is no message type {0:#04x}; does the other side run the same version of bevy_huddle?"
    )]
    UnknownType(u8),
    /// A tick packet.
    #[error("a packet makes no sense: {0}")]
    Packet(#[from] PacketError),
    /// A message of the handshake.
    #[error("a message of the handshake makes no sense: {0}")]
    Handshake(#[from] HandshakeError),
    /// Events, or acks of them.
    #[error("events make no sense: {0}")]
    Event(#[from] EventError),
    /// Something about a transfer.
    #[error("a transfer makes no sense: {0}")]
    Transfer(#[from] TransferPacketError),
    /// An ack of events.
    #[error("an ack of events makes no sense")]
    EventAck,
    /// An event of a kind that does not exist, although both declared the same.
    #[error("there is no kind of event with the number {0}")]
    UnknownEvent(u32),
    /// State of a kind that does not exist, although both declared the same.
    #[error("there is no kind of state with the number {0}")]
    UnknownState(u32),
    /// What a peer says about the room.
    #[error("what it says about the room makes no sense: {0}")]
    Roster(DecodeError),
    /// A tick that cannot be.
    #[error("it claims a tick that no room lives to see")]
    Tick,
}
