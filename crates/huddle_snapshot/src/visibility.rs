use std::collections::BTreeSet;

use huddle_id::PeerId;

/// The peers that receive an entity. Its owner decides, and never sends a hidden entity.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum Visibility {
    /// Every peer.
    #[default]
    All,
    /// Only these peers.
    Only(BTreeSet<PeerId>),
    /// Every peer except these.
    Except(BTreeSet<PeerId>),
}

impl Visibility {
    /// Returns `true` if this peer receives the entity.
    pub fn includes(&self, peer: PeerId) -> bool {
        match self {
            Self::All => true,
            Self::Only(peers) => peers.contains(&peer),
            Self::Except(peers) => !peers.contains(&peer),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn visibility_includes_the_peers_that_it_names() {
        let [a, b] = [PeerId::from_u128(1), PeerId::from_u128(2)];
        let peers = BTreeSet::from([a]);
        assert!(Visibility::All.includes(a));
        assert!(Visibility::Only(peers.clone()).includes(a));
        assert!(!Visibility::Only(peers.clone()).includes(b));
        assert!(!Visibility::Except(peers.clone()).includes(a));
        assert!(Visibility::Except(peers).includes(b));
    }
}
