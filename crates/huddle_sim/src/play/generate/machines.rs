//! Machines that restart, stop, or run at another speed.

use std::time::Duration;

use fastrand::Rng;

use super::recipe::Recipe;
use crate::play::fault::{Fault, Trouble};

fn at_start(what: Trouble) -> Fault {
    Fault {
        at: Duration::ZERO,
        what,
    }
}

/// One or two machines restart within 3 s.
pub(super) fn restarts(recipe: &Recipe, rng: &mut Rng) -> Vec<Fault> {
    let mut players = recipe.shuffled(rng);
    players.truncate(rng.usize(1..=2.min(recipe.players - 1)));
    let mut faults = Vec::new();
    // A machine with a new peer id is another one to all players.
    let mut newcomers = recipe.players..;
    for player in players {
        let at = recipe.moment(rng);
        let takes = Duration::from_millis(rng.u64(300..3000));
        if rng.bool() {
            let what = Trouble::Restart { player, takes };
            faults.push(Fault { at, what });
            continue;
        }
        let vanish = Trouble::Vanish {
            players: vec![player],
            noticed_after: Duration::from_millis(rng.u64(300..600)),
        };
        faults.push(Fault { at, what: vanish });
        faults.extend(newcomers.next().map(|newcomer| Fault {
            at: at + takes,
            what: Trouble::Join(newcomer),
        }));
    }
    faults
}

/// Up to three times, a page is hidden. Its game stops, hangs, or runs a few ticks per second.
pub(super) fn hidden_pages(recipe: &Recipe, rng: &mut Rng) -> Vec<Fault> {
    let mut faults = Vec::new();
    for _ in 0..rng.usize(1..4) {
        let player = rng.usize(0..recipe.players);
        let at = recipe.moment(rng);
        let lasts = Duration::from_millis(match rng.bool() {
            true => rng.u64(100..3000),
            false => rng.u64(3000..15_000),
        });
        let stops = match rng.u8(0..4) {
            0 => Some(Trouble::Stop(player, lasts)),
            1 => Some(Trouble::Hang(player, lasts)),
            _ => None,
        };
        if let Some(what) = stops {
            faults.push(Fault { at, what });
            continue;
        }
        let slow = Trouble::Slow(player, 6.0 + 54.0 * rng.f64());
        faults.push(Fault { at, what: slow });
        faults.push(Fault {
            at: at + lasts,
            what: Trouble::Slow(player, 1.0),
        });
    }
    faults
}

/// At least one player changes the input delay all the time.
pub(super) fn adjustments(recipe: &Recipe, rng: &mut Rng) -> Vec<Fault> {
    let players = recipe.shuffled(rng).into_iter().enumerate();
    let mut adjusts = |(n, player)| {
        let every = rng.u32(2..12);
        (n == 0 || rng.u8(0..4) > 0).then(|| at_start(Trouble::Adjust(player, every)))
    };
    players.filter_map(&mut adjusts).collect()
}

/// One machine runs at 55 Hz instead of 60 Hz.
pub(super) fn slow_machine(recipe: &Recipe, rng: &mut Rng) -> Vec<Fault> {
    let player = rng.usize(0..recipe.players);
    vec![at_start(Trouble::Slow(player, 60.0 / 55.0))]
}

/// At least one machine freezes for 100 ms in every second.
pub(super) fn hitches(recipe: &Recipe, rng: &mut Rng) -> Vec<Fault> {
    let mut players = recipe.shuffled(rng);
    players.truncate(rng.usize(1..=recipe.players));
    let hitch = |player| Fault {
        at: Duration::from_millis(rng.u64(2000..3000)),
        what: Trouble::Hitch {
            player,
            lasts: Duration::from_millis(100),
            every: Duration::from_secs(1),
            catches_up: rng.bool(),
        },
    };
    players.into_iter().map(hitch).collect()
}
