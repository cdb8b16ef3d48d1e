use serde::Serialize;

use crate::statistics::median;

/// What a figure measures.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub(crate) enum Metric {
    MedianRoundTrip,
    P99RoundTrip,
    Answered,
    Cpu,
    Memory,
    Join,
    Joined,
    Throughput,
}

/// The limit of a ratio of huddle_mesh to matchbox_socket.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Goal {
    AtMost(f64),
    AtLeast(f64),
}

impl Goal {
    pub(crate) fn is_met(self, ratio: f64) -> bool {
        match self {
            Self::AtMost(limit) => ratio <= limit,
            Self::AtLeast(limit) => ratio >= limit,
        }
    }
}

impl Metric {
    pub(crate) fn title(self) -> &'static str {
        match self {
            Self::MedianRoundTrip => "RTT p50, ms",
            Self::P99RoundTrip => "RTT p99, ms",
            Self::Answered => "answered, %",
            Self::Cpu => "CPU per peer, ms/s",
            Self::Memory => "memory per peer, MB",
            Self::Join => "join to first message, ms",
            Self::Joined => "joins that succeeded, %",
            Self::Throughput => "throughput, MB/s",
        }
    }

    pub(crate) fn goal(self) -> Option<Goal> {
        match self {
            Self::MedianRoundTrip | Self::P99RoundTrip | Self::Cpu | Self::Join => {
                Some(Goal::AtMost(1.1))
            }
            Self::Throughput => Some(Goal::AtLeast(0.9)),
            Self::Answered | Self::Joined | Self::Memory => None,
        }
    }
}

/// A figure of one run.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Figure {
    metric: Metric,
    value: f64,
}

impl Figure {
    pub(crate) fn new(metric: Metric, value: f64) -> Self {
        Self { metric, value }
    }
}

/// The figures of one metric in all pairs.
#[derive(Debug, Serialize)]
pub(crate) struct Pairs {
    pub(crate) metric: Metric,
    huddle: Vec<f64>,
    matchbox: Vec<f64>,
}

impl Pairs {
    pub(crate) fn huddle(&self) -> f64 {
        median(&mut self.huddle.clone())
    }

    pub(crate) fn matchbox(&self) -> f64 {
        median(&mut self.matchbox.clone())
    }

    /// Returns the ratios of the pairs, sorted.
    pub(crate) fn ratios(&self) -> Vec<f64> {
        let pairs = self.huddle.iter().zip(&self.matchbox);
        let mut ratios: Vec<f64> = pairs.map(|(huddle, matchbox)| huddle / matchbox).collect();
        ratios.sort_by(f64::total_cmp);
        ratios
    }
}

/// The figures of one cell.
#[derive(Debug, Serialize)]
pub(crate) struct Results {
    pub(crate) group: &'static str,
    pub(crate) cell: String,
    pub(crate) figures: Vec<Pairs>,
    /// The errors of the runs that failed. Their pairs are left out.
    pub(crate) failures: Vec<String>,
}

impl Results {
    pub(crate) fn new(cell: String, group: &'static str) -> Self {
        Self {
            group,
            cell,
            figures: Vec::new(),
            failures: Vec::new(),
        }
    }

    /// Adds a pair of runs.
    pub(crate) fn add(&mut self, huddle: &[Figure], matchbox: &[Figure]) {
        for (huddle, matchbox) in huddle.iter().zip(matchbox) {
            let metric = huddle.metric;
            let known = self.figures.iter().position(|pairs| pairs.metric == metric);
            let index = known.unwrap_or_else(|| {
                self.figures.push(Pairs {
                    metric,
                    huddle: Vec::new(),
                    matchbox: Vec::new(),
                });
                self.figures.len() - 1
            });
            self.figures[index].huddle.push(huddle.value);
            self.figures[index].matchbox.push(matchbox.value);
        }
    }
}
