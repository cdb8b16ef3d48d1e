//! Stock matchbox clients in our rooms: raw bytes both ways on every channel, and nobody is cut.

mod games;
mod pages;
mod rooms;

use std::time::Duration;

use anyhow::ensure;
use huddle_mesh::Channel;
use huddle_tests::numbered::{Arrived, LENGTHS};

pub(crate) use games::games_and_stock_clients_exchange_raw_bytes;
pub(crate) use pages::players_and_stock_clients_share_a_room;
pub(crate) use rooms::{
    rooms_and_stock_clients_exchange_raw_bytes, the_stock_server_introduces_rooms_and_stock_clients,
};

const MEETING: Duration = Duration::from_secs(20);
/// Messages that have to arrive from everybody on every channel: several seconds of them.
const ENOUGH: u32 = 100;
const EXCHANGE: Duration = Duration::from_secs(20);
const SENDING: Duration = Duration::from_millis(50);
/// The `webrtc` crate, below both, loses what arrives before its own side of a channel is open.
const LOST_AT_FIRST: u32 = 2;

/// What was heard of somebody.
#[derive(Default, Debug)]
struct Heard {
    channels: [Arrived; LENGTHS.len()],
}

/// Reliable messages arrive each once and in order, and none is damaged.
fn all_there(who: &str, of: &str, channels: &[Arrived; LENGTHS.len()]) -> anyhow::Result<()> {
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
