//! Players that are separated for a while, leave, or vanish.

use std::time::Duration;

use fastrand::Rng;

use super::recipe::Recipe;
use crate::play::fault::{Fault, Trouble};

/// Up to three partitions, cut links, departures, kicks and freezes.
pub(super) fn partings(recipe: &Recipe, rng: &mut Rng) -> Vec<Fault> {
    let players = recipe.shuffled(rng);
    let mut faults = Vec::new();
    let lasts = |rng: &mut Rng| {
        Duration::from_millis(match rng.bool() {
            true => rng.u64(100..3000),
            false => rng.u64(3000..20_000),
        })
    };
    let any = |rng: &mut Rng| players[rng.usize(0..recipe.players)];
    for _ in 0..rng.usize(1..4) {
        let what = match rng.u8(0..6) {
            0 => Trouble::Leave(any(rng)),
            1 => Trouble::Remove(any(rng)),
            2 => Trouble::Vanish {
                players: vec![any(rng)],
                noticed_after: Duration::from_millis(rng.u64(300..600)),
            },
            3 => {
                let side = players[..rng.usize(1..recipe.players)].to_vec();
                Trouble::Partition {
                    side,
                    lasts: lasts(rng),
                }
            }
            // The other players may give it up, and it may continue before that is decided.
            4 => Trouble::Freeze(any(rng), Duration::from_millis(rng.u64(900..2900))),
            _ => Trouble::Cut(players[0], players[1], lasts(rng)),
        };
        faults.push(Fault {
            at: recipe.moment(rng),
            what,
        });
    }
    faults
}

/// Nearly half of the players vanish together, or within 0.4 s.
pub(super) fn vanishings(recipe: &Recipe, rng: &mut Rng) -> Vec<Fault> {
    let mut players = recipe.shuffled(rng);
    players.truncate((recipe.players * 3).div_ceil(8).min(recipe.players - 1));
    let noticed_after = Duration::from_millis(match rng.bool() {
        true => rng.u64(300..600),
        false => 60_000,
    });
    let at = recipe.moment(rng);
    match rng.bool() {
        true => vec![Fault {
            at,
            what: Trouble::Vanish {
                players,
                noticed_after,
            },
        }],
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
