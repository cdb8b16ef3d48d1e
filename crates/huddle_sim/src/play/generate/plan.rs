use std::time::Duration;

use fastrand::Rng;
use huddle_rollback::{Decay, DelayPolicy, PredictDefault, RepeatLast, RollbackSetup};
use huddle_session::PeerId;

use super::{bounds::bounds, faults::faults, inputs::Habit, recipe::Recipe, weather::weather};
use crate::play::{
    bounds::Bounds,
    condition::Condition,
    fault::{Fault, Trouble},
    player::peer_id,
    simulation::{Conditions, Restart},
};

type Setup = RollbackSetup<Vec<u8>>;

/// A match that is ready to be played.
pub(in crate::play) struct Plan {
    pub(in crate::play) conditions: Conditions<Vec<u8>>,
    pub(in crate::play) setups: Vec<Setup>,
    /// The setups of machines that restart, or join later.
    pub(in crate::play) restart: Box<Restart<Vec<u8>>>,
    pub(in crate::play) bounds: Bounds,
}

/// Draws everything about a match except for the faults with these numbers.
pub(in crate::play) fn plan(recipe: &Recipe, without: &[usize]) -> Plan {
    let Recipe {
        condition,
        players,
        seed,
        ..
    } = *recipe;
    let mut rng = recipe.rng();
    let faults = faults(recipe, &mut rng.fork()).into_iter().enumerate();
    let (left_out, faults): (Vec<_>, Vec<_>) =
        faults.partition(|(number, _)| without.contains(number));
    // The numbers of newcomers stay. Those that are left out join too late.
    let left_out = left_out
        .into_iter()
        .filter_map(|(_, fault)| match fault.what {
            Trouble::Join(_) => Some(Fault {
                at: Duration::MAX,
                ..fault
            }),
            _ => None,
        });
    let faults: Vec<_> = faults
        .into_iter()
        .map(|(_, fault)| fault)
        .chain(left_out)
        .collect();
    let habit = Habit::draw(seed, &mut rng);
    let conditions = Conditions {
        seed,
        weather: weather(condition, &mut rng),
        faults,
        drift: (0..players)
            .map(|_| 1.0 + 0.002 * (rng.f64() - 0.5))
            .collect(),
        follows_speed: true,
        starts_fine: false,
        begins: (0..players)
            .map(|_| Duration::from_millis(rng.u64(0..400)))
            .collect(),
        inputs: Box::new(move |seat, tick| habit.input(seat, tick)),
    };
    // Some players have two seats, if a seat is free.
    let doubled = rng.usize(0..2 * players);
    let seats: Vec<_> = (0..players)
        .chain((doubled < players && players < 8).then_some(doubled))
        .map(peer_id)
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
    let checksum_every = match condition {
        Condition::Unchecked => 0,
        _ => checksum_every,
    };
    let mut setups: Vec<_> = (0..players)
        .map(|player| RollbackSetup {
            window,
            checksum_every,
            ..setup(condition, &mut rng, peer_id(player), &seats)
        })
        .collect();
    if condition == Condition::Withdrawn {
        fail_start(&mut setups, &mut rng);
    }
    let bounds = bounds(condition, window, seats.len(), &conditions.faults);
    let restart = move |player: usize| {
        let mut seats = seats.clone();
        // A newcomer starts a match in which it has the seat of another player.
        if let Some(newcomer) = player.checked_sub(players) {
            seats[newcomer] = peer_id(player);
        }
        RollbackSetup {
            nonce: !seed ^ player as u64,
            checksum_every,
            start_limit: Duration::from_secs(5),
            ..RollbackSetup::new(peer_id(player), seats)
        }
    };
    let newcomers = conditions
        .faults
        .iter()
        .filter_map(|fault| match fault.what {
            Trouble::Join(newcomer) => Some(newcomer + 1),
            _ => None,
        });
    let machines = newcomers.max().unwrap_or(players);
    setups.extend((players..machines).map(&restart));
    Plan {
        conditions,
        setups,
        restart: Box::new(restart),
        bounds,
    }
}

/// Draws the settings of one player.
fn setup(condition: Condition, rng: &mut Rng, local_id: PeerId, seats: &[PeerId]) -> Setup {
    RollbackSetup {
        nonce: rng.u64(..),
        start_limit: Duration::from_secs(60),
        save_every: rng.u8(1..5),
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
        disconnect_timeout: match condition {
            Condition::Parting | Condition::Hidden => Duration::from_millis(rng.u64(1000..5000)),
            _ => Duration::from_secs(5),
        },
        ..RollbackSetup::new(local_id, seats.to_vec())
    }
}

/// In some matches, one player has different rules or gives up early.
fn fail_start(setups: &mut [Setup], rng: &mut Rng) {
    let player = rng.usize(0..setups.len());
    match rng.u8(0..6) {
        0 => {
            let (rule, value) = ("laps".to_owned(), "3".to_owned());
            setups[player].rules.insert(rule, value);
        }
        1 => setups[player].start_limit = Duration::from_millis(rng.u64(200..1500)),
        _ => {}
    }
}
