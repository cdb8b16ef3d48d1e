//! The session that is common to both players.

use std::collections::VecDeque;

use huddle_rollback::{
    DelayPolicy, InputCodec, Request, RollbackEvent, RollbackSession, RollbackSetup,
};
use huddle_session::{
    PeerId, Tick, TickRate,
    codec::{DecodeError, EncodeError},
};
use huddle_sim::{Cell, HashGame, Simulation};

use crate::{
    game::Game,
    step::{Outcome, Step},
};

/// Encodes inputs as up to 4 bytes.
struct NumberCodec {
    len: usize,
}

impl InputCodec<u32> for NumberCodec {
    fn encode(&self, input: &u32, out: &mut Vec<u8>) -> Result<(), EncodeError> {
        out.extend_from_slice(&input.to_le_bytes()[..self.len]);
        Ok(())
    }

    fn decode(&self, bytes: &[u8]) -> Result<u32, DecodeError> {
        if bytes.len() != self.len {
            return Err(DecodeError::Malformed(format!("{} bytes", bytes.len())));
        }
        let mut number = [0; 4];
        number[..self.len].copy_from_slice(bytes);
        Ok(u32::from_le_bytes(number))
    }

    fn schema(&self) -> String {
        format!("{} bytes", self.len)
    }
}

pub(super) fn peer_id(player: usize) -> PeerId {
    Simulation::<HashGame>::peer(player)
}

pub(super) fn setup(cell: &Cell, local: usize) -> RollbackSetup<u32> {
    RollbackSetup {
        rate: TickRate::from_hz(1.0 / cell.step.as_secs_f64()).expect("a valid rate"),
        codec: Box::new(NumberCodec {
            len: cell.input_bytes.min(4),
        }),
        delay: DelayPolicy::Fixed(cell.delay as u8),
        window: cell.window as u8,
        ..RollbackSetup::new(peer_id(local), (0..cell.players).map(peer_id).collect())
    }
}

/// The game of a session.
#[derive(Default)]
pub(super) struct GameRunner {
    pub(super) game: Game,
    pub(super) saved: VecDeque<(Tick, Game)>,
    pub(super) desyncs: u64,
}

impl GameRunner {
    /// Handles the events and requests of the session after a step.
    pub(super) fn handle_requests(
        &mut self,
        session: &mut RollbackSession<u32>,
        step: huddle_rollback::Step,
    ) -> Step {
        while let Some(event) = session.poll() {
            self.desyncs += u64::from(matches!(event, RollbackEvent::Mismatch(_)));
            assert!(
                !matches!(
                    event,
                    RollbackEvent::StartFailed(_) | RollbackEvent::SeatLeft { .. }
                ),
                "{event:?}"
            );
        }
        let mut resimulated = 0;
        while let Some(request) = session.request() {
            match request {
                Request::Save { tick, .. } => {
                    let index = self
                        .saved
                        .partition_point(|(saved, _)| tick.is_after(*saved));
                    match self.saved.get_mut(index) {
                        Some((saved, game)) if *saved == tick => *game = self.game,
                        _ => self.saved.insert(index, (tick, self.game)),
                    }
                }
                Request::Load { tick } => self.game = self.saved_at(tick),
                Request::Advance(frame) => {
                    resimulated += u32::from(frame.is_resimulated);
                    self.game
                        .advance(frame.inputs.iter().map(|seat| seat.input));
                }
                Request::Confirmed { .. } => {}
                Request::Checksum { tick } => {
                    let checksum = self.saved_at(tick).checksum();
                    session.checksum(tick, checksum as u64);
                }
                // The games are the same, which the benchmark checks.
                Request::Inspect { .. } => {}
                Request::Release { tick } => self.saved.retain(|(saved, _)| *saved != tick),
            }
        }
        Step {
            outcome: match step {
                huddle_rollback::Step::Idle => Outcome::Waiting,
                huddle_rollback::Step::Ran => Outcome::Simulated,
                huddle_rollback::Step::Waited(_) => Outcome::Stalled,
            },
            rollback: (resimulated > 0).then_some(resimulated),
        }
    }

    fn saved_at(&self, tick: Tick) -> Game {
        let saved = self.saved.iter().find(|(saved, _)| *saved == tick);
        saved.expect("a saved state").1
    }
}

/// Returns the number of ticks from the last confirmed tick to the next tick.
pub(super) fn lag(session: &RollbackSession<u32>) -> u32 {
    session.tick().since(session.confirmed()).unsigned_abs() + 1
}
