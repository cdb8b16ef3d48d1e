//! The operations that a lab and its games perform on the network.

use std::time::Duration;

use bytes::Bytes;
use huddle_mesh::{
    Channel, DisconnectReason, LinkStats, MAX_MESSAGE_LEN, PeerId, RoomEvent, SendError, Signaling,
    SignalingLoss,
};

use crate::testing::{
    conditions::Conditions,
    network::{
        connection::{Connection, Pair},
        link::Message,
        state::{Member, Network, RETRY_DELAY, Task},
    },
};

/// The limits of the reconnect timeout, as in `huddle_mesh`.
const SHORTEST_TIMEOUT: Duration = Duration::from_secs(1);
const LONGEST_TIMEOUT: Duration = Duration::from_secs(120);

impl Network {
    pub(crate) fn set_conditions(&mut self, conditions: Conditions) {
        self.conditions = conditions;
        self.link_conditions.clear();
    }

    pub(crate) fn set_one_way(&mut self, from: PeerId, to: PeerId, conditions: Conditions) {
        self.link_conditions.insert((from, to), conditions);
    }

    /// Drops all packets between two players.
    pub(crate) fn block(&mut self, a: PeerId, b: PeerId) {
        self.blocked.insert(Pair::of(a, b));
    }

    pub(crate) fn unblock_all(&mut self) {
        self.blocked.clear();
    }

    /// Starts or stops the signaling server.
    pub(crate) fn set_server_running(&mut self, is_running: bool) {
        if std::mem::replace(&mut self.is_server_running, is_running) != is_running {
            let signaling = self.signaling(true);
            for member in self.members.values_mut() {
                member
                    .inbox
                    .push_back(RoomEvent::Signaling(signaling.clone()));
            }
        }
    }

    fn signaling(&self, reconnected: bool) -> Signaling {
        if self.is_server_running {
            Signaling::Connected { reconnected }
        } else {
            Signaling::Retrying {
                reason: SignalingLoss::Closed("stopped".to_owned()),
                retry_in: RETRY_DELAY,
                attempt: 1,
            }
        }
    }

    /// Adds a player to a room. The network then starts linking it with the other players of the
    /// room.
    pub(crate) fn join(&mut self, room: &str, reconnect_timeout: Duration) -> PeerId {
        let random = self.rng.u128(..);
        let kept = self.kept_id.take();
        let local_id = kept.unwrap_or(PeerId::from_u128(random));
        let others: Vec<_> = self
            .members
            .iter()
            .filter(|(_, member)| member.room == room)
            .map(|(&other, _)| other)
            .collect();
        let member = Member {
            room: room.to_owned(),
            reconnect_timeout: reconnect_timeout.clamp(SHORTEST_TIMEOUT, LONGEST_TIMEOUT),
            inbox: [RoomEvent::Signaling(self.signaling(false))].into(),
            last_poll: self.now,
            stopped: None,
        };
        self.members.insert(local_id, member);
        for other in others {
            let pair = Pair::of(local_id, other);
            // The packets of an earlier link are lost.
            let earlier = self.connections.get(&pair);
            let connection = Connection {
                generation: earlier.map_or(0, |earlier| earlier.generation),
                ..Connection::default()
            };
            self.connections.insert(pair, connection);
            self.schedule(Duration::ZERO, Task::Connect(pair));
        }
        local_id
    }

    /// Gives the id of the player that was killed last to the next player that joins.
    #[cfg(test)]
    pub(crate) fn keep_last_killed(&mut self) {
        self.kept_id = self.last_killed;
    }

    /// Removes a player and sends a goodbye to every peer. The goodbye arrives after earlier
    /// messages.
    pub(crate) fn leave(&mut self, local_id: PeerId) {
        if self.members.remove(&local_id).is_none() {
            return;
        }
        for pair in self.pairs_of(local_id) {
            self.send_goodbye(pair, pair.side(local_id), DisconnectReason::Left);
        }
    }

    /// Removes a player without a goodbye.
    pub(crate) fn kill(&mut self, local_id: PeerId) {
        self.members.remove(&local_id);
        self.last_killed = Some(local_id);
        for pair in self.pairs_of(local_id) {
            if let Some(connection) = self.connections.get_mut(&pair) {
                connection.close(pair.side(local_id));
            }
        }
    }

    /// Returns whether a player is connected to its room.
    #[cfg(test)]
    pub(crate) fn is_connected(&self, player: PeerId) -> bool {
        self.members.contains_key(&player)
    }

    pub(crate) fn disconnect(&mut self, local_id: PeerId, peer_id: PeerId) {
        let pair = Pair::of(local_id, peer_id);
        if self.is_open(local_id, peer_id) {
            self.send_goodbye(
                pair,
                pair.side(local_id),
                DisconnectReason::DisconnectedByPeer,
            );
            self.report(
                local_id,
                RoomEvent::PeerLeft {
                    peer_id,
                    reason: DisconnectReason::DisconnectedLocally,
                },
            );
        }
    }

    pub(crate) fn poll(&mut self, local_id: PeerId) -> Option<RoomEvent> {
        self.advance(self.now);
        let member = self.members.get_mut(&local_id)?;
        member.last_poll = self.now;
        self.set_stopped(local_id, None);
        self.members.get_mut(&local_id)?.inbox.pop_front()
    }

    pub(crate) fn credit(&self, local_id: PeerId, peer_id: PeerId, channel: Channel) -> usize {
        if !self.is_linked(local_id, peer_id) {
            return 0;
        }
        let queued = self.queued(local_id, peer_id)[channel.index()];
        channel.send_limit().saturating_sub(queued)
    }

    pub(crate) fn send(
        &mut self,
        local_id: PeerId,
        peer_id: PeerId,
        channel: Channel,
        bytes: Bytes,
    ) -> Result<(), SendError> {
        if bytes.len() > MAX_MESSAGE_LEN {
            return Err(SendError::TooLarge(bytes.len()));
        }
        if bytes.first() == Some(&0xff) {
            return Err(SendError::ReservedByte);
        }
        let pair = Pair::of(local_id, peer_id);
        let side = pair.side(local_id);
        let credit = self.credit(local_id, peer_id, channel);
        let Some(connection) = self
            .connections
            .get_mut(&pair)
            .filter(|connection| connection.endpoints[side].open && connection.has_link())
        else {
            return Err(SendError::NoLink);
        };
        if bytes.len() > credit {
            return Err(SendError::Full(channel));
        }
        let stats = &mut connection.endpoints[side].stats;
        stats.bytes_sent += bytes.len() as u64;
        stats.packets_sent += 1;
        let link = connection.current_link(pair);
        self.transmit(link, side, Message::Packet(channel, bytes));
        Ok(())
    }

    pub(crate) fn stats(&self, local_id: PeerId, peer_id: PeerId) -> Option<LinkStats> {
        let pair = Pair::of(local_id, peer_id);
        let endpoint = &self.connections.get(&pair)?.endpoints[pair.side(local_id)];
        endpoint.open.then(|| LinkStats {
            silence: self.now.saturating_sub(endpoint.last_received),
            queued: self.queued(local_id, peer_id),
            ..endpoint.stats
        })
    }

    /// Reports to a player an event that a well-behaved network would not report.
    #[cfg(test)]
    pub(crate) fn inject(&mut self, player: PeerId, event: RoomEvent) {
        self.report(player, event);
    }

    fn queued(&self, local_id: PeerId, peer_id: PeerId) -> [usize; 3] {
        let pair = Pair::of(local_id, peer_id);
        self.connections
            .get(&pair)
            .and_then(|connection| connection.links.get(&connection.generation))
            .map_or([0; 3], |link| link.directions[pair.side(local_id)].queued)
    }
}
