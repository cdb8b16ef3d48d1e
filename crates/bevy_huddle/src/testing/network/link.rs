//! A link: two directions with three channels each.

use std::{collections::BTreeMap, time::Duration};

use bytes::Bytes;
use huddle_mesh::{Channel, DisconnectReason, StopReason};

/// A message on a link.
#[derive(Debug, Clone)]
pub(super) enum Message {
    Packet(Channel, Bytes),
    Goodbye(DisconnectReason),
    /// The reason why the sender's game is not running, or `None` if it is running.
    Stopped(Option<StopReason>),
    /// The time at which the ping was sent.
    Ping(Duration),
    /// The time at which the answered ping was sent.
    Pong(Duration),
}

/// A link. The index of a [`Direction`] is the side that sends.
#[derive(Debug, Default)]
pub(super) struct Link {
    pub(super) directions: [Direction; 2],
}

/// One direction of a link.
#[derive(Debug, Default)]
pub(super) struct Direction {
    /// The time at which all packets sent so far have left the sender.
    busy_until: Duration,
    /// The queued bytes of each channel: those that have not left the sender yet or, on
    /// reliable channels, have not arrived yet.
    pub(super) queued: [usize; 3],
    sequencers: [Sequencer; 3],
    /// Whether the sender no longer retransmits lost messages.
    pub(super) abandoned: bool,
}

/// Restores the order of a reliable channel.
#[derive(Debug, Default)]
struct Sequencer {
    sent: u64,
    delivered: u64,
    /// Messages that arrived before an earlier one.
    early: BTreeMap<u64, Message>,
}

impl Message {
    pub(super) fn channel(&self) -> Channel {
        match self {
            Message::Packet(channel, _) => *channel,
            Message::Goodbye(_) | Message::Stopped(_) => Channel::Events,
            Message::Ping(_) | Message::Pong(_) => Channel::State,
        }
    }

    pub(super) fn len(&self) -> usize {
        match self {
            Message::Packet(_, bytes) => bytes.len(),
            Message::Goodbye(_) | Message::Stopped(_) | Message::Ping(_) | Message::Pong(_) => 6,
        }
    }
}

impl Direction {
    /// Queues a message. Returns its sequence number on its channel and the time at which
    /// it leaves the sender.
    pub(super) fn enqueue(
        &mut self,
        now: Duration,
        message: &Message,
        airtime: Duration,
    ) -> (u64, Duration) {
        let index = message.channel().index();
        self.queued[index] += message.len();
        let sequencer = &mut self.sequencers[index];
        sequencer.sent += 1;
        self.busy_until = self.busy_until.max(now) + airtime;
        (sequencer.sent, self.busy_until)
    }

    pub(super) fn dequeue(&mut self, channel: Channel, len: usize) {
        let queued = &mut self.queued[channel.index()];
        *queued = queued.saturating_sub(len);
    }

    /// Accepts a reliable message, and returns the messages that can be delivered in order.
    pub(super) fn in_order(&mut self, number: u64, message: Message) -> Vec<Message> {
        let sequencer = &mut self.sequencers[message.channel().index()];
        sequencer.early.insert(number, message);
        std::iter::from_fn(|| {
            let next = sequencer.early.remove(&(sequencer.delivered + 1))?;
            sequencer.delivered += 1;
            Some(next)
        })
        .collect()
    }
}
