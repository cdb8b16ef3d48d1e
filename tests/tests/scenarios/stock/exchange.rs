//! Checks the messages that stock clients and this project's exchange.

use std::time::Duration;

use anyhow::ensure;
use huddle_mesh::Channel;
use huddle_tests::numbered::{ChannelCounts, LENGTHS};

/// The maximum time until all peers meet.
pub(super) const MEETING_TIMEOUT: Duration = Duration::from_secs(20);
/// The number of messages that must arrive from every peer on every channel, which takes several
/// seconds.
pub(super) const MIN_MESSAGES: u32 = 100;
/// The maximum time until [`MIN_MESSAGES`] have arrived.
pub(super) const EXCHANGE_TIMEOUT: Duration = Duration::from_secs(20);
pub(super) const SEND_INTERVAL: Duration = Duration::from_millis(50);
/// The maximum number of messages that may be lost at the start. The `webrtc` crate, which both
/// sides use, drops messages that arrive before the local side of a channel is open.
pub(super) const LOST_AT_START: u32 = 2;

/// Counts of the messages received from a peer.
#[derive(Default, Debug)]
pub(super) struct Received {
    pub(super) channels: [ChannelCounts; LENGTHS.len()],
}

/// Checks that no message is damaged, and that reliable messages arrived once and in order.
pub(super) fn check_counts(
    receiver: &str,
    sender: &str,
    channels: &[ChannelCounts; LENGTHS.len()],
) -> anyhow::Result<()> {
    for channel in Channel::ALL {
        let counts = &channels[channel.index()];
        ensure!(
            counts.damaged == 0 && counts.first.is_some_and(|first| first <= LOST_AT_START),
            "{receiver} misses messages from {sender} on {channel}: {counts:?}"
        );
        ensure!(
            !channel.is_reliable() || counts.is_complete(),
            "{receiver} receives messages from {sender} on {channel} out of order: {counts:?}"
        );
    }
    Ok(())
}
