use std::time::Duration;

use bytes::Bytes;
use huddle_rollback::{DelayPolicy, InputCodec, RollbackEvent, RollbackSetup};
use huddle_session::{
    Tick, TickRate,
    codec::{DecodeError, EncodeError},
};

use super::{
    game::HashGame,
    player::{Player, peer_id},
};
use crate::{cell::Cell, network::Network, tally::Tally, weather::Weather};

/// The maximum number of steps of a start, which is more than it takes on a perfect network.
const START_STEPS: u32 = 1000;

/// A codec for inputs that are bytes.
struct RawBytes;

impl InputCodec<Vec<u8>> for RawBytes {
    fn encode(&self, input: &Vec<u8>, out: &mut Vec<u8>) -> Result<(), EncodeError> {
        out.extend_from_slice(input);
        Ok(())
    }

    fn decode(&self, bytes: &[u8]) -> Result<Vec<u8>, DecodeError> {
        Ok(bytes.to_vec())
    }

    fn schema(&self) -> String {
        "bytes".to_owned()
    }
}

impl Cell {
    /// Plays the cell with sessions, and returns the counts of each player. The sessions start on a
    /// perfect network. From their first tick on, the network has the weather of the cell, and all
    /// traffic counts. A session simulates a tick at every step in which it can.
    ///
    /// # Panics
    /// Panics if a session does not start, or the cell cannot be played.
    pub fn play(&self) -> Vec<Tally> {
        let mut network = Network::new(self.seed, self.players, self.step, Weather::default());
        let mut players = self.meet();
        let begin = self.start(&mut players, &mut network);
        let mut tallies = vec![Tally::default(); self.players];
        for n in 0..self.steps {
            let now = begin + self.step * n;
            for (index, (player, tally)) in players.iter_mut().zip(&mut tallies).enumerate() {
                // The first tick was simulated at the start.
                let before = if n == 0 { 0 } else { player.session.tick().0 };
                if n > 0 {
                    self.receive_and_step(index, player, n, now, &mut network);
                }
                player.send(now, &mut network);
                let tick = player.session.tick();
                if tick.0 > before {
                    tally.advanced(tick.since(player.session.confirmed()).unsigned_abs() + 1);
                }
            }
        }
        for (index, (player, tally)) in players.iter().zip(&mut tallies).enumerate() {
            assert_eq!(player.errors, Vec::<String>::new(), "all are honest");
            let stats = player.session.stats().copied().unwrap_or_default();
            debug_assert_eq!(tally.ticks, stats.ticks);
            tally.stalls = stats.stalls;
            for (depth, &count) in (0..).zip(&stats.depths) {
                (0..count).for_each(|_| tally.rolled_back(depth));
            }
            let mismatch = |event: &&RollbackEvent| matches!(event, RollbackEvent::Mismatch(_));
            tally.desyncs = player.events.iter().filter(mismatch).count() as u64;
            tally.sent = network.sent_by(index);
        }
        tallies
    }

    fn meet(&self) -> Vec<Player<HashGame>> {
        let seats: Vec<_> = (0..self.players).map(peer_id).collect();
        let mut players: Vec<_> = (0..self.players)
            .map(|index| {
                let setup = RollbackSetup {
                    rate: TickRate::from_hz(1.0 / self.step.as_secs_f64())
                        .expect("the step is a valid tick duration"),
                    codec: Box::new(RawBytes),
                    delay: DelayPolicy::Fixed(self.delay as u8),
                    window: self.window as u8,
                    nonce: self.seed ^ index as u64,
                    ..RollbackSetup::new(peer_id(index), seats.clone())
                };
                let seed = self.seed.wrapping_mul(64).wrapping_add(index as u64);
                Player::new(index, seed, setup, Duration::ZERO)
            })
            .collect();
        for (index, player) in players.iter_mut().enumerate() {
            for other in (0..self.players).filter(|&other| other != index) {
                player.link(other, Duration::ZERO);
            }
        }
        players
    }

    /// Runs steps until all players have simulated their first tick, before any of them sends it.
    /// Returns the time.
    fn start(&self, players: &mut [Player<HashGame>], network: &mut Network<Bytes>) -> Duration {
        for n in 0..START_STEPS {
            let now = self.step * n;
            // A packet arrives after the step that sent it, so that all players start in the same step.
            for (index, player) in players.iter_mut().enumerate() {
                self.receive_and_step(index, player, 0, now, network);
            }
            let started = players
                .iter()
                .filter(|player| player.session.tick() != Tick(0));
            let started = started.count();
            if started == players.len() {
                network.restart(now, self.weather());
                return now;
            }
            assert_eq!(started, 0, "all start in the same step");
            for player in players.iter_mut() {
                player.send(now, network);
            }
        }
        panic!("no player has started after {START_STEPS} steps");
    }

    fn receive_and_step(
        &self,
        index: usize,
        player: &mut Player<HashGame>,
        step: u32,
        now: Duration,
        network: &mut Network<Bytes>,
    ) {
        let cell = *self;
        player.receive_and_step(now, network, &move |_, _| {
            cell.input_bytes(index, step).collect()
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cell::CellResult;

    fn result(cell: Cell) -> CellResult {
        CellResult::new(&cell, &cell.play(), &cell.ideal())
    }

    #[test]
    fn sessions_are_ideal_without_loss() {
        let result = result(Cell::LAN_2);
        assert_eq!((result.stalls_per_min, result.desyncs), (0.0, 0));
        assert_eq!(result.ticks_per_s, 62.5);
        // Only the newest input is missing, and each one differs from its prediction.
        assert_eq!(
            (result.lag_mean, result.lag_max, result.depth_p99),
            (2.0, 2, 1)
        );
        assert_eq!(result.rollbacks_per_100, 99.9);
    }

    #[test]
    fn no_input_is_missing_on_a_lan_with_a_tick_of_delay() {
        let delayed = Cell {
            delay: 1,
            ..Cell::LAN_2
        };
        let result = result(delayed);
        // Except for the first tick.
        assert_eq!((result.rollbacks_per_100, result.lag_mean), (0.1, 1.001));
    }

    #[test]
    fn same_seed_plays_the_same_match() {
        let tallies = Cell::MOBILE_2.play();
        assert_eq!(Cell::MOBILE_2.play(), tallies);
        let other = Cell {
            seed: 2,
            ..Cell::MOBILE_2
        };
        assert_ne!(other.play(), tallies);
    }

    #[test]
    fn no_cell_desyncs_or_stalls_much_more_than_ideal_players() {
        for cell in [Cell::WIFI_2, Cell::MOBILE_2, Cell::WIFI_4, Cell::SEVERE_4] {
            let result = result(cell);
            assert_eq!(result.desyncs, 0, "{}", cell.name);
            let (stalls, ideal) = (result.stalls_per_min, result.ideal_stalls_per_min);
            assert!(
                stalls <= 1.1 * ideal + 5.0,
                "{}: {stalls} {ideal}",
                cell.name
            );
        }
    }
}
