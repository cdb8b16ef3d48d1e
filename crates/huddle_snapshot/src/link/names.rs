//! Short names for peers in the packets of a link.
//!
//! An id of 16 bytes is sent until the receiver has acked a packet that contains it. All other
//! packets name the peer by its number. Both ends know the numbers of the two peers of the link from
//! the start.

use huddle_id::PeerId;

/// The maximum number of peers that a link names in its lifetime.
const MAX_NAMES: usize = 4096;

/// The maximum number of ids that a packet defines.
const MAX_DEFINITIONS: usize = 7;

/// The length of an id, in bytes.
const ID_LEN: usize = 16;

/// The numbers of the peers that one end of a link has named.
#[derive(Debug)]
pub(super) struct Names {
    peers: Vec<PeerId>,
    /// The number of peers whose ids the receiver has.
    acked: usize,
    /// The number of ids that the next packet can define.
    limit: usize,
}

impl Names {
    /// Creates the names for packets from `sender` to `receiver`.
    pub(super) fn new(sender: PeerId, receiver: PeerId) -> Self {
        Self {
            peers: vec![sender, receiver],
            acked: 2,
            limit: MAX_DEFINITIONS,
        }
    }

    /// Sets the space of the next packet, in bytes. Ids take at most half of it, so that there is room
    /// for the records that need them.
    pub(super) fn set_space(&mut self, space: usize) {
        self.limit = (space / 2 / ID_LEN).min(MAX_DEFINITIONS);
    }

    /// Returns the peer with this number.
    pub(super) fn peer(&self, number: usize) -> Option<PeerId> {
        self.peers.get(number).copied()
    }

    /// Returns the number of a peer that the receiver knows, or that the next packet can define.
    /// Assigns a number if necessary.
    pub(super) fn number(&mut self, peer: PeerId) -> Option<usize> {
        let found = self.peers.iter().position(|it| *it == peer);
        let number = found.unwrap_or(self.peers.len());
        if number >= (self.acked + self.limit).min(MAX_NAMES) {
            return None;
        }
        if found.is_none() {
            self.peers.push(peer);
        }
        Some(number)
    }

    /// Returns the peers that a packet has to define, and the number of the first one.
    pub(super) fn definitions(&self) -> (usize, &[PeerId]) {
        let until = self.peers.len().min(self.acked + self.limit);
        let peers = self.peers.get(self.acked..until).unwrap_or_default();
        (self.acked, peers)
    }

    /// The receiver has acked a packet that defined the peers below this number.
    pub(super) fn acked(&mut self, until: usize) {
        self.acked = self.acked.max(until.min(self.peers.len()));
    }

    /// Returns the number of peers whose ids the receiver has once it acks a packet of now.
    pub(super) fn defined(&self) -> usize {
        let (first, peers) = self.definitions();
        first + peers.len()
    }

    /// Takes a definition that was received. Returns `false` if it contradicts an earlier one, or
    /// leaves a gap.
    pub(super) fn define(&mut self, number: usize, peer: PeerId) -> bool {
        match self.peers.get(number) {
            Some(known) => *known == peer,
            None if number == self.peers.len() && number < MAX_NAMES => {
                self.peers.push(peer);
                true
            }
            None => false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn peer(n: u16) -> PeerId {
        let [a, b] = n.to_le_bytes();
        PeerId::from_bytes([a, b, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0])
    }

    #[test]
    fn ids_are_sent_until_they_are_acked() {
        let mut sender = Names::new(peer(1), peer(2));
        let mut receiver = Names::new(peer(1), peer(2));
        assert_eq!(sender.number(peer(2)), Some(1));
        assert_eq!(sender.definitions(), (2, &[][..]));
        assert_eq!(sender.number(peer(8)), Some(2));
        assert_eq!(sender.number(peer(9)), Some(3));
        assert_eq!(sender.definitions(), (2, &[peer(8), peer(9)][..]));
        assert!(receiver.define(2, peer(8)) && receiver.define(3, peer(9)));
        assert!(receiver.define(2, peer(8)), "defined again");
        assert!(!receiver.define(2, peer(9)), "a contradiction");
        assert!(!receiver.define(5, peer(7)), "a gap");
        assert_eq!(receiver.peer(3), Some(peer(9)));
        sender.acked(3);
        assert_eq!(sender.definitions(), (3, &[peer(9)][..]));
        assert_eq!(sender.number(peer(8)), Some(2));
    }

    #[test]
    fn ids_take_half_of_a_small_packet() {
        let mut sender = Names::new(peer(1), peer(2));
        for (space, expected) in [(31, 0), (60, 1), (100, 3), (900, MAX_DEFINITIONS)] {
            sender.set_space(space);
            let numbers = (3..40).map_while(|n| sender.number(peer(n)));
            assert_eq!(numbers.count(), expected);
            assert_eq!(sender.definitions().1.len(), expected);
        }
    }

    #[test]
    fn packet_defines_a_limited_number_of_ids() {
        let mut sender = Names::new(peer(1), peer(2));
        let numbers: Vec<_> = (3..40).map_while(|n| sender.number(peer(n))).collect();
        assert_eq!(numbers.len(), MAX_DEFINITIONS);
        assert_eq!(sender.definitions().1.len(), MAX_DEFINITIONS);
        sender.acked(sender.defined());
        assert_eq!(sender.number(peer(39)), Some(2 + MAX_DEFINITIONS));
        for n in 100..MAX_NAMES as u16 + 200 {
            sender.number(peer(n));
            sender.acked(sender.defined());
        }
        assert_eq!(sender.peers.len(), MAX_NAMES);
        assert_eq!(
            sender.number(peer(3)),
            Some(2),
            "known ones keep their numbers"
        );
    }
}
