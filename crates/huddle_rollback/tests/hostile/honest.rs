use std::{collections::BTreeMap, time::Duration};

use bytes::Bytes;
use huddle_rollback::{
    AgreementError, ReceiveError, RollbackEvent, RollbackSession, RollbackSetup, Seat, Step,
};
use huddle_session::{PeerId, Tick};

use super::game::{Game, Input, Session};

/// The number of errors after which a player is removed, as games do.
const MAX_ERRORS: u32 = 64;

/// The maximum number of messages in a step.
const MAX_MESSAGES: usize = 600;
/// The maximum number of events in a step.
const MAX_EVENTS: usize = 64;

/// An honest player.
pub(super) struct Honest {
    pub(super) session: Session,
    pub(super) game: Option<Game>,
    errors: BTreeMap<PeerId, u32>,
    /// The players without a link, because they were lost or removed.
    pub(super) unlinked: Vec<PeerId>,
    /// The tick at which each seat ended.
    pub(super) left: BTreeMap<Seat, Tick>,
    /// The players whose state differs.
    pub(super) differs_from: Vec<PeerId>,
    pub(super) is_split: bool,
    /// The number of steps since the last tick.
    pub(super) waited: u32,
    /// The number of ticks, without resimulated ones.
    pub(super) ran: u32,
    /// The number of ticks at the last check.
    pub(super) ran_before: u32,
}

impl Honest {
    pub(super) fn new(setup: RollbackSetup<Input>) -> Self {
        Self {
            session: RollbackSession::new(setup, Duration::ZERO).expect("the setup is valid"),
            game: None,
            errors: BTreeMap::new(),
            unlinked: Vec::new(),
            left: BTreeMap::new(),
            differs_from: Vec::new(),
            is_split: false,
            waited: 0,
            ran: 0,
            ran_before: 0,
        }
    }

    pub(super) fn has_started(&self) -> bool {
        self.game.is_some()
    }

    pub(super) fn lose(&mut self, peer: PeerId, now: Duration) {
        if !self.unlinked.contains(&peer) {
            self.unlinked.push(peer);
            self.session.lost(peer, now);
        }
    }

    fn remove(&mut self, peer: PeerId, now: Duration) {
        if !self.unlinked.contains(&peer) {
            self.unlinked.push(peer);
            self.session.removed(peer, now);
        }
    }

    pub(super) fn link(&mut self, peer: PeerId) {
        self.unlinked.retain(|unlinked| *unlinked != peer);
        self.session.linked(peer);
    }

    /// Receives a message.
    pub(super) fn receive_message(
        &mut self,
        from: PeerId,
        message: Bytes,
        now: Duration,
    ) -> Result<(), ReceiveError> {
        let result = self.session.receive_message(from, message, now);
        self.count_error(from, result, now)
    }

    /// Receives the section of a packet.
    pub(super) fn receive_packet(
        &mut self,
        from: PeerId,
        (number, section): (u64, Bytes),
        now: Duration,
        rtt: Option<Duration>,
    ) -> Result<(), ReceiveError> {
        let result = self
            .session
            .receive_packet(from, number, &section, now, rtt);
        self.count_error(from, result, now)
    }

    /// Counts an error. Removes a player that has sent too many invalid messages.
    fn count_error(
        &mut self,
        from: PeerId,
        result: Result<(), ReceiveError>,
        now: Duration,
    ) -> Result<(), ReceiveError> {
        // The sender may be honest.
        if let Err(ReceiveError::Agreement(AgreementError::OtherInputs)) = result {
            return Ok(());
        }
        if result.is_err() {
            let errors = self.errors.entry(from).or_default();
            *errors += 1;
            if *errors == MAX_ERRORS {
                self.remove(from, now);
            }
        }
        result
    }

    pub(super) fn is_removed(&self, peer: PeerId) -> bool {
        self.errors
            .get(&peer)
            .is_some_and(|errors| *errors >= MAX_ERRORS)
    }

    /// Runs a step of the match. `checksum_change` is applied to all checksums.
    pub(super) fn step(
        &mut self,
        now: Duration,
        checksum_change: u64,
        sample: impl Fn(Tick) -> Input,
    ) {
        let step = self.session.step(now, |_, tick| sample(tick));
        match step.expect("inputs are short") {
            Step::Ran => (self.ran, self.waited) = (self.ran + 1, 0),
            Step::Waited(_) => self.waited += 1,
            Step::Idle => {}
        }
        let events: Vec<_> = std::iter::from_fn(|| self.session.poll()).collect();
        assert!(events.len() <= MAX_EVENTS, "{} events", events.len());
        for event in events {
            match event {
                RollbackEvent::Started { .. } => self.game = Some(Game::default()),
                RollbackEvent::SeatLeft { seat, at_tick, .. } => {
                    assert_eq!(self.left.insert(seat, at_tick), None, "left twice");
                }
                RollbackEvent::Split { .. } => self.is_split = true,
                RollbackEvent::Mismatch(mismatch) => self.differs_from.push(mismatch.peer),
                RollbackEvent::Desync(report) => assert!(report.to_string().len() < 64 * 1024),
                _ => {}
            }
        }
        if let Some(game) = &mut self.game {
            game.execute_requests(&mut self.session, checksum_change);
        }
    }

    /// Returns the messages of the last step.
    pub(super) fn poll_messages(&mut self) -> Vec<(PeerId, Bytes)> {
        let messages: Vec<_> = std::iter::from_fn(|| self.session.poll_message()).collect();
        assert!(
            messages.len() <= MAX_MESSAGES,
            "{} messages",
            messages.len()
        );
        messages
    }

    /// Checks the speed, and the amount of data that other players can make it keep.
    pub(super) fn check_bounds(&self, now: Duration) {
        let speed = self.session.speed(now);
        assert!((0.96..=1.04).contains(&speed), "{speed}");
        let memory = self.session.memory();
        assert!(
            memory.saves <= 64
                && memory.inputs <= 6000
                && memory.agreement <= 20_000
                && memory.unread <= 200,
            "{memory:?}"
        );
    }
}
