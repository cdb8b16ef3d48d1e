use std::{
    any::Any,
    fmt,
    panic::{self, AssertUnwindSafe},
    time::Duration,
};

use super::{
    condition::Condition,
    fault::Fault,
    game::HashGame,
    generate::{Plan, Recipe, faults, plan},
    simulation::Simulation,
};

/// A match that a seed determines: the settings and inputs of the players, the network, and the faults. The
/// oracle checks the match while it runs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Scenario {
    /// The conditions.
    pub condition: Condition,
    /// The number of players.
    pub players: usize,
    /// The seed of all random values.
    pub seed: u64,
    /// The length of the match.
    pub length: Duration,
    /// The numbers of the faults that are left out.
    pub without: Vec<usize>,
}

impl fmt::Display for Scenario {
    /// Writes the arguments of `cargo xtask sim`.
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

/// The error for a scenario that failed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{what}\n  again with: cargo xtask sim {scenario}")]
pub struct Failure {
    /// The scenario.
    pub scenario: Scenario,
    /// The first failure.
    pub what: String,
}

impl Scenario {
    /// Creates a scenario with all faults that its seed determines.
    pub fn new(condition: Condition, players: usize, seed: u64, length: Duration) -> Self {
        Self {
            condition,
            players,
            seed,
            length,
            without: Vec::new(),
        }
    }

    /// Plays the match.
    ///
    /// # Errors
    /// Returns an error if the oracle finds a failure, or a player panics.
    pub fn run(&self) -> Result<Simulation<HashGame>, Failure> {
        let played = panic::catch_unwind(AssertUnwindSafe(|| {
            let mut simulation = self.simulation();
            simulation.run_until(self.length);
            simulation.verdict()?;
            Ok(simulation)
        }));
        let played = played.unwrap_or_else(|panic| Err(format!("panic: {}", message(&*panic))));
        played.map_err(|what| Failure {
            scenario: self.clone(),
            what,
        })
    }

    /// Reduces a failure to a match that is shorter, has fewer faults and fewer players, and still
    /// fails.
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

    /// Returns smaller scenarios, the smallest first.
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

    /// Returns all faults that the seed determines. [`without`](Self::without) contains indices of
    /// this list.
    pub fn all_faults(&self) -> Vec<Fault> {
        let recipe = self.recipe();
        faults(&recipe, &mut recipe.rng().fork())
    }

    fn recipe(&self) -> Recipe {
        Recipe {
            condition: self.condition,
            players: self.players,
            seed: self.seed,
            length: self.length,
        }
    }

    /// Creates the simulation, before anything has happened.
    pub fn simulation(&self) -> Simulation<HashGame> {
        let Plan {
            conditions,
            setups,
            restart,
            bounds,
        } = plan(&self.recipe(), &self.without);
        let mut simulation = Simulation::new(conditions, setups);
        simulation.set_restart(restart);
        simulation.set_bounds(bounds);
        simulation
    }
}

/// Returns the message of a panic.
fn message(panic: &(dyn Any + Send)) -> &str {
    let text = panic.downcast_ref::<String>().map(String::as_str);
    text.or_else(|| panic.downcast_ref::<&str>().copied())
        .unwrap_or("no message")
}
