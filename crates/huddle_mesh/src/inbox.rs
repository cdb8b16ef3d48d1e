use std::collections::{BTreeMap, VecDeque};

use bytes::Bytes;
use huddle_id::PeerId;
use web_time::Instant;

use crate::{channel::Channel, core::CoreEvent, event::RoomEvent};

/// The maximum number of unread packets of one peer on [`Channel::State`]. Beyond it, the inbox
/// drops the oldest packet.
const MAX_STATE_PACKETS: usize = 256;
/// The maximum number of unread packets of one peer on each reliable channel. Beyond it, the inbox
/// drops the newest packet.
const MAX_RELIABLE_PACKETS: usize = 2048;
/// The maximum number of unread bytes of one peer on each reliable channel.
const MAX_RELIABLE_BYTES: usize = 4 * 1024 * 1024;

/// The maximum number of unread packets of all peers together, including peers that have left.
const MAX_ALL_PACKETS: usize = 32_768;
/// The maximum number of unread bytes of all peers together.
const MAX_ALL_BYTES: usize = 32 * 1024 * 1024;
/// The number of unread notices from which on the inbox removes notices that cancel each other.
const MANY_NOTICES: usize = 512;

/// The events that the game has not read yet. A game that stops reading neither stops the network
/// nor fills the memory.
#[derive(Debug, Default)]
pub(crate) struct Inbox {
    events: VecDeque<RoomEvent>,
    unread: BTreeMap<PeerId, Unread>,
    packets: usize,
    bytes: usize,
}

#[derive(Debug, Default)]
struct Unread {
    packets: [usize; 3],
    bytes: [usize; 3],
    /// The number of dropped packets per channel that are not reported yet.
    dropped: [u64; 3],
    dropped_ever: u64,
}

impl Inbox {
    pub(crate) fn push(&mut self, event: CoreEvent) {
        let event = match event {
            CoreEvent::Signaling(state) => {
                // A game that does not read needs only the latest state.
                self.events
                    .retain(|event| !matches!(event, RoomEvent::Signaling(_)));
                RoomEvent::Signaling(state)
            }
            CoreEvent::Joined {
                peer,
                rejoined,
                is_matchbox_client,
            } => RoomEvent::PeerJoined {
                peer_id: peer,
                rejoined,
                is_matchbox_client,
            },
            CoreEvent::Reconnecting(peer) => RoomEvent::PeerReconnecting(peer),
            CoreEvent::Reconnected(peer) => RoomEvent::PeerReconnected(peer),
            CoreEvent::Replaced(peer) => RoomEvent::LinkReplaced(peer),
            CoreEvent::LinkFailed {
                peer,
                reason,
                attempt,
            } => {
                // The latest failure replaces earlier ones.
                self.events.retain(
                    |event| !matches!(event, RoomEvent::LinkFailed { peer_id: p, .. } if *p == peer),
                );
                RoomEvent::LinkFailed {
                    peer_id: peer,
                    reason,
                    attempt,
                }
            }
            CoreEvent::LinkFailureResolved(peer) => {
                self.events.retain(|event| match event {
                    RoomEvent::LinkFailed { peer_id: p, .. } => *p != peer,
                    event => *event != RoomEvent::LinkFailureResolved(peer),
                });
                RoomEvent::LinkFailureResolved(peer)
            }
            CoreEvent::Left { peer, reason } => RoomEvent::PeerLeft {
                peer_id: peer,
                reason,
            },
            CoreEvent::Packet {
                peer,
                channel,
                bytes,
            } => return self.packet(peer, channel, bytes),
            CoreEvent::ProtocolViolation {
                source,
                violation,
                count,
            } => RoomEvent::ProtocolViolation {
                source,
                violation,
                count,
            },
            CoreEvent::TokenNeeded { reason } => {
                self.events
                    .retain(|event| !matches!(event, RoomEvent::TokenNeeded { .. }));
                RoomEvent::TokenNeeded { reason }
            }
            CoreEvent::SettingsChanged(settings) => {
                self.events
                    .retain(|event| !matches!(event, RoomEvent::SettingsChanged(_)));
                RoomEvent::SettingsChanged(settings)
            }
            CoreEvent::Failed(error) => RoomEvent::Failed(error),
        };
        if self.events.len() - self.packets >= MANY_NOTICES && self.cancels(&event) {
            return;
        }
        self.events.push_back(event);
    }

    /// Removes the unread notices that `event` cancels. Returns `true` if `event` does not have to
    /// be queued either.
    fn cancels(&mut self, event: &RoomEvent) -> bool {
        match *event {
            RoomEvent::PeerReconnecting(_)
            | RoomEvent::ProtocolViolation { .. }
            | RoomEvent::LinkFailed { .. }
            | RoomEvent::LinkFailureResolved(_) => true,
            RoomEvent::LinkReplaced(_) => self.events.contains(event),
            RoomEvent::PeerReconnected(peer) => {
                let unread = RoomEvent::PeerReconnecting(peer);
                let count = self.events.len();
                self.events.retain(|event| *event != unread);
                count != self.events.len()
            }
            RoomEvent::PeerLeft { peer_id: gone, .. } => {
                let came = self.events.iter().rposition(
                    |event| matches!(event, RoomEvent::PeerJoined { peer_id: peer, .. } if *peer == gone),
                );
                let Some(came) = came else { return false };
                let since = self.events.split_off(came);
                for event in since {
                    match event {
                        RoomEvent::PeerJoined { peer_id: peer, .. }
                        | RoomEvent::PeerReconnecting(peer)
                        | RoomEvent::PeerReconnected(peer)
                        | RoomEvent::LinkReplaced(peer)
                            if peer == gone => {}
                        RoomEvent::Packet {
                            peer_id: peer,
                            channel,
                            bytes,
                            ..
                        } if peer == gone => {
                            self.forget(peer, channel, bytes.len());
                        }
                        other => self.events.push_back(other),
                    }
                }
                let nothing_left = self
                    .unread
                    .get(&gone)
                    .is_some_and(|unread| unread.packets == [0; 3]);
                if nothing_left {
                    self.unread.remove(&gone);
                }
                true
            }
            _ => false,
        }
    }

    /// Removes a packet from the counts of unread packets.
    fn forget(&mut self, peer: PeerId, channel: Channel, len: usize) {
        self.packets -= 1;
        self.bytes -= len;
        if let Some(unread) = self.unread.get_mut(&peer) {
            unread.packets[channel.index()] -= 1;
            unread.bytes[channel.index()] -= len;
        }
    }

    fn packet(&mut self, peer: PeerId, channel: Channel, bytes: Bytes) {
        let c = channel.index();
        let unread = self.unread.entry(peer).or_default();
        let crowded = self.packets >= MAX_ALL_PACKETS || self.bytes + bytes.len() > MAX_ALL_BYTES;
        let full = channel.is_reliable()
            && (unread.packets[c] >= MAX_RELIABLE_PACKETS
                || unread.bytes[c] + bytes.len() > MAX_RELIABLE_BYTES);
        if crowded || full {
            unread.drop_one(c);
            return;
        }
        if !channel.is_reliable() && unread.packets[c] >= MAX_STATE_PACKETS {
            unread.drop_one(c);
            let oldest = self.events.iter().position(|event| {
                matches!(event, RoomEvent::Packet { peer_id: p, channel: ch, .. } if *p == peer && *ch == channel)
            });
            if let Some(RoomEvent::Packet { bytes, .. }) =
                oldest.and_then(|at| self.events.remove(at))
            {
                self.forget(peer, channel, bytes.len());
            }
        }
        let unread = self.unread.entry(peer).or_default();
        unread.packets[c] += 1;
        unread.bytes[c] += bytes.len();
        self.packets += 1;
        self.bytes += bytes.len();
        self.events.push_back(RoomEvent::Packet {
            peer_id: peer,
            channel,
            bytes,
            arrived: Instant::now(),
        });
    }

    pub(crate) fn pop(&mut self) -> Option<RoomEvent> {
        // Reports dropped packets before the packets that were kept.
        for (peer, unread) in &mut self.unread {
            for channel in Channel::ALL {
                let dropped = std::mem::take(&mut unread.dropped[channel.index()]);
                if dropped > 0 {
                    return Some(RoomEvent::Overflow {
                        peer_id: *peer,
                        channel,
                        dropped,
                    });
                }
            }
        }
        let event = self.events.pop_front()?;
        match &event {
            RoomEvent::Packet {
                peer_id: peer,
                channel,
                bytes,
                ..
            } => {
                let (peer, channel, len) = (*peer, *channel, bytes.len());
                self.forget(peer, channel, len);
            }
            RoomEvent::PeerLeft { peer_id: peer, .. } => {
                let unread = self.unread.get(peer);
                if unread.is_some_and(|unread| unread.packets == [0; 3]) {
                    self.unread.remove(peer);
                }
            }
            _ => {}
        }
        Some(event)
    }

    /// Returns the number of unread packets of `peer` that were dropped.
    pub(crate) fn dropped(&self, peer: PeerId) -> u64 {
        self.unread
            .get(&peer)
            .map_or(0, |unread| unread.dropped_ever)
    }
}

impl Unread {
    fn drop_one(&mut self, channel: usize) {
        self.dropped[channel] += 1;
        self.dropped_ever += 1;
    }
}

#[cfg(test)]
mod tests;
