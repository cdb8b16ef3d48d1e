use std::{ops::Range, time::Duration};

use bytes::Bytes;
use huddle_session::Lane;
use huddle_sim::{Arrival, Cell, Network, Tally};

use crate::{
    meter::Meter,
    step::{Outcome, Step},
};

/// One player's session of some rollback library, together with a game that is next to nothing.
pub(crate) trait Rival {
    /// What it is called.
    const NAME: &str;

    /// A player of a cell. The cell's window is by this project's count: with all inputs known up to
    /// a tick, so many ticks after it may be simulated.
    fn new(cell: &Cell, me: usize) -> Self;

    /// A packet has arrived.
    fn receive(&mut self, arrival: Arrival<Bytes>);

    /// Everything a game does in a frame. There are as many chances to simulate a tick as steps.
    fn step(&mut self, step: u32, now: Duration, outbox: &mut Outbox) -> Step;

    /// How many ticks the next is after the last of which all inputs are known.
    fn lag(&self) -> u32;

    /// Differences found between players.
    fn desyncs(&self) -> u64;
}

/// What a player sends in a step.
#[derive(Debug, Default)]
pub(crate) struct Outbox {
    bytes: Vec<u8>,
    packets: Vec<(usize, Lane, Range<usize>)>,
}

impl Outbox {
    /// Adds a packet that `write` appends to the bytes it is given.
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

/// Who tells the time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Clock {
    /// As fast as possible.
    Virtual,
    /// Steps last as long as they should, for libraries that look at the system's clock.
    System,
}

/// Plays a cell to its end.
pub(crate) fn play<R: Rival>(cell: &Cell, clock: Clock, meter: &mut Meter) -> Vec<Tally> {
    let mut network = cell.network::<Bytes>();
    let mut players: Vec<_> = (0..cell.players)
        .map(|me| (R::new(cell, me), Tally::default()))
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
        for (me, (player, tally)) in players.iter_mut().enumerate() {
            arrived.extend(std::iter::from_fn(|| network.receive(now, me)));
            let did = meter.measure(step, || {
                for arrival in arrived.drain(..) {
                    player.receive(arrival);
                }
                player.step(step, now, &mut outbox)
            });
            outbox.send(now, me, &mut network);
            match did.outcome {
                Outcome::Waiting => {}
                Outcome::Simulated => tally.advanced(player.lag()),
                Outcome::Refused => tally.stalls += 1,
            }
            if let Some(depth) = did.rollback {
                tally.rolled_back(depth);
            }
        }
    }
    let players = players.into_iter().enumerate();
    let finish = |(me, (player, mut tally)): (usize, (R, Tally))| {
        tally.sent = network.sent_by(me);
        tally.desyncs = player.desyncs();
        tally
    };
    players.map(finish).collect()
}
