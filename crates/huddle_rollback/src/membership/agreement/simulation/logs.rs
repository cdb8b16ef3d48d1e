use huddle_session::Tick;

use super::super::Logs;
use crate::seat::{MAX_SEATS, Seat};

/// All inputs from tick 0 on. Inputs before `first` count as released.
#[derive(Debug, Default, Clone)]
pub(super) struct TestLogs {
    pub(super) inputs: [Vec<Vec<u8>>; MAX_SEATS],
    pub(super) first: [u32; MAX_SEATS],
    /// The number of known inputs when the seat was frozen.
    pub(super) frozen: [Option<u32>; MAX_SEATS],
}

impl TestLogs {
    pub(super) fn len(&self, seat: Seat) -> u32 {
        self.inputs[seat.index()].len() as u32
    }

    /// Handles an input from a player or a relay.
    pub(super) fn receive(&mut self, seat: Seat, tick: u32, input: &[u8]) {
        if self.frozen[seat.index()].is_none() && self.len(seat) == tick {
            self.inputs[seat.index()].push(input.to_vec());
        }
    }
}

impl Logs for TestLogs {
    fn next(&self, seat: Seat) -> Tick {
        Tick(self.len(seat))
    }

    fn first(&self, seat: Seat) -> Tick {
        Tick(self.first[seat.index()])
    }

    fn input(&self, seat: Seat, tick: Tick) -> Option<&[u8]> {
        let is_kept = tick.0 >= self.first[seat.index()];
        let input = self.inputs[seat.index()].get(tick.0 as usize)?;
        is_kept.then_some(input)
    }

    fn append(&mut self, seat: Seat, input: &[u8]) {
        self.inputs[seat.index()].push(input.to_vec());
    }

    fn freeze(&mut self, seat: Seat) {
        let len = self.len(seat);
        self.frozen[seat.index()].get_or_insert(len);
    }
}

/// Returns the actual input of a seat at a tick. Lengths vary.
pub(super) fn truth(seat: Seat, tick: u32) -> Vec<u8> {
    let word = tick.wrapping_mul(0x9e37_79b9) ^ u32::from(seat.0).wrapping_mul(0x85eb_ca6b);
    word.to_le_bytes()[..(word >> 13) as usize % 5].to_vec()
}
