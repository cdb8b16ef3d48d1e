use std::collections::{BTreeSet, VecDeque};

use bytes::Bytes;
use huddle_session::PeerId;

use super::{event::RollbackEvent, topic::Topic};
use crate::membership::start::MatchId;

/// The maximum number of waiting messages of one topic to a peer. Messages of the agreement are not
/// counted, because it sends nothing to a peer with a waiting message.
const MAX_WAITING: usize = 64;

/// The messages and events that a session has for its caller.
///
/// The caller polls each message and queues it. If the queue is full, the caller returns the message,
/// which then waits until the next step together with all later messages to the same peer.
#[derive(Debug, Default)]
pub(super) struct Outbox {
    messages: VecDeque<(PeerId, Bytes)>,
    /// The peers that accept no message until the next step.
    blocked: BTreeSet<PeerId>,
    pub(super) events: VecDeque<RollbackEvent>,
}

impl Outbox {
    /// Moves the messages to some peers from another outbox to this one.
    pub(super) fn append(&mut self, other: Self, is_to: impl Fn(&PeerId) -> bool) {
        let messages = other.messages.into_iter();
        self.messages.extend(messages.filter(|(to, _)| is_to(to)));
    }

    /// Queues a message.
    pub(super) fn send(&mut self, to: PeerId, topic: Topic, id: MatchId, body: &[u8]) {
        let is_same = |(peer, message): &(PeerId, Bytes)| *peer == to && topic.is_of(message);
        match topic {
            Topic::Agreement => {}
            // A newer request replaces an earlier one.
            Topic::InputRequest => self.messages.retain(|message| !is_same(message)),
            Topic::Start | Topic::StateDump => {
                let count = self
                    .messages
                    .iter()
                    .filter(|&message| is_same(message))
                    .count();
                if count >= MAX_WAITING
                    && let Some(oldest) = self.messages.iter().position(is_same)
                {
                    self.messages.remove(oldest);
                }
            }
        }
        self.messages.push_back((to, topic.message(id, body)));
    }

    /// Returns the next message to a peer that is not blocked.
    pub(super) fn poll(&mut self) -> Option<(PeerId, Bytes)> {
        let is_ready = |(to, _): &(PeerId, Bytes)| !self.blocked.contains(to);
        let next = self.messages.iter().position(is_ready)?;
        self.messages.remove(next)
    }

    /// Returns the message that was polled last, and blocks its receiver until the next step.
    pub(super) fn give_back(&mut self, to: PeerId, message: Bytes) {
        self.messages.push_front((to, message));
        self.blocked.insert(to);
    }

    /// Starts a step, in which peers may accept messages again.
    pub(super) fn step(&mut self) {
        self.blocked.clear();
    }

    /// Returns whether a message to a peer waits.
    pub(super) fn has_waiting(&self, to: PeerId) -> bool {
        self.messages.iter().any(|(peer, _)| *peer == to)
    }

    /// Drops all messages to a peer.
    pub(super) fn forget(&mut self, to: PeerId) {
        self.messages.retain(|(peer, _)| *peer != to);
    }

    /// Returns the number of messages and events that wait for the caller.
    pub(super) fn len(&self) -> usize {
        self.messages.len() + self.events.len()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ID: MatchId = MatchId {
        number: 0,
        epoch: 0,
    };

    fn peer(n: u8) -> PeerId {
        PeerId::from_bytes([n; 16])
    }

    fn polled(outbox: &mut Outbox) -> Vec<(PeerId, u8)> {
        let messages = std::iter::from_fn(|| outbox.poll());
        messages.map(|(to, message)| (to, message[3])).collect()
    }

    #[test]
    fn returned_message_keeps_its_place_and_blocks_no_other_peer() {
        let mut outbox = Outbox::default();
        for (to, body) in [(1, 10), (2, 20), (1, 11), (2, 21)] {
            outbox.send(peer(to), Topic::Agreement, ID, &[body]);
        }
        let (to, message) = outbox.poll().unwrap();
        assert_eq!((to, message[3]), (peer(1), 10));
        outbox.give_back(to, message);
        assert_eq!(polled(&mut outbox), [(peer(2), 20), (peer(2), 21)]);
        assert!(outbox.has_waiting(peer(1)) && !outbox.has_waiting(peer(2)));
        outbox.send(peer(1), Topic::Agreement, ID, &[12]);
        assert_eq!(polled(&mut outbox), []);
        outbox.step();
        let rest = [10, 11, 12].map(|body| (peer(1), body));
        assert_eq!(polled(&mut outbox), rest);
    }

    #[test]
    fn newer_input_request_replaces_a_waiting_one() {
        let mut outbox = Outbox::default();
        outbox.send(peer(1), Topic::InputRequest, ID, &[1]);
        outbox.send(peer(2), Topic::InputRequest, ID, &[2]);
        outbox.send(peer(1), Topic::InputRequest, ID, &[3]);
        assert_eq!(polled(&mut outbox), [(peer(2), 2), (peer(1), 3)]);
    }

    #[test]
    fn waiting_messages_are_bounded() {
        let mut outbox = Outbox::default();
        for _ in 0..1000 {
            outbox.send(peer(1), Topic::Start, ID, &[0]);
            outbox.send(peer(1), Topic::StateDump, ID, &[0]);
            outbox.send(peer(1), Topic::InputRequest, ID, &[0]);
        }
        assert_eq!(outbox.len(), 2 * MAX_WAITING + 1);
        outbox.forget(peer(1));
        assert_eq!(outbox.len(), 0);
    }
}
