use std::time::Duration;

use huddle_session::Lane;

use super::{network::Network, tally::Tally};

/// Players without a protocol. At every step, including steps in which it stalls, each player sends all of
/// its inputs to all other players in one packet of size 0. Only the network determines when inputs
/// arrive. Inputs never repeat, so every prediction is wrong.
///
/// No session can receive inputs earlier over the same network. The stalls of these players are
/// therefore the baseline for the stalls of a session.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Ideal {
    /// The input delay in ticks. All players know the inputs of the first ticks.
    pub delay: u32,
    /// The prediction window in ticks. With 0, a tick needs all of its inputs.
    pub window: u32,
}

/// An ideal player.
struct Player {
    /// The next tick to simulate.
    next: u32,
    /// The first tick of each player whose input is not known.
    known: Vec<u32>,
    tally: Tally,
}

impl Ideal {
    /// Plays with all players of a new network.
    pub fn play(self, network: &mut Network<u32>, steps: u32, step: Duration) -> Vec<Tally> {
        let count = network.players();
        let mut players: Vec<_> = (0..count)
            .map(|_| Player {
                next: 0,
                known: vec![self.delay; count],
                tally: Tally::default(),
            })
            .collect();
        for now in (0..steps).map(|n| step * n) {
            for (index, player) in players.iter_mut().enumerate() {
                player.receive(now, index, network);
                // A player samples an input when its tick is due, even if the tick has to wait. No
                // player can be earlier.
                player.known[index] = player.next + self.delay + 1;
                for other in (0..count).filter(|other| *other != index) {
                    network.send(now, index, other, Lane::State, 0, player.known[index]);
                }
                player.simulate(self.window);
            }
        }
        players.into_iter().map(|player| player.tally).collect()
    }
}

impl Player {
    fn receive(&mut self, now: Duration, index: usize, network: &mut Network<u32>) {
        let mut wrong_from = self.next;
        while let Some(arrival) = network.receive(now, index) {
            let known = &mut self.known[arrival.from];
            if arrival.packet > *known {
                wrong_from = wrong_from.min(*known);
                *known = arrival.packet;
            }
        }
        if wrong_from < self.next {
            self.tally.rolled_back(self.next - wrong_from);
        }
    }

    fn simulate(&mut self, window: u32) {
        let known = self.known.iter().copied().min().unwrap_or(0);
        if self.next < known + window {
            self.next += 1;
            self.tally.advanced((self.next + 1).saturating_sub(known));
        } else {
            self.tally.stalls += 1;
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::{cell::Cell, weather::Weather};

    const STEP: Duration = Duration::from_millis(16);

    fn play(weather: Weather, steps: u32, delay: u32, window: u32) -> Tally {
        let mut network = Network::new(1, 2, STEP, weather);
        let tallies = Ideal { delay, window }.play(&mut network, steps, STEP);
        tallies.iter().sum()
    }

    /// Returns the stalls per player and minute.
    fn severe_stalls(window: u32) -> f64 {
        let seeds = 1..=8;
        let stalls = seeds.clone().map(|seed| {
            let cell = Cell {
                window,
                seed,
                ..Cell::SEVERE_4
            };
            cell.ideal().iter().sum::<Tally>().stalls
        });
        let minutes = Cell::SEVERE_4.duration().as_secs_f64() / 60.0;
        stalls.sum::<u64>() as f64 / minutes / 4.0 / seeds.count() as f64
    }

    #[test]
    fn stalls_on_a_severe_network_match_an_independent_model() {
        // Another model with other random numbers has about 430, and 770 with one tick less.
        let (eight, seven) = (severe_stalls(8), severe_stalls(7));
        assert!((390.0..470.0).contains(&eight), "{eight}");
        assert!((690.0..850.0).contains(&seven), "{seven}");
    }

    #[test]
    fn only_the_newest_input_is_missing_on_a_fast_network() {
        let quick = Weather::from_rtt(Duration::from_millis(10));
        let tally = play(quick, 100, 0, 8);
        assert_eq!((tally.ticks, tally.stalls), (200, 0));
        // Only the first step corrects nothing.
        assert_eq!((tally.rollbacks, tally.depth_quantile(1.0)), (198, 1));
        assert_eq!((tally.lag_mean(), tally.lag_max()), (2.0, 2));
        assert_eq!(play(quick, 100, 1, 8).rollbacks, 0);
    }

    #[test]
    fn late_copy_has_no_effect() {
        let once = Weather {
            jitter: STEP * 4,
            ..Weather::from_rtt(STEP * 2)
        };
        let twice = Weather {
            duplication: 1.0,
            ..once
        };
        let (once, twice) = (play(once, 500, 0, 4), play(twice, 500, 0, 4));
        assert!(twice.stalls < once.stalls && twice.lag_mean() < once.lag_mean());
    }

    #[test]
    fn lockstep_waits_for_every_input() {
        // An input arrives 4 steps after it was sampled. The next one is sampled a step later.
        let slow = Weather::from_rtt(Duration::from_millis(100));
        let tally = play(slow, 100, 0, 0);
        assert_eq!((tally.ticks, tally.rollbacks), (2 * 20, 0));
        assert_eq!(play(slow, 100, 3, 0).stalls, 2 * 20);
        assert_eq!(play(slow, 100, 4, 0).stalls, 0);
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(32))]

        #[test]
        fn tick_of_delay_replaces_a_tick_of_prediction(
            loss in 0.0..0.5,
            rtt in 0u64..400,
            (delay, window) in (0u32..4, 1u32..10),
        ) {
            let weather = Weather {
                loss,
                ..Weather::from_rtt(Duration::from_millis(rtt))
            };
            let predicted = play(weather, 200, delay, window);
            let delayed = play(weather, 200, delay + 1, window - 1);
            prop_assert_eq!(predicted.stalls, delayed.stalls);
            prop_assert!(predicted.rollbacks >= delayed.rollbacks);
        }
    }
}
