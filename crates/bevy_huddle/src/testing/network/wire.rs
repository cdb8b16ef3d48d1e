//! One link: two ways with three channels each.

use std::{collections::BTreeMap, time::Duration};

use bytes::Bytes;
use huddle_mesh::{Channel, DisconnectReason, StopReason};

/// What travels.
#[derive(Debug, Clone)]
pub(super) enum Cargo {
    Packet(Channel, Bytes),
    Bye(DisconnectReason),
    /// Why the sender's game does not run; `None` if it runs.
    Stopped(Option<StopReason>),
    /// When it was sent.
    Ping(Duration),
    /// When the ping was sent that it answers.
    Pong(Duration),
}

/// A link from when it is made to when it is over; each [`Way`] is named by the side that sends.
#[derive(Debug, Default)]
pub(super) struct Link {
    pub(super) ways: [Way; 2],
}

/// One direction of a link.
#[derive(Debug, Default)]
pub(super) struct Way {
    /// Until when the line is taken.
    busy_until: Duration,
    /// Bytes that the network has not taken yet, or not brought over on reliable channels.
    pub(super) queued: [usize; 3],
    lanes: [Lane; 3],
    /// The sender sends nothing again.
    pub(super) abandoned: bool,
}

/// The order of a reliable channel.
#[derive(Debug, Default)]
struct Lane {
    sent: u64,
    taken: u64,
    early: BTreeMap<u64, Cargo>,
}

impl Cargo {
    pub(super) fn channel(&self) -> Channel {
        match self {
            Cargo::Packet(channel, _) => *channel,
            Cargo::Bye(_) | Cargo::Stopped(_) => Channel::Events,
            Cargo::Ping(_) | Cargo::Pong(_) => Channel::State,
        }
    }

    pub(super) fn len(&self) -> usize {
        match self {
            Cargo::Packet(_, bytes) => bytes.len(),
            Cargo::Bye(_) | Cargo::Stopped(_) | Cargo::Ping(_) | Cargo::Pong(_) => 6,
        }
    }
}

impl Way {
    /// Puts something in line; its number on its channel, and when it leaves.
    pub(super) fn enqueue(
        &mut self,
        now: Duration,
        cargo: &Cargo,
        airtime: Duration,
    ) -> (u64, Duration) {
        let index = cargo.channel().index();
        self.queued[index] += cargo.len();
        let lane = &mut self.lanes[index];
        lane.sent += 1;
        self.busy_until = self.busy_until.max(now) + airtime;
        (lane.sent, self.busy_until)
    }

    pub(super) fn dequeue(&mut self, channel: Channel, len: usize) {
        let queued = &mut self.queued[channel.index()];
        *queued = queued.saturating_sub(len);
    }

    /// Something reliable arrived: what it is the turn of now.
    pub(super) fn in_order(&mut self, number: u64, cargo: Cargo) -> Vec<Cargo> {
        let lane = &mut self.lanes[cargo.channel().index()];
        lane.early.insert(number, cargo);
        std::iter::from_fn(|| {
            let next = lane.early.remove(&(lane.taken + 1))?;
            lane.taken += 1;
            Some(next)
        })
        .collect()
    }
}
