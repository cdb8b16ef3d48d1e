//! Sends and delivers data between all players.

use huddle_rollback::Seat;
use huddle_session::{SectionSource, codec};

use super::{
    super::ids::{packet_to, peer_id, player_of},
    SPACE, World, period,
    pipe::Content,
};

impl World {
    pub(super) fn send(&mut self, from: usize, to: usize, content: Content) {
        if matches!(content, Content::Section(..)) && self.rng.u8(..16) < self.loss {
            return;
        }
        let pipe = self.pipes.entry((from, to)).or_default();
        pipe.in_flight
            .push_back((self.tick + self.latency, content));
    }

    /// Sends the messages and packets of an honest player.
    pub(super) fn send_honest(&mut self, player: usize) {
        for (to, message) in self.honest[player].poll_messages() {
            if !self.honest[player].unlinked.contains(&to) {
                self.send(player, player_of(to), Content::Message(message));
            }
        }
        for to in (0..self.honest.len()).filter(|to| *to != player) {
            if self.honest[player].unlinked.contains(&peer_id(to)) {
                continue;
            }
            let mut out = Vec::new();
            let token = self.honest[player]
                .session
                .write(packet_to(to), SPACE, &mut out);
            if let Some(token) = token {
                assert!(out.len() <= SPACE, "{} bytes", out.len());
                let pipe = self.pipes.entry((player, to)).or_default();
                let number = pipe.next_packet;
                pipe.next_packet += 1;
                self.send(
                    player,
                    to,
                    Content::Section(number, out.into(), Some(token)),
                );
            }
        }
    }

    pub(super) fn deliver(&mut self) {
        let pairs: Vec<_> = self.pipes.keys().copied().collect();
        for (from, to) in pairs {
            while let Some(content) = self.pop_due(from, to) {
                match (from == self.hostile, to == self.hostile) {
                    (false, false) => self.deliver_honest(from, to, content),
                    (true, false) => self.deliver_from_hostile(to, content),
                    (_, true) => self.deliver_to_hostile(from, content),
                }
            }
        }
    }

    fn pop_due(&mut self, from: usize, to: usize) -> Option<Content> {
        let in_flight = &mut self.pipes.get_mut(&(from, to))?.in_flight;
        let is_due = in_flight.front().is_some_and(|(at, _)| *at <= self.tick);
        match is_due {
            true => in_flight.pop_front().map(|(_, content)| content),
            false => None,
        }
    }

    /// Delivers data between honest players, which must not report an error.
    fn deliver_honest(&mut self, from: usize, to: usize, content: Content) {
        let gone = self.leaver.filter(|_| self.is_gone);
        if gone == Some(from) || gone == Some(to) {
            return;
        }
        let (now, rtt) = (self.now(), Some(period(2 * self.latency)));
        let honest = &mut self.honest[to];
        let result = match content {
            Content::Message(message) => honest.receive_message(peer_id(from), message, now),
            Content::Ack(token) => {
                honest.session.delivered(peer_id(from), token);
                Ok(())
            }
            Content::Section(number, section, token) => {
                let result = honest.receive_packet(peer_id(from), (number, section), now, rtt);
                if let Some(token) = token {
                    self.send(to, from, Content::Ack(token));
                }
                result
            }
        };
        assert_eq!(result, Ok(()), "from {from} to {to}");
    }

    fn deliver_from_hostile(&mut self, to: usize, content: Content) {
        let (now, rtt, from) = (
            self.now(),
            Some(period(2 * self.latency)),
            peer_id(self.hostile),
        );
        if self.honest[to].unlinked.contains(&from) {
            return;
        }
        match content {
            Content::Message(message) => {
                let _ = self.honest[to].receive_message(from, message, now);
            }
            Content::Ack(token) => self.honest[to].session.delivered(from, token),
            Content::Section(number, section, token) => {
                let _ = self.honest[to].receive_packet(from, (number, section), now, rtt);
                if let Some(token) = token {
                    self.opponents[to]
                        .machine
                        .session
                        .delivered(peer_id(to), token);
                }
            }
        }
    }

    /// Delivers data from an honest player to all machines of the hostile one.
    fn deliver_to_hostile(&mut self, from: usize, content: Content) {
        let (now, rtt) = (self.now(), Some(period(2 * self.latency)));
        match content {
            Content::Message(message) => {
                if let [2, _, body @ ..] = &message[..]
                    && let Ok((subscription, _)) =
                        codec::decode::<(u8, Vec<(Seat, u32)>)>(body, 256)
                {
                    self.opponents[from].context.subscription = subscription;
                }
                for opponent in &mut self.opponents {
                    let _ = opponent
                        .machine
                        .receive_message(peer_id(from), message.clone(), now);
                }
            }
            Content::Section(number, section, token) => {
                for opponent in &mut self.opponents {
                    let packet = (number, section.clone());
                    let _ = opponent
                        .machine
                        .receive_packet(peer_id(from), packet, now, rtt);
                }
                let Some(token) = token else { return };
                if self.opponents[from].habits.withholds_acks {
                    let unacked = &mut self.opponents[from].unacked;
                    unacked.push(token);
                    unacked.drain(..unacked.len().saturating_sub(400));
                } else {
                    self.send(self.hostile, from, Content::Ack(token));
                }
            }
            Content::Ack(_) => {}
        }
    }
}
