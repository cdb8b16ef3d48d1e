//! What messages of other players change.

use std::cmp::Ordering;

use huddle_session::PeerId;

use super::{
    ANSWER_AGAIN, MatchId, Settings, Start, StartError, StartMessageError,
    message::{Body, Hello, Message},
    player::{Change, Player},
    withdrawal::Withdrawal,
};

/// How often a player may begin again under the same id.
const MAX_RESTARTS: u8 = 3;

impl Start {
    /// Takes a message from another peer. A peer without a seat is ignored: its setup may be newer or
    /// older than the local one.
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
                // Its sender waits for the next attempt.
                Body::Withdraw(_) => {
                    self.raise(id.next_epoch());
                    return Ok(());
                }
                _ => self.raise(id),
            },
        }
        match body {
            Body::Hello(hello) => self.hear(from, hello, true),
            Body::Relayed { of, hello } => {
                if let Some(&of) = self.players.get(usize::from(of))
                    && of != from
                    && of != self.local_id
                {
                    self.hear(of, hello, false);
                }
                // The relay stops when it knows what this player has.
                self.answer(from);
            }
            Body::Settings(_) => {
                if let Some(theirs) = theirs {
                    self.compare(from, &theirs);
                }
            }
            Body::Withdraw(withdrawal) => self.take_withdrawal(from, withdrawal),
            Body::Outdated => {}
        }
        Ok(())
    }

    /// Begins again under a greater id.
    pub(super) fn raise(&mut self, id: MatchId) {
        self.id = id;
        let now = self.now;
        for other in self.others.values_mut() {
            other.begin_again(now);
        }
        self.reopen_end();
        self.judge();
    }

    fn answer_outdated(&mut self, peer: PeerId) {
        let Some(other) = self.others.get_mut(&peer) else {
            return;
        };
        match self.outcome {
            None => self.answer(peer),
            // It learns of the next attempt when there is one.
            Some(Err(_)) => {}
            Some(Ok(_)) => {
                let is_due = |at| self.now >= ANSWER_AGAIN.saturating_add(at);
                if other.said.is_none_or(is_due) {
                    (other.said, other.owes_outdated) = (Some(self.now), true);
                }
            }
        }
    }

    /// Sends a hello to a player soon.
    fn answer(&mut self, peer: PeerId) {
        if let Some(other) = self.others.get_mut(&peer) {
            let soonest = other
                .said
                .map_or(self.now, |at| at.saturating_add(ANSWER_AGAIN));
            other.say_soon(soonest);
        }
    }

    fn hear(&mut self, from: PeerId, hello: Hello, is_first_hand: bool) {
        let (me, was_ready) = (self.bit(self.local_id), self.ready().is_some());
        let is_settled = self.running.is_settled();
        let Some(other) = self.others.get_mut(&from) else {
            return;
        };
        let is_other = other
            .hello()
            .is_some_and(|known| known.nonce != hello.nonce);
        if is_other && is_first_hand && matches!(self.outcome, Some(Ok(_))) {
            // The player begins again although its match has started.
            return self.answer_outdated(from);
        }
        // The player lacks something of this one.
        let has_ready = |hello: &Hello| hello.ready.as_ref().is_some_and(|r| r.heard & me != 0);
        let lacks = hello.heard & me == 0
            || is_settled && hello.ends & me == 0
            || was_ready && !has_ready(&hello);
        let settings = hello.settings;
        match other.take(hello, is_first_hand) {
            Change::Consistent => {}
            Change::Contradiction => return self.fail(StartError::Inconsistent { peer: from }),
            Change::Restart => return self.restart(from),
        }
        if lacks && is_first_hand {
            self.answer(from);
        }
        if settings != self.settings_hash {
            self.differ(from);
        }
        if !was_ready && self.ready().is_some() {
            self.say_now();
        }
        self.judge();
    }

    /// A player begins again under the same id, which therefore is used up.
    fn restart(&mut self, peer: PeerId) {
        let Some(other) = self.others.get_mut(&peer) else {
            return;
        };
        other.restarts += 1;
        if other.restarts > MAX_RESTARTS {
            self.fail(StartError::Inconsistent { peer });
        } else if self.outcome.is_none() {
            self.raise(self.id.next_epoch());
        }
    }

    /// A player's settings are different. It receives the local ones, and has some time to send its
    /// own.
    fn differ(&mut self, peer: PeerId) {
        if let Some(other) = self.others.get_mut(&peer) {
            other.owes_settings = !other.sent_settings;
            other.differs.get_or_insert(self.now);
        }
    }

    fn compare(&mut self, from: PeerId, theirs: &Settings) {
        let differences = self.settings.differences(theirs);
        if !differences.is_empty() {
            self.differ(from);
            let peer = from;
            self.fail(StartError::Settings { peer, differences });
        }
    }

    fn take_withdrawal(&mut self, from: PeerId, withdrawal: Withdrawal) {
        let error = withdrawal.error(from, &self.players);
        let has_left = error == StartError::Left { peer: from };
        let Some(other) = self.others.get_mut(&from) else {
            return;
        };
        match (&self.outcome, &error) {
            (Some(Ok(_)), _) => other.has_departed = true,
            (Some(Err(_)), _) => {}
            // The others may have started with it already.
            (None, _) if has_left && other.ready().is_some() => other.has_departed = true,
            // The settings that differ are on their way.
            (None, &StartError::Settings { peer, .. }) => {
                let hello = self.others.get(&peer).and_then(Player::hello);
                let is_mine = |hello: &Hello| hello.settings == self.settings_hash;
                match peer == self.local_id || hello.is_some_and(is_mine) {
                    true => self.differ(from),
                    false => self.differ(peer),
                }
            }
            (None, _) => self.fail(error),
        }
    }
}
