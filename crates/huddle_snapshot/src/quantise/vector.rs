//! Quantisation of vectors.

use std::fmt;

use super::{
    range::{RangeError, SteppedRange},
    scalar::Scalar,
};

/// A rule for a vector of `N` numbers.
///
/// ```
/// use huddle_snapshot::quantise::{Vector, between, within};
///
/// let rule = Vector::new([within(100.0).step(0.1), between(0.0, 50.0).step(0.5)])?;
/// assert_eq!(rule.quantise([3.14, 2.2]), [31, 4]);
/// assert_eq!(
///     rule.to_string(),
///     "vec2 (-100.0..=100.0 step 0.1, 0.0..=50.0 step 0.5)"
/// );
/// # Ok::<(), huddle_snapshot::quantise::RangeError>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Vector<const N: usize> {
    axes: [Scalar; N],
}

impl<const N: usize> Vector<N> {
    /// Creates a rule with a range for each axis.
    ///
    /// # Errors
    /// Returns an error if [`Scalar::new`] does for one of the ranges.
    pub fn new(ranges: [SteppedRange; N]) -> Result<Self, RangeError> {
        let mut rules = Vec::with_capacity(N);
        for range in ranges {
            rules.push(Scalar::new(range)?);
        }
        Ok(Self {
            axes: std::array::from_fn(|axis| rules[axis]),
        })
    }

    /// Creates a rule with the same range for all axes.
    ///
    /// # Errors
    /// Returns an error if [`Scalar::new`] does.
    pub fn uniform(range: SteppedRange) -> Result<Self, RangeError> {
        Ok(Self {
            axes: [Scalar::new(range)?; N],
        })
    }

    /// Returns the quanta nearest to `value`; see [`Scalar::quantise`].
    pub fn quantise(&self, value: [f32; N]) -> [i32; N] {
        std::array::from_fn(|axis| self.axes[axis].quantise(value[axis]))
    }

    /// Returns the value of quanta; see [`Scalar::dequantise`].
    pub fn dequantise(&self, quanta: [i32; N]) -> [f32; N] {
        std::array::from_fn(|axis| self.axes[axis].dequantise(quanta[axis]))
    }

    /// The rules of the axes.
    pub fn axes(&self) -> &[Scalar; N] {
        &self.axes
    }
}

impl<const N: usize> fmt::Display for Vector<N> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut ranges = self.axes.iter().map(Scalar::range);
        write!(f, "vec{N} ")?;
        let first = ranges.next();
        if let Some(range) = first
            && ranges.clone().all(|other| other == range)
        {
            return write!(f, "{range}");
        }
        let texts: Vec<_> = first
            .into_iter()
            .chain(ranges)
            .map(|range| range.to_string())
            .collect();
        write!(f, "({})", texts.join(", "))
    }
}

#[cfg(test)]
mod tests {
    use super::{
        super::{between, within},
        *,
    };

    #[test]
    fn each_axis_follows_its_own_rule() {
        let rule = Vector::new([within(1.0).step(0.5), between(0.0, 9.0).step(3.0)]).unwrap();
        assert_eq!(rule.quantise([-7.0, 4.6]), [-2, 2]);
        assert_eq!(rule.dequantise([-2, 2]), [-1.0, 6.0]);
        assert_eq!(rule.axes()[1].quanta(), 0..=3);
    }

    #[test]
    fn range_of_any_axis_can_be_the_error() {
        let ranges = [within(1.0).step(0.1), within(1.0).step(-0.1)];
        let error = Vector::new(ranges).unwrap_err();
        assert_eq!(error, RangeError::StepNotPositive(ranges[1]));
    }

    #[test]
    fn schema_text_names_different_axes() {
        let uniform = Vector::<3>::uniform(within(1.0).step(0.1)).unwrap();
        assert_eq!(uniform.to_string(), "vec3 -1.0..=1.0 step 0.1");
        let same = Vector::new([within(1.0).step(0.1); 3]).unwrap();
        assert_eq!(same.to_string(), uniform.to_string());
    }
}
