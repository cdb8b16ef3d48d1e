//! What a lab and the games in it do with the network.

use std::time::Duration;

use bytes::Bytes;
use huddle_mesh::{
    Channel, DisconnectReason, LinkStats, MAX_MESSAGE_LEN, PeerId, RoomEvent, SendError, Signaling,
    SignalingLoss,
};

use crate::testing::{
    conditions::Conditions,
    network::{
        relation::{Pair, Relation},
        state::{Member, Network, RETRY, Step},
        wire::Cargo,
    },
};

impl Network {
    pub(crate) fn set_conditions(&mut self, conditions: Conditions) {
        self.conditions = conditions;
        self.special.clear();
    }

    pub(crate) fn set_one_way(&mut self, from: PeerId, to: PeerId, conditions: Conditions) {
        self.special.insert((from, to), conditions);
    }

    /// Lets nothing pass between two players.
    pub(crate) fn block(&mut self, a: PeerId, b: PeerId) {
        self.walls.insert(Pair::of(a, b));
    }

    pub(crate) fn unblock_all(&mut self) {
        self.walls.clear();
    }

    /// Starts or stops the signaling server.
    pub(crate) fn set_server(&mut self, runs: bool) {
        if std::mem::replace(&mut self.server, runs) != runs {
            let signaling = self.signaling(true);
            for member in self.members.values_mut() {
                member
                    .inbox
                    .push_back(RoomEvent::Signaling(signaling.clone()));
            }
        }
    }

    fn signaling(&self, back: bool) -> Signaling {
        if self.server {
            Signaling::Connected { back }
        } else {
            Signaling::Retrying {
                reason: SignalingLoss::Closed("stopped".to_owned()),
                retry_in: RETRY,
                attempt: 1,
            }
        }
    }

    /// A new player in a room; links to the others are made from now on.
    pub(crate) fn join(&mut self, room: &str) -> PeerId {
        let local_id = PeerId::from_u128(self.rng.u128(..));
        let others: Vec<_> = self
            .members
            .iter()
            .filter(|(_, member)| member.room == room)
            .map(|(&other, _)| other)
            .collect();
        let member = Member {
            room: room.to_owned(),
            inbox: [RoomEvent::Signaling(self.signaling(false))].into(),
            polled: self.now,
            stopped: None,
        };
        self.members.insert(local_id, member);
        for other in others {
            let pair = Pair::of(local_id, other);
            self.relations.insert(pair, Relation::default());
            self.plan(Duration::ZERO, Step::Connect(pair));
        }
        local_id
    }

    /// Leaves and says so to everybody; the farewell comes behind what was sent before.
    pub(crate) fn leave(&mut self, local_id: PeerId) {
        if self.members.remove(&local_id).is_none() {
            return;
        }
        for pair in self.pairs_of(local_id) {
            self.send_goodbye(pair, pair.side(local_id), DisconnectReason::Left);
        }
    }

    /// Stops a player without a word.
    pub(crate) fn kill(&mut self, local_id: PeerId) {
        self.members.remove(&local_id);
        for pair in self.pairs_of(local_id) {
            if let Some(relation) = self.relations.get_mut(&pair) {
                relation.close(pair.side(local_id));
            }
        }
    }

    /// Whether somebody is still connected to the room.
    #[cfg(test)]
    pub(crate) fn has(&self, player: PeerId) -> bool {
        self.members.contains_key(&player)
    }

    pub(crate) fn disconnect(&mut self, local_id: PeerId, peer: PeerId) {
        let pair = Pair::of(local_id, peer);
        if self.is_open(local_id, peer) {
            self.send_goodbye(
                pair,
                pair.side(local_id),
                DisconnectReason::DisconnectedByPeer,
            );
            self.report(
                local_id,
                RoomEvent::PeerLeft {
                    peer_id: peer,
                    reason: DisconnectReason::DisconnectedLocally,
                },
            );
        }
    }

    pub(crate) fn poll(&mut self, local_id: PeerId) -> Option<RoomEvent> {
        self.advance(self.now);
        let member = self.members.get_mut(&local_id)?;
        member.polled = self.now;
        self.set_stopped(local_id, None);
        self.members.get_mut(&local_id)?.inbox.pop_front()
    }

    pub(crate) fn credit(&self, local_id: PeerId, peer: PeerId, channel: Channel) -> usize {
        if !self.is_open(local_id, peer) {
            return 0;
        }
        let queued = self.queued(local_id, peer)[channel.index()];
        channel.send_limit().saturating_sub(queued)
    }

    pub(crate) fn send(
        &mut self,
        local_id: PeerId,
        peer: PeerId,
        channel: Channel,
        bytes: Bytes,
    ) -> Result<(), SendError> {
        if bytes.len() > MAX_MESSAGE_LEN {
            return Err(SendError::TooLarge(bytes.len()));
        }
        if bytes.first() == Some(&0xff) {
            return Err(SendError::ReservedByte);
        }
        let pair = Pair::of(local_id, peer);
        let side = pair.side(local_id);
        let credit = self.credit(local_id, peer, channel);
        let Some(relation) = self
            .relations
            .get_mut(&pair)
            .filter(|relation| relation.ends[side].open)
        else {
            return Err(SendError::NoLink);
        };
        if bytes.len() > credit {
            return Err(SendError::Full(channel));
        }
        let stats = &mut relation.ends[side].stats;
        stats.bytes_sent += bytes.len() as u64;
        stats.packets_sent += 1;
        let link = relation.current_link(pair);
        self.launch(link, side, Cargo::Packet(channel, bytes));
        Ok(())
    }

    pub(crate) fn stats(&self, local_id: PeerId, peer: PeerId) -> Option<LinkStats> {
        let pair = Pair::of(local_id, peer);
        let end = &self.relations.get(&pair)?.ends[pair.side(local_id)];
        end.open.then(|| LinkStats {
            silence: self.now.saturating_sub(end.heard),
            queued: self.queued(local_id, peer),
            ..end.stats
        })
    }

    /// Lets something happen to a player that no honest network would do.
    #[cfg(test)]
    pub(crate) fn inject(&mut self, player: PeerId, event: RoomEvent) {
        self.report(player, event);
    }

    fn queued(&self, local_id: PeerId, peer: PeerId) -> [usize; 3] {
        let pair = Pair::of(local_id, peer);
        self.relations
            .get(&pair)
            .and_then(|relation| relation.links.get(&relation.generation))
            .map_or([0; 3], |link| link.ways[pair.side(local_id)].queued)
    }
}
