//! Players that have left the match and stay in the room.

use std::time::Duration;

use bytes::Bytes;
use huddle_session::{Lane, SessionEvent};

use super::{CREDIT, Player, peer_id};
use crate::{network::Network, play::game::SimGame};

impl<G: SimGame> Player<G> {
    /// Runs a tick of the room after the player has left the match. The session only sends its remaining
    /// messages.
    pub(in crate::play) fn step_after_departure(
        &mut self,
        now: Duration,
        network: &mut Network<Bytes>,
    ) {
        self.room.advance(now);
        while let Some(arrival) = network.receive(now, self.index) {
            self.receive_arrival(arrival, now);
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
                while let Some(packet) = self.room.collect(peer, lane, now, CREDIT) {
                    network.send(now, self.index, other, lane, packet.len(), packet);
                }
            }
        }
    }
}
