/// The maximum length of a message, in bytes.
///
/// The maximum on [`Channel::State`](crate::Channel::State) is lower: its
/// [send limit](crate::Channel::send_limit).
pub const MAX_MESSAGE_LEN: usize = 16_000;

/// The maximum length of a message from the signaling server, in bytes.
pub(crate) const MAX_SIGNAL_LEN: usize = 64 * 1024;

/// The maximum length of the metadata of a room, in bytes.
pub(crate) const MAX_METADATA_LEN: usize = 256;
