//! The kinds of matches that `--all` plays.

use std::time::Duration;

use huddle_sim::{Condition, Scenario};

/// A condition with a number of players.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Kind {
    pub(crate) condition: Condition,
    pub(crate) players: usize,
}

/// The numbers of players with which `--all` plays each condition.
const ALL: [(Condition, &[usize]); 14] = [
    (Condition::Clean, &[2, 4, 8]),
    (Condition::Lossy, &[2, 4, 8]),
    (Condition::Bursty, &[2, 4, 8]),
    (Condition::Parting, &[2, 4, 8]),
    (Condition::Vanishing, &[8]),
    (Condition::Unchecked, &[2, 8]),
    (Condition::Withdrawn, &[2, 4, 8]),
    (Condition::Unlinked, &[2, 4, 8]),
    (Condition::Restarting, &[2, 4]),
    (Condition::Hidden, &[2, 4]),
    (Condition::Adjusting, &[2, 4]),
    (Condition::Uneven, &[2, 4]),
    (Condition::Hitching, &[2, 4]),
    (Condition::Long, &[2]),
];

/// The length of a match in which 16-bit numbers wrap: more than 70,000 ticks at 60 Hz.
const LONG: Duration = Duration::from_secs(1200);

/// The number of matches of other kinds for each long match.
const FOR_EACH_LONG: u64 = 40;

/// Returns the kinds with one condition, or with all.
pub(crate) fn kinds(only: Option<Condition>) -> Vec<Kind> {
    let is_played = |condition| only.is_none_or(|only| only == condition);
    ALL.into_iter()
        .filter(|(condition, _)| is_played(*condition))
        .flat_map(|(condition, players)| {
            players
                .iter()
                .map(move |&players| Kind { condition, players })
        })
        .collect()
}

impl Kind {
    /// Returns the number of matches, if other kinds have `seeds` matches.
    pub(crate) fn seeds(self, seeds: u64) -> u64 {
        match self.condition {
            Condition::Long => seeds.div_ceil(FOR_EACH_LONG),
            _ => seeds,
        }
    }

    /// Returns a match of this kind. Most kinds have the given length.
    pub(crate) fn scenario(self, seed: u64, length: Duration) -> Scenario {
        let length = match self.condition {
            Condition::Long => LONG,
            _ => length,
        };
        Scenario::new(self.condition, self.players, seed, length)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_condition_is_played() {
        for condition in Condition::ALL {
            assert!(!kinds(Some(condition)).is_empty());
            assert!(kinds(None).iter().any(|kind| kind.condition == condition));
        }
    }

    #[test]
    fn long_matches_are_few() {
        let [long] = kinds(Some(Condition::Long))[..] else {
            panic!("several kinds of long matches");
        };
        assert_eq!((long.seeds(200), long.seeds(1)), (5, 1));
        assert_eq!(long.scenario(1, Duration::from_secs(8)).length, LONG);
    }
}
