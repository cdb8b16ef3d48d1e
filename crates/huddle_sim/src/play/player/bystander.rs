//! Players in the room that take no part in the match.

use std::time::Duration;

use bytes::Bytes;
use huddle_session::{Lane, SessionEvent};

use super::{CREDIT, Player, peer_id};
use crate::{network::Network, play::game::SimGame};

impl<G: SimGame> Player<G> {
    /// Runs a tick of a player that left the match and stays in the room. Its session only sends
    /// what is left to send.
    pub(in crate::play) fn stay(&mut self, now: Duration, network: &mut Network<Bytes>) {
        self.room.advance(now);
        while let Some(arrival) = network.receive(now, self.me) {
            let Some(heard) = self.linked.get_mut(&arrival.from) else {
                continue;
            };
            *heard = now;
            let from = peer_id(arrival.from);
            let received = self
                .room
                .receive(from, arrival.lane, arrival.packet, arrival.at);
            self.note(received);
        }
        while let Some(event) = self.room.poll() {
            match event {
                SessionEvent::JoinRequested { peer_id, .. } => {
                    self.room.admit(peer_id, Ok(()), now);
                }
                SessionEvent::Joined { peer_id } => self.session.linked(peer_id),
                _ => {}
            }
        }
        self.send_messages();
        for &other in self.linked.keys() {
            let peer = peer_id(other);
            for lane in [Lane::State, Lane::Events] {
                while let Some(packet) = self.room.collect(peer, lane, now, &self.own, CREDIT) {
                    network.send(now, self.me, other, lane, packet.len(), packet);
                }
            }
        }
    }
}
