use std::{ops::Range, time::Duration};

use bytes::Bytes;
use huddle_session::Lane;
use huddle_sim::{Arrival, Cell, Network, Tally};

use crate::{
    meter::Meter,
    step::{Outcome, Step},
};

/// One player of a match: a session of a rollback library, and a small game.
pub(crate) trait Player {
    /// The name of the library.
    const NAME: &str;

    /// Creates a player of a cell. The cell's prediction window is the number of ticks that can be
    /// simulated after the last confirmed tick, as in this project.
    fn new(cell: &Cell, local: usize) -> Self;

    /// Receives a packet.
    fn receive(&mut self, arrival: Arrival<Bytes>);

    /// Runs one frame of the game, which simulates at most one new tick.
    fn step(&mut self, step: u32, now: Duration, outbox: &mut Outbox) -> Step;

    /// Returns the number of ticks from the last confirmed tick to the next tick.
    fn lag(&self) -> u32;

    /// Returns the number of desyncs that the session has found.
    fn desyncs(&self) -> u64;
}

/// The packets that a player sends in a step.
#[derive(Debug, Default)]
pub(crate) struct Outbox {
    bytes: Vec<u8>,
    packets: Vec<(usize, Lane, Range<usize>)>,
}

impl Outbox {
    /// Adds a packet. `write` appends its bytes to the vector.
    pub(crate) fn push(&mut self, to: usize, lane: Lane, write: impl FnOnce(&mut Vec<u8>)) {
        let start = self.bytes.len();
        write(&mut self.bytes);
        self.packets.push((to, lane, start..self.bytes.len()));
    }

    fn send(&mut self, now: Duration, from: usize, network: &mut Network<Bytes>) {
        for (to, lane, range) in self.packets.drain(..) {
            let packet = Bytes::copy_from_slice(&self.bytes[range]);
            network.send(now, from, to, lane, packet.len(), packet);
        }
        self.bytes.clear();
    }
}

/// The clock of a match.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Clock {
    /// A virtual clock. The match runs as fast as possible.
    Virtual,
    /// The system clock, for libraries that use it. The match runs in real time.
    System,
}

/// Plays a cell, and returns a tally for each player.
pub(crate) fn play<P: Player>(cell: &Cell, clock: Clock, meter: &mut Meter) -> Vec<Tally> {
    let mut network = cell.network::<Bytes>();
    let mut players: Vec<_> = (0..cell.players)
        .map(|local| (P::new(cell, local), Tally::default()))
        .collect();
    let mut arrived = Vec::new();
    let mut outbox = Outbox::default();
    let started = std::time::Instant::now();
    for step in 0..cell.steps {
        let now = cell.step * step;
        if clock == Clock::System {
            std::thread::sleep(
                (started + now).saturating_duration_since(std::time::Instant::now()),
            );
        }
        for (local, (player, tally)) in players.iter_mut().enumerate() {
            arrived.extend(std::iter::from_fn(|| network.receive(now, local)));
            let result = meter.measure(step, || {
                for arrival in arrived.drain(..) {
                    player.receive(arrival);
                }
                player.step(step, now, &mut outbox)
            });
            outbox.send(now, local, &mut network);
            match result.outcome {
                Outcome::Waiting => {}
                Outcome::Simulated => tally.advanced(player.lag()),
                Outcome::Stalled => tally.stalls += 1,
            }
            if let Some(depth) = result.rollback {
                tally.rolled_back(depth);
            }
        }
    }
    let players = players.into_iter().enumerate();
    let finish = |(local, (player, mut tally)): (usize, (P, Tally))| {
        tally.sent = network.sent_by(local);
        tally.desyncs = player.desyncs();
        tally
    };
    players.map(finish).collect()
}
