use std::{collections::BTreeMap, time::Duration};

use bytes::Bytes;
use huddle_rollback::{
    AgreementError, ReceiveError, RollbackEvent, RollbackSession, RollbackSetup, Seat, Step,
};
use huddle_session::{PeerId, Tick};

use super::game::{Game, Input, Session};

/// After how many errors a player is dropped, as games do.
const MAX_ERRORS: u32 = 64;

/// No step has more to say to all others.
const MAX_MESSAGES: usize = 600;
/// No step has more to tell its game.
const MAX_EVENTS: usize = 64;

/// An honest machine.
pub(super) struct Honest {
    pub(super) session: Session,
    pub(super) game: Option<Game>,
    errors: BTreeMap<PeerId, u32>,
    /// Who is not linked: lost, or dropped for what it said.
    pub(super) without: Vec<PeerId>,
    /// When each seat was left.
    pub(super) left: BTreeMap<Seat, Tick>,
    /// With whom its game differs.
    pub(super) differs_from: Vec<PeerId>,
    pub(super) is_split: bool,
    /// For how many steps it has waited.
    pub(super) waited: u32,
    /// Ticks simulated for the first time.
    pub(super) ran: u32,
    /// How many of these there were at the last look.
    pub(super) had_run: u32,
}

impl Honest {
    pub(super) fn new(setup: RollbackSetup<Input>) -> Self {
        Self {
            session: RollbackSession::new(setup, Duration::ZERO).expect("a sound setup"),
            game: None,
            errors: BTreeMap::new(),
            without: Vec::new(),
            left: BTreeMap::new(),
            differs_from: Vec::new(),
            is_split: false,
            waited: 0,
            ran: 0,
            had_run: 0,
        }
    }

    pub(super) fn has_started(&self) -> bool {
        self.game.is_some()
    }

    pub(super) fn lose(&mut self, peer: PeerId, now: Duration) {
        if !self.without.contains(&peer) {
            self.without.push(peer);
            self.session.lost(peer, now);
        }
    }

    fn remove(&mut self, peer: PeerId, now: Duration) {
        if !self.without.contains(&peer) {
            self.without.push(peer);
            self.session.removed(peer, now);
        }
    }

    pub(super) fn link(&mut self, peer: PeerId) {
        self.without.retain(|without| *without != peer);
        self.session.linked(peer);
    }

    /// Takes a message; whoever sends too much nonsense is dropped.
    pub(super) fn message(
        &mut self,
        from: PeerId,
        message: Bytes,
        now: Duration,
    ) -> Result<(), ReceiveError> {
        let result = self.session.receive_message(from, message, now);
        self.judge(from, result, now)
    }

    pub(super) fn packet(
        &mut self,
        from: PeerId,
        (number, section): (u64, Bytes),
        now: Duration,
        rtt: Option<Duration>,
    ) -> Result<(), ReceiveError> {
        let result = self
            .session
            .receive_packet(from, number, &section, now, rtt);
        self.judge(from, result, now)
    }

    fn judge(
        &mut self,
        from: PeerId,
        result: Result<(), ReceiveError>,
        now: Duration,
    ) -> Result<(), ReceiveError> {
        // Its sender may be honest.
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

    pub(super) fn is_dropped(&self, peer: PeerId) -> bool {
        self.errors
            .get(&peer)
            .is_some_and(|errors| *errors >= MAX_ERRORS)
    }

    /// A step of its game.
    pub(super) fn step(&mut self, now: Duration, lie: u64, sample: impl Fn(Tick) -> Input) {
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
            game.obey(&mut self.session, lie);
        }
    }

    /// What it has to say.
    pub(super) fn messages(&mut self) -> Vec<(PeerId, Bytes)> {
        let messages: Vec<_> = std::iter::from_fn(|| self.session.poll_message()).collect();
        assert!(
            messages.len() <= MAX_MESSAGES,
            "{} messages",
            messages.len()
        );
        messages
    }

    /// What others can have it keep.
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
