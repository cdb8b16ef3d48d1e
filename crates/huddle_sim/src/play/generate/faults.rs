use std::time::Duration;

use fastrand::Rng;

use super::{machines, partings, recipe::Recipe, start};
use crate::play::{
    condition::Condition,
    fault::{Fault, Trouble},
};

/// Draws all faults of a match, in the order in which they happen.
pub(in crate::play) fn faults(recipe: &Recipe, rng: &mut Rng) -> Vec<Fault> {
    let mut faults = match recipe.condition {
        Condition::Clean
        | Condition::Lossy
        | Condition::Bursty
        | Condition::Unchecked
        | Condition::Long => Vec::new(),
        Condition::Parting => partings::partings(recipe, rng),
        Condition::Vanishing => partings::vanishings(recipe, rng),
        Condition::Withdrawn => start::withdrawals(recipe, rng),
        Condition::Unlinked => start::missing_links(recipe, rng),
        Condition::Restarting => machines::restarts(recipe, rng),
        Condition::Hidden => machines::hidden_pages(recipe, rng),
        Condition::Adjusting => machines::adjustments(recipe, rng),
        Condition::Uneven => machines::slow_machine(recipe, rng),
        Condition::Hitching => machines::hitches(recipe, rng),
    };
    // Every kind of match has a few short freezes.
    for _ in 0..rng.usize(0..4) {
        let what = Trouble::Freeze(
            rng.usize(0..recipe.players),
            Duration::from_millis(rng.u64(50..900)),
        );
        faults.push(Fault {
            at: recipe.moment(rng),
            what,
        });
    }
    faults.sort_by_key(|fault| fault.at);
    faults
}
