//! What all of them exchange, and what has to arrive.

use std::time::Duration;

use anyhow::ensure;
use huddle_mesh::Channel;
use huddle_tests::numbered::{Arrived, LENGTHS};

pub(super) const MEETING: Duration = Duration::from_secs(20);
/// Messages that have to arrive from everybody on every channel: several seconds of them.
pub(super) const ENOUGH: u32 = 100;
pub(super) const EXCHANGE: Duration = Duration::from_secs(20);
pub(super) const SENDING: Duration = Duration::from_millis(50);
/// The `webrtc` crate, below both, loses what arrives before its own side of a channel is open.
pub(super) const LOST_AT_FIRST: u32 = 2;

/// What was heard of somebody.
#[derive(Default, Debug)]
pub(super) struct Heard {
    pub(super) channels: [Arrived; LENGTHS.len()],
}

/// Reliable messages arrive each once and in order, and none is damaged.
pub(super) fn all_there(
    who: &str,
    of: &str,
    channels: &[Arrived; LENGTHS.len()],
) -> anyhow::Result<()> {
    for channel in Channel::ALL {
        let arrived = &channels[channel.index()];
        ensure!(
            arrived.damaged == 0 && arrived.first.is_some_and(|first| first <= LOST_AT_FIRST),
            "{who} hears of {of} on {channel}: {arrived:?}"
        );
        ensure!(
            !channel.is_reliable() || arrived.is_whole(),
            "{who} hears of {of} on {channel}, out of order: {arrived:?}"
        );
    }
    Ok(())
}
