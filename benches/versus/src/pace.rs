use std::time::Duration;

use huddle_rollback::{DelayPolicy, RollbackSetup};
use huddle_session::TickRate;
use huddle_sim::{Conditions, Fault, HashGame, Simulation, Trouble, Weather};

const MS: Duration = Duration::from_millis(1);

/// When one machine stands still for five ticks.
const HITCH: Duration = Duration::from_secs(10);

/// From when on players are taken to be as near to each other as they come.
const SETTLED: Duration = Duration::from_secs(20);

/// How long they are watched then.
const WATCHED: Duration = Duration::from_secs(20);

/// Two players whose clocks follow each other.
struct Trial {
    name: &'static str,
    /// One way and the other.
    ways: [Weather; 2],
    delays: [u8; 2],
}

pub(crate) fn run() {
    println!(
        "\n## Two players who fall 5 ticks apart, 60 Hz\n\n\
         | | within half a tick after | apart on average | at most |\n|---|--:|--:|--:|"
    );
    let way = |ms: u32, jitter: u32| Weather {
        delay: MS * ms,
        jitter: MS * jitter,
        ..Weather::default()
    };
    let wifi = [way(50, 20); 2];
    for trial in [
        Trial {
            name: "50 ms each way, jitter 20 ms",
            ways: wifi,
            delays: [0, 0],
        },
        Trial {
            name: "the same, input delays 0 and 4",
            ways: wifi,
            delays: [0, 4],
        },
        Trial {
            name: "10 ms one way, 200 ms the other",
            ways: [way(10, 0), way(200, 0)],
            delays: [0, 0],
        },
    ] {
        let result = trial.run();
        let after = result.settles.map_or("never".to_owned(), |after| {
            format!("{:.1} s", after.as_secs_f64())
        });
        println!(
            "| {} | {after} | {:+.2} | {:.2} |",
            trial.name, result.mean, result.most
        );
    }
}

struct Settled {
    /// How long after the hitch they are within half a tick of where they come to rest, for good.
    settles: Option<Duration>,
    /// By how many ticks the first is ahead of the second on average, once they have settled.
    mean: f64,
    most: f64,
}

/// Where a player is between two ticks.
#[derive(Clone, Copy, Default)]
struct Clock {
    tick: u32,
    since: Duration,
}

impl Trial {
    fn run(&self) -> Settled {
        let peers = || (0..2).map(Simulation::<HashGame>::peer).collect::<Vec<_>>();
        let conditions = Conditions {
            seed: 1,
            weather: self.ways[0],
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
        let setups = (0..2).map(|me| RollbackSetup {
            delay: DelayPolicy::Fixed(self.delays[me]),
            // So that nobody waits for inputs, which would bring them together too.
            window: 40,
            ..RollbackSetup::new(Simulation::<HashGame>::peer(me), peers())
        });
        let mut simulation = Simulation::<HashGame>::new(conditions, setups);
        simulation.set_weather(1, 0, self.ways[1]);

        let period = TickRate::default().period().as_secs_f64();
        let mut clocks = [Clock::default(); 2];
        let mut apart = Vec::new();
        while simulation.now() < SETTLED + WATCHED {
            let now = simulation.now() + MS;
            simulation.run_until(now);
            for (me, clock) in clocks.iter_mut().enumerate() {
                let tick = simulation.session(me).tick().0;
                if tick != clock.tick {
                    *clock = Clock { tick, since: now };
                }
            }
            let position = |clock: Clock| {
                let passed = now.saturating_sub(clock.since).as_secs_f64();
                f64::from(clock.tick) + (passed / period).min(1.0)
            };
            apart.push((now, position(clocks[0]) - position(clocks[1])));
        }
        simulation.verdict().expect("nothing goes wrong");

        let settled = apart.iter().filter(|(at, _)| *at >= SETTLED);
        let settled: Vec<_> = settled.map(|(_, apart)| *apart).collect();
        let mean = settled.iter().sum::<f64>() / settled.len() as f64;
        let last_far = apart
            .iter()
            .rfind(|(at, apart)| *at > HITCH && (apart - mean).abs() > 0.5);
        Settled {
            settles: last_far
                .filter(|(at, _)| *at < SETTLED + WATCHED - MS)
                .map(|(at, _)| *at - HITCH),
            mean,
            most: settled
                .iter()
                .fold(0.0, |most, apart| f64::max(most, apart.abs())),
        }
    }
}
