use std::{
    any::Any,
    fmt,
    panic::{self, AssertUnwindSafe},
    str::FromStr,
    time::Duration,
};

use fastrand::Rng;
use huddle_rollback::{Decay, DelayPolicy, PredictDefault, RepeatLast, RollbackSetup, Seat};
use huddle_session::Tick;

use super::{
    fault::{Fault, Trouble},
    game::HashGame,
    simulation::{Conditions, Simulation},
};
use crate::weather::{Burst, Weather};

/// What a game is put through.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Condition {
    /// Nothing is lost, and little late.
    Clean,
    /// 5 % are lost, and up to 40 ms later than others.
    Lossy,
    /// 30 % are lost in bursts, and up to 300 ms later than others.
    Bursty,
    /// Players are parted for a time, leave, are removed, stand still.
    Parting,
    /// Nearly half of the players vanish together.
    Vanishing,
}

impl Condition {
    /// All of them.
    pub const ALL: [Self; 5] = [
        Self::Clean,
        Self::Lossy,
        Self::Bursty,
        Self::Parting,
        Self::Vanishing,
    ];

    const fn name(self) -> &'static str {
        match self {
            Self::Clean => "clean",
            Self::Lossy => "lossy",
            Self::Bursty => "bursty",
            Self::Parting => "parting",
            Self::Vanishing => "vanishing",
        }
    }
}

impl fmt::Display for Condition {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

/// A name that is none of a condition.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("there is no condition '{0}': choose from clean, lossy, bursty, parting and vanishing")]
pub struct UnknownCondition(String);

impl FromStr for Condition {
    type Err = UnknownCondition;

    fn from_str(name: &str) -> Result<Self, UnknownCondition> {
        let named = Self::ALL
            .into_iter()
            .find(|condition| condition.name() == name);
        named.ok_or_else(|| UnknownCondition(name.to_owned()))
    }
}

/// A whole game that comes of a seed: its players' settings and habits, its network, and what goes
/// wrong. The oracle checks it while it is played.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Scenario {
    /// What it is put through.
    pub condition: Condition,
    /// How many play.
    pub players: usize,
    /// What everything random depends on.
    pub seed: u64,
    /// How long it takes.
    pub length: Duration,
    /// Of the faults that come of the seed, which are left out.
    pub without: Vec<usize>,
}

impl fmt::Display for Scenario {
    /// As the arguments of `cargo xtask sim`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            condition,
            players,
            seed,
            length,
            without,
        } = self;
        let seconds = length.as_secs_f64();
        write!(
            f,
            "--condition {condition} --players {players} --seed {seed} --seconds {seconds}"
        )?;
        for fault in without {
            write!(f, " --without {fault}")?;
        }
        Ok(())
    }
}

/// A scenario in which something came out that must not.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{what}\n  again with: cargo xtask sim {scenario}")]
pub struct Failure {
    /// The scenario.
    pub scenario: Scenario,
    /// What it was.
    pub what: String,
}

impl Scenario {
    /// A scenario with all that comes of its seed.
    pub fn new(condition: Condition, players: usize, seed: u64, length: Duration) -> Self {
        Self {
            condition,
            players,
            seed,
            length,
            without: Vec::new(),
        }
    }

    /// Plays it.
    ///
    /// # Errors
    /// If players disagree, wait for ever, or could not start, or anything panics.
    pub fn run(&self) -> Result<Simulation<HashGame>, Failure> {
        let played = panic::catch_unwind(AssertUnwindSafe(|| {
            let mut simulation = self.simulation();
            simulation.run_until(self.length);
            simulation.verdict()?;
            if matches!(self.condition, Condition::Clean | Condition::Lossy) {
                simulation.check_streams()?;
            }
            Ok(simulation)
        }));
        let played = played.unwrap_or_else(|panic| Err(format!("panic: {}", words_of(&*panic))));
        played.map_err(|what| Failure {
            scenario: self.clone(),
            what,
        })
    }

    /// The least that still fails: shorter, with fewer faults and fewer players.
    pub fn shrink(failure: Failure, progress: impl Fn(&Scenario)) -> Failure {
        let mut least = failure;
        loop {
            let smaller = least.scenario.smaller();
            let Some(fails) = smaller.into_iter().find_map(|scenario| {
                progress(&scenario);
                scenario.run().err()
            }) else {
                return least;
            };
            least = fails;
        }
    }

    /// What may fail as well and is less, the least first.
    fn smaller(&self) -> Vec<Self> {
        let mut smaller = Vec::new();
        for share in [4, 2] {
            let length = self.length * (share - 1) / share;
            if length > Duration::from_secs(2) {
                smaller.push(Self {
                    length,
                    ..self.clone()
                });
            }
        }
        if self.players > 2 {
            smaller.push(Self {
                players: self.players - 1,
                ..self.clone()
            });
        }
        for fault in 0..self.all_faults().len() {
            if !self.without.contains(&fault) {
                let without = self.without.iter().copied().chain([fault]).collect();
                smaller.push(Self {
                    without,
                    ..self.clone()
                });
            }
        }
        smaller
    }

    fn rng(&self) -> Rng {
        Rng::with_seed(self.seed ^ (self.condition as u64) << 56 ^ (self.players as u64) << 48)
    }

    /// All that comes of the seed and goes wrong, by the numbers that [`without`](Self::without)
    /// names.
    pub fn all_faults(&self) -> Vec<Fault> {
        self.faults(&mut self.rng().fork())
    }

    /// The simulation, before anything has happened.
    pub fn simulation(&self) -> Simulation<HashGame> {
        let mut rng = self.rng();
        let faults = self.faults(&mut rng.fork());
        let faults = faults.into_iter().enumerate();
        let faults = faults
            .filter(|(i, _)| !self.without.contains(i))
            .map(|(_, fault)| fault);
        let seed = self.seed;
        // Long inputs that never rest would only take time.
        let (hold, len) = match rng.u8(0..10) {
            0 => (rng.u32(20..40), rng.usize(0..300)),
            _ => (rng.u32(1..30), rng.usize(0..6)),
        };
        let conditions = Conditions {
            seed,
            weather: self.weather(&mut rng),
            faults: faults.collect(),
            drift: (0..self.players)
                .map(|_| 1.0 + 0.002 * (rng.f64() - 0.5))
                .collect(),
            follows_speed: true,
            starts_fine: false,
            begins: (0..self.players)
                .map(|_| Duration::from_millis(rng.u64(0..400)))
                .collect(),
            inputs: Box::new(move |seat, tick| habit(seed, hold, len, seat, tick)),
        };
        // Some have two seats, if there is room.
        let doubled = rng.usize(0..2 * self.players);
        let seats: Vec<_> = (0..self.players)
            .chain((doubled < self.players && self.players < 8).then_some(doubled))
            .map(Simulation::<HashGame>::peer)
            .collect();
        let window = if rng.f64() < 0.1 {
            rng.u8(0..3)
        } else {
            rng.u8(4..14)
        };
        let checksum_every = match rng.u8(0..8) {
            0 => 0,
            _ => rng.u16(1..60),
        };
        let setups = (0..self.players).map(|me| RollbackSetup {
            nonce: rng.u64(..),
            window,
            start_limit: Duration::from_secs(60),
            save_every: rng.u8(1..5),
            checksum_every,
            sync_test: (rng.u8(0..10) == 0).then(|| rng.u8(1..10)),
            delay: match rng.bool() {
                true => DelayPolicy::Fixed(rng.u8(0..5)),
                false => DelayPolicy::default(),
            },
            predict: match rng.u8(0..3) {
                0 => Box::new(PredictDefault),
                1 => Box::new(Decay { ticks: 5 }),
                _ => Box::new(RepeatLast),
            },
            patience: match self.condition {
                Condition::Parting => Duration::from_millis(rng.u64(1000..5000)),
                _ => Duration::from_secs(5),
            },
            ..RollbackSetup::new(Simulation::<HashGame>::peer(me), seats.clone())
        });
        let setups: Vec<_> = setups.collect();
        Simulation::new(conditions, setups)
    }

    fn weather(&self, rng: &mut Rng) -> Weather {
        let ms = Duration::from_millis;
        let way = Weather {
            delay: ms(rng.u64(1..60)),
            ..Weather::default()
        };
        match self.condition {
            Condition::Clean => Weather {
                jitter: ms(rng.u64(0..4)),
                ..way
            },
            Condition::Lossy => Weather {
                loss: 0.05,
                jitter: ms(40),
                duplication: 0.02,
                ..way
            },
            Condition::Bursty => Weather {
                loss: 0.02,
                burst: Some(Burst {
                    begins: 0.045,
                    ends: 0.1,
                    loss: 0.95,
                }),
                jitter: ms(300),
                duplication: 0.05,
                ..way
            },
            Condition::Parting | Condition::Vanishing => Weather {
                loss: 0.05 * rng.f64(),
                jitter: ms(rng.u64(0..40)),
                ..way
            },
        }
    }

    /// All that goes wrong.
    fn faults(&self, rng: &mut Rng) -> Vec<Fault> {
        let mut faults = match self.condition {
            Condition::Clean | Condition::Lossy | Condition::Bursty => Vec::new(),
            Condition::Parting => self.partings(rng),
            Condition::Vanishing => self.vanishings(rng),
        };
        // A machine that hitches.
        for _ in 0..rng.usize(0..4) {
            let what = Trouble::Freeze(
                rng.usize(0..self.players),
                Duration::from_millis(rng.u64(50..900)),
            );
            faults.push(Fault {
                at: self.moment(rng),
                what,
            });
        }
        faults.sort_by_key(|fault| fault.at);
        faults
    }

    /// A moment in the game, so early that its consequences can be seen.
    fn moment(&self, rng: &mut Rng) -> Duration {
        let first = Duration::from_secs(4);
        let last = self
            .length
            .saturating_sub(Duration::from_secs(16))
            .max(first);
        first + (last - first).mul_f64(rng.f64())
    }

    fn partings(&self, rng: &mut Rng) -> Vec<Fault> {
        let mut players: Vec<_> = (0..self.players).collect();
        rng.shuffle(&mut players);
        let mut faults = Vec::new();
        let lasts = |rng: &mut Rng| {
            Duration::from_millis(match rng.bool() {
                true => rng.u64(100..3000),
                false => rng.u64(3000..20_000),
            })
        };
        for _ in 0..rng.usize(1..4) {
            let what = match rng.u8(0..6) {
                0 => Trouble::Leave(players[rng.usize(0..self.players)]),
                1 => Trouble::Remove(players[rng.usize(0..self.players)]),
                2 => Trouble::Vanish {
                    players: vec![players[rng.usize(0..self.players)]],
                    noticed_after: Duration::from_millis(rng.u64(300..600)),
                },
                3 => {
                    let side = players[..rng.usize(1..self.players)].to_vec();
                    Trouble::Partition {
                        side,
                        lasts: lasts(rng),
                    }
                }
                // It may be given up, and go on before that is decided.
                4 => Trouble::Freeze(
                    players[rng.usize(0..self.players)],
                    Duration::from_millis(rng.u64(900..2900)),
                ),
                _ => Trouble::Cut(players[0], players[1], lasts(rng)),
            };
            faults.push(Fault {
                at: self.moment(rng),
                what,
            });
        }
        faults
    }

    fn vanishings(&self, rng: &mut Rng) -> Vec<Fault> {
        let mut players: Vec<_> = (0..self.players).collect();
        rng.shuffle(&mut players);
        players.truncate((self.players * 3).div_ceil(8).min(self.players - 1));
        let noticed_after = Duration::from_millis(match rng.bool() {
            true => rng.u64(300..600),
            false => 60_000,
        });
        let at = self.moment(rng);
        match rng.bool() {
            true => vec![Fault {
                at,
                what: Trouble::Vanish {
                    players,
                    noticed_after,
                },
            }],
            // Nearly together.
            false => players
                .into_iter()
                .map(|player| Fault {
                    at: at + Duration::from_millis(rng.u64(0..400)),
                    what: Trouble::Vanish {
                        players: vec![player],
                        noticed_after,
                    },
                })
                .collect(),
        }
    }
}

/// What a panic says.
fn words_of(panic: &(dyn Any + Send)) -> &str {
    let text = panic.downcast_ref::<String>().map(String::as_str);
    text.or_else(|| panic.downcast_ref::<&str>().copied())
        .unwrap_or("without words")
}

/// What a player does: something else after some ticks, more or less.
fn habit(seed: u64, hold: u32, len: usize, seat: Seat, tick: Tick) -> Vec<u8> {
    let mut rng = Rng::with_seed(seed ^ u64::from(seat.0) << 40 ^ u64::from(tick.0 / hold) << 8);
    let held: Vec<_> = (0..len).map(|_| rng.u8(..)).collect();
    match held.first() {
        Some(0..32) => held
            .into_iter()
            .map(|byte| byte.wrapping_add(tick.0 as u8))
            .collect(),
        Some(32..48) => Vec::new(),
        _ => held,
    }
}
