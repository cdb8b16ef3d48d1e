use thiserror::Error;

use super::part::PartError;
use crate::limits::MAX_PACKET_LEN;

/// Why bytes from another player are not a packet. Such a packet is dropped as a whole.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum PacketError {
    /// The first byte says it is something else.
    #[error(
        "its first byte {0:#04x} is not that of a tick packet; does the other side run the same version of bevy_huddle?"
    )]
    NotATickPacket(u8),
    /// It is longer than any packet may be.
    #[error("it has {0} bytes, more than the {MAX_PACKET_LEN} that a packet may have")]
    TooLong(usize),
    /// The header ends too early, or one of its numbers makes no sense.
    #[error("its header ends too early, or says a number that makes no sense")]
    BrokenHeader,
    /// Ack bits or an echo without an ack.
    #[error("its flags {0:#x} say more about an ack that is not there")]
    FlagsWithoutAck(u8),
    /// It acks a packet that was never sent.
    #[error("it acks packet {0} (modulo 65536), which was never sent")]
    AckOfUnsent(u16),
    /// Neither it nor a packet before it says at which tick it was sent.
    #[error("neither it nor any packet before it says at which tick it was sent")]
    NoTick,
    /// A section's head makes no sense.
    #[error("the id or the length of one of its sections makes no sense")]
    BrokenSection,
    /// A section is longer than what is left of the packet.
    #[error("its section {0} is longer than what is left of the packet")]
    SectionTooLong(u32),
    /// Part of a large section makes no sense.
    #[error("part of a large section in it makes no sense: {0}")]
    BrokenPart(#[from] PartError),
}
