//! Faults before the first tick.

use std::time::Duration;

use fastrand::Rng;

use super::recipe::Recipe;
use crate::play::fault::{Fault, Trouble};

/// The time within which players leave: longer than most starts with their countdown.
const BEFORE_PLAY: u64 = 1500;

/// Draws one or two players that leave, vanish or are kicked before the first tick.
pub(super) fn withdrawals(recipe: &Recipe, rng: &mut Rng) -> Vec<Fault> {
    let mut players = recipe.shuffled(rng);
    players.truncate(rng.usize(1..=2.min(recipe.players - 1)));
    let mut faults = Vec::new();
    for player in players {
        let at = Duration::from_millis(rng.u64(0..BEFORE_PLAY));
        // The links of a machine that is switched off close a little later.
        let vanish = Trouble::Vanish {
            players: vec![player],
            noticed_after: Duration::from_millis(rng.u64(300..600)),
        };
        let troubles = match rng.u8(0..4) {
            0 => vec![Trouble::Withdraw(player)],
            1 => vec![Trouble::Leave(player), vanish],
            2 => vec![vanish],
            _ => vec![Trouble::Remove(player)],
        };
        faults.extend(troubles.into_iter().map(|what| Fault { at, what }));
    }
    faults
}

/// Draws links that are missing, forever or for a while. The other links connect all players.
pub(super) fn missing_links(recipe: &Recipe, rng: &mut Rng) -> Vec<Fault> {
    let players = recipe.shuffled(rng);
    let ms = Duration::from_millis;
    let mut faults = Vec::new();
    for (n, &player) in players.iter().enumerate().skip(1) {
        // The link to one earlier player is part of a tree that connects all players.
        let parent = rng.usize(0..n);
        for (m, &earlier) in players[..n].iter().enumerate() {
            let lasts = match (m == parent, rng.u8(0..4)) {
                (true, 0) => ms(rng.u64(100..2000)),
                (false, 0) => ms(rng.u64(100..10_000)),
                (false, 1) => Duration::MAX,
                _ => continue,
            };
            faults.push(Fault {
                at: Duration::ZERO,
                what: Trouble::Unlinked(earlier, player, lasts),
            });
        }
    }
    faults
}
