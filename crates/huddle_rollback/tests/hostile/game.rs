use std::collections::BTreeMap;

use huddle_rollback::{Frame, InputStatus, Request, RollbackSession, StateDump};
use huddle_session::Tick;

pub(super) type Input = Vec<u8>;
pub(super) type Session = RollbackSession<Input>;

/// The maximum number of saved states: those of the prediction window, those with checksums to compare,
/// and those of a desync diagnosis.
const MAX_SAVES: usize = 64;

/// A game whose state is a hash of all inputs.
#[derive(Debug, Default)]
pub(super) struct Game {
    tick: Tick,
    state: u64,
    saved: BTreeMap<u32, u64>,
    /// The state before each tick, from its last simulation.
    history: Vec<u64>,
}

fn mix(state: u64, value: u64) -> u64 {
    (state ^ value)
        .wrapping_mul(0x9e37_79b9_7f4a_7c15)
        .rotate_left(29)
}

impl Game {
    /// Executes the requests of a session. `checksum_change` is applied to all checksums.
    pub(super) fn execute_requests(&mut self, session: &mut Session, checksum_change: u64) {
        loop {
            let checksum = match session.request() {
                None => break,
                Some(Request::Save { tick, .. }) => {
                    assert_eq!(tick, self.tick);
                    self.saved.insert(tick.0, self.state);
                    None
                }
                Some(Request::Load { tick }) => {
                    (self.tick, self.state) = (tick, self.saved[&tick.0]);
                    None
                }
                Some(Request::Advance(frame)) => {
                    self.advance(frame);
                    None
                }
                Some(Request::Confirmed { .. }) => None,
                Some(Request::Checksum { tick }) => Some((tick, self.saved[&tick.0])),
                Some(Request::Inspect { tick }) => {
                    session.inspected(tick, dump(self.saved[&tick.0]));
                    None
                }
                Some(Request::Release { tick }) => {
                    assert!(self.saved.remove(&tick.0).is_some());
                    None
                }
            };
            if let Some((tick, state)) = checksum {
                session.checksum(tick, state ^ checksum_change);
            }
        }
        assert!(self.saved.len() <= MAX_SAVES, "{} states", self.saved.len());
    }

    fn advance(&mut self, frame: Frame<'_, Input>) {
        assert_eq!(frame.tick, self.tick);
        self.history.truncate(self.tick.0 as usize);
        self.history.push(self.state);
        for seat in frame.inputs {
            self.state = mix(
                self.state,
                u64::from(seat.status == InputStatus::Disconnected),
            );
            for &byte in &seat.input {
                self.state = mix(self.state, byte.into());
            }
        }
        self.state = mix(self.state, frame.tick.0.into());
        self.tick += 1;
    }

    /// Returns the state before a tick, if it was simulated.
    pub(super) fn before(&self, tick: Tick) -> Option<u64> {
        match tick == self.tick {
            true => Some(self.state),
            false => self.history.get(tick.0 as usize).copied(),
        }
    }
}

/// Returns a dump that is longer than a message may be.
fn dump(state: u64) -> StateDump {
    let mut dump = StateDump::new();
    for id in 0..3000 {
        dump.add("all", id, state ^ id, Some((state ^ id).to_string()));
    }
    dump.add("none", 0, 0, None);
    dump
}
