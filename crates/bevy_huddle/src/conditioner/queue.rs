//! The queue of delayed packets: a state machine without a clock or sockets.

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

/// A packet from a peer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Packet {
    pub(super) peer_id: PeerId,
    pub(super) channel: Channel,
    pub(super) bytes: Bytes,
    /// The arrival time. A packet that leaves the queue has the arrival time of a link that is as
    /// bad as the conditioner.
    pub(super) arrived: Duration,
}

/// Delays and drops packets.
pub(super) struct DelayQueue {
    settings: LinkConditioner,
    rng: fastrand::Rng,
    lanes: BTreeMap<(PeerId, Channel), Lane>,
    /// The packets of all lanes, ordered by due time and then by number.
    schedule: BTreeSet<(Duration, u64, PeerId, Channel)>,
    /// Packets that are no longer delayed.
    released: VecDeque<Packet>,
    next_number: u64,
}

/// The waiting packets of one peer on one channel.
#[derive(Default)]
struct Lane {
    /// The packets by number. Numbers increase in order of arrival.
    waiting: BTreeMap<u64, Waiting>,
    bytes: usize,
    /// The time at which the last packet is due. Later packets of a reliable channel are not due
    /// before it.
    last_due: Duration,
}

struct Waiting {
    arrived: Duration,
    due: Duration,
    bytes: Bytes,
}

impl DelayQueue {
    /// Creates an empty queue. The same seed and the same calls produce the same delays and losses.
    pub(super) fn new(settings: LinkConditioner, seed: u64) -> Self {
        Self {
            settings,
            rng: fastrand::Rng::with_seed(seed),
            lanes: BTreeMap::new(),
            schedule: BTreeSet::new(),
            released: VecDeque::new(),
            next_number: 0,
        }
    }

    pub(super) fn settings(&self) -> &LinkConditioner {
        &self.settings
    }

    pub(super) fn is_empty(&self) -> bool {
        self.schedule.is_empty() && self.released.is_empty()
    }

    /// Changes the settings. Shortens delays that exceed the new maximum.
    pub(super) fn set(&mut self, settings: LinkConditioner) {
        self.settings = settings;
        self.schedule.clear();
        for (&(peer_id, channel), lane) in &mut self.lanes {
            let max_delay = settings.max_delay(channel);
            lane.last_due = Duration::ZERO;
            for (&number, packet) in &mut lane.waiting {
                packet.due = packet.due.min(packet.arrived + max_delay);
                if channel.is_reliable() {
                    packet.due = packet.due.max(lane.last_due);
                }
                lane.last_due = packet.due;
                self.schedule.insert((packet.due, number, peer_id, channel));
            }
        }
    }

    /// Adds a packet that has arrived, or drops it.
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
        self.schedule.insert((due, number, peer_id, channel));
        self.enforce_limits(peer_id, channel, arrived);
    }

    /// Returns the next packet that is due.
    pub(super) fn poll(&mut self, now: Duration) -> Option<Packet> {
        if let Some(packet) = self.released.pop_front() {
            return Some(packet);
        }
        let &(due, number, peer_id, channel) = self.schedule.first()?;
        if due > now {
            return None;
        }
        self.schedule.pop_first();
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

    /// Makes every waiting packet from a peer due, in order of arrival, because its link has
    /// closed.
    pub(super) fn release(&mut self, peer_id: PeerId, now: Duration) {
        let mut packets = BTreeMap::new();
        for channel in Channel::ALL {
            let lane = self.lanes.remove(&(peer_id, channel)).unwrap_or_default();
            for (number, Waiting { due, bytes, .. }) in lane.waiting {
                self.schedule.remove(&(due, number, peer_id, channel));
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

    /// Drops every waiting packet from a peer.
    pub(super) fn forget(&mut self, peer_id: PeerId) {
        self.lanes.retain(|&(other, _), _| other != peer_id);
        self.schedule.retain(|&(_, _, other, _)| other != peer_id);
        self.released.retain(|packet| packet.peer_id != peer_id);
    }

    /// Enforces [`MAX_PACKETS`] and [`MAX_BYTES`]. Drops the oldest unreliable packets, and
    /// releases the oldest reliable ones early.
    fn enforce_limits(&mut self, peer_id: PeerId, channel: Channel, now: Duration) {
        let Some(lane) = self.lanes.get_mut(&(peer_id, channel)) else {
            return;
        };
        while lane.bytes > MAX_BYTES || lane.waiting.len() > MAX_PACKETS {
            let Some((number, Waiting { due, bytes, .. })) = lane.waiting.pop_first() else {
                return;
            };
            lane.bytes -= bytes.len();
            self.schedule.remove(&(due, number, peer_id, channel));
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
