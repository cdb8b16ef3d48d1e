/// The largest message a channel carries, in bytes; on [`Channel::State`](crate::Channel::State) its
/// [send limit](crate::Channel::send_limit) is less.
pub const MAX_MESSAGE_LEN: usize = 16_000;

/// Larger messages of the signaling server are not read at all.
pub(crate) const MAX_SIGNAL_LEN: usize = 64 * 1024;
