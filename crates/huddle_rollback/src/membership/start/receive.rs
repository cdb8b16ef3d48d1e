//! The effects of received messages.

use std::cmp::Ordering;

use huddle_session::PeerId;

use super::{
    ANSWER_AGAIN, MatchId, Settings, Start, StartError, StartMessageError,
    message::{Body, Hello, Message},
    player::{Change, Player},
    withdrawal::Withdrawal,
};

/// The maximum number of times that a player may restart its attempt under the same id.
const MAX_RESTARTS: u8 = 3;

impl Start {
    /// Handles a message from another peer. A peer without a seat is ignored, because its setup may be
    /// newer or older than the local one.
    ///
    /// # Errors
    /// Returns an error if the message is invalid. It then has no effect.
    pub(crate) fn receive(&mut self, from: PeerId, bytes: &[u8]) -> Result<(), StartMessageError> {
        let Some(other) = self.others.get_mut(&from) else {
            return Ok(());
        };
        let Message { id, body } = Message::decode(bytes)?;
        if !self.id.may_become(id) {
            return Err(StartMessageError::TooFarAhead(id.number));
        }
        let theirs = match &body {
            Body::Settings(entries) => {
                let theirs = Settings::from_wire(entries.clone());
                Some(theirs.ok_or(StartMessageError::ImpossibleSettings)?)
            }
            _ => None,
        };
        other.is_linked = true;
        match (id.cmp(&self.id), &self.outcome) {
            (Ordering::Less, _) => {
                if matches!(body, Body::Hello(_) | Body::Relayed { .. }) {
                    self.answer_outdated(from);
                }
                return Ok(());
            }
            (Ordering::Equal, _) => {}
            (Ordering::Greater, Some(_)) => {
                self.seen = self.seen.max(id);
                return Ok(());
            }
            (Ordering::Greater, None) => match body {
                // The sender waits for the next attempt.
                Body::Withdraw(_) => {
                    self.raise_id(id.next_epoch());
                    return Ok(());
                }
                _ => self.raise_id(id),
            },
        }
        match body {
            Body::Hello(hello) => self.receive_hello(from, hello, true),
            Body::Relayed { of, hello } => {
                if let Some(&of) = self.players.get(usize::from(of))
                    && of != from
                    && of != self.local_id
                {
                    self.receive_hello(of, hello, false);
                }
                // A hello stops the relay, because it shows which hellos have arrived here.
                self.answer(from);
            }
            Body::Settings(_) => {
                if let Some(theirs) = theirs {
                    self.compare_settings(from, &theirs);
                }
            }
            Body::Withdraw(withdrawal) => self.receive_withdrawal(from, withdrawal),
            Body::Outdated => {}
        }
        Ok(())
    }

    /// Starts another attempt under a greater id.
    pub(super) fn raise_id(&mut self, id: MatchId) {
        self.id = id;
        let now = self.now;
        for other in self.others.values_mut() {
            other.reset(now);
        }
        self.reopen_end();
        self.start_if_ready();
    }

    fn answer_outdated(&mut self, peer: PeerId) {
        let Some(other) = self.others.get_mut(&peer) else {
            return;
        };
        match self.outcome {
            None => self.answer(peer),
            // The peer receives the next attempt's messages once there is one.
            Some(Err(_)) => {}
            Some(Ok(_)) => {
                let is_due = |at| self.now >= ANSWER_AGAIN.saturating_add(at);
                if other.last_sent.is_none_or(is_due) {
                    (other.last_sent, other.owes_outdated) = (Some(self.now), true);
                }
            }
        }
    }

    /// Answers a player with a hello, but not too often.
    fn answer(&mut self, peer: PeerId) {
        if let Some(other) = self.others.get_mut(&peer) {
            let at = other
                .last_sent
                .map_or(self.now, |at| at.saturating_add(ANSWER_AGAIN));
            other.schedule_hello(at);
        }
    }

    fn receive_hello(&mut self, from: PeerId, hello: Hello, is_first_hand: bool) {
        let (own_bit, was_ready) = (self.bit(self.local_id), self.ready().is_some());
        let is_settled = self.running.is_settled();
        let Some(other) = self.others.get_mut(&from) else {
            return;
        };
        let is_other = other
            .hello()
            .is_some_and(|known| known.nonce != hello.nonce);
        if is_other && is_first_hand && matches!(self.outcome, Some(Ok(_))) {
            // The player restarts its attempt although its match has started.
            return self.answer_outdated(from);
        }
        // Whether the player lacks information about the local peer.
        let has_ready = |hello: &Hello| {
            hello
                .ready
                .as_ref()
                .is_some_and(|r| r.received & own_bit != 0)
        };
        let lacks = hello.received & own_bit == 0
            || is_settled && hello.ends & own_bit == 0
            || was_ready && !has_ready(&hello);
        let settings = hello.settings;
        match other.receive(hello, is_first_hand) {
            Change::Consistent => {}
            Change::Contradiction => return self.fail(StartError::Inconsistent { peer: from }),
            Change::Restart => return self.restart(from),
        }
        if lacks && is_first_hand {
            self.answer(from);
        }
        if settings != self.settings_hash {
            self.note_difference(from);
        }
        if !was_ready && self.ready().is_some() {
            self.send_hellos();
        }
        self.start_if_ready();
    }

    /// Handles the restart of a player's attempt under the same id, which is no longer valid.
    fn restart(&mut self, peer: PeerId) {
        let Some(other) = self.others.get_mut(&peer) else {
            return;
        };
        other.restarts += 1;
        if other.restarts > MAX_RESTARTS {
            self.fail(StartError::Inconsistent { peer });
        } else if self.outcome.is_none() {
            self.raise_id(self.id.next_epoch());
        }
    }

    /// Records that a player's settings differ. The player receives the local settings, and has some
    /// time to send its own.
    fn note_difference(&mut self, peer: PeerId) {
        if let Some(other) = self.others.get_mut(&peer) {
            other.owes_settings = !other.sent_settings;
            other.differs.get_or_insert(self.now);
        }
    }

    fn compare_settings(&mut self, from: PeerId, theirs: &Settings) {
        let differences = self.settings.differences(theirs);
        if !differences.is_empty() {
            self.note_difference(from);
            let peer = from;
            self.fail(StartError::Settings { peer, differences });
        }
    }

    fn receive_withdrawal(&mut self, from: PeerId, withdrawal: Withdrawal) {
        let error = withdrawal.error(from, &self.players);
        let has_left = error == StartError::Left { peer: from };
        let Some(other) = self.others.get_mut(&from) else {
            return;
        };
        match (&self.outcome, &error) {
            (Some(Ok(_)), _) => other.has_departed = true,
            (Some(Err(_)), _) => {}
            // The other players may have started with it.
            (None, _) if has_left && other.ready().is_some() => other.has_departed = true,
            // The settings that differ will arrive.
            (None, &StartError::Settings { peer, .. }) => {
                let hello = self.others.get(&peer).and_then(Player::hello);
                let is_mine = |hello: &Hello| hello.settings == self.settings_hash;
                match peer == self.local_id || hello.is_some_and(is_mine) {
                    true => self.note_difference(from),
                    false => self.note_difference(peer),
                }
            }
            (None, _) => self.fail(error),
        }
    }
}
