//! How the links of two players begin, are replaced and end.

use std::time::Duration;

use huddle_mesh::{DisconnectReason, LinkStats, PeerId, RoomEvent};

use crate::testing::network::{
    relation::{LinkId, Pair},
    state::{Member, Network, RETRY, Step},
    wire::Cargo,
};

impl Network {
    pub(super) fn connect(&mut self, pair: Pair) {
        let can_meet = self.server && !self.walls.contains(&pair);
        let are_here = [0, 1].map(|side| self.members.contains_key(&pair.member(side)));
        let Some(relation) = self.relations.get_mut(&pair) else {
            return;
        };
        if are_here != [true, true] || relation.over {
            self.relations.remove(&pair);
        } else if !relation.links.is_empty() {
            // Another attempt was faster.
        } else if !can_meet {
            self.plan(RETRY, Step::Connect(pair));
        } else {
            relation.add_link();
            let link = relation.current_link(pair);
            let first = self.rng.usize(..2);
            let handshake = 4 * self.delay(pair, first);
            let behind = self.delay(pair, first);
            self.plan(handshake, Step::Open(link, first));
            self.plan(handshake + behind, Step::Open(link, 1 - first));
        }
    }

    pub(super) fn open(&mut self, id: LinkId, side: usize) {
        let LinkId { pair, .. } = id;
        let now = self.now;
        let is_blocked = self.walls.contains(&pair);
        let is_here = self.members.contains_key(&pair.member(1 - side));
        let Some(relation) = self.relations.get_mut(&pair) else {
            return;
        };
        if relation.over || !is_here || !relation.links.contains_key(&id.generation) {
            return;
        }
        if is_blocked {
            return self.tidy(pair);
        }
        let end = &mut relation.ends[side];
        let returning = std::mem::replace(&mut end.met, true);
        end.open = true;
        end.heard = now;
        end.has_heard = false;
        end.stats = LinkStats {
            links: end.stats.links + 1,
            path: huddle_mesh::Path::Direct,
            ..LinkStats::default()
        };
        self.report(
            pair.member(side),
            RoomEvent::PeerJoined {
                peer_id: pair.member(1 - side),
                returning,
                is_matchbox_client: false,
            },
        );
        let is_stopped = |member: &Member| member.stopped.is_some();
        if self.members.get(&pair.member(side)).is_some_and(is_stopped) {
            self.send_stopped(pair, side);
        }
    }

    /// One side says goodbye, which the other sees as `reason`, and closes.
    pub(super) fn send_goodbye(&mut self, pair: Pair, side: usize, reason: DisconnectReason) {
        let Some(relation) = self.relations.get_mut(&pair) else {
            return;
        };
        relation.over = true;
        if std::mem::replace(&mut relation.ends[side].open, false) {
            let link = relation.current_link(pair);
            self.launch(link, side, Cargo::Bye(reason));
        }
    }

    /// One side hears that the other said goodbye.
    pub(super) fn receive_goodbye(&mut self, pair: Pair, side: usize, reason: DisconnectReason) {
        if let Some(relation) = self.relations.get_mut(&pair) {
            relation.over = true;
            relation.close(side);
            let peer = pair.member(1 - side);
            self.report(
                pair.member(side),
                RoomEvent::PeerLeft {
                    peer_id: peer,
                    reason,
                },
            );
            self.tidy(pair);
        }
    }

    /// One side takes the other for lost.
    pub(super) fn give_up(&mut self, pair: Pair, side: usize) {
        /// Until a link that closed is found to be dead.
        const PROBE: Duration = Duration::from_millis(400);

        let Some(relation) = self
            .relations
            .get_mut(&pair)
            .filter(|it| it.ends[side].open)
        else {
            return;
        };
        relation.close(side);
        let link = relation.current_link(pair);
        let (local_id, peer) = (pair.member(side), pair.member(1 - side));
        self.report(
            local_id,
            RoomEvent::PeerLeft {
                peer_id: peer,
                reason: DisconnectReason::Lost,
            },
        );
        if !self.walls.contains(&pair) && !self.is_lost(pair, side) {
            let delay = self.delay(pair, side);
            self.plan(delay + PROBE, Step::Broken(link, 1 - side));
        }
        self.tidy(pair);
    }

    /// Once neither side uses a link any more, another attempt is made.
    fn tidy(&mut self, pair: Pair) {
        if let Some(relation) = self.relations.get_mut(&pair)
            && !relation.ends.iter().any(|end| end.open)
        {
            relation.links.clear();
            self.plan(RETRY, Step::Connect(pair));
        }
    }

    /// Replaces the link of two players. What is under way on the old one arrives within
    /// `overlap`, or never. Both receive an event. Returns whether there was a link to replace.
    pub(crate) fn replace_link(&mut self, a: PeerId, b: PeerId, overlap: Duration) -> bool {
        let pair = Pair::of(a, b);
        let Some(relation) = self.relations.get_mut(&pair) else {
            return false;
        };
        if !relation.ends.iter().all(|end| end.open) {
            return false;
        }
        let old = relation.current_link(pair);
        relation.add_link();
        for end in &mut relation.ends {
            end.stats.links += 1;
        }
        if overlap.is_zero() {
            relation.links.remove(&old.generation);
        } else {
            self.plan(overlap, Step::Retire(old));
        }
        self.report(a, RoomEvent::LinkReplaced(b));
        self.report(b, RoomEvent::LinkReplaced(a));
        true
    }
}
