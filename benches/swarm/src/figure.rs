//! What a measurement returns, and the goals.

use crate::statistics::median;

/// The limit of a figure of `huddle-signaling`.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Goal {
    /// The limit of the ratio to the stock server.
    RatioAtMost(f64),
    RatioAtLeast(f64),
    AtMost(f64),
    None,
}

/// A figure of one run. A measurement returns the same figures in each run.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Figure {
    /// The name, with the unit.
    pub(crate) name: &'static str,
    pub(crate) value: f64,
    pub(crate) goal: Goal,
}

impl Figure {
    pub(crate) fn new(name: &'static str, value: f64, goal: Goal) -> Self {
        Self { name, value, goal }
    }
}

/// The figures with one name, of all runs.
#[derive(Debug)]
pub(crate) struct Row {
    pub(crate) name: &'static str,
    goal: Goal,
    huddle: Vec<f64>,
    stock: Vec<f64>,
}

impl Row {
    fn new(name: &'static str, goal: Goal) -> Self {
        let (huddle, stock) = (Vec::new(), Vec::new());
        Self {
            name,
            goal,
            huddle,
            stock,
        }
    }

    pub(crate) fn huddle(&self) -> Option<f64> {
        median(&self.huddle)
    }

    pub(crate) fn stock(&self) -> Option<f64> {
        median(&self.stock)
    }

    /// Returns the ratios of the runs that followed each other.
    fn ratios(&self) -> Vec<f64> {
        let pairs = self.huddle.iter().zip(&self.stock);
        let ratios = pairs.map(|(huddle, stock)| huddle / stock);
        ratios.filter(|ratio| ratio.is_finite()).collect()
    }

    pub(crate) fn ratio(&self) -> Option<f64> {
        median(&self.ratios())
    }

    /// Returns the smallest and the largest ratio.
    pub(crate) fn range(&self) -> Option<(f64, f64)> {
        let mut ratios = self.ratios();
        ratios.sort_by(f64::total_cmp);
        Some((*ratios.first()?, *ratios.last()?))
    }

    /// Returns the goal in words, and whether it is met, if there is one.
    pub(crate) fn verdict(&self) -> Option<(String, bool)> {
        Some(match self.goal {
            Goal::RatioAtMost(limit) => (format!("ratio at most {limit}"), self.ratio()? <= limit),
            Goal::RatioAtLeast(limit) => {
                (format!("ratio at least {limit}"), self.ratio()? >= limit)
            }
            Goal::AtMost(limit) => (format!("at most {limit}"), self.huddle()? <= limit),
            Goal::None => return None,
        })
    }
}

/// The figures of one measurement.
#[derive(Debug)]
pub(crate) struct Results {
    pub(crate) title: &'static str,
    pub(crate) rows: Vec<Row>,
    /// The errors of the runs that failed. The other run of the pair is left out, too.
    pub(crate) failures: Vec<String>,
}

impl Results {
    pub(crate) fn new(title: &'static str) -> Self {
        Self {
            title,
            rows: Vec::new(),
            failures: Vec::new(),
        }
    }

    /// Adds a run, or a pair of runs.
    pub(crate) fn add(&mut self, huddle: &[Figure], stock: &[Figure]) {
        for figure in huddle {
            self.row(figure).huddle.push(figure.value);
        }
        for figure in stock {
            self.row(figure).stock.push(figure.value);
        }
    }

    fn row(&mut self, figure: &Figure) -> &mut Row {
        let known = self.rows.iter().position(|row| row.name == figure.name);
        let index = known.unwrap_or(self.rows.len());
        if index == self.rows.len() {
            self.rows.push(Row::new(figure.name, figure.goal));
        }
        &mut self.rows[index]
    }
}
