use crate::entropy::{BitModel, NumberModel};

use super::{
    coder::Coder,
    expectation::Expectation,
    field_record::FieldRecord,
    quaternion::{self as q, Quaternion, SmallestThree, Vector},
    state::{MAX_MISS, Number},
    weight::{Weight, Weights},
};

/// The models of a rotation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct RotationModels {
    largest: LargestModels,
    number: NumberModel,
    long: Weights,
    recent: Weights,
}

impl RotationModels {
    pub(super) fn new() -> Self {
        Self {
            largest: LargestModels {
                is_first: [BitModel::new(); _],
                is_second: BitModel::new(),
                is_third: BitModel::new(),
            },
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
        let motion = Motion::new(record, max);
        let long = &mut self.long[Weight::index(motion.change_steps)];
        let recent = &mut self.recent[Weight::index(motion.newer_steps)];
        let predicted = motion.predict(*long, *recent);
        let largest = self.largest.code(coder, predicted, max, now(0));
        *out_largest = Number::new(largest as i32);

        let last_missed: u32 = small.iter().map(|base| base.miss).sum();
        let changes = motion.change_steps / 4 + motion.newer_steps / 2;
        let changes = changes.min(MAX_MISS.into()) as u32;
        let size = last_missed + changes + record.missed_before / 16;
        let mut numbers = SmallestThree::of(predicted, largest, max);
        let sign = q::sign(predicted, largest);
        let by_change = q::derivative(motion.change, motion.from);
        let by_newer = q::derivative(motion.newer, motion.from);
        let (mut long_error, mut recent_error) = (0, 0);
        let mut missed = 0;
        for (i, (number, out)) in numbers.small.iter_mut().zip(&mut *out_small).enumerate() {
            let expectation = Expectation {
                size,
                changes,
                index: i,
                missed,
                missed_before: record.missed_before,
            };
            let residual = now(i + 1).wrapping_sub(*number);
            let residual = coder.number(&mut self.number, expectation.context(), residual);
            *number = number.wrapping_add(residual);
            if !(0..=max).contains(number) {
                return Err(i + 1);
            }
            let error = sign * i64::from(residual);
            long_error += by_change[q::axis(i, largest)] * error;
            recent_error += by_newer[q::axis(i, largest)] * error;
            out.value = *number;
            out.miss = residual.unsigned_abs().min(MAX_MISS);
            missed += out.miss;
        }
        long.adapt(long_error);
        recent.adapt(recent_error);
        let change = q::vector_between(motion.from, numbers.to_quaternion());
        for (out, change) in out_small.iter_mut().zip(change) {
            out.change = change as i32;
        }
        Ok(missed)
    }
}

/// How a rotation moves, as both sides know before it is coded.
struct Motion {
    /// The rotation of the baseline.
    from: Quaternion,
    /// The change that continues the change before the baseline.
    change: Vector,
    /// What the recent change adds to that.
    newer: Vector,
    /// The sizes of both, in steps of a component.
    change_steps: u64,
    newer_steps: u64,
}

impl Motion {
    fn new(record: &FieldRecord<'_>, max: i32) -> Self {
        let from = quaternion(record.base, max);
        let mut change = [0; 3];
        for (change, base) in change.iter_mut().zip(record.base.iter().skip(1)) {
            *change = record.baseline.continued(base.change.into());
        }
        let mut newer = [0; 3];
        if !record.earlier.is_empty() {
            let recent = q::vector_between(quaternion(record.earlier, max), from);
            for ((newer, recent), change) in newer.iter_mut().zip(recent).zip(change) {
                *newer = record.baseline.continued_recent(recent) - change;
            }
        }
        Self {
            from,
            change,
            newer,
            change_steps: q::steps(q::size(change), max),
            newer_steps: q::steps(q::size(newer), max),
        }
    }

    fn predict(&self, long: Weight, recent: Weight) -> Quaternion {
        let turn = std::array::from_fn(|i| long.of(self.change[i]) + recent.of(self.newer[i]));
        q::multiply(q::from_vector(turn), self.from)
    }
}

/// The models of which component is the largest.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct LargestModels {
    /// Whether it is the one that is predicted to be. The context is how much larger than the second
    /// it is predicted to be.
    is_first: [BitModel; MARGINS],
    is_second: BitModel,
    is_third: BitModel,
}

const MARGINS: usize = 12;

impl LargestModels {
    /// Codes the index of the largest component.
    fn code(&mut self, coder: &mut impl Coder, predicted: Quaternion, max: i32, now: i32) -> usize {
        let [first, second, third, fourth] = q::axes_by_size(predicted);
        let margin = predicted[first].abs() - predicted[second].abs();
        let margin = 2 * q::steps(margin.unsigned_abs(), max) + 1;
        let is_first = &mut self.is_first[(margin.ilog2() as usize).min(MARGINS - 1)];
        let is = |axis: usize| now as usize == axis;
        if coder.bit(is_first, is(first)) {
            first
        } else if coder.bit(&mut self.is_second, is(second)) {
            second
        } else if coder.bit(&mut self.is_third, is(third)) {
            third
        } else {
            fourth
        }
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
