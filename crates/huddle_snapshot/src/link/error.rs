use thiserror::Error;

/// Why a section with snapshots cannot be decoded. An honest peer never sends such a section.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum DecodeError {
    /// The section ends before its last record does.
    #[error("the snapshot ends too early")]
    TooShort,
    /// There are bytes after the last record.
    #[error("the snapshot has {0} bytes after its last record")]
    TooLong(usize),
    /// The section continues a packet that was not received.
    #[error("the snapshot continues packet {0}, which was not received")]
    UnknownModels(u64),
    /// A record is the difference from a state that was not received.
    #[error("the snapshot contains a difference from an unknown state")]
    UnknownBaseline,
    /// A record names a peer with a number that has no meaning.
    #[error("the snapshot names an unknown peer")]
    UnknownPeer,
    /// The records are not in the order of their ids.
    #[error("the records of the snapshot are not in order")]
    Order,
    /// A component, a rule, or a value does not exist.
    #[error("the snapshot contains a value that is out of range")]
    OutOfRange,
    /// There are more records, or more values, than a peer sends in a packet.
    #[error("the snapshot has too many records or values")]
    TooMuch,
    /// The peer has made this machine remember too many entities.
    #[error("the snapshot contains too many new entities")]
    TooManyEntities,
}
