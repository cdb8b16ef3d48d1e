//! Received packets that wait for their time: a state machine without a clock or sockets.

use std::{
    collections::{BTreeMap, BTreeSet, VecDeque},
    time::Duration,
};

use bytes::Bytes;
use huddle_mesh::{Channel, PeerId};

use crate::conditioner::settings::LinkConditioner;

/// The maximum number of waiting packets per peer and channel.
const MAX_PACKETS: usize = 4096;

/// The maximum number of waiting bytes per peer and channel.
const MAX_BYTES: usize = 4 * 1024 * 1024;

/// A packet that a peer has sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Packet {
    pub(super) peer_id: PeerId,
    pub(super) channel: Channel,
    pub(super) bytes: Bytes,
    /// When it arrived. Of a packet that was delayed: when it would have arrived over a link that
    /// is as bad as the conditioner.
    pub(super) arrived: Duration,
}

/// Delays and drops packets.
pub(super) struct DelayQueue {
    settings: LinkConditioner,
    rng: fastrand::Rng,
    lanes: BTreeMap<(PeerId, Channel), Lane>,
    /// All packets of all lanes in the order in which they are due: time, number, lane.
    agenda: BTreeSet<(Duration, u64, PeerId, Channel)>,
    /// Packets that do not wait any longer.
    released: VecDeque<Packet>,
    next_number: u64,
}

/// The waiting packets of one peer on one channel.
#[derive(Default)]
struct Lane {
    /// By number, which is the order of arrival.
    waiting: BTreeMap<u64, Waiting>,
    bytes: usize,
    /// When the last packet is due, before which no later packet of a reliable channel may come.
    last_due: Duration,
}

struct Waiting {
    arrived: Duration,
    due: Duration,
    bytes: Bytes,
}

impl DelayQueue {
    /// The same seed and the same calls give the same delays and losses.
    pub(super) fn new(settings: LinkConditioner, seed: u64) -> Self {
        Self {
            settings,
            rng: fastrand::Rng::with_seed(seed),
            lanes: BTreeMap::new(),
            agenda: BTreeSet::new(),
            released: VecDeque::new(),
            next_number: 0,
        }
    }

    pub(super) fn settings(&self) -> &LinkConditioner {
        &self.settings
    }

    pub(super) fn is_empty(&self) -> bool {
        self.agenda.is_empty() && self.released.is_empty()
    }

    /// Changes the settings. A waiting packet waits no longer than the new settings allow.
    pub(super) fn set(&mut self, settings: LinkConditioner) {
        self.settings = settings;
        self.agenda.clear();
        for (&(peer_id, channel), lane) in &mut self.lanes {
            let max_delay = settings.max_delay(channel);
            lane.last_due = Duration::ZERO;
            for (&number, packet) in &mut lane.waiting {
                packet.due = packet.due.min(packet.arrived + max_delay);
                if channel.is_reliable() {
                    packet.due = packet.due.max(lane.last_due);
                }
                lane.last_due = packet.due;
                self.agenda.insert((packet.due, number, peer_id, channel));
            }
        }
    }

    /// Takes a packet that has arrived.
    pub(super) fn push(&mut self, packet: Packet) {
        let Packet {
            peer_id,
            channel,
            bytes,
            arrived,
        } = packet;
        let Some(delay) = self.settings.delay(channel, &mut self.rng) else {
            return;
        };
        let lane = self.lanes.entry((peer_id, channel)).or_default();
        let mut due = arrived + delay;
        if channel.is_reliable() {
            due = due.max(lane.last_due);
        }
        lane.last_due = due;
        lane.bytes += bytes.len();
        let number = self.next_number;
        self.next_number += 1;
        lane.waiting.insert(
            number,
            Waiting {
                arrived,
                due,
                bytes,
            },
        );
        self.agenda.insert((due, number, peer_id, channel));
        self.limit(peer_id, channel, arrived);
    }

    /// Returns the next packet that is due.
    pub(super) fn poll(&mut self, now: Duration) -> Option<Packet> {
        if let Some(packet) = self.released.pop_front() {
            return Some(packet);
        }
        let &(due, number, peer_id, channel) = self.agenda.first()?;
        if due > now {
            return None;
        }
        self.agenda.pop_first();
        let lane = self.lanes.get_mut(&(peer_id, channel))?;
        let Waiting { bytes, .. } = lane.waiting.remove(&number)?;
        lane.bytes -= bytes.len();
        Some(Packet {
            peer_id,
            channel,
            bytes,
            arrived: due,
        })
    }

    /// Makes every waiting packet of a peer due, in the order of arrival: its link is over.
    pub(super) fn release(&mut self, peer_id: PeerId, now: Duration) {
        let mut packets = BTreeMap::new();
        for channel in Channel::ALL {
            let lane = self.lanes.remove(&(peer_id, channel)).unwrap_or_default();
            for (number, Waiting { due, bytes, .. }) in lane.waiting {
                self.agenda.remove(&(due, number, peer_id, channel));
                packets.insert(
                    number,
                    Packet {
                        peer_id,
                        channel,
                        bytes,
                        arrived: due.min(now),
                    },
                );
            }
        }
        self.released.extend(packets.into_values());
    }

    /// Drops every waiting packet of a peer.
    pub(super) fn forget(&mut self, peer_id: PeerId) {
        self.lanes.retain(|&(other, _), _| other != peer_id);
        self.agenda.retain(|&(_, _, other, _)| other != peer_id);
        self.released.retain(|packet| packet.peer_id != peer_id);
    }

    /// Makes room if too much waits: unreliable packets are dropped, others wait no longer.
    fn limit(&mut self, peer_id: PeerId, channel: Channel, now: Duration) {
        let Some(lane) = self.lanes.get_mut(&(peer_id, channel)) else {
            return;
        };
        while lane.bytes > MAX_BYTES || lane.waiting.len() > MAX_PACKETS {
            let Some((number, Waiting { due, bytes, .. })) = lane.waiting.pop_first() else {
                return;
            };
            lane.bytes -= bytes.len();
            self.agenda.remove(&(due, number, peer_id, channel));
            if channel.is_reliable() {
                self.released.push_back(Packet {
                    peer_id,
                    channel,
                    bytes,
                    arrived: due.min(now),
                });
            }
        }
    }
}

#[cfg(test)]
mod tests;
