use std::time::Duration;

/// How often durations occur, with a resolution of a millisecond.
#[derive(Debug, Clone, Default)]
pub(crate) struct Histogram(Vec<u64>);

impl Histogram {
    pub(crate) fn add(&mut self, duration: Duration) {
        // Half of a millisecond counts as the next one.
        let at = ((duration.as_micros() + 500) / 1000) as usize;
        if self.0.len() <= at {
            self.0.resize(at + 1, 0);
        }
        self.0[at] += 1;
    }

    /// Returns the milliseconds that this share of the durations, from 0 to 1, does not exceed.
    pub(crate) fn quantile(&self, share: f64) -> usize {
        let wanted = (self.len() as f64 * share).ceil().max(1.0) as u64;
        let mut seen = 0;
        let found = self.0.iter().position(|count| {
            seen += count;
            seen >= wanted
        });
        found.unwrap_or_default()
    }

    /// Returns the number of durations.
    pub(crate) fn len(&self) -> u64 {
        self.0.iter().sum()
    }
}
