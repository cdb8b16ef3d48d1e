//! How the values of fields become small integers.

use std::{f64::consts::TAU, ops::RangeInclusive};

use huddle_snapshot::{
    column::Field,
    quantise::{Rotation, RotationQuanta, Scalar, Vector},
};

/// Turns the values of a field into the numbers of a [`Field`], and back.
pub(crate) trait Quantiser<V>: Send + Sync + 'static {
    /// Returns the field of the numbers.
    fn field(&self) -> Field;

    /// Returns the text that identifies the rule.
    fn text(&self) -> String;

    /// Appends the numbers of a value.
    fn quantise(&self, value: V, out: &mut Vec<i32>);

    /// Returns the value of the numbers, of which there are as many as the field has.
    fn dequantise(&self, numbers: &[i32]) -> V;
}

impl<const N: usize> Quantiser<[f32; N]> for Vector<N> {
    fn field(&self) -> Field {
        let mut max = [0; 3];
        for (max, axis) in max.iter_mut().zip(self.axes()) {
            *max = axis.quanta().end().abs_diff(first(axis));
        }
        Field::Vector { axes: N as u8, max }
    }

    fn text(&self) -> String {
        self.to_string()
    }

    fn quantise(&self, value: [f32; N], out: &mut Vec<i32>) {
        let quanta = Vector::quantise(self, value);
        out.extend(
            quanta
                .iter()
                .zip(self.axes())
                .map(|(q, axis)| q - first(axis)),
        );
    }

    fn dequantise(&self, numbers: &[i32]) -> [f32; N] {
        let axes = self.axes();
        let quantum = |axis: usize| {
            let number = numbers.get(axis).copied().unwrap_or_default();
            number.saturating_add(first(&axes[axis]))
        };
        Vector::dequantise(self, std::array::from_fn(quantum))
    }
}

fn first(axis: &Scalar) -> i32 {
    *axis.quanta().start()
}

impl Quantiser<[f32; 4]> for Rotation {
    fn field(&self) -> Field {
        Field::Rotation {
            bits: self.bits() as u8,
        }
    }

    fn text(&self) -> String {
        self.to_string()
    }

    fn quantise(&self, value: [f32; 4], out: &mut Vec<i32>) {
        let RotationQuanta { largest, others } = Rotation::quantise(self, value);
        let limit = *self.quanta().end();
        out.push(largest.into());
        out.extend(others.map(|quantum| quantum + limit));
    }

    fn dequantise(&self, numbers: &[i32]) -> [f32; 4] {
        let limit = *self.quanta().end();
        let number = |index: usize| numbers.get(index).copied().unwrap_or_default();
        Rotation::dequantise(
            self,
            RotationQuanta {
                largest: number(0).clamp(0, 3) as u8,
                others: std::array::from_fn(|other| number(other + 1).saturating_sub(limit)),
            },
        )
    }
}

/// An angle in radians, which wraps around.
pub(crate) struct Angle {
    pub(crate) bits: u8,
}

impl Angle {
    fn steps(&self) -> i32 {
        1 << self.bits
    }
}

impl Quantiser<f32> for Angle {
    fn field(&self) -> Field {
        Field::Angle { bits: self.bits }
    }

    fn text(&self) -> String {
        format!("angle {} bits", self.bits)
    }

    fn quantise(&self, value: f32, out: &mut Vec<i32>) {
        let turns = f64::from(value) / TAU;
        let steps = f64::from(self.steps());
        let quantum = ((turns - turns.floor()) * steps).round();
        // A value that is not finite becomes 0.
        out.push(quantum as i32 & (self.steps() - 1));
    }

    fn dequantise(&self, numbers: &[i32]) -> f32 {
        let number = numbers.first().copied().unwrap_or_default();
        let half = self.steps() / 2;
        // From -π up to, but not including, π.
        let signed = ((number + half) & (self.steps() - 1)) - half;
        (f64::from(signed) * TAU / f64::from(self.steps())) as f32
    }
}

/// A whole number in a range.
pub(crate) struct Integer {
    pub(crate) range: RangeInclusive<i32>,
}

impl Quantiser<i32> for Integer {
    fn field(&self) -> Field {
        let max = self.range.end().abs_diff(*self.range.start());
        Field::Vector {
            axes: 1,
            max: [max, 0, 0],
        }
    }

    fn text(&self) -> String {
        format!("integer {:?}", self.range)
    }

    fn quantise(&self, value: i32, out: &mut Vec<i32>) {
        let (first, last) = (*self.range.start(), *self.range.end());
        out.push(value.clamp(first, last.max(first)) - first);
    }

    fn dequantise(&self, numbers: &[i32]) -> i32 {
        let number = numbers.first().copied().unwrap_or_default();
        self.range.start().saturating_add(number)
    }
}

/// A value that is true or false.
pub(crate) struct Flag;

impl Quantiser<bool> for Flag {
    fn field(&self) -> Field {
        Field::Flag
    }

    fn text(&self) -> String {
        "flag".to_owned()
    }

    fn quantise(&self, value: bool, out: &mut Vec<i32>) {
        out.push(value.into());
    }

    fn dequantise(&self, numbers: &[i32]) -> bool {
        numbers.first() == Some(&1)
    }
}
