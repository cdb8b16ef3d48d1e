//! The command line options.

use std::{ops::RangeInclusive, time::Duration};

use clap::{ArgAction, CommandFactory, Parser, error::ErrorKind};
use huddle_rollback::{MAX_INPUT_LEN, MAX_SEATS};
use huddle_sim::{Cell, Condition, Inputs, Scenario};

/// The default number of matches of each kind that `--all` plays.
const SEEDS: u64 = 200;

/// The default length of a scenario in seconds.
const SECONDS: f64 = 120.0;

/// Plays whole rollback matches on a virtual clock and network. This is much faster than real time,
/// and the same arguments produce the same match on every machine.
///
/// To measure traffic, rollbacks and stalls:
///
///     cargo xtask sim --sweep
///     cargo xtask sim --players 4 --loss 2 --rtt 80 --jitter 15 --input-bytes 4 --delay 1 --window 8
///
/// To check that all players agree despite faults:
///
///     cargo xtask sim --condition parting --players 8 --seed 7
///     cargo xtask sim --all
#[derive(Debug, Parser)]
#[command(
    bin_name = "cargo xtask sim",
    verbatim_doc_comment,
    arg_required_else_help = true,
    allow_negative_numbers = true
)]
pub(crate) struct Options {
    /// Play all cells of the comparison with other libraries
    #[arg(long, conflicts_with_all = CELL)]
    sweep: bool,
    /// Play many matches on all cores, under every condition or under that of `--condition`, and
    /// reduce failures to short matches
    #[arg(long, conflicts_with_all = CELL, conflicts_with_all = ["sweep", "without", "seed", "json"])]
    all: bool,
    /// Play one match under this condition, with faults that the seed determines: clean, lossy,
    /// bursty, parting, vanishing, unchecked, withdrawn, unlinked, restarting, hidden, adjusting,
    /// uneven, hitching or long
    #[arg(long, conflicts_with_all = NOT_OF_SCENARIOS, conflicts_with_all = ["sweep", "json"])]
    condition: Option<Condition>,
    /// Leave out the fault with this number; repeat the option for several faults
    #[arg(long, value_name = "F", requires = "condition", action = ArgAction::Append)]
    without: Vec<usize>,
    /// Number of players, from 2 to 16 [default: 2]
    #[arg(long, value_name = "N", value_parser = players)]
    players: Option<usize>,
    /// Packet loss in percent [default: 0]
    #[arg(long, value_name = "PCT", value_parser = percent)]
    loss: Option<f64>,
    /// Round-trip time in ms, without jitter [default: 10]
    #[arg(long, value_name = "MS", value_parser = milliseconds)]
    rtt: Option<Duration>,
    /// Maximum additional delay of a packet in ms, each way [default: 0]
    #[arg(long, value_name = "MS", value_parser = milliseconds)]
    jitter: Option<Duration>,
    /// Length of an input in bytes [default: 4]
    #[arg(long, value_name = "B", value_parser = input_bytes)]
    input_bytes: Option<usize>,
    /// Kind of inputs: steps (31 per tick), counter (1 per tick) or random [default: steps]
    #[arg(long, value_name = "KIND", value_parser = inputs)]
    inputs: Option<Inputs>,
    /// Input delay in ticks, from 0 to 15 [default: 0]
    #[arg(long, value_name = "TICKS", value_parser = delay)]
    delay: Option<u32>,
    /// Prediction window in ticks, from 0 (lockstep) to 64 [default: 8]
    #[arg(long, value_name = "W", value_parser = window)]
    window: Option<u32>,
    /// Seed of all random values [default: 1]
    #[arg(long, value_name = "S")]
    seed: Option<u64>,
    /// Number of matches with different seeds: of each cell, to print the means [default: 1], or of
    /// each kind of `--all` [default: 200]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..=1_000_000))]
    seeds: Option<u64>,
    /// Length of a match in seconds [default: 16 for cells, 120 for conditions]
    #[arg(long, value_name = "T", value_parser = seconds)]
    seconds: Option<f64>,
    /// Print a JSON object for each cell instead of a table
    #[arg(long)]
    json: bool,
}

/// The options that describe one cell.
const CELL: [&str; 8] = [
    "players",
    "loss",
    "rtt",
    "jitter",
    "input_bytes",
    "inputs",
    "delay",
    "window",
];

/// The options that `--condition` does not allow, because the seed determines their values.
const NOT_OF_SCENARIOS: [&str; 7] = [
    "loss",
    "rtt",
    "jitter",
    "input_bytes",
    "inputs",
    "delay",
    "window",
];

/// The matches to play.
#[derive(Debug, PartialEq)]
pub(crate) enum Plan {
    /// Each cell with a number of seeds.
    Cells {
        cells: Vec<Cell>,
        seeds: u64,
        json: bool,
    },
    /// One match.
    Match(Scenario),
    /// Each condition with a number of seeds, or only one condition.
    Matrix {
        only: Option<Condition>,
        seeds: u64,
        length: Duration,
    },
}

impl Options {
    /// Returns the matches that these options describe.
    ///
    /// # Errors
    /// Returns an error if `--without` names a fault that does not exist, or `--seeds` is used with a
    /// single match.
    pub(crate) fn plan(self) -> Result<Plan, clap::Error> {
        let length = Duration::from_secs_f64(self.seconds.unwrap_or(SECONDS));
        if self.all {
            return Ok(Plan::Matrix {
                only: self.condition,
                seeds: self.seeds.unwrap_or(SEEDS),
                length,
            });
        }
        if let Some(condition) = self.condition {
            if self.seeds.is_some() {
                let text = "add `--all` to play several matches under a condition";
                return Err(Self::command().error(ErrorKind::ArgumentConflict, text));
            }
            let players = self.players.unwrap_or(2);
            let mut scenario = Scenario::new(condition, players, self.seed.unwrap_or(1), length);
            let faults = scenario.all_faults().len();
            if let Some(&fault) = self.without.iter().find(|&&fault| fault >= faults) {
                return Err(Self::command().error(
                    ErrorKind::ValueValidation,
                    format!(
                        "there is no fault {fault}: this match has {faults} faults, numbered from 0. Play it without \
                         `--without` to list them"
                    ),
                ));
            }
            scenario.without = self.without;
            return Ok(Plan::Match(scenario));
        }
        let cells = match self.sweep {
            true => Cell::SWEEP.to_vec(),
            false => vec![self.cell()],
        };
        let cells = cells.into_iter().map(|cell| Cell {
            seed: self.seed.unwrap_or(cell.seed),
            steps: self.seconds.map_or(cell.steps, |seconds| {
                (seconds / cell.step.as_secs_f64()).round().max(1.0) as u32
            }),
            ..cell
        });
        Ok(Plan::Cells {
            cells: cells.collect(),
            seeds: self.seeds.unwrap_or(1),
            json: self.json,
        })
    }

    fn cell(&self) -> Cell {
        let default = Cell::LAN_2;
        Cell {
            name: "custom",
            players: self.players.unwrap_or(default.players),
            loss: self.loss.unwrap_or(default.loss),
            rtt: self.rtt.unwrap_or(default.rtt),
            jitter: self.jitter.unwrap_or(default.jitter),
            input_bytes: self.input_bytes.unwrap_or(default.input_bytes),
            inputs: self.inputs.unwrap_or(default.inputs),
            delay: self.delay.unwrap_or(default.delay),
            window: self.window.unwrap_or(default.window),
            ..default
        }
    }
}

fn players(text: &str) -> Result<usize, String> {
    within(text, 2..=MAX_SEATS, "players")
}

fn input_bytes(text: &str) -> Result<usize, String> {
    within(text, 1..=MAX_INPUT_LEN, "bytes")
}

fn delay(text: &str) -> Result<u32, String> {
    within(text, 0..=15, "ticks")
}

fn window(text: &str) -> Result<u32, String> {
    within(text, 0..=64, "ticks")
}

fn inputs(text: &str) -> Result<Inputs, String> {
    match text {
        "steps" => Ok(Inputs::Steps),
        "counter" => Ok(Inputs::Counter),
        "random" => Ok(Inputs::Random),
        _ => Err("choose from steps, counter and random".to_owned()),
    }
}

fn percent(text: &str) -> Result<f64, String> {
    Ok(within(text, 0.0..=100.0, "percent")? / 100.0)
}

fn milliseconds(text: &str) -> Result<Duration, String> {
    let ms: f64 = within(text, 0.0..=10_000.0, "ms")?;
    Ok(Duration::from_secs_f64(ms / 1000.0))
}

fn seconds(text: &str) -> Result<f64, String> {
    within(text, 1.0..=86_400.0, "seconds")
}

fn within<T>(text: &str, range: RangeInclusive<T>, unit: &str) -> Result<T, String>
where
    T: std::str::FromStr + PartialOrd + std::fmt::Display,
{
    let value = text.parse().ok().filter(|value| range.contains(value));
    value.ok_or_else(|| format!("from {} to {} {unit}", range.start(), range.end()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn plan(arguments: &str) -> Result<Plan, String> {
        let arguments = ["sim"].into_iter().chain(arguments.split_whitespace());
        Options::try_parse_from(arguments)
            .and_then(Options::plan)
            .map_err(|error| error.to_string())
    }

    fn error(arguments: &str) -> String {
        plan(arguments).expect_err("the arguments are invalid")
    }

    #[test]
    fn sweep_plays_all_cells_and_accepts_a_length() {
        let expected = Plan::Cells {
            cells: Cell::SWEEP.to_vec(),
            seeds: 1,
            json: false,
        };
        assert_eq!(plan("--sweep"), Ok(expected));
        let Ok(Plan::Cells { cells, seeds, json }) =
            plan("--sweep --seeds 20 --seed 3 --seconds 32 --json")
        else {
            panic!("no cells");
        };
        assert_eq!((cells.len(), seeds, json), (6, 20, true));
        assert!(
            cells
                .iter()
                .all(|cell| (cell.seed, cell.steps) == (3, 2000))
        );
    }

    #[test]
    fn cell_has_the_requested_values() {
        let cell = Cell {
            name: "custom",
            players: 4,
            loss: 0.025,
            rtt: Duration::from_millis(80),
            jitter: Duration::from_micros(15_500),
            input_bytes: 7,
            inputs: Inputs::Random,
            delay: 2,
            window: 0,
            seed: 9,
            steps: 625,
            ..Cell::LAN_2
        };
        let expected = Plan::Cells {
            cells: vec![cell],
            seeds: 1,
            json: false,
        };
        let arguments = "--players 4 --loss 2.5 --rtt 80 --jitter 15.5 --input-bytes 7 \
                         --inputs random --delay 2 --window 0 --seed 9 --seconds 10";
        assert_eq!(plan(arguments), Ok(expected));
    }

    #[test]
    fn printed_scenario_parses_to_the_same_scenario() {
        let length = Duration::from_millis(50_625);
        let mut scenario = Scenario::new(Condition::Parting, 8, 4711, length);
        scenario.without = vec![0];
        assert_eq!(plan(&scenario.to_string()), Ok(Plan::Match(scenario)));
    }

    #[test]
    fn matrix_has_defaults() {
        let minutes = |n: u64| Duration::from_secs(60 * n);
        let expected = |only, seeds, length| {
            Ok(Plan::Matrix {
                only,
                seeds,
                length,
            })
        };
        assert_eq!(plan("--all"), expected(None, 200, minutes(2)));
        assert_eq!(
            plan("--all --condition hidden --seeds 7 --seconds 60"),
            expected(Some(Condition::Hidden), 7, minutes(1))
        );
    }

    #[test]
    fn invalid_arguments_are_explained() {
        for (arguments, expected) in [
            ("--players 1", "from 2 to 16 players"),
            ("--players many", "from 2 to 16 players"),
            ("--loss 101", "from 0 to 100 percent"),
            ("--loss NaN", "from 0 to 100 percent"),
            ("--rtt -5", "from 0 to 10000 ms"),
            ("--window 65", "from 0 to 64 ticks"),
            ("--input-bytes 0", "from 1 to 512 bytes"),
            ("--inputs none", "choose from steps, counter"),
            ("--seconds 0", "from 1 to 86400 seconds"),
            ("--seeds 0", "1..=1000000"),
            ("--condition stormy", "choose from clean, lossy"),
            ("--sweep --players 4", "cannot be used with"),
            ("--all --seed 4", "cannot be used with"),
            ("--condition clean --loss 4", "cannot be used with"),
            ("--condition clean --json", "cannot be used with"),
            ("--condition clean --seeds 4", "add `--all`"),
            ("--without 1", "--condition"),
            ("--condition clean --without 99", "there is no fault 99"),
            ("", "Usage"),
        ] {
            let error = error(arguments);
            assert!(error.contains(expected), "{arguments}: {error}");
        }
    }

    #[test]
    fn options_are_consistent() {
        Options::command().debug_assert();
    }
}
