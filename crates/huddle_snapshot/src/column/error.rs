use thiserror::Error;

/// Errors when a record is encoded or decoded.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum RecordError {
    /// A slice or the models do not match the layout. This is a mistake of the caller.
    #[error("the states or the models do not match the layout")]
    Layout,
    /// A decoded number is not in the range of its field. An honest peer never encodes it.
    #[error("number {0} of the record is out of range")]
    OutOfRange(usize),
    /// The bytes end before the record does. An honest peer never sends them.
    #[error("the packet ends within the record")]
    Truncated,
}
