use std::time::Duration;

use huddle_rollback::RollbackMemory;
use huddle_sim::Outcome;

use crate::kinds::Kind;

/// The results of all matches of one kind.
#[derive(Debug, Default)]
pub(crate) struct Summary {
    pub(crate) matches: u64,
    pub(crate) failures: u64,
    longest_wait: Duration,
    /// The duration of each freeze of a player's game when other players left.
    freezes: Vec<Duration>,
    /// The maximum of what a session kept.
    memory: RollbackMemory,
}

impl Summary {
    pub(crate) const HEADER: &str = "\
| condition | players | matches | failed | longest wait | freezes | median freeze | max | saves | inputs | votes |
|---|--:|--:|--:|--:|--:|--:|--:|--:|--:|--:|";

    /// Adds a match that passed.
    pub(crate) fn add(&mut self, outcomes: impl IntoIterator<Item = Outcome>) {
        self.matches += 1;
        for outcome in outcomes {
            self.longest_wait = self.longest_wait.max(outcome.stats.longest_wait);
            self.memory = RollbackMemory {
                saves: self.memory.saves.max(outcome.memory.saves),
                inputs: self.memory.inputs.max(outcome.memory.inputs),
                agreement: self.memory.agreement.max(outcome.memory.agreement),
                unread: self.memory.unread.max(outcome.memory.unread),
            };
            self.freezes.extend(outcome.freezes);
        }
    }

    /// Adds a match that failed.
    pub(crate) fn add_failure(&mut self) {
        self.matches += 1;
        self.failures += 1;
    }

    /// Returns a row for [`HEADER`](Self::HEADER).
    pub(crate) fn row(&mut self, kind: Kind) -> String {
        self.freezes.sort_unstable();
        let median = self.freezes.get(self.freezes.len() / 2);
        format!(
            "| {} | {} | {} | {} | {} | {} | {} | {} | {} | {} | {} |",
            kind.condition,
            kind.players,
            self.matches,
            self.failures,
            seconds(Some(&self.longest_wait)),
            self.freezes.len(),
            seconds(median),
            seconds(self.freezes.last()),
            self.memory.saves,
            self.memory.inputs,
            self.memory.agreement,
        )
    }
}

fn seconds(time: Option<&Duration>) -> String {
    time.map_or_else(String::new, |time| format!("{:.2} s", time.as_secs_f64()))
}

#[cfg(test)]
mod tests {
    use huddle_sim::Condition;

    use super::*;

    #[test]
    fn row_contains_median_and_maximum() {
        let kind = Kind {
            condition: Condition::Clean,
            players: 2,
        };
        let mut summary = Summary::default();
        assert_eq!(
            summary.row(kind),
            "| clean | 2 | 0 | 0 | 0.00 s | 0 |  |  | 0 | 0 | 0 |"
        );
        let mut outcome = kind
            .scenario(1, Duration::from_secs(5))
            .simulation()
            .outcome(0);
        for freeze in [3000, 10, 20] {
            outcome.freezes = vec![Duration::from_millis(freeze)];
            outcome.memory.inputs = freeze as usize;
            outcome.stats.longest_wait = Duration::from_millis(freeze + 50);
            summary.add([outcome.clone()]);
        }
        summary.add_failure();
        assert_eq!(
            summary.row(kind),
            "| clean | 2 | 4 | 1 | 3.05 s | 3 | 0.02 s | 3.00 s | 0 | 3000 | 0 |"
        );
    }
}
