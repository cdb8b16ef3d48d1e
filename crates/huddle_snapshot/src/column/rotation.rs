use crate::entropy::{BitModel, NumberModel};

use super::{
    coder::Coder,
    expectation::Expectation,
    quaternion::{self as q, Quaternion, SmallestThree},
    record::FieldRecord,
    state::{MAX_MISS, Number},
    weight::{Weight, Weights},
};

/// The models of a rotation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct RotationModels {
    /// Whether the largest component is the one that is predicted to be. The context is how much
    /// larger than the second it is predicted to be.
    is_first: [BitModel; MARGINS],
    is_second: BitModel,
    is_third: BitModel,
    number: NumberModel,
    long: Weights,
    recent: Weights,
}

const MARGINS: usize = 12;

impl RotationModels {
    pub(super) fn new() -> Self {
        Self {
            is_first: Default::default(),
            is_second: BitModel::new(),
            is_third: BitModel::new(),
            number: NumberModel::new(),
            long: [Weight::LONG; _],
            recent: [Weight::RECENT; _],
        }
    }

    /// Codes a field that differs from the baseline. Returns the sum of the misses, or the index of
    /// a number that is out of range.
    pub(super) fn code(
        &mut self,
        coder: &mut impl Coder,
        max: i32,
        record: &FieldRecord<'_>,
        now: impl Fn(usize) -> i32,
        out: &mut [Number],
    ) -> Result<u32, usize> {
        let ([_, small @ ..], [out_largest, out_small @ ..]) = (record.base, out) else {
            return Ok(0);
        };
        let from = quaternion(record.base, max);
        let mut change = [0; 3];
        for (change, base) in change.iter_mut().zip(small) {
            *change = record.baseline.continued(base.change.into());
        }
        let mut newer = [0; 3];
        if !record.earlier.is_empty() {
            let recent = q::vector_between(quaternion(record.earlier, max), from);
            for ((newer, recent), change) in newer.iter_mut().zip(recent).zip(change) {
                *newer = record.baseline.continued_recent(recent) - change;
            }
        }
        let change_steps = q::steps(q::size(change), max);
        let newer_steps = q::steps(q::size(newer), max);
        let long = &mut self.long[Weight::index(change_steps)];
        let recent = &mut self.recent[Weight::index(newer_steps)];
        let turn = std::array::from_fn(|i| long.of(change[i]) + recent.of(newer[i]));
        let predicted = q::multiply(q::from_vector(turn), from);

        let axes = q::axes_by_size(predicted);
        let [first, second, third, fourth] = axes;
        let margin = predicted[first].abs() - predicted[second].abs();
        let margin = 2 * q::steps(margin.unsigned_abs(), max) + 1;
        let is_first = &mut self.is_first[(margin.ilog2() as usize).min(MARGINS - 1)];
        let is = |axis: usize| now(0) as usize == axis;
        let largest = if coder.bit(is_first, is(first)) {
            first
        } else if coder.bit(&mut self.is_second, is(second)) {
            second
        } else if coder.bit(&mut self.is_third, is(third)) {
            third
        } else {
            fourth
        };
        *out_largest = Number::new(largest as i32);

        let last_missed: u32 = small.iter().map(|base| base.miss).sum();
        let turns = (change_steps / 4 + newer_steps / 2).min(MAX_MISS.into()) as u32;
        let size = last_missed + turns + record.missed_before / 16;
        let numbers = SmallestThree::of(predicted, largest, max);
        let sign = q::sign(predicted, largest);
        let (by_change, by_newer) = (q::derivative(change, from), q::derivative(newer, from));
        let (mut long_error, mut recent_error) = (0, 0);
        let mut found = numbers;
        let mut missed = 0;
        for i in 0..3 {
            let expectation = Expectation {
                size,
                changes: turns,
                index: i,
                missed,
                missed_before: record.missed_before,
            };
            let context = expectation.context();
            let predicted = numbers.small[i];
            let residual = now(i + 1).wrapping_sub(predicted);
            let residual = coder.number(&mut self.number, context, residual);
            let value = predicted.wrapping_add(residual);
            if !(0..=max).contains(&value) {
                return Err(i + 1);
            }
            found.small[i] = value;
            let error = sign * i64::from(residual);
            long_error += by_change[q::axis(i, largest)] * error;
            recent_error += by_newer[q::axis(i, largest)] * error;
            let miss = residual.unsigned_abs().min(MAX_MISS);
            missed += miss;
            out_small[i] = Number {
                value,
                change: 0,
                miss,
            };
        }
        long.adapt(long_error);
        recent.adapt(recent_error);
        let turned = q::vector_between(from, found.to_quaternion());
        for (out, turned) in out_small.iter_mut().zip(turned) {
            out.change = turned as i32;
        }
        Ok(missed)
    }
}

/// Returns the rotation of four numbers.
fn quaternion(numbers: &[Number], max: i32) -> Quaternion {
    let value = |i: usize| numbers.get(i).map_or(0, |number| number.value);
    let numbers = SmallestThree {
        largest: (value(0) & 3) as usize,
        small: std::array::from_fn(|i| value(i + 1)),
        max,
    };
    numbers.to_quaternion()
}
