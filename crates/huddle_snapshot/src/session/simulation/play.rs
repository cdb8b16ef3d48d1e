//! The ticks of a room.

use super::{actions::may_give, *};

impl Room {
    pub(super) fn run(&mut self, ticks: u32) {
        (0..ticks).for_each(|_| self.tick());
    }

    pub(super) fn tick(&mut self) {
        self.now += 1;
        self.receive_reports();
        let now = self.time();
        for at in 0..self.peers.len() {
            let id = self.peers[at].id;
            self.peers[at].session.advance(now);
            for other in self.network.links_of(id) {
                let packets = self.network.receive(other, id, self.now);
                let fates = self.network.fates(id, other, &packets, self.now);
                let session = &mut self.peers[at].session;
                for packet in packets.iter().filter(|packet| !packet.bytes.is_empty()) {
                    let result = session.receive(other, packet.seq, packet.tick, &packet.bytes);
                    if self.hostile == Some(other) {
                        continue;
                    }
                    assert_eq!(result, Ok(()), "packet {} at tick {}", packet.seq, self.now);
                }
                for fate in fates {
                    match fate {
                        Fate::Delivered(seq) => session.delivered(other, seq),
                        Fate::Lost(seq) => session.lost(other, seq),
                    }
                }
            }
            self.handle_events(at);
            for other in self.network.links_of(id) {
                let seq = self.network.next_seq(id, other);
                let mut bytes = Vec::new();
                let session = &mut self.peers[at].session;
                let tick = self.now.wrapping_add(self.callers.first_tick);
                let space = self.rng.usize(self.callers.space.clone());
                let has_written = session.write(other, seq, tick, space, &mut bytes);
                assert_eq!(has_written, !bytes.is_empty());
                assert!(bytes.len() <= space, "{} bytes", bytes.len());
                let link = (id, other);
                self.network.send(
                    link,
                    (self.now, tick),
                    bytes,
                    self.conditions,
                    &mut self.rng,
                );
            }
        }
        self.answer_requests();
    }

    pub(super) fn handle_events(&mut self, at: usize) {
        let due = self.now + self.rng.u32(1..20);
        let peer = &mut self.peers[at];
        while let Some(event) = peer.session.poll() {
            match event {
                SnapshotEvent::Spawned { id, .. } => {
                    assert!(!peer.dead.contains(&id), "{id} came back");
                    assert!(peer.shown.insert(id), "{id} appeared twice");
                }
                SnapshotEvent::Changed {
                    id,
                    changed,
                    removed,
                    ..
                } => {
                    assert!(peer.shown.contains(&id));
                    assert!(!changed.is_empty() || !removed.is_empty());
                }
                SnapshotEvent::Removed { id, reason } => {
                    assert!(peer.shown.remove(&id), "{id} disappeared twice");
                    if reason == RemovalReason::Despawned {
                        peer.dead.insert(id);
                    }
                }
                SnapshotEvent::ClaimEnded { .. } => peer.claims -= 1,
                SnapshotEvent::Request { id, owner } => {
                    self.requests.push((due, peer.id, owner, id));
                }
                SnapshotEvent::OwnershipChanged { change, .. } => {
                    assert_ne!(change.from, change.to);
                }
            }
        }
    }

    pub(super) fn answer_requests(&mut self) {
        let due: Vec<_> = self
            .requests
            .iter()
            .filter(|(at, ..)| *at <= self.now)
            .copied()
            .collect();
        self.requests.retain(|(at, ..)| *at > self.now);
        for (_, from, owner, id) in due {
            let gives = self.rng.bool();
            let peers = &mut self.peers;
            let Some(of) = peers.iter_mut().find(|peer| peer.id == owner) else {
                continue;
            };
            let is_given = match of.session.requested(id, from) {
                RequestDecision::AskGame => {
                    let can_give = may_give(&self.callers, &of.session, id);
                    gives && can_give && of.session.give(id, from).is_ok()
                }
                RequestDecision::Granted => true,
                RequestDecision::Deny => false,
            };
            if !is_given && let Some(peer) = peers.iter_mut().find(|peer| peer.id == from) {
                peer.session.denied(id, owner);
            }
        }
    }
}
