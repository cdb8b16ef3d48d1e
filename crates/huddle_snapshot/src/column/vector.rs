use crate::entropy::NumberModel;

use super::{
    coder::Coder,
    expectation::Expectation,
    field::Field,
    field_record::FieldRecord,
    state::{MAX_MISS, Number},
    weight::{Weight, Weights},
};

/// The models of a vector or an angle.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct VectorModels {
    number: NumberModel,
    long: Weights,
    recent: Weights,
}

impl VectorModels {
    pub(super) fn new() -> Self {
        Self {
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
        field: &Field,
        record: &FieldRecord<'_>,
        now: impl Fn(usize) -> i32,
        out: &mut [Number],
    ) -> Result<u32, usize> {
        let mut missed = 0;
        for (i, (out, base)) in out.iter_mut().zip(record.base).enumerate() {
            let range = Range::new(field, i);
            let change = record.baseline.continued(base.change.into());
            let newer = match record.earlier.get(i) {
                Some(earlier) => {
                    let recent = range.difference(base.value, earlier.value);
                    record.baseline.continued_recent(recent.into()) - change
                }
                None => 0,
            };
            let long = &mut self.long[Weight::index(change.unsigned_abs())];
            let recent = &mut self.recent[Weight::index(newer.unsigned_abs())];
            let predicted = range.predict(base.value, long.of(change) + recent.of(newer));

            let changes = (change.unsigned_abs() + newer.unsigned_abs()) / 2;
            let changes = changes.min(MAX_MISS.into()) as u32;
            let expectation = Expectation {
                size: 3 * base.miss + changes,
                changes,
                index: i,
                missed,
                missed_before: record.missed_before,
            };
            let context = expectation.context();
            let residual = range.difference(now(i), predicted);
            let residual = coder.number(&mut self.number, context, residual);
            let value = range.add(predicted, residual).ok_or(i)?;

            long.adapt(change.signum() * i64::from(residual));
            recent.adapt(newer.signum() * i64::from(residual));
            let miss = residual.unsigned_abs().min(MAX_MISS);
            missed += miss;
            *out = Number {
                value,
                change: range.difference(value, base.value),
                miss,
            };
        }
        Ok(missed)
    }
}

/// The values of a number.
#[derive(Debug, Clone, Copy)]
struct Range {
    max: i32,
    wraps: bool,
}

impl Range {
    fn new(field: &Field, index: usize) -> Self {
        Self {
            max: field.max(index),
            wraps: matches!(field, Field::Angle { .. }),
        }
    }

    /// Returns `a - b`, the shorter way around.
    fn difference(self, a: i32, b: i32) -> i32 {
        let difference = a.wrapping_sub(b);
        match self.wraps {
            // The number of bits is that of `max`.
            true => {
                let unused = self.max.leading_zeros();
                difference << unused >> unused
            }
            false => difference,
        }
    }

    /// Returns the number in the range that is closest to `base + change`.
    fn predict(self, base: i32, change: i64) -> i32 {
        let predicted = i64::from(base) + change;
        match self.wraps {
            true => predicted as i32 & self.max,
            false => predicted.clamp(0, self.max.into()) as i32,
        }
    }

    /// Returns a prediction with its residual if that is in the range.
    fn add(self, predicted: i32, residual: i32) -> Option<i32> {
        let value = predicted.wrapping_add(residual);
        match self.wraps {
            true => Some(value & self.max),
            false => (0..=self.max).contains(&value).then_some(value),
        }
    }
}
