//! A room with a peer that sends anything: arbitrary bytes, mutated packets, and forbidden claims.

use std::collections::BTreeMap;

use super::actions::change;
use super::*;
use crate::{claim::Ownership, claim::Rules, numbering::rules_of};

const HOSTILE: PeerId = PeerId::from_u128(0x7777);

/// The hostile peer.
struct Attacker {
    session: SnapshotSession,
    /// Packets that it has received or sent.
    recorded: Vec<Vec<u8>>,
}

impl Attacker {
    fn join(room: &mut Room) -> Self {
        let mut session = SnapshotSession::new(HOSTILE, layout(), 0);
        for peer in &mut room.peers {
            room.network.open(HOSTILE, peer.id);
            peer.session.link_opened(HOSTILE);
            session.link_opened(peer.id);
        }
        room.hostile = Some(HOSTILE);
        room.elect();
        Self {
            session,
            recorded: Vec::new(),
        }
    }

    fn leave(self, room: &mut Room) {
        for peer in &mut room.peers {
            room.network.close(HOSTILE, peer.id);
            peer.session.link_lost(HOSTILE);
        }
        room.elect();
    }

    fn tick(&mut self, room: &mut Room) {
        self.session.advance(room.time());
        let honest = room.network.links_of(HOSTILE);
        for &id in &honest {
            let packets = room.network.receive(id, HOSTILE, room.now);
            for fate in room.network.fates(HOSTILE, id, &packets, room.now) {
                match fate {
                    Fate::Delivered(seq) => self.session.delivered(id, seq),
                    Fate::Lost(seq) => self.session.lost(id, seq),
                }
            }
            for packet in packets.into_iter().filter(|it| !it.bytes.is_empty()) {
                let _ = self
                    .session
                    .receive(id, packet.seq, packet.tick, &packet.bytes);
                self.recorded.push(packet.bytes);
            }
        }
        while self.session.poll().is_some() {}
        self.forge(&mut room.rng);
        let conditions = room.conditions;
        for id in honest {
            let seq = room.network.next_seq(HOSTILE, id);
            let mut bytes = Vec::new();
            self.session.write(id, seq, room.now, 900, &mut bytes);
            self.recorded.push(bytes.clone());
            if self.recorded.len() > 200 {
                self.recorded.swap_remove(room.rng.usize(..200));
            }
            match room.rng.u32(..10) {
                0 => bytes = (0..room.rng.usize(..60)).map(|_| room.rng.u8(..)).collect(),
                1 => bytes = self.recorded[room.rng.usize(..self.recorded.len())].clone(),
                2 => {
                    bytes = self.recorded[room.rng.usize(..self.recorded.len())].clone();
                    for _ in 0..room.rng.u32(1..4) {
                        if let Some(at) = bytes.len().checked_sub(1) {
                            bytes[room.rng.usize(..=at)] ^= 1 << room.rng.u32(..8);
                        }
                    }
                }
                _ => {}
            }
            let rng = &mut room.rng;
            room.network
                .send((HOSTILE, id), (room.now, room.now), bytes, conditions, rng);
        }
    }

    /// Claims, changes and despawns entities of others, whatever their rules are.
    fn forge(&mut self, rng: &mut Rng) {
        let known: Vec<_> = self.session.world.iter().map(|(index, _)| index).collect();
        for _ in 0..rng.u32(..4) {
            if known.is_empty() {
                return;
            }
            let index = known[rng.usize(..known.len())];
            let Some(entity) = self.session.world.get_mut(index) else {
                continue;
            };
            let id = entity.id();
            let rules = Rules::with_owner_gone(id, Policy::ByTouch, OwnerGone::PassOn);
            if entity.ownership.rules() != rules {
                // The attacker does not care about the rules.
                entity.ownership = Ownership::new(HOSTILE, rules);
            }
            let now = self.session.now;
            let to = PeerId::from_u128(rng.u128(..40));
            let choice = rng.u32(..5);
            self.session.operate(index, |ownership| {
                let outcome = ownership.hold(now);
                match choice {
                    0 => ownership.despawn().unwrap_or(outcome),
                    1 => ownership.give(to).unwrap_or(outcome),
                    2 => ownership.release().unwrap_or(outcome),
                    _ => outcome,
                }
            });
            self.session.publish(index);
            let _ = self.session.set_visibility(id, Visibility::All);
            if self.session.owner(id) == Some(HOSTILE) && self.session.components(id).is_some() {
                change(&mut self.session, id, rng);
            }
        }
        let count = self.session.entities().count();
        if rng.u32(..20) == 0 && count < 200 {
            let policy = [Policy::Fixed, Policy::ByTouch, Policy::Host][rng.usize(..3)];
            self.session.spawn(NewEntity::new(policy), &[]).unwrap();
        }
    }
}

/// Returns the values of the entities that nobody but their owner may change, at each peer.
fn protected(room: &Room) -> BTreeMap<EntityId, Vec<String>> {
    let mut all = BTreeMap::new();
    for peer in &room.peers {
        let fixed = peer.session.entities().filter(|id| {
            let rules = rules_of(*id);
            rules.policy() == Policy::Fixed
                && rules.owner_gone() == OwnerGone::Forget
                && id.creator != crate::id::Creator::Peer(HOSTILE)
        });
        for id in fixed {
            let components = peer.session.components(id).unwrap();
            let values = components.iter().map(|it| peer.session.get(id, it));
            let values = format!(
                "{:?} {:?}",
                peer.session.owner(id),
                values.collect::<Vec<_>>()
            );
            all.entry(id).or_insert_with(Vec::new).push(values);
        }
    }
    all
}

#[test]
fn honest_peers_agree_despite_a_hostile_peer() {
    for seed in 0..24 {
        let callers = Callers {
            come_and_go: false,
            ..Callers::default()
        };
        let mut room = Room::new(seed, 3, callers);
        room.conditions.loss = room.conditions.loss.min(0.05);
        for _ in 0..120 {
            (0..2).for_each(|_| room.act());
            room.tick();
        }
        let mut attacker = Attacker::join(&mut room);
        for _ in 0..300 {
            room.act();
            room.tick();
            attacker.tick(&mut room);
        }
        // The honest peers rest, and the hostile one continues.
        let show = |room: &mut Room| {
            for peer in &mut room.peers {
                let ids: Vec<_> = peer.session.entities().collect();
                for id in ids {
                    if peer.session.owner(id) == Some(peer.id) {
                        let _ = peer.session.set_visibility(id, Visibility::All);
                    }
                }
            }
        };
        show(&mut room);
        for _ in 0..300 {
            room.tick();
            attacker.tick(&mut room);
        }
        let before = protected(&room);
        assert!(!before.is_empty());
        for (id, values) in &before {
            assert_eq!(values.len(), 3, "seed {seed}: {id}");
            assert!(
                values.iter().all(|it| *it == values[0]),
                "seed {seed}: {id} {values:?}"
            );
        }
        for _ in 0..60 {
            room.tick();
            attacker.tick(&mut room);
        }
        assert_eq!(protected(&room), before, "seed {seed}");
        let refused = |peer: &Peer| peer.session.stats().refused_claims;
        assert!(room.peers.iter().any(|peer| refused(peer) > 0));
        attacker.leave(&mut room);
        room.run(600);
        // The hostile peer may have sent different claims to each peer.
        show(&mut room);
        room.run(700);
        room.check(seed);
    }
}
