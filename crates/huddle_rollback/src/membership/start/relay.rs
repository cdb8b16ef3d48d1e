//! Hellos for players that have no link to their sender.

use std::time::Duration;

use bytes::Bytes;
use huddle_session::PeerId;

use super::{
    Start,
    message::{Body, Message},
    player::{Player, REPEAT, Relay},
};

/// The time after the start in which hellos are relayed.
const RELAY_FOR: Duration = Duration::from_secs(10);

impl Start {
    /// Returns the next hello to relay, and its receiver.
    pub(super) fn relay(&mut self) -> Option<(PeerId, Bytes)> {
        let now = self.now;
        if self
            .ended
            .is_some_and(|at| now >= at.saturating_add(RELAY_FOR))
        {
            return None;
        }
        let count = self.players.len();
        for pair in 0..count * count {
            let (to, of) = (self.players[pair / count], self.players[pair % count]);
            if to == of || to == self.local_id || of == self.local_id {
                continue;
            }
            let lacks = self.lacks(to, of);
            let relays = &mut self.others.get_mut(&to)?.relays;
            match (relays.get_mut(&of), lacks) {
                (None, false) => continue,
                (None, true) => {
                    relays.insert(of, Relay::after(now));
                    continue;
                }
                (Some(relay), false) => {
                    match relay.has_sent {
                        true => relay.due = now,
                        false => drop(relays.remove(&of)),
                    }
                    continue;
                }
                (Some(relay), true) if now < relay.due => continue,
                (Some(relay), true) => {
                    *relay = Relay {
                        due: now.saturating_add(REPEAT),
                        has_sent: true,
                    };
                }
            }
            let hello = self.others.get(&of)?.hello()?.clone();
            let of = self.players.iter().position(|&player| player == of)? as u8;
            let (id, body) = (self.id, Body::Relayed { of, hello });
            return Some((to, Message { id, body }.encode()?));
        }
        None
    }

    /// Returns whether a player lacks information from another player's hello.
    fn lacks(&self, to: PeerId, of: PeerId) -> bool {
        let hello = |peer| self.others.get(&peer).and_then(Player::hello);
        if !self.others.get(&to).is_some_and(|to| to.is_linked) {
            return false;
        }
        let (Some(theirs), Some(hello)) = (hello(to), hello(of)) else {
            return false;
        };
        let bit = self.bit(of);
        let ready = theirs.ready.as_ref().filter(|_| hello.ready.is_some());
        theirs.received & bit == 0
            || hello.running.is_settled() && theirs.ends & bit == 0
            || ready.is_some_and(|ready| ready.received & bit == 0)
    }
}
