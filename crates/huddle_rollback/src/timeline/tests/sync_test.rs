use proptest::prelude::*;

use super::*;

/// How a game breaks the rules of a rollback game.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Bug {
    None,
    /// A part of the state is not saved.
    Unsaved,
    /// The simulation remembers the highest input, even one of a misprediction.
    Trace,
    /// A resimulation of a tick gives another result, from a tick on.
    Resimulated {
        from: u32,
    },
}

/// A game with a bug, and the mismatch that the sync test reports.
struct BuggyGame {
    bug: Bug,
    state: u64,
    unsaved: u64,
    highest: u8,
    saved: BTreeMap<u32, u64>,
    rollbacks: u32,
    loaded_last: u32,
    predicted: u32,
    mismatch: Option<SyncMismatch>,
}

impl BuggyGame {
    fn new(bug: Bug) -> Self {
        Self {
            bug,
            state: 1,
            unsaved: 0,
            highest: 0,
            saved: BTreeMap::new(),
            rollbacks: 0,
            loaded_last: 0,
            predicted: 0,
            mismatch: None,
        }
    }

    fn step(&mut self, driver: &mut Driver<u8>) {
        driver.begin(true);
        while let Some(request) = driver.request(|_| false) {
            let checksum = match request {
                Request::Save {
                    tick,
                    wants_checksum,
                } => {
                    assert!(wants_checksum || self.mismatch.is_some());
                    self.saved.insert(tick.0, self.state);
                    None
                }
                Request::Load { tick } => {
                    self.state = self.saved[&tick.0];
                    self.rollbacks += 1;
                    self.loaded_last = tick.0;
                    None
                }
                Request::Advance(frame) => {
                    self.advance(frame);
                    None
                }
                Request::Confirmed { .. } => None,
                Request::Inspect { tick } => panic!("the driver never inspects {tick}"),
                Request::Checksum { tick } => Some((tick, self.saved[&tick.0])),
                Request::Release { tick } => {
                    self.saved.remove(&tick.0);
                    None
                }
            };
            if let Some((tick, checksum)) = checksum
                && let Some(mismatch) = driver.compare(tick, checksum)
            {
                assert_eq!(self.mismatch.replace(mismatch), None, "reported twice");
            }
        }
    }

    fn advance(&mut self, frame: Frame<'_, u8>) {
        self.state = fold(self.state, frame.tick.0, frame.inputs);
        let is_predicted = |seat: &&SeatInput<u8>| seat.status == InputStatus::Predicted;
        self.predicted += frame.inputs.iter().filter(is_predicted).count() as u32;
        self.unsaved += 1;
        let highest = frame.inputs.iter().map(|seat| seat.input).max();
        self.highest = self.highest.max(highest.unwrap_or(0));
        self.state ^= match self.bug {
            Bug::None => 0,
            Bug::Unsaved => self.unsaved,
            Bug::Trace => self.highest.into(),
            Bug::Resimulated { from } if frame.tick.0 < from => 0,
            Bug::Resimulated { .. } => u64::from(frame.is_resimulated),
        };
    }
}

/// Runs a sync test with a single player. Mispredicted inputs are higher than all real inputs.
fn play(bug: Bug, max_depth: u8, seed: u64, ticks: u32) -> (BuggyGame, Driver<u8>) {
    let settings = DriverSettings {
        sync_test: Some((max_depth, seed)),
        ..settings(8, 3, 0)
    };
    let mut driver = Driver::new(2, Box::new(Rising), settings);
    let mut game = BuggyGame::new(bug);
    for tick in 0..ticks {
        for seat in 0..2 {
            append(&mut driver, seat, &[(tick % 100) as u8]);
        }
        game.step(&mut driver);
    }
    (game, driver)
}

struct Rising;

impl Predict<u8> for Rising {
    fn predict(&self, last: &u8, ahead: u32) -> u8 {
        last.saturating_add(50 + ahead as u8)
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(40))]
    #[test]
    fn deterministic_game_passes(max_depth in 0u8..20, seed: u64) {
        let (game, driver) = play(Bug::None, max_depth, seed, 300);
        prop_assert_eq!(game.mismatch, None);
        prop_assert_eq!(max_depth > 0, game.rollbacks > 0);
        prop_assert_eq!(max_depth > 0, game.predicted > 0);
        // The state is that of a match without rollbacks.
        let inputs: Vec<u8> = (0..300).map(|tick| (tick % 100) as u8).collect();
        prop_assert_eq!(game.state, truth(&[inputs.clone(), inputs], &[None, None], 300)[300]);
        prop_assert!(driver.saved() <= usize::from(max_depth) + 2);
        prop_assert!(driver.kept() <= 2 * (usize::from(max_depth) + 2));
    }

    #[test]
    fn every_bug_is_found(max_depth in 1u8..20, seed: u64) {
        for bug in [Bug::Unsaved, Bug::Trace, Bug::Resimulated { from: 0 }] {
            let (game, _) = play(bug, max_depth, seed, 300);
            prop_assert!(game.mismatch.is_some(), "{:?}", bug);
        }
    }

    #[test]
    fn first_different_tick_is_reported(max_depth in 1u8..20, seed: u64, from in 0u32..100) {
        let (game, _) = play(Bug::Resimulated { from }, max_depth, seed, 200);
        let mismatch = game.mismatch.expect("a mismatch");
        // The first resimulated tick with the bug makes the state before the next tick different.
        prop_assert_eq!(mismatch.tick.0, game.loaded_last.max(from) + 1);
        prop_assert_ne!(mismatch.first, mismatch.resimulated);
    }
}

#[test]
fn test_ends_with_the_first_mismatch() {
    let (mut game, mut driver) = play(Bug::Unsaved, 8, 1, 100);
    assert!(game.mismatch.is_some());
    let rollbacks = game.rollbacks;
    for _ in 0..50 {
        for seat in 0..2 {
            append(&mut driver, seat, &[0]);
        }
        game.step(&mut driver);
    }
    assert_eq!(game.rollbacks, rollbacks);
    assert_eq!((driver.saved(), driver.kept()), (0, 0));
}
