use std::collections::BTreeMap;

use huddle_rollback::{
    Frame, Input, InputStatus, Request, RollbackSession, Seat, SeatInput, StateDump,
};
use huddle_session::Tick;

use super::history::History;

/// A game that can be simulated. Cloning it saves its state.
pub trait SimGame: Clone {
    /// A player's input in a tick. Encoding must not change it.
    type Input: Input;

    /// Creates the game from the seed that all players share.
    fn new(seed: u64) -> Self;

    /// Simulates a tick.
    fn advance(&mut self, frame: Frame<'_, Self::Input>);

    /// Returns a number that differs if the states differ.
    fn checksum(&self) -> u64;
}

/// The simplest game that detects all differences. Its state is a hash of all inputs so far, and of
/// the absent seats.
#[derive(Debug, Clone)]
pub struct HashGame(u64);

impl SimGame for HashGame {
    type Input = Vec<u8>;

    fn new(seed: u64) -> Self {
        Self(seed)
    }

    fn advance(&mut self, frame: Frame<'_, Vec<u8>>) {
        let state = frame.inputs.iter().fold(self.0, fold);
        self.0 = state.rotate_left(7) ^ u64::from(frame.tick.0);
    }

    fn checksum(&self) -> u64 {
        self.0
    }
}

fn fold(state: u64, seat: &SeatInput<Vec<u8>>) -> u64 {
    let absent = u64::from(seat.status == InputStatus::Disconnected);
    let mixed = (state ^ absent)
        .wrapping_mul(0x9e37_79b9_7f4a_7c15)
        .rotate_left(23);
    seat.input.iter().fold(mixed, |state, &byte| {
        (state ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
    })
}

/// The number of ticks before the confirmed one for which the history is kept. It exceeds the length of
/// a rollback, and the number of ticks that are confirmed in a step.
const KEPT: u32 = 160;

/// A peer's game: its state, the saved states, and the history. It panics if a request is invalid or not
/// needed.
pub(super) struct Running<G: SimGame> {
    game: G,
    tick: Tick,
    saved: BTreeMap<u32, Save<G>>,
    /// The tick after the last one that was reported as confirmed.
    confirmed: Tick,
    pub(super) history: History<G::Input>,
    limits: Limits,
    /// The first tick at which the game computes wrong checksums, if it is broken.
    pub(super) broken_from: Option<Tick>,
    /// The number of requested checksums.
    pub(super) checksums: u64,
}

/// A saved state.
struct Save<G> {
    game: G,
    wants_checksum: bool,
}

/// The limits of a session, from its setup.
#[derive(Debug, Clone, Copy)]
pub(super) struct Limits {
    /// The prediction window.
    pub(super) window: u8,
    /// The maximum number of ticks from one save to the next.
    pub(super) save_every: u8,
    /// Whether the session rolls back without mispredictions.
    pub(super) is_sync_test: bool,
}

impl<G: SimGame> Running<G> {
    pub(super) fn new(seed: u64, limits: Limits) -> Self {
        Self {
            game: G::new(seed),
            tick: Tick(0),
            saved: BTreeMap::new(),
            confirmed: Tick(0),
            history: History::new(),
            limits,
            broken_from: None,
            checksums: 0,
        }
    }

    /// Executes the requests of a session.
    pub(super) fn execute_requests(&mut self, session: &mut RollbackSession<G::Input>) {
        // The first tick of a rollback, and the first one with other inputs than before.
        let mut loaded = None;
        let mut changed = None;
        while let Some(request) = session.request() {
            let checksum = match request {
                Request::Save {
                    tick,
                    wants_checksum,
                } => {
                    assert_eq!(tick, self.tick, "the current state is saved");
                    let game = self.game.clone();
                    self.saved.insert(
                        tick.0,
                        Save {
                            game,
                            wants_checksum,
                        },
                    );
                    None
                }
                Request::Load { tick } => {
                    let saved = self.saved.get(&tick.0);
                    self.game = saved.expect("a saved state").game.clone();
                    self.tick = tick;
                    loaded = Some(tick);
                    None
                }
                Request::Advance(frame) => {
                    let tick = frame.tick;
                    if self.advance(frame) {
                        changed = changed.or(Some(tick));
                    }
                    None
                }
                Request::Confirmed { tick, inputs } => {
                    self.confirm(tick, inputs);
                    None
                }
                Request::Checksum { tick } => {
                    let wants_checksum = self.saved[&tick.0].wants_checksum;
                    self.checksums += 1;
                    assert!(wants_checksum, "only announced checksums are requested");
                    Some((tick, self.checksum(tick)))
                }
                Request::Inspect { tick } => {
                    session.inspected(tick, self.dump(tick));
                    None
                }
                Request::Release { tick } => {
                    assert!(
                        self.saved.remove(&tick.0).is_some(),
                        "only saved states are released"
                    );
                    None
                }
            };
            if let Some((tick, checksum)) = checksum {
                assert!(
                    !tick.is_after(session.confirmed()),
                    "only final states are compared"
                );
                session.checksum(tick, checksum);
            }
        }
        assert_eq!(self.tick, session.tick(), "all ticks are resimulated");
        if let Some(loaded) = loaded.filter(|_| !self.limits.is_sync_test) {
            let changed = changed.expect("a rollback has a misprediction");
            assert!(
                changed.since(loaded) < self.limits.save_every.into(),
                "a rollback to {loaded}, although {changed} was the first mispredicted tick"
            );
        }
        let confirmed = session.confirmed();
        assert_eq!(
            self.confirmed, confirmed,
            "all confirmed inputs are reported"
        );
        self.check_limits(confirmed);
        self.history
            .forget_before(Tick(confirmed.0.saturating_sub(KEPT)));
    }

    fn check_limits(&self, confirmed: Tick) {
        let ahead = self.tick.since(confirmed);
        assert!(
            ahead <= self.limits.window.into(),
            "{ahead} ticks are predicted, with a window of {}",
            self.limits.window
        );
        // The window, states that wait for a comparison, and a margin.
        assert!(
            self.saved.len() < 96,
            "{} states are saved at {}, confirmed {confirmed}: {:?}",
            self.saved.len(),
            self.tick,
            self.saved.keys()
        );
    }

    /// Simulates a tick. Returns whether it was simulated before with other inputs.
    fn advance(&mut self, frame: Frame<'_, G::Input>) -> bool {
        assert_eq!(frame.tick, self.tick, "ticks are simulated in order");
        assert_eq!(
            frame.is_resimulated,
            self.history.contains(frame.tick),
            "resimulated ticks are marked"
        );
        let before = self.game.checksum();
        let differs = self.history.simulate(frame.tick, before, frame.inputs);
        self.game.advance(frame);
        self.tick += 1;
        differs
    }

    /// Checks the confirmed inputs of a tick: each tick is reported once, with the inputs with which
    /// it was simulated last.
    fn confirm(&mut self, tick: Tick, inputs: &[SeatInput<G::Input>]) {
        assert_eq!(tick, self.confirmed, "ticks are confirmed in order");
        assert!(self.tick.is_after(tick), "a confirmed tick was simulated");
        self.confirmed += 1;
        for (seat, confirmed) in (0..).map(Seat).zip(inputs) {
            let simulated = self.history.input(tick, seat).expect("a simulated tick");
            let is_absent = |seat: &SeatInput<_>| seat.status == InputStatus::Disconnected;
            assert_ne!(confirmed.status, InputStatus::Predicted);
            assert_eq!(is_absent(confirmed), is_absent(simulated));
            assert!(confirmed.input == simulated.input, "tick {tick}");
        }
    }

    /// Returns a dump of a saved state. The checksum is its only value.
    fn dump(&self, tick: Tick) -> StateDump {
        let checksum = self.checksum(tick);
        let mut dump = StateDump::new();
        dump.add("game", 0, checksum, Some(format!("{checksum:x}")));
        dump
    }

    fn checksum(&self, tick: Tick) -> u64 {
        let checksum = self.saved[&tick.0].game.checksum();
        let is_broken = self.broken_from.is_some_and(|from| !from.is_after(tick));
        checksum ^ u64::from(is_broken)
    }

    /// Returns the checksum of the state before a simulated tick.
    pub(super) fn before(&self, tick: Tick) -> Option<u64> {
        match tick == self.tick {
            true => Some(self.game.checksum()),
            false => self.history.before(tick),
        }
    }
}
