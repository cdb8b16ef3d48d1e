mod confirmed;
mod memory;
mod rollback;
mod sync_test;

use std::collections::BTreeMap;

use super::*;
use crate::timeline::RepeatLast;

/// A game whose state is a hash of all inputs. It checks the requests that it receives.
struct Game {
    state: u64,
    tick: u32,
    saved: BTreeMap<u32, Save>,
    checksums: BTreeMap<u32, u64>,
    /// The confirmed inputs, from tick 0 on.
    confirmed: Vec<Vec<SeatInput<u8>>>,
    most_saved: usize,
    advanced: u32,
    loads: Vec<u32>,
}

#[derive(Debug, Clone, Copy)]
struct Save {
    state: u64,
    wants_checksum: bool,
}

fn fold(state: u64, tick: u32, inputs: &[SeatInput<u8>]) -> u64 {
    inputs.iter().fold(state ^ u64::from(tick), |state, seat| {
        let absent = u64::from(seat.status == InputStatus::Disconnected);
        (state ^ u64::from(seat.input) ^ absent << 8)
            .wrapping_mul(0x9e37_79b9_7f4a_7c15)
            .rotate_left(23)
    })
}

impl Game {
    fn new() -> Self {
        Self {
            state: 1,
            tick: 0,
            saved: BTreeMap::new(),
            checksums: BTreeMap::new(),
            confirmed: Vec::new(),
            most_saved: 0,
            advanced: 0,
            loads: Vec::new(),
        }
    }

    fn step(&mut self, driver: &mut Driver<u8>, advance: bool) -> Begun {
        let begun = driver.begin(advance);
        while self.execute_next(driver) {}
        assert!(!driver.is_in_step());
        assert_eq!(driver.saved(), self.saved.len());
        begun
    }

    /// Executes a request. Returns whether there was one.
    fn execute_next(&mut self, driver: &mut Driver<u8>) -> bool {
        let Some(request) = driver.request(|_| false) else {
            return false;
        };
        match request {
            Request::Save {
                tick,
                wants_checksum,
            } => {
                assert_eq!(tick, Tick(self.tick));
                let save = Save {
                    state: self.state,
                    wants_checksum,
                };
                self.saved.insert(tick.0, save);
                self.most_saved = self.most_saved.max(self.saved.len());
            }
            Request::Load { tick } => {
                self.state = self.saved[&tick.0].state;
                self.tick = tick.0;
                self.loads.push(tick.0);
            }
            Request::Advance(frame) => {
                assert_eq!(frame.tick, Tick(self.tick));
                self.state = fold(self.state, self.tick, frame.inputs);
                self.tick += 1;
                self.advanced += 1;
            }
            Request::Confirmed { tick, inputs } => {
                assert_eq!(tick.0 as usize, self.confirmed.len());
                assert!(self.tick > tick.0);
                self.confirmed.push(inputs.to_vec());
            }
            Request::Checksum { tick } => {
                let save = self.saved[&tick.0];
                assert!(save.wants_checksum, "tick {tick}");
                assert_eq!(self.checksums.insert(tick.0, save.state), None);
            }
            Request::Inspect { tick } => panic!("the driver never inspects {tick}"),
            Request::Release { tick } => assert!(self.saved.remove(&tick.0).is_some()),
        }
        true
    }
}

/// Returns the state before each tick if all inputs are known from the start.
fn truth(inputs: &[Vec<u8>], ends: &[Option<u32>], ticks: u32) -> Vec<u64> {
    let mut states = vec![1];
    for tick in 0..ticks {
        let frame: Vec<_> = inputs
            .iter()
            .zip(ends)
            .map(|(inputs, end)| match end {
                Some(end) if *end <= tick => SeatInput {
                    input: 0,
                    status: InputStatus::Disconnected,
                },
                _ => SeatInput {
                    input: inputs[tick as usize],
                    status: InputStatus::Confirmed,
                },
            })
            .collect();
        states.push(fold(states[tick as usize], tick, &frame));
    }
    states
}

fn settings(window: u8, save_every: u8, checksum_every: u16) -> DriverSettings {
    DriverSettings {
        window,
        save_every,
        checksum_every,
        sync_test: None,
    }
}

fn driver(seats: usize, settings: DriverSettings) -> Driver<u8> {
    Driver::new(seats, Box::new(RepeatLast), settings)
}

fn append(driver: &mut Driver<u8>, seat: u8, inputs: &[u8]) {
    for &input in inputs {
        driver.append(Seat(seat), input);
    }
}
