//! What must hold at rest.

use super::*;

impl Room {
    /// Checks that every peer sees what the owners show it.
    pub(super) fn check(&self, seed: u64) {
        for peer in &self.peers {
            if self.hostile.is_none() {
                assert_eq!(peer.session.stats().undecodable, 0, "seed {seed}");
            }
            assert_eq!(peer.claims, 0, "seed {seed}: claims without an end");
            let exists: BTreeSet<_> = peer.session.entities().collect();
            assert_eq!(
                exists, peer.shown,
                "seed {seed}: events and entities differ"
            );
        }
        let all: BTreeSet<_> = self
            .peers
            .iter()
            .flat_map(|peer| peer.session.entities())
            .collect();
        for id in all {
            let owners: BTreeSet<_> = self
                .peers
                .iter()
                .filter(|peer| peer.session.components(id).is_some())
                .map(|peer| peer.session.owner(id))
                .collect();
            let rivals: Vec<_> = self
                .peers
                .iter()
                .filter(|peer| {
                    peer.session.components(id).is_some() && peer.session.owner(id) == Some(peer.id)
                })
                .collect();
            let hides = |a: &Peer, b: &Peer| !self.reaches(id, a, b.id);
            if let [a, b] = rivals[..]
                && hides(a, b)
                && hides(b, a)
            {
                // Neither can know of the other.
                continue;
            }
            assert_eq!(owners.len(), 1, "seed {seed}: {id} has owners {owners:?}");
            let owner = owners.into_iter().next().flatten();
            let Some(owner) = self.peers.iter().find(|peer| Some(peer.id) == owner) else {
                panic!("seed {seed}: the owner of {id} has left");
            };
            let components = owner.session.components(id);
            assert!(
                components.is_some(),
                "seed {seed}: {id} is not at its owner {}",
                owner.id.short()
            );
            for peer in &self.peers {
                let is_visible = peer.id == owner.id || self.reaches(id, owner, peer.id);
                let found = peer.session.components(id);
                assert_eq!(
                    found,
                    components.filter(|_| is_visible),
                    "seed {seed}: {id} at {:?} of {:?}",
                    peer.id,
                    owner.id
                );
                for component in found.into_iter().flat_map(|set| set.iter()) {
                    assert_eq!(
                        peer.session.get(id, component),
                        owner.session.get(id, component),
                        "seed {seed}: {id} at {}",
                        peer.id.short()
                    );
                }
            }
        }
    }
}
