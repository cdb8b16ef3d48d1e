//! Settings from the query string of a page's URL.

use std::time::Duration;

use crate::conditioner::{error::LinkConditionerError, settings::LinkConditioner};

/// A query parameter.
struct Parameter {
    name: &'static str,
    max: f64,
    expected: &'static str,
}

const LAG: Parameter = Parameter {
    name: "lag",
    max: 5000.0,
    expected: "milliseconds from 0 to 5000, such as lag=80",
};

const JITTER: Parameter = Parameter {
    name: "jitter",
    max: 5000.0,
    expected: "milliseconds from 0 to 5000, such as jitter=20",
};

const LOSS: Parameter = Parameter {
    name: "loss",
    max: 100.0,
    expected: "a percentage from 0 to 100, such as loss=5",
};

impl LinkConditioner {
    /// Reads `lag` and `jitter` in milliseconds and `loss` as a percentage from the query string of
    /// a URL, such as `?lag=80&jitter=20&loss=5`.
    ///
    /// Each parameter is optional, and other parameters are ignored. Returns `None` if the query
    /// contains none of the three.
    ///
    /// ```
    /// use bevy_huddle::prelude::*;
    ///
    /// let conditioner = LinkConditioner::from_query("?room=den&lag=80&loss=5").unwrap().unwrap();
    /// assert_eq!(conditioner.lag.as_millis(), 80);
    /// assert_eq!(conditioner.loss, 0.05);
    ///
    /// let error = LinkConditioner::from_query("lag=slow").unwrap_err();
    /// assert_eq!(
    ///     error.to_string(),
    ///     "lag=slow is not a number: write milliseconds from 0 to 5000, such as lag=80"
    /// );
    /// ```
    ///
    /// # Errors
    /// Returns an error if a value is not a number or is out of range.
    pub fn from_query(query: &str) -> Result<Option<Self>, LinkConditionerError> {
        let (lag, jitter, loss) = (LAG.read(query)?, JITTER.read(query)?, LOSS.read(query)?);
        if lag.is_none() && jitter.is_none() && loss.is_none() {
            return Ok(None);
        }
        let milliseconds = |value: Option<f64>| {
            Duration::from_secs_f64(value.unwrap_or_default() / 1000.0).min(Self::MAX_DELAY)
        };
        Ok(Some(Self {
            lag: milliseconds(lag),
            jitter: milliseconds(jitter),
            loss: (loss.unwrap_or_default() / 100.0) as f32,
        }))
    }
}

impl Parameter {
    /// Returns the value of the first parameter with this name.
    fn read(&self, query: &str) -> Result<Option<f64>, LinkConditionerError> {
        let query = query.strip_prefix('?').unwrap_or(query);
        let mut parameters = query.split('&').filter_map(|pair| pair.split_once('='));
        let Some((_, value)) = parameters.find(|&(name, _)| name == self.name) else {
            return Ok(None);
        };
        let (name, expected) = (self.name, self.expected);
        match value.parse::<f64>() {
            Ok(number) if (0.0..=self.max).contains(&number) => Ok(Some(number)),
            Ok(number) if !number.is_nan() => Err(LinkConditionerError::OutOfRange {
                name,
                value: value.to_owned(),
                expected,
            }),
            _ => Err(LinkConditionerError::NotANumber {
                name,
                value: value.to_owned(),
                expected,
            }),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn milliseconds(lag: u64, jitter: u64, loss: f32) -> LinkConditioner {
        LinkConditioner {
            lag: Duration::from_millis(lag),
            jitter: Duration::from_millis(jitter),
            loss,
        }
    }

    #[test]
    fn parameters_are_optional_and_others_are_ignored() {
        for (query, expected) in [
            ("", None),
            ("?", None),
            ("?room=lag&render=off", None),
            ("flag=80", None),
            ("lag=80&jitter=20&loss=5", Some(milliseconds(80, 20, 0.05))),
            ("?loss=2.5&room=den", Some(milliseconds(0, 0, 0.025))),
            (
                "lag=5000&jitter=5000&loss=100",
                Some(milliseconds(5000, 5000, 1.0)),
            ),
            ("lag=0", Some(LinkConditioner::default())),
            ("lag=1&lag=2", Some(milliseconds(1, 0, 0.0))),
        ] {
            let read = LinkConditioner::from_query(query);
            assert_eq!(read, Ok(expected), "{query}");
            if let Some(conditioner) = expected {
                assert_eq!(conditioner.validate(), Ok(()), "{query}");
            }
        }
    }

    #[test]
    fn errors_name_the_parameter_and_what_to_write() {
        for (query, text) in [
            (
                "lag=80ms",
                "lag=80ms is not a number: write milliseconds from 0 to 5000, such as lag=80",
            ),
            (
                "lag=80&jitter=",
                "jitter= is not a number: write milliseconds from 0 to 5000, such as jitter=20",
            ),
            (
                "loss=NaN",
                "loss=NaN is not a number: write a percentage from 0 to 100, such as loss=5",
            ),
            (
                "loss=101",
                "loss=101 is out of range: write a percentage from 0 to 100, such as loss=5",
            ),
            (
                "jitter=-1",
                "jitter=-1 is out of range: write milliseconds from 0 to 5000, such as jitter=20",
            ),
            (
                "lag=inf",
                "lag=inf is out of range: write milliseconds from 0 to 5000, such as lag=80",
            ),
        ] {
            let error = LinkConditioner::from_query(query).unwrap_err();
            assert_eq!(error.to_string(), text);
        }
    }
}
