use std::time::Duration;

use huddle_sim::{Outcome, Scenario};

/// What many games of one kind came to.
#[derive(Debug, Default)]
pub(crate) struct Summary {
    pub(crate) games: u64,
    pub(crate) failures: u64,
    longest_wait: Duration,
    /// How long each player's game stood still each time that others left.
    freezes: Vec<Duration>,
}

impl Summary {
    pub(crate) const HEADER: &str = "\
| condition | players | games | failed | longest wait | left | frozen by it: median | max |
|---|--:|--:|--:|--:|--:|--:|--:|";

    /// A game in which nothing failed.
    pub(crate) fn add(&mut self, outcomes: impl IntoIterator<Item = Outcome>) {
        self.games += 1;
        for outcome in outcomes {
            self.longest_wait = self.longest_wait.max(outcome.stats.longest_wait);
            self.freezes.extend(outcome.freezes);
        }
    }

    pub(crate) fn add_failure(&mut self) {
        self.games += 1;
        self.failures += 1;
    }

    /// A row under [`HEADER`](Self::HEADER).
    pub(crate) fn row(&mut self, kind: &Scenario) -> String {
        self.freezes.sort_unstable();
        let median = self.freezes.get(self.freezes.len() / 2);
        format!(
            "| {} | {} | {} | {} | {} | {} | {} | {} |",
            kind.condition,
            kind.players,
            self.games,
            self.failures,
            seconds(Some(&self.longest_wait)),
            self.freezes.len(),
            seconds(median),
            seconds(self.freezes.last()),
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
    fn a_row_tells_the_middle_and_the_worst() {
        let kind = Scenario::new(Condition::Clean, 2, 1, Duration::from_secs(5));
        let mut summary = Summary::default();
        assert_eq!(
            summary.row(&kind),
            "| clean | 2 | 0 | 0 | 0.00 s | 0 |  |  |"
        );
        let mut outcome = kind.simulation().outcome(0);
        for froze in [3000, 10, 20] {
            outcome.freezes = vec![Duration::from_millis(froze)];
            outcome.stats.longest_wait = Duration::from_millis(froze + 50);
            summary.add([outcome.clone()]);
        }
        summary.add_failure();
        assert_eq!(
            summary.row(&kind),
            "| clean | 2 | 4 | 1 | 3.05 s | 3 | 0.02 s | 3.00 s |"
        );
    }
}
