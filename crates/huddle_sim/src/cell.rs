use std::time::Duration;

use serde::Serialize;

use super::{
    draw::Draw,
    ideal::Ideal,
    network::Network,
    tally::{Tally, ratio},
    weather::Weather,
};

/// The inputs of a cell. Each input differs from the one of the step before.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Inputs {
    /// 31 times the step, plus a number for each player. The bytes are linear except for carries.
    Steps,
    /// The number of the step.
    Counter,
    /// Random bytes.
    Random,
}

/// A match to compare netcode in: its players, inputs and network. All players start at the same time
/// and may simulate one tick at every step.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Cell {
    /// The name in tables.
    pub name: &'static str,
    /// The number of players. All pairs are linked.
    pub players: usize,
    /// The probability that a packet is lost, from 0 to 1.
    pub loss: f64,
    /// The round-trip time without jitter.
    pub rtt: Duration,
    /// The maximum additional delay of each packet, which is distributed uniformly.
    pub jitter: Duration,
    /// The length of each input in bytes, at least 1.
    pub input_bytes: usize,
    /// The kind of inputs.
    pub inputs: Inputs,
    /// The input delay in ticks.
    pub delay: u32,
    /// The prediction window in ticks.
    pub window: u32,
    /// The seed of all random values.
    pub seed: u64,
    /// The number of steps.
    pub steps: u32,
    /// The duration of a step.
    pub step: Duration,
}

impl Cell {
    /// Two players on a local network.
    pub const LAN_2: Self = Self {
        name: "2 LAN",
        players: 2,
        loss: 0.0,
        rtt: Duration::from_millis(10),
        jitter: Duration::ZERO,
        input_bytes: 4,
        inputs: Inputs::Steps,
        delay: 0,
        window: 8,
        seed: 1,
        steps: 1000,
        step: Duration::from_millis(16),
    };
    /// Two players on Wi-Fi.
    pub const WIFI_2: Self = Self {
        name: "2 Wi-Fi",
        loss: 0.01,
        rtt: Duration::from_millis(50),
        jitter: Duration::from_millis(20),
        ..Self::LAN_2
    };
    /// Two players with mobile phones.
    pub const MOBILE_2: Self = Self {
        name: "2 mobile",
        loss: 0.05,
        rtt: Duration::from_millis(100),
        ..Self::WIFI_2
    };
    /// Four players on Wi-Fi.
    pub const WIFI_4: Self = Self {
        name: "4 Wi-Fi",
        players: 4,
        ..Self::WIFI_2
    };
    /// Four distant players with 15 % loss.
    pub const SEVERE_4: Self = Self {
        name: "4 severe",
        loss: 0.15,
        rtt: Duration::from_millis(200),
        ..Self::WIFI_4
    };
    /// Sixteen players in the same part of the world.
    pub const REGION_16: Self = Self {
        name: "16 region",
        players: 16,
        rtt: Duration::from_millis(100),
        ..Self::WIFI_2
    };
    /// All cells.
    pub const SWEEP: [Self; 6] = [
        Self::LAN_2,
        Self::WIFI_2,
        Self::MOBILE_2,
        Self::WIFI_4,
        Self::SEVERE_4,
        Self::REGION_16,
    ];

    /// Returns the weather of all paths.
    pub fn weather(&self) -> Weather {
        Weather {
            loss: self.loss,
            jitter: self.jitter,
            ..Weather::from_rtt(self.rtt)
        }
    }

    /// Creates a network for the cell. All networks of a cell treat packets in the same way.
    pub fn network<P: Clone>(&self) -> Network<P> {
        Network::new(self.seed, self.players, self.step, self.weather())
    }

    /// Returns the length of the match in virtual time.
    pub fn duration(&self) -> Duration {
        self.step * self.steps
    }

    /// Returns the input of a player at a step.
    pub const fn input(&self, player: usize, step: u32) -> u32 {
        match self.inputs {
            Inputs::Steps => step
                .wrapping_mul(31)
                .wrapping_add((player as u32).wrapping_mul(7))
                .wrapping_add(1),
            Inputs::Counter => step,
            Inputs::Random => self.draw(player, step, 0) as u32,
        }
    }

    /// Returns the bytes of an input in the length of the cell: the number in little-endian order,
    /// followed by the same number again, or by another one if inputs are random.
    pub fn input_bytes(&self, player: usize, step: u32) -> impl Iterator<Item = u8> {
        (0..self.input_bytes).map(move |i| {
            let number = match self.inputs {
                Inputs::Random => self.draw(player, step, i / 4) as u32,
                Inputs::Steps | Inputs::Counter => self.input(player, step),
            };
            number.to_le_bytes()[i % 4]
        })
    }

    const fn draw(&self, player: usize, step: u32, place: usize) -> u64 {
        let draw = Draw::seeded(self.seed).at(player as u64);
        draw.at(step as u64).at(place as u64).bits()
    }

    /// Returns the counts of [ideal](Ideal) players.
    pub fn ideal(&self) -> Vec<Tally> {
        let Self { delay, window, .. } = *self;
        Ideal { delay, window }.play(&mut self.network(), self.steps, self.step)
    }
}

/// The result of a [`Cell`].
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct CellResult {
    /// The name of the cell.
    pub cell: &'static str,
    /// The bytes of payload that a player sent to all other players, per second.
    pub bytes_per_player_s: f64,
    /// The same per simulated tick. A player that stalls sends fewer bytes per second.
    pub bytes_per_player_tick: f64,
    /// The number of packets that a player sent to another one, per second.
    pub packets_per_link_s: f64,
    /// The number of ticks that a player simulated, per second.
    pub ticks_per_s: f64,
    /// The number of rollbacks per 100 ticks.
    pub rollbacks_per_100: f64,
    /// The depth in ticks that 99 of 100 rollbacks do not exceed.
    pub depth_p99: u32,
    /// The mean number of ticks from the last confirmed tick to the next one.
    pub lag_mean: f64,
    /// The maximum of the same.
    pub lag_max: u32,
    /// The number of steps without a new tick, per player and minute.
    pub stalls_per_min: f64,
    /// The same for [ideal](Ideal) players.
    pub ideal_stalls_per_min: f64,
    /// The number of desyncs.
    pub desyncs: u64,
}

impl CellResult {
    /// Sums up the counts of each player of a cell, and those of [`Cell::ideal`]. The tallies of
    /// several matches that differ only in their seeds result in the mean.
    pub fn new(cell: &Cell, tallies: &[Tally], ideal: &[Tally]) -> Self {
        let sum: Tally = tallies.iter().sum();
        let ideal_stalls: u64 = ideal.iter().map(|tally| tally.stalls).sum();
        let seconds = |tallies: &[Tally]| cell.duration().as_secs_f64() * tallies.len() as f64;
        let player_seconds = seconds(tallies);
        let links = cell.players.saturating_sub(1).max(1);
        Self {
            cell: cell.name,
            bytes_per_player_s: sum.sent.bytes as f64 / player_seconds,
            bytes_per_player_tick: ratio(sum.sent.bytes, sum.ticks),
            packets_per_link_s: sum.sent.packets as f64 / player_seconds / links as f64,
            ticks_per_s: sum.ticks as f64 / player_seconds,
            rollbacks_per_100: sum.rollbacks_per_100(),
            depth_p99: sum.depth_quantile(0.99),
            lag_mean: sum.lag_mean(),
            lag_max: sum.lag_max(),
            stalls_per_min: sum.stalls as f64 / player_seconds * 60.0,
            ideal_stalls_per_min: ideal_stalls as f64 / seconds(ideal) * 60.0,
            desyncs: sum.desyncs,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use huddle_session::Lane;

    #[test]
    fn results_are_per_player_link_tick_and_second() {
        // 16 s and 4 players. Each sends 10 bytes to the other players at each step, and stalls at every
        // fourth one.
        let cell = Cell::WIFI_4;
        let mut network = cell.network();
        let tallies: Vec<_> = (0..cell.players)
            .map(|index| {
                let mut tally = Tally::default();
                for n in 0..cell.steps {
                    for other in (0..cell.players).filter(|other| *other != index) {
                        network.send(cell.step * n, index, other, Lane::State, 10, ());
                    }
                    match n % 4 {
                        0 => tally.stalls += 1,
                        lag => tally.advanced(lag),
                    }
                }
                tally.rolled_back(5);
                tally.sent = network.sent_by(index);
                tally
            })
            .collect();
        let mut ideal = [Tally::default(), Tally::default()];
        (ideal[0].stalls, ideal[1].stalls) = (100, 200);
        let result = CellResult::new(&cell, &tallies, &ideal);
        let twice = [tallies.clone(), tallies].concat();
        assert_eq!(CellResult::new(&cell, &twice, &ideal), result);
        let expected = CellResult {
            cell: "4 Wi-Fi",
            bytes_per_player_s: 62.5 * 30.0,
            bytes_per_player_tick: 40.0,
            packets_per_link_s: 62.5,
            ticks_per_s: 62.5 * 0.75,
            rollbacks_per_100: 100.0 / 750.0,
            depth_p99: 5,
            lag_mean: 2.0,
            lag_max: 3,
            stalls_per_min: 62.5 / 4.0 * 60.0,
            ideal_stalls_per_min: 150.0 / 16.0 * 60.0,
            desyncs: 0,
        };
        assert_eq!(result, expected);
    }

    #[test]
    fn inputs_have_the_length_of_the_cell() {
        let cell = Cell {
            input_bytes: 6,
            ..Cell::LAN_2
        };
        let bytes: Vec<_> = cell.input_bytes(1, 100).collect();
        assert_eq!(cell.input(1, 100), 3108);
        assert_eq!(bytes, [0x24, 0x0c, 0, 0, 0x24, 0x0c]);
    }

    #[test]
    fn random_inputs_differ_by_player_step_place_and_seed() {
        let cell = Cell {
            input_bytes: 8,
            inputs: Inputs::Random,
            ..Cell::LAN_2
        };
        let other = Cell { seed: 2, ..cell };
        let bytes =
            |cell: Cell, player, step| -> Vec<_> { cell.input_bytes(player, step).collect() };
        let first = bytes(cell, 0, 0);
        assert_eq!(first[..4], cell.input(0, 0).to_le_bytes());
        assert_ne!(first[..4], first[4..]);
        assert_eq!(bytes(cell, 0, 0), first);
        for different in [bytes(cell, 1, 0), bytes(cell, 0, 1), bytes(other, 0, 0)] {
            assert_ne!(different, first);
        }
    }
}
