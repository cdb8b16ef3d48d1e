use crate::entropy::{Decoder, Encoder};

use super::{
    coder::Coder,
    error::RecordError,
    field::Field,
    field_record::FieldRecord,
    models::{FieldModels, KindModels, MAX_RECORD_CONTEXT, Models},
    state::{Baseline, Number},
};

/// Encodes a state relative to a baseline. Returns whether it differs from the baseline.
///
/// `context` is anything both sides know that says how likely a difference is, such as whether the
/// record before has one. It is at most [`MAX_RECORD_CONTEXT`].
///
/// Values in `now` that are out of range are clamped. `out` becomes what the receiver decodes.
///
/// # Errors
/// Returns an error if a slice or the models do not match the layout. Nothing was encoded then.
pub fn encode(
    encoder: &mut Encoder<'_>,
    models: &mut Models,
    layout: &[Field],
    baseline: &Baseline<'_>,
    context: usize,
    now: &[i32],
    out: &mut [Number],
) -> Result<bool, RecordError> {
    if now.len() != out.len() {
        return Err(RecordError::Layout);
    }
    let now = |i: usize| now.get(i).copied().unwrap_or(0);
    code(encoder, models, layout, baseline, context, now, out)
}

/// Decodes a state relative to a baseline into `out`. Returns whether it differs from the baseline.
///
/// All arguments are those of [`encode`].
///
/// # Errors
/// Returns an error if a slice or the models do not match the layout, or if the bytes are none that
/// a sender encodes. `out` and the models are then meaningless.
pub fn decode(
    decoder: &mut Decoder<'_>,
    models: &mut Models,
    layout: &[Field],
    baseline: &Baseline<'_>,
    context: usize,
    out: &mut [Number],
) -> Result<bool, RecordError> {
    let changed = code(decoder, models, layout, baseline, context, |_| 0, out)?;
    match decoder.is_past_end() {
        true => Err(RecordError::Truncated),
        false => Ok(changed),
    }
}

/// Codes a record in either direction. A decoder ignores `now`.
fn code(
    coder: &mut impl Coder,
    models: &mut Models,
    layout: &[Field],
    baseline: &Baseline<'_>,
    context: usize,
    now: impl Fn(usize) -> i32,
    out: &mut [Number],
) -> Result<bool, RecordError> {
    check(models, layout, baseline, out)?;
    let spans = layout.iter().scan(0, |end, field| {
        let start = *end;
        *end += field.len();
        Some((field, start))
    });
    let was_changing = is_changing(baseline.numbers);
    let changed = spans.clone().any(|(field, start)| {
        let base = &baseline.numbers[start..start + field.len()];
        differs(field, base, |i| now(start + i))
    });
    let context = context.min(MAX_RECORD_CONTEXT);
    let changed = coder.bit(
        &mut models.changed[context][usize::from(was_changing)],
        changed,
    );
    if !changed {
        repeat(baseline.numbers, out);
        return Ok(false);
    }
    // Which fields changed, one bit each.
    let mut history = 0;
    let mut missed = 0;
    for ((field, start), models) in spans.zip(&mut models.fields) {
        let span = start..start + field.len();
        let record = FieldRecord {
            baseline,
            base: &baseline.numbers[span.clone()],
            earlier: match &baseline.earlier {
                Some(earlier) => &earlier.numbers[span.clone()],
                None => &[],
            },
            missed_before: missed,
        };
        let now = |i: usize| now(start + i).clamp(0, field.max(i));
        let out = &mut out[span];
        let result = code_field(coder, models, field, &record, history, now, out);
        let (changed, field_missed) = result.map_err(|i| RecordError::OutOfRange(start + i))?;
        history = history << 1 | usize::from(changed);
        missed = field_missed;
    }
    Ok(true)
}

/// Codes a field. Returns whether it differs from the baseline, and how far it was from its
/// prediction.
fn code_field(
    coder: &mut impl Coder,
    models: &mut FieldModels,
    field: &Field,
    record: &FieldRecord<'_>,
    history: usize,
    now: impl Fn(usize) -> i32,
    out: &mut [Number],
) -> Result<(bool, u32), usize> {
    let base = record.base;
    let mut context = (history & 3) << 2 | usize::from(record.missed_before > 1) << 1;
    context |= match (field, base) {
        (Field::Flag, [base]) => usize::from(base.value == 1),
        _ => usize::from(is_changing(base)),
    };
    let changed = coder.bit(&mut models.changed[context], differs(field, base, &now));
    if !changed {
        repeat(base, out);
        return Ok((false, record.missed_before));
    }
    let missed = match &mut models.kind {
        KindModels::Flag => {
            for (out, base) in out.iter_mut().zip(base) {
                *out = Number::new(1 - base.value.clamp(0, 1));
            }
            record.missed_before
        }
        KindModels::Vector(models) => models.code(coder, field, record, now, out)?,
        KindModels::Rotation(models) => models.code(coder, field.max(1), record, now, out)?,
    };
    Ok((true, missed))
}

/// Returns an error if anything does not match the layout.
fn check(
    models: &Models,
    layout: &[Field],
    baseline: &Baseline<'_>,
    out: &[Number],
) -> Result<(), RecordError> {
    let len = layout.iter().map(Field::len).sum();
    let earlier = baseline
        .earlier
        .map_or(len, |earlier| earlier.numbers.len());
    let lens = [baseline.numbers.len(), out.len(), earlier];
    let kinds = models.fields.iter().zip(layout);
    let are_models_right = kinds.len() == layout.len()
        && models.fields.len() == layout.len()
        && kinds.into_iter().all(|(models, field)| match models.kind {
            KindModels::Flag => matches!(field, Field::Flag),
            KindModels::Vector(_) => matches!(field, Field::Vector { .. } | Field::Angle { .. }),
            KindModels::Rotation(_) => matches!(field, Field::Rotation { .. }),
        });
    match are_models_right && lens == [len; 3] {
        true => Ok(()),
        false => Err(RecordError::Layout),
    }
}

fn differs(field: &Field, base: &[Number], now: impl Fn(usize) -> i32) -> bool {
    let mut numbers = base.iter().enumerate();
    numbers.any(|(i, base)| base.value != now(i).clamp(0, field.max(i)))
}

fn is_changing(numbers: &[Number]) -> bool {
    numbers.iter().any(|number| number.change != 0)
}

/// Fills a state with the values of a baseline, which have not changed.
fn repeat(base: &[Number], out: &mut [Number]) {
    for (out, base) in out.iter_mut().zip(base) {
        *out = Number::new(base.value);
    }
}
