use crate::entropy::NumberContext;

/// What is known about the size of a residual before it is coded.
#[derive(Debug, Clone, Copy)]
pub(super) struct Expectation {
    /// How large it is expected to be, in some unit, from the history of the field.
    pub(super) size: u32,
    /// How much the field changes.
    pub(super) changes: u32,
    /// The index of the number in the field, up to 2.
    pub(super) index: usize,
    /// The sum of the residuals before it in the field.
    pub(super) missed: u32,
    /// The sum of the residuals of the field before.
    pub(super) missed_before: u32,
}

impl Expectation {
    pub(super) fn context(&self) -> NumberContext {
        let size = match self.index {
            0 => self.size,
            // The numbers of a field tend to miss by equal distances.
            1 => self.size / 2 + 2 * self.missed,
            _ => self.size / 2 + self.missed,
        };
        NumberContext {
            first: class(size),
            second: 3 * class(self.changes) + self.index,
            third: match self.index {
                0 => class(self.missed_before),
                _ => CLASSES + class(self.missed),
            },
        }
    }
}

const CLASSES: usize = 12;

/// Returns the class of a size. Each doubling of the size is a class.
fn class(size: u32) -> usize {
    let class = size.saturating_add(1).ilog2();
    (class as usize).min(CLASSES - 1)
}
