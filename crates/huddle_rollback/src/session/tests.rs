//! Sessions with a single player.

use std::{collections::BTreeMap, time::Duration};

use huddle_session::{
    PeerId, Tick,
    codec::{DecodeError, EncodeError},
};

use proptest::prelude::*;

use super::*;
use crate::{inputs::InputCodec, seat::Seat, timeline::SyncMismatch};

fn setup(seats: usize) -> RollbackSetup<u8> {
    let local = PeerId::from_bytes([1; 16]);
    RollbackSetup::new(local, vec![local; seats])
}

/// A game that adds up its inputs. If it is broken, it counts a resimulated tick twice.
#[derive(Default)]
struct Game {
    sum: u64,
    is_broken: bool,
    saved: BTreeMap<u32, u64>,
    rollbacks: u32,
    confirmed: u32,
}

impl Game {
    fn execute(&mut self, session: &mut RollbackSession<u8>) {
        while self.execute_next(session) {}
    }

    /// Executes a request. Returns whether there was one.
    fn execute_next(&mut self, session: &mut RollbackSession<u8>) -> bool {
        let request = session.request();
        let has_request = request.is_some();
        if let Some(request) = request {
            match request {
                Request::Save { tick, .. } => drop(self.saved.insert(tick.0, self.sum)),
                Request::Load { tick } => {
                    self.sum = self.saved[&tick.0];
                    self.rollbacks += 1;
                }
                Request::Advance(frame) => {
                    let factor = 1 + u64::from(self.is_broken && frame.is_resimulated);
                    let inputs = frame.inputs.iter().map(|seat| u64::from(seat.input));
                    self.sum += factor * inputs.sum::<u64>();
                }
                Request::Confirmed { tick, .. } => {
                    assert_eq!(tick, Tick(self.confirmed));
                    self.confirmed += 1;
                }
                Request::Checksum { tick } => session.checksum(tick, self.saved[&tick.0]),
                Request::Inspect { tick } => panic!("no peer has another state at {tick}"),
                Request::Release { tick } => drop(self.saved.remove(&tick.0)),
            }
        }
        has_request
    }
}

/// Plays this many ticks. Returns the events.
fn play(session: &mut RollbackSession<u8>, game: &mut Game, ticks: u32) -> Vec<RollbackEvent> {
    for tick in 0..ticks {
        let now = Duration::from_millis(16) * tick;
        let step = session.step(now, |_, tick| tick.0 as u8 | 1);
        assert_eq!(step, Ok(Step::Ran));
        game.execute(session);
    }
    std::iter::from_fn(|| session.poll()).collect()
}

#[test]
fn step_fails_if_requests_are_left() {
    let mut session = RollbackSession::new(setup(1), Duration::ZERO).unwrap();
    let mut game = Game::default();
    assert_eq!(session.step(Duration::ZERO, |_, _| 1), Ok(Step::Ran));
    for _ in 0..2 {
        let sample = |_, _| panic!("a step that fails samples no input");
        assert_eq!(
            session.step(Duration::ZERO, sample),
            Err(StepError::RequestsLeft)
        );
        // One request is not enough.
        assert!(session.request().is_some());
    }
    game.execute(&mut session);
    assert_eq!(session.tick(), Tick(1));
    assert_eq!(session.step(Duration::ZERO, |_, _| 1), Ok(Step::Ran));
}

proptest! {
    /// If a caller skips requests, every step fails until it has executed them. The state is never
    /// wrong.
    #[test]
    fn skipped_requests_never_change_the_state(
        executed in prop::collection::vec(prop_oneof![Just(usize::MAX), 0usize..5], 1..100),
        sync_test in prop::option::of(1u8..5),
    ) {
        let setup = RollbackSetup { sync_test, checksum_every: 3, ..setup(1) };
        let mut session = RollbackSession::new(setup, Duration::ZERO).unwrap();
        let mut game = Game::default();
        let mut is_complete = true;
        for count in executed {
            let step = session.step(Duration::ZERO, |_, tick| tick.0 as u8);
            prop_assert_eq!(step.is_ok(), is_complete, "{:?}", step);
            let received = (0..count).take_while(|_| game.execute_next(&mut session)).count();
            is_complete = received < count;
        }
        game.execute(&mut session);
        let sum: u64 = (0..session.tick().0).map(u64::from).sum();
        prop_assert_eq!(game.sum, sum);
        prop_assert_eq!(game.confirmed, session.tick().0);
    }
}

/// Encodes even inputs only.
struct EvenCodec;

impl InputCodec<u8> for EvenCodec {
    fn encode(&self, input: &u8, out: &mut Vec<u8>) -> Result<(), EncodeError> {
        if !input.is_multiple_of(2) {
            return Err(EncodeError::TooLong { len: 2, max: 1 });
        }
        out.push(*input);
        Ok(())
    }

    fn decode(&self, bytes: &[u8]) -> Result<u8, DecodeError> {
        Ok(bytes.first().copied().unwrap_or(0))
    }

    fn schema(&self) -> String {
        "even".to_owned()
    }
}

#[test]
fn input_that_cannot_be_encoded_is_sampled_again() {
    let setup = RollbackSetup {
        codec: Box::new(EvenCodec),
        ..setup(2)
    };
    let mut session = RollbackSession::new(setup, Duration::ZERO).unwrap();
    let mut game = Game::default();
    for _ in 0..2 {
        let step = session.step(Duration::ZERO, |seat, _| seat.0);
        let Err(StepError::Input(InputError::Encode { seat, .. })) = step else {
            panic!("{step:?}");
        };
        assert_eq!(seat, Seat(1));
    }
    assert_eq!(session.step(Duration::ZERO, |_, _| 2), Ok(Step::Ran));
    game.execute(&mut session);
    assert_eq!((session.tick(), game.sum), (Tick(1), 2));
}

/// Inputs that are bytes. The codec does not limit their length.
struct RawCodec;

impl InputCodec<Vec<u8>> for RawCodec {
    fn encode(&self, input: &Vec<u8>, out: &mut Vec<u8>) -> Result<(), EncodeError> {
        out.extend_from_slice(input);
        Ok(())
    }

    fn decode(&self, bytes: &[u8]) -> Result<Vec<u8>, DecodeError> {
        Ok(bytes.to_vec())
    }

    fn schema(&self) -> String {
        "raw".to_owned()
    }
}

#[test]
fn error_for_a_long_input_contains_the_limit() {
    let local = PeerId::from_bytes([1; 16]);
    // The default codec adds three bytes for the length.
    for (is_raw, expected) in [(false, 603), (true, 600)] {
        let mut setup = RollbackSetup::new(local, vec![local]);
        if is_raw {
            setup.codec = Box::new(RawCodec);
        }
        let mut session = RollbackSession::new(setup, Duration::ZERO).unwrap();
        let error = session.step(Duration::ZERO, |_, _| vec![7; 600]);
        let expected = format!(
            "cannot send the input of seat 0: the encoded input has {expected} bytes, but at most 512 are allowed: \
             send large data as events or transfers"
        );
        assert_eq!(error.unwrap_err().to_string(), expected);
        let step = session.step(Duration::ZERO, |_, _| vec![7; 509]);
        assert_eq!(step, Ok(Step::Ran));
    }
}

#[test]
fn inputs_of_a_local_seat_are_early_by_its_delay() {
    let setup = RollbackSetup {
        delay: DelayPolicy::Fixed(3),
        ..setup(2)
    };
    let mut session = RollbackSession::new(setup, Duration::ZERO).unwrap();
    assert_eq!(session.input_lag(Seat(0)), None);
    play(&mut session, &mut Game::default(), 10);
    for seat in [Seat(0), Seat(1)] {
        assert_eq!(session.input_lag(seat), Some(-3));
        assert_eq!(session.delay(seat), Some(3));
    }
    assert_eq!(session.input_lag(Seat(2)), None);
}

#[test]
fn sync_test_passes_a_deterministic_game() {
    let setup = RollbackSetup {
        sync_test: Some(10),
        checksum_every: 7,
        ..setup(2)
    };
    let mut session = RollbackSession::new(setup, Duration::ZERO).unwrap();
    let mut game = Game::default();
    let events = play(&mut session, &mut game, 500);
    assert!(
        matches!(events[..], [RollbackEvent::Started { .. }]),
        "{events:?}"
    );
    assert!(game.rollbacks > 300, "{}", game.rollbacks);
    assert_eq!(game.confirmed, 500);
    let memory = session.memory();
    assert!(memory.saves <= 12 && game.saved.len() <= 12, "{memory:?}");
}

#[test]
fn sync_test_reports_a_broken_game_once() {
    let setup = RollbackSetup {
        sync_test: Some(10),
        ..setup(1)
    };
    let mut session = RollbackSession::new(setup, Duration::ZERO).unwrap();
    let mut game = Game {
        is_broken: true,
        ..Game::default()
    };
    let events = play(&mut session, &mut game, 100);
    let failures: Vec<_> = events
        .iter()
        .filter_map(|event| match event {
            RollbackEvent::SyncTestFailed(mismatch) => Some(*mismatch),
            _ => None,
        })
        .collect();
    let [
        SyncMismatch {
            tick,
            first,
            resimulated,
        },
    ] = failures[..]
    else {
        panic!("{events:?}");
    };
    assert!(tick.0 <= 30 && first < resimulated, "{failures:?}");
}

#[test]
fn single_player_session_keeps_no_states() {
    let mut session = RollbackSession::new(setup(2), Duration::ZERO).unwrap();
    let mut game = Game::default();
    play(&mut session, &mut game, 2000);
    let memory = session.memory();
    assert_eq!((memory.saves, game.saved.len()), (0, 0));
    assert!(memory.inputs < 200, "{memory:?}");
}

#[test]
fn sync_test_with_long_rollbacks_is_rejected() {
    let setup = RollbackSetup {
        sync_test: Some(65),
        ..setup(1)
    };
    let error = RollbackSession::new(setup, Duration::ZERO).err();
    assert_eq!(error, Some(SetupError::SyncTest(65)));
}
