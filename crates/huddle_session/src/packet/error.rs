use thiserror::Error;

use crate::limits::MAX_PACKET_LEN;

/// Errors in a tick packet from a peer. Such a packet is dropped as a whole.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum PacketError {
    /// The first byte does not belong to a tick packet.
    #[error(
        "the first byte {0:#04x} does not belong to a tick packet: check that both peers run the same version of bevy_huddle"
    )]
    NotATickPacket(u8),
    /// The packet is too long.
    #[error("the packet is {0} bytes long, more than the maximum of {MAX_PACKET_LEN}")]
    TooLong(usize),
    /// The header is truncated, or contains an invalid number.
    #[error("the header is truncated or contains an invalid number")]
    BrokenHeader,
    /// The flags announce ack bits or an echo, but no ack.
    #[error("the flags {0:#x} require an ack, but the packet has none")]
    FlagsWithoutAck(u8),
    /// The packet acks a packet that was never sent.
    #[error("the packet acks packet {0} (modulo 65536), which was never sent")]
    AckOfUnsent(u16),
    /// Neither the packet nor an earlier one contains the tick at which it was sent.
    #[error("neither the packet nor an earlier one contains the tick at which it was sent")]
    NoTick,
    /// The id or the length of a section is invalid.
    #[error("the id or the length of a section is invalid")]
    BrokenSection,
    /// A section is longer than the rest of the packet.
    #[error("section {0} is longer than the rest of the packet")]
    SectionTooLong(u32),
}
