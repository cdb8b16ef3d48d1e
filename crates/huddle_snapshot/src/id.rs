//! The ids of replicated entities, and the rank of a peer for an entity.

use std::fmt;

use huddle_id::PeerId;
use serde::{Deserialize, Serialize};

/// Identifies a replicated entity on every peer. An id is never reused.
///
/// Ids order by creator first, then by number. Entities that are [placed](Creator::Placed) come
/// before all other entities.
///
/// ```
/// use huddle_id::PeerId;
/// use huddle_snapshot::id::EntityId;
///
/// let peer = PeerId::from_u128(7);
/// assert!(EntityId::placed(9) < EntityId::spawned(peer, 0));
/// assert!(EntityId::spawned(peer, 0) < EntityId::spawned(peer, 1));
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct EntityId {
    /// The peer that spawned the entity, or the level that contains it.
    pub creator: Creator,
    /// The number of the entity, which the creator counts up.
    pub number: u32,
}

/// The origin of a replicated entity.
///
/// The level has its own variant instead of a reserved [`PeerId`], because every value of a `PeerId`
/// can belong to a peer. A signaling server assigns any id that it likes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Creator {
    /// The entity belongs to the level. Every peer spawns it without receiving it.
    Placed,
    /// A peer spawned the entity, and the other peers receive it.
    Peer(PeerId),
}

impl EntityId {
    /// Returns the id of an entity that every peer spawns with the level.
    pub const fn placed(number: u32) -> Self {
        Self {
            creator: Creator::Placed,
            number,
        }
    }

    /// Returns the id of an entity that a peer spawns.
    pub const fn spawned(creator: PeerId, number: u32) -> Self {
        Self {
            creator: Creator::Peer(creator),
            number,
        }
    }

    /// Returns `true` if every peer spawns the entity with the level.
    pub const fn is_placed(&self) -> bool {
        matches!(self.creator, Creator::Placed)
    }

    /// Returns the rank of a peer for this entity. The protocol uses it for every tie: of two equal
    /// claims, the one of the peer with the higher rank wins.
    ///
    /// Every peer calculates the same rank. Ranks of one peer for different entities are
    /// independent, so no peer wins more ties than the others. The hash is not cryptographic: a peer
    /// that chooses its certificate for the purpose can win the ties for one entity.
    ///
    /// The hash absorbs five 64-bit words, in this order:
    ///
    /// 1. `number`, plus 2^32 if a peer is the creator
    /// 2. the high half of the creator's id, or 0
    /// 3. the low half of the creator's id, or 0
    /// 4. the high half of the peer's id
    /// 5. the low half of the peer's id
    ///
    /// The hash starts at 0. To absorb a word, XOR it in, add `0x9e3779b97f4a7c15` and apply the
    /// finalizer of SplitMix64 (shift 30, multiply by `0xbf58476d1ce4e5b9`, shift 27, multiply by
    /// `0x94d049bb133111eb`, shift 31). All arithmetic wraps.
    pub fn rank(&self, peer: PeerId) -> u64 {
        let (tag, creator) = match self.creator {
            Creator::Placed => (0, 0),
            Creator::Peer(id) => (1 << 32, id.as_u128()),
        };
        let peer = peer.as_u128();
        [
            tag | u64::from(self.number),
            (creator >> 64) as u64,
            creator as u64,
            (peer >> 64) as u64,
            peer as u64,
        ]
        .into_iter()
        .fold(0, absorb)
    }
}

/// Adds a word to the hash of [`EntityId::rank`].
const fn absorb(hash: u64, word: u64) -> u64 {
    let mut x = (hash ^ word).wrapping_add(0x9e37_79b9_7f4a_7c15);
    x = (x ^ (x >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    x = (x ^ (x >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    x ^ (x >> 31)
}

impl fmt::Display for EntityId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.creator {
            Creator::Placed => write!(f, "placed #{}", self.number),
            Creator::Peer(id) => write!(f, "{} #{}", id.short(), self.number),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_order_by_creator_then_number() {
        let (low, high) = (PeerId::from_u128(1), PeerId::from_u128(2));
        let sorted = [
            EntityId::placed(0),
            EntityId::placed(u32::MAX),
            EntityId::spawned(low, 0),
            EntityId::spawned(low, 9),
            EntityId::spawned(high, 0),
        ];
        assert!(sorted.is_sorted());
    }

    #[test]
    fn placed_ids_differ_from_the_ids_of_every_peer() {
        for peer in [0, u128::MAX] {
            let spawned = EntityId::spawned(PeerId::from_u128(peer), 4);
            assert_ne!(EntityId::placed(4), spawned);
            let other = PeerId::from_u128(5);
            assert_ne!(EntityId::placed(4).rank(other), spawned.rank(other));
        }
    }

    #[test]
    fn hash_matches_published_splitmix64() {
        // The first output of SplitMix64 with the seed 0.
        assert_eq!(absorb(0, 0), 0xe220_a839_7b1d_cdaf);
    }

    #[test]
    fn ranks_match_the_protocol() {
        let peer = PeerId::from_u128(0x0011_2233_4455_6677_8899_aabb_ccdd_eeff);
        let ranks = [
            EntityId::placed(0).rank(PeerId::from_u128(0)),
            EntityId::placed(1).rank(peer),
            EntityId::spawned(peer, 1).rank(peer),
        ];
        assert_eq!(ranks, RANKS);
    }

    /// Calculated by a separate implementation.
    const RANKS: [u64; 3] = [
        0x78ae_5a9a_6b5f_d45e,
        0x4f43_34b7_88c0_bc11,
        0x65ff_de1f_6b51_794e,
    ];

    #[test]
    fn every_peer_wins_its_share_of_ties() {
        let creator = PeerId::from_u128(1);
        let peers: Vec<_> = (1..=8).map(PeerId::from_u128).collect();
        let mut wins = [0; 8];
        for number in 0..4000 {
            let entity = EntityId::spawned(creator, number);
            let best = (0..8).max_by_key(|&i| entity.rank(peers[i])).unwrap();
            wins[best] += 1;
        }
        assert!(
            wins.iter().all(|wins| (400..600).contains(wins)),
            "{wins:?}"
        );
    }

    #[test]
    fn display_names_the_creator() {
        assert_eq!(EntityId::placed(3).to_string(), "placed #3");
        let id = EntityId::spawned(PeerId::from_bytes([0x5a; 16]), 4);
        assert_eq!(id.to_string(), "5a5a-5a5a-5a5a #4");
    }
}
