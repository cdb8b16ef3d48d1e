//! Measures how fast clocks converge after a freeze.

use std::time::Duration;

use huddle_rollback::{DelayPolicy, RollbackSetup};
use huddle_session::TickRate;
use huddle_sim::{Conditions, Fault, HashGame, Simulation, Trouble, Weather};

const MS: Duration = Duration::from_millis(1);

/// The time when one machine freezes for five ticks.
const HITCH: Duration = Duration::from_secs(10);

/// The time when the clocks have converged.
const SETTLED: Duration = Duration::from_secs(20);

/// The duration of the measurement after that.
const MEASURED: Duration = Duration::from_secs(20);

/// Two players whose clocks follow each other.
struct Trial {
    name: &'static str,
    /// The conditions in each direction.
    directions: [Weather; 2],
    delays: [u8; 2],
}

pub(crate) fn run() {
    println!(
        "\n## Two players after a freeze of 5 ticks, 60 Hz\n\n\
         | | within half a tick after | mean offset | maximum |\n|---|--:|--:|--:|"
    );
    let direction = |ms: u32, jitter: u32| Weather {
        delay: MS * ms,
        jitter: MS * jitter,
        ..Weather::default()
    };
    let wifi = [direction(50, 20); 2];
    for trial in [
        Trial {
            name: "50 ms each way, jitter 20 ms",
            directions: wifi,
            delays: [0, 0],
        },
        Trial {
            name: "the same, input delays 0 and 4",
            directions: wifi,
            delays: [0, 4],
        },
        Trial {
            name: "10 ms one way, 200 ms the other",
            directions: [direction(10, 0), direction(200, 0)],
            delays: [0, 0],
        },
    ] {
        let result = trial.run();
        let after = result.settles.map_or("never".to_owned(), |after| {
            format!("{:.1} s", after.as_secs_f64())
        });
        println!(
            "| {} | {after} | {:+.2} | {:.2} |",
            trial.name, result.mean, result.max
        );
    }
}

/// The offset between the clocks of two players: how many ticks the first one is ahead.
struct Offset {
    /// The time after the freeze from which the offset stays within half a tick of its mean.
    settles: Option<Duration>,
    /// The mean offset in ticks after [`SETTLED`].
    mean: f64,
    /// The maximum absolute offset in ticks after [`SETTLED`].
    max: f64,
}

/// The current tick of a player, and the time when it started.
#[derive(Clone, Copy, Default)]
struct Clock {
    tick: u32,
    since: Duration,
}

impl Trial {
    fn run(&self) -> Offset {
        let peers = || (0..2).map(Simulation::<HashGame>::peer).collect::<Vec<_>>();
        let conditions = Conditions {
            seed: 1,
            weather: self.directions[0],
            faults: vec![Fault {
                at: HITCH,
                what: Trouble::Freeze(1, TickRate::default().period() * 5),
            }],
            drift: Vec::new(),
            follows_speed: true,
            starts_fine: false,
            begins: Vec::new(),
            inputs: Box::new(|_, tick| vec![(tick.0 / 20) as u8]),
        };
        let setups = (0..2).map(|player| RollbackSetup {
            delay: DelayPolicy::Fixed(self.delays[player]),
            // With this window, no player waits for inputs. Waiting would also align the clocks.
            window: 40,
            ..RollbackSetup::new(Simulation::<HashGame>::peer(player), peers())
        });
        let mut simulation = Simulation::<HashGame>::new(conditions, setups);
        simulation.set_weather(1, 0, self.directions[1]);

        let period = TickRate::default().period().as_secs_f64();
        let mut clocks = [Clock::default(); 2];
        let mut offsets = Vec::new();
        while simulation.now() < SETTLED + MEASURED {
            let now = simulation.now() + MS;
            simulation.run_until(now);
            for (player, clock) in clocks.iter_mut().enumerate() {
                let tick = simulation.session(player).tick().0;
                if tick != clock.tick {
                    *clock = Clock { tick, since: now };
                }
            }
            let position = |clock: Clock| {
                let passed = now.saturating_sub(clock.since).as_secs_f64();
                f64::from(clock.tick) + (passed / period).min(1.0)
            };
            offsets.push((now, position(clocks[0]) - position(clocks[1])));
        }
        simulation.verdict().expect("a match without errors");

        let settled = offsets.iter().filter(|(at, _)| *at >= SETTLED);
        let settled: Vec<_> = settled.map(|(_, offset)| *offset).collect();
        let mean = settled.iter().sum::<f64>() / settled.len() as f64;
        let last_far = offsets
            .iter()
            .rfind(|(at, offset)| *at > HITCH && (offset - mean).abs() > 0.5);
        Offset {
            settles: last_far
                .filter(|(at, _)| *at < SETTLED + MEASURED - MS)
                .map(|(at, _)| *at - HITCH),
            mean,
            max: settled
                .iter()
                .fold(0.0, |max, offset| f64::max(max, offset.abs())),
        }
    }
}
